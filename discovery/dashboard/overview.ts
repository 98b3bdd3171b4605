import type { PeerState } from '../peers/peer.ts'
import type { Peers } from '../peers/peers.ts'
import type { DiscoveryOptions } from '../options.ts'
import { STATUSES, type Status } from '../registry/instance.ts'
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

/** The newest changes, newest first. */
export function changesOf ({ book }: Registry, count: number): ChangeRow[] {
  return book.log.newest(count).map(({ at, instance }) =>
    ({ at, app: instance.app, id: instance.id, action: instance.action, status: instance.status }))
}
