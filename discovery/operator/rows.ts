import type { Checker } from '../checks/checker.ts'
import type { Facts } from '../registry/facts.ts'
import { zoneOf, type Instance, type Status } from '../registry/instance.ts'
import type { Lease } from '../registry/lease.ts'
import type { OverrideNote } from '../registry/words.ts'
import type { Registry } from '../registry.ts'
import { isSelected, type Selection } from './selection.ts'

/** An instance as a list for people shows it. */
export interface Row {
  readonly app: string
  readonly id: string
  readonly host: string
  readonly port: number | undefined
  readonly status: Status
  /** What the client itself said last. */
  readonly own: Status
  readonly override: Status | undefined
  /** Why it was set, by whom, and when it ends, in milliseconds since 1970. */
  readonly note: Pick<OverrideNote, 'reason' | 'author' | 'until'> | undefined
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
  /** @default everything */
  readonly where?: Selection
}

/** A part of all lines that match. */
export interface RowPage {
  readonly total: number
  readonly page: number
  readonly pages: number
  readonly rows: readonly Row[]
}

/** The lines of one page, searched here: a browser need not hold fifty thousand instances to find one. */
export function rowsOf (
  { book }: Registry, { search, status, page, size, where = {} }: RowQuery, now: number, checker?: Checker
): RowPage {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const rows: Row[] = []
  const first = (page - 1) * size
  let total = 0
  for (const name of [...book.apps.keys()].sort()) {
    for (const lease of book.apps.get(name)!.leases.values()) {
      if (status !== undefined && lease.instance.status !== status) continue
      if (!isSelected(lease.instance, where)) continue
      if (!words.every(word => matches(lease.instance, word))) continue
      if (total >= first && rows.length < size) rows.push(rowOf(lease, now, checker))
      total++
    }
  }
  return { total, page, pages: Math.max(1, Math.ceil(total / size)), rows }
}

function matches (instance: Instance, word: string): boolean {
  const { app, id, hostName, ipAddr, metadata } = instance
  if ([app, id, hostName, ipAddr].some(text => text.toLowerCase().includes(word))) return true
  for (const [key, value] of metadata) if (`${key}=${value}`.toLowerCase().includes(word)) return true
  return false
}

function noteIn ({ override }: Facts): Row['note'] {
  return override && { reason: override.reason, author: override.author, until: override.until }
}

export function rowOf (lease: Lease, now: number, checker: Checker | undefined): Row {
  const { instance, facts, override, renewedAt, durationMs, unverified } = lease
  const port = instance.port.enabled ? instance.port : instance.securePort
  return {
    app: instance.app,
    id: instance.id,
    host: instance.hostName,
    port: port.enabled ? port.number : undefined,
    status: instance.status,
    own: facts.registration.instance.status,
    override,
    note: override === undefined ? undefined : noteIn(facts),
    renewedMsAgo: Math.max(0, now - renewedAt),
    leaseMs: durationMs,
    unverified,
    reason: checker?.reason(instance.app, instance.id),
    zone: zoneOf(instance),
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
