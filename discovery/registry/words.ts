/** What each word that is said to a registry makes of the facts it knows. */
import type { Instance, Status } from './instance.ts'
import { activeOverride, NO_FACTS, tidy, type Facts, type LivingFacts, type Override } from './facts.ts'
import { foreignStamp, type Stamp } from './stamp.ts'
import { resolveStatus } from './status.ts'

/** Why something was set, by whom and until when. */
export interface OverrideNote {
  readonly reason?: string | undefined
  readonly author?: string | undefined
  /** Milliseconds since 1970. */
  readonly until?: number | undefined
  /** Whether it ends with the lease. */
  readonly withLease?: boolean | undefined
}

/** How a registration is told: by whom, and what is shown of the instance at that moment. */
export interface Telling {
  readonly replicated: boolean
  readonly existing: Status | undefined
}

/** A client says that it is there. An override that comes along counts where nobody has said anything about one. */
export function registered (
  facts: Facts, incoming: Instance, stamp: Stamp, { replicated, existing }: Telling
): LivingFacts {
  const { overriddenStatus: overridden } = incoming
  const brought = overridden === 'UNKNOWN' ? undefined : { stamp, status: overridden, shows: undefined }
  const override = facts.override ?? brought
  const base = override?.status === undefined
    ? resolveStatus(incoming.status, undefined, existing, replicated)
    : incoming.status
  // A server that shows what was set has not told what the client said.
  const own = replicated && overridden === incoming.status ? 'UNKNOWN' : incoming.status
  const instance: Instance = { ...incoming, status: own, overriddenStatus: 'UNKNOWN' }
  return tidy({ ...facts, override, registration: { stamp, instance, base } }) as LivingFacts
}

/** A back end says that it is there, in words that are shown as they are. */
export function vouched (facts: Facts, incoming: Instance, stamp: Stamp): LivingFacts {
  return tidy({ ...facts, registration: { stamp, instance: incoming, base: incoming.status } }) as LivingFacts
}

/** The list of a server without stamps says that it is there, and nobody here knows better. */
export function listed (incoming: Instance): LivingFacts {
  return registered(NO_FACTS, incoming, foreignStamp(incoming.lastDirtyAt),
    { replicated: true, existing: undefined })
}

/**
 * Somebody sets a status. Setting what is shown already sets nothing, as in Eureka; it is a word all the same, and
 * holds against one that another registry was told before it. UNKNOWN is shown but not kept: as an override it would
 * have the client register again for ever.
 */
export function overridden (
  facts: LivingFacts, shown: Status, status: Status, stamp: Stamp, nowMs: number, note: OverrideNote = {}
): LivingFacts {
  const active = activeOverride(facts.override, nowMs)
  const isSet = status !== 'UNKNOWN' && (status !== shown || active === status)
  const override: Override = isSet
    ? { stamp, status, shows: undefined, ...note }
    : { stamp, status: undefined, shows: status }
  return { ...facts, override }
}

/** Somebody takes back what was set. Where nothing is set nothing changes, but the word counts as above. */
export function cleared (
  facts: LivingFacts, shown: Status, shows: Status | undefined, stamp: Stamp, nowMs: number
): LivingFacts {
  const isSet = activeOverride(facts.override, nowMs) !== undefined
  const same = shown === facts.registration.instance.status ? undefined : shown
  return { ...facts, override: { stamp, status: undefined, shows: isSet ? shows : same } }
}

/** Somebody adds to the metadata. */
export function metadataAdded (
  facts: LivingFacts, entries: Iterable<readonly [string, string]>, stamp: Stamp
): LivingFacts {
  const added = new Map(facts.added)
  for (const [key, value] of entries) added.set(key, { stamp, value })
  return { ...facts, added }
}

/** It is taken out, with all that was said of it. */
export function removed (facts: LivingFacts, stamp: Stamp): Facts {
  return tidy({ ...facts, removal: { stamp, lastDirtyAt: facts.registration.instance.lastDirtyAt } })
}
