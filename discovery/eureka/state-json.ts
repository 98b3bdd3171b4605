import { isTree, type Tree } from './body.ts'
import { checkMetadata, decodeInstance, decodeTime } from './decode.ts'
import { instanceJson } from './json.ts'
import { tidy, type Added, type Facts, type Override, type Registration, type Removal } from '../registry/facts.ts'
import { isStatus } from '../registry/instance.ts'
import { formatStamp, parseStamp } from '../registry/stamp.ts'
import type { InstanceState } from '../registry/state.ts'

/** What registries of ours tell each other of an instance, and what a snapshot holds: every fact with its stamp. */

const MAX_WORDS = 500

export function stateJson ({ app, id, facts, ageMs, silentMs, upAt }: InstanceState): string {
  const { registration, removal, override, added } = facts
  const rest = JSON.stringify({
    app, id, upAt, ageMs: span(ageMs), silentMs: silentMs === undefined ? undefined : span(silentMs),
    removal: removal && { ...removal, stamp: formatStamp(removal.stamp) },
    override: override && { ...override, stamp: formatStamp(override.stamp) },
    added: added.size === 0 ? undefined : [...added].map(([key, { value, stamp }]) => [key, value, formatStamp(stamp)])
  })
  return registration === undefined ? rest : `${rest.slice(0, -1)},"registration":${registrationJson(registration)}}`
}

/** undefined for what is no state, or holds an instance that would be refused. */
export function readState (raw: unknown): InstanceState | undefined {
  if (!isTree(raw) || typeof raw.app !== 'string' || typeof raw.id !== 'string') return undefined
  const facts = readFacts(raw)
  if (facts === undefined) return undefined
  const { app, id } = facts.registration?.instance ?? raw
  if (app !== raw.app || id !== raw.id) return undefined
  return {
    app: raw.app, id: raw.id, facts, ageMs: decodeTime(raw.ageMs) ?? 0,
    silentMs: decodeTime(raw.silentMs), upAt: decodeTime(raw.upAt)
  }
}

function registrationJson ({ stamp, base, instance }: Registration): string {
  return `{"stamp":"${formatStamp(stamp)}","base":"${base}","instance":${instanceJson(instance)}}`
}

function readFacts (raw: Tree): Facts | undefined {
  const registration = readIf(raw.registration, readRegistration)
  const removal = readIf(raw.removal, readRemoval)
  const override = readIf(raw.override, readOverride)
  const added = readAdded(raw.added)
  if (registration === null || removal === null || override === null || added === undefined) return undefined
  return tidy({ registration, removal, override, added })
}

/** undefined for what is not there, null for what is there and makes no sense. */
function readIf<Fact> (raw: unknown, read: (raw: Tree) => Fact | null): Fact | undefined | null {
  if (raw === undefined || raw === null) return undefined
  return isTree(raw) ? read(raw) : null
}

function readRegistration (raw: Tree): Registration | null {
  const stamp = parseStamp(raw.stamp)
  const instance = isTree(raw.instance) ? decodeInstance(raw.instance) : undefined
  if (stamp === undefined || instance === undefined || !('hostName' in instance) || !isStatus(raw.base)) return null
  return { stamp, base: raw.base, instance }
}

function readRemoval (raw: Tree): Removal | null {
  const stamp = parseStamp(raw.stamp)
  return stamp === undefined ? null : { stamp, lastDirtyAt: decodeTime(raw.lastDirtyAt) ?? 0 }
}

function readOverride (raw: Tree): Override | null {
  const stamp = parseStamp(raw.stamp)
  if (stamp === undefined) return null
  return {
    stamp,
    status: isStatus(raw.status) ? raw.status : undefined,
    shows: isStatus(raw.shows) ? raw.shows : undefined,
    reason: words(raw.reason),
    author: words(raw.author),
    until: decodeTime(raw.until),
    withLease: raw.withLease === true
  }
}

function readAdded (raw: unknown): ReadonlyMap<string, Added> | undefined {
  const added = new Map<string, Added>()
  if (raw === undefined) return added
  if (!Array.isArray(raw)) return undefined
  for (const entry of raw) {
    if (!Array.isArray(entry)) return undefined
    const [key, value, text] = entry as unknown[]
    const stamp = parseStamp(text)
    if (typeof key !== 'string' || typeof value !== 'string' || stamp === undefined) return undefined
    added.set(key, { value, stamp })
  }
  return checkMetadata(new Map([...added].map(([key, { value }]) => [key, value]))) && added
}

/** A clock that was set back makes a lease no younger than new. */
function span (ms: number): number {
  return Math.max(0, Math.round(ms))
}

function words (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_WORDS) : undefined
}
