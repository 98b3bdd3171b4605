/** Whether the cluster agrees, and whether what it agrees on is what was answered. */
import type { Instance } from '@breakwater/discovery/testing'
import { APP, type Client } from './client.ts'
import type { Cluster } from './cluster.ts'
import type { Node } from './node.ts'

/** Two words closer than this, apart from the clocks, may be taken in either order: a message takes as long. */
const MARGIN_MS = 1500

/**
 * AGREE: every registry shows the same, and so does every reader of a stream. Who died without a word is left out while
 * leases may still run: each registry counts for itself, and they end a second apart.
 */
export function checkEqual (cluster: Cluster, areLeasesOver: boolean): string[] {
  const dying = new Set(areLeasesOver ? [] : cluster.clients.filter(client => client.isDying).map(({ id }) => id))
  const first = shownBy(cluster.nodes[0]!, dying)
  return cluster.nodes.flatMap(node => {
    const shown = shownBy(node, dying)
    const differs = shown === first ? [] : [`AGREE ${node.name} has ${shown}, a has ${first}`]
    const seen = seenBy(node, dying)
    return seen === shown ? differs : [...differs, `READER of ${node.name} has ${seen}, it has ${shown}`]
  })
}

/** RIGHT: who lives is there as it is, who is gone is gone, and nothing that was answered is undone. */
export function checkRight (cluster: Cluster, skewMs: number): string[] {
  const marginMs = MARGIN_MS + 2 * skewMs
  return cluster.clients.flatMap(client => {
    const lease = cluster.nodes[0]!.running?.registry.book.lease(APP, client.id)
    if (!client.up) return lease === undefined ? [] : [`GONE ${client.id} is there`]
    if (lease === undefined) return [`THERE ${client.id} is missing`]
    return [
      ...checkContent(client, lease.instance),
      ...checkWord(cluster, `override ${client.id}`, lease.override ?? 'none', marginMs),
      ...checkStatus(client, lease.instance, lease.override),
      ...checkMetadata(cluster, client, lease.instance, marginMs)
    ]
  })
}

function checkContent (client: Client, { port, lastDirtyAt }: Instance): string[] {
  if (port.number === client.port && lastDirtyAt === client.dirty) return []
  return [`CONTENT ${client.id} has port ${port.number} of ${lastDirtyAt}, its client ${client.port} of ${client.dirty}`]
}

function checkWord (cluster: Cluster, key: string, value: string, marginMs: number): string[] {
  if (!cluster.history.isFirm(key)) return []
  const possible = cluster.history.possible(key, marginMs)
  return possible.has(value) ? [] : [`UNDONE ${key} is ${value}, not ${[...possible].join(' or ')}`]
}

/** Who is ready shows what was set. */
function checkStatus (client: Client, { status }: Instance, override: string | undefined): string[] {
  const isRight = override === undefined || client.status !== 'UP' || status === override
  return isRight ? [] : [`STATUS ${client.id} is ${status} in spite of ${override}`]
}

/** A registration ends what was added before it. */
function checkMetadata (cluster: Cluster, client: Client, { metadata }: Instance, marginMs: number): string[] {
  const key = `metadata ${client.id}`
  const last = cluster.history.of(key).filter(word => word.to !== undefined && !word.void).at(-1)
  if (last === undefined) return []
  const isEnded = client.registrations.some(({ to }) => to === undefined || to > last.from - marginMs)
  const value = metadata.get('added')
  return value === undefined && isEnded ? [] : checkWord(cluster, key, value ?? 'none', marginMs)
}

function shownBy (node: Node, without: ReadonlySet<string>): string {
  const leases = [...node.running?.registry.book.leases() ?? []].filter(({ instance: { id } }) => !without.has(id))
  return leases.map(({ instance: { id, status, overriddenStatus, port, lastDirtyAt, metadata } }) =>
    view(id, status, overriddenStatus, port.number, lastDirtyAt, metadata.get('added'))).toSorted().join(' ')
}

function seenBy (node: Node, without: ReadonlySet<string>): string {
  const seen = [...node.seen].filter(([id]) => !without.has(id))
  return seen.map(([id, { status, overriddenStatus, port, lastDirtyTimestamp, metadata }]) =>
    view(id, status, overriddenStatus, (port as { $: number }).$, lastDirtyTimestamp,
      (metadata as Record<string, string>).added)).toSorted().join(' ')
}

function view (...fields: unknown[]): string {
  return fields.join(',')
}
