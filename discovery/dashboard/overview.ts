import type { Checker } from '../checks/checker.ts'
import type { PeerState } from '../peers/peer.ts'
import type { Peers } from '../peers/peers.ts'
import type { DiscoveryOptions } from '../options.ts'
import { STATUSES, type Instance, type Status } from '../registry/instance.ts'
import type { Lease } from '../registry/lease.ts'
import type { Preservation } from '../registry/self-preservation.ts'
import type { Registry } from '../registry.ts'
import { preservationWords } from './words.ts'

/** What the page shows above its table; pushed to it whenever it may have changed. */
export interface Overview {
  readonly environment: string
  readonly datacenter: string
  readonly index: string
  readonly now: number
  readonly upMs: number
  readonly applications: number
  readonly instances: number
  readonly statuses: Readonly<Record<Status, number>>
  readonly preservation: Preservation & { readonly words: string }
  readonly subscribers: number
  readonly evictions: number
  readonly peers: readonly PeerState[]
}

/** One line of the page's table. */
export interface Row {
  readonly app: string
  readonly id: string
  readonly host: string
  readonly port: number | undefined
  readonly status: Status
  readonly override: Status | undefined
  readonly renewedMsAgo: number
  readonly leaseMs: number
  readonly unverified: boolean
  /** Why the health check holds it for DOWN. */
  readonly reason: string | undefined
  readonly zone: string
  readonly metadata: readonly (readonly [string, string])[]
  readonly links: readonly (readonly [string, string])[]
}

/** Which lines are wanted. */
export interface RowQuery {
  readonly search: string
  readonly status: Status | undefined
  readonly page: number
  readonly size: number
}

/** A part of all lines that match. */
export interface RowPage {
  readonly total: number
  readonly page: number
  readonly pages: number
  readonly rows: readonly Row[]
}

/** One line of the page's diary. */
export interface ChangeRow {
  readonly at: number
  readonly app: string
  readonly id: string
  readonly action: string
  readonly status: Status
}

export function overviewOf (registry: Registry, peers: Peers, options: DiscoveryOptions, now: number): Overview {
  const { book, hub } = registry
  const preservation = book.preservation()
  return {
    environment: options.environment,
    datacenter: options.datacenter,
    index: hub.index,
    now,
    upMs: now - book.startedAt,
    applications: book.apps.size,
    instances: book.size,
    statuses: Object.fromEntries(STATUSES.map(status => [status, book.statuses.count(status)])) as Overview['statuses'],
    preservation: { ...preservation, words: preservationWords(preservation) },
    subscribers: hub.subscribers,
    evictions: book.evictions,
    peers: peers.states()
  }
}

/** The lines of one page, searched here: a browser need not hold fifty thousand instances to find one. */
export function rowsOf (
  { book }: Registry, { search, status, page, size }: RowQuery, now: number, checker?: Checker
): RowPage {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const rows: Row[] = []
  const first = (page - 1) * size
  let total = 0
  for (const name of [...book.apps.keys()].sort()) {
    for (const lease of book.apps.get(name)!.leases.values()) {
      if (status !== undefined && lease.instance.status !== status) continue
      if (!words.every(word => matches(lease.instance, word))) continue
      if (total >= first && rows.length < size) rows.push(rowOf(lease, now, checker))
      total++
    }
  }
  return { total, page, pages: Math.max(1, Math.ceil(total / size)), rows }
}

/** The newest changes, newest first. */
export function changesOf ({ book }: Registry, count: number): ChangeRow[] {
  return book.log.newest(count).map(({ at, instance }) =>
    ({ at, app: instance.app, id: instance.id, action: instance.action, status: instance.status }))
}

function matches (instance: Instance, word: string): boolean {
  const { app, id, hostName, ipAddr, metadata } = instance
  if ([app, id, hostName, ipAddr].some(text => text.toLowerCase().includes(word))) return true
  for (const [key, value] of metadata) if (`${key}=${value}`.toLowerCase().includes(word)) return true
  return false
}

function rowOf (lease: Lease, now: number, checker: Checker | undefined): Row {
  const { instance, override, renewedAt, durationMs, unverified } = lease
  const port = instance.port.enabled ? instance.port : instance.securePort
  return {
    app: instance.app,
    id: instance.id,
    host: instance.hostName,
    port: port.enabled ? port.number : undefined,
    status: instance.status,
    override,
    renewedMsAgo: Math.max(0, now - renewedAt),
    leaseMs: durationMs,
    unverified,
    reason: checker?.reason(instance.app, instance.id),
    zone: instance.metadata.get('zone') ?? instance.dataCenter.metadata?.get('availability-zone') ?? '',
    metadata: [...instance.metadata],
    links: linksOf(instance)
  }
}

/** Only what a browser may safely follow: a client can register any text as its URL. */
function linksOf (instance: Instance): [string, string][] {
  const { homePageUrl, statusPageUrl, healthCheckUrl, secureHealthCheckUrl } = instance
  return Object.entries({ home: homePageUrl, status: statusPageUrl, health: healthCheckUrl ?? secureHealthCheckUrl })
    .filter((link): link is [string, string] => link[1] !== undefined && /^https?:\/\//i.test(link[1]))
}
