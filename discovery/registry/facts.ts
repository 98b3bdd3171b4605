import type { Instance, Metadata, Status } from './instance.ts'
import { compareStamps, isLater, type Stamp } from './stamp.ts'
import { isReady } from './status.ts'

interface Stamped {
  readonly stamp: Stamp
}

/** What a client has said of its instance. */
export interface Registration {
  readonly stamp: Stamp
  /** In the client's own words: its `status` is the one that the client gave, whatever anybody has set. */
  readonly instance: Instance
  /** What is shown while nobody has set anything; see `resolveStatus`. */
  readonly base: Status
}

/** What an operator has set, or that it was cleared. */
export interface Override {
  readonly stamp: Stamp
  /** undefined: nothing is set any more. */
  readonly status: Status | undefined
  /** Where nothing is set, what is shown until the client speaks again; undefined: the client's own last word. */
  readonly shows: Status | undefined
  readonly reason?: string | undefined
  readonly author?: string | undefined
  /** When it ends by itself, in milliseconds since 1970; undefined: never. */
  readonly until?: number | undefined
  /** Whether it ends with the lease, as what a health check has set does. */
  readonly withLease?: boolean | undefined
}

/** That an instance was taken out, and how new its client's word was then. */
export interface Removal {
  readonly stamp: Stamp
  readonly lastDirtyAt: number
}

/** An entry that somebody other than the client has added to the metadata. */
export interface Added {
  readonly stamp: Stamp
  readonly value: string
}

/**
 * All that was ever said of one instance and still matters. Each fact has a stamp of its own, so two registries that
 * put their facts together end with the same, in whatever order and however often they do it.
 */
export interface Facts {
  readonly registration: Registration | undefined
  /** The last one; it stays behind a later registration, as the bound before which nothing counts. */
  readonly removal: Removal | undefined
  readonly override: Override | undefined
  readonly added: ReadonlyMap<string, Added>
}

export const NO_FACTS: Facts = Object.freeze({
  registration: undefined, removal: undefined, override: undefined, added: new Map()
})

/** Facts of which an instance can be shown. */
export type LivingFacts = Facts & { readonly registration: Registration }

/** Whether the instance is there: it registered, and was not taken out afterwards. */
export function isLiving (facts: Facts): facts is LivingFacts {
  return facts.registration !== undefined
}

/** Both together: of each fact the later word. Returns `mine` itself when the other knows nothing newer. */
export function mergeFacts (mine: Facts, theirs: Facts): Facts {
  const merged = tidy({
    registration: later(mine.registration, theirs.registration),
    removal: later(mine.removal, theirs.removal),
    override: later(mine.override, theirs.override),
    added: mergeAdded(mine.added, theirs.added)
  })
  return sameFacts(mine, merged) ? mine : merged
}

/** Leaves out what a removal, or of the metadata a registration, has ended. */
export function tidy ({ registration, removal, override, added }: Facts): Facts {
  const living = since(registration, removal)
  const bound = later<Stamped>(living, removal)
  return {
    registration: living,
    removal,
    override: since(override, removal),
    added: added.size === 0 ? added : new Map([...added].filter(([, entry]) => isLater(entry.stamp, bound?.stamp)))
  }
}

/** What stays when a lease ran out: its client may be cut off from here alone, and what an operator set still holds. */
export function withoutRegistration (facts: Facts): Facts {
  const override = facts.override?.withLease === true ? undefined : facts.override
  return { ...facts, override, registration: undefined }
}

/** Every stamp there is, for a clock to observe. */
export function stampsOf ({ registration, removal, override, added }: Facts): Stamp[] {
  return [registration, removal, override, ...added.values()].filter(fact => fact !== undefined).map(fact => fact.stamp)
}

/** The instance as everybody sees it at a moment of the cluster's time. */
export function showInstance ({ registration, override, added }: LivingFacts, nowMs: number): Instance {
  const { instance } = registration
  const active = activeOverride(override, nowMs)
  return {
    ...instance,
    status: shownStatus(registration, override, active),
    overriddenStatus: active ?? instance.overriddenStatus,
    metadata: withAdded(instance.metadata, added)
  }
}

/** Whether two views of one registration show the same. */
export function sameView (a: Instance, b: Instance): boolean {
  return a.status === b.status && a.overriddenStatus === b.overriddenStatus && a.metadata.size === b.metadata.size &&
    [...a.metadata].every(([key, value]) => b.metadata.get(key) === value)
}

/** What is set at the moment; undefined when nothing is, or its time is over. */
export function activeOverride (override: Override | undefined, nowMs: number): Status | undefined {
  return override?.until !== undefined && nowMs >= override.until ? undefined : override?.status
}

function shownStatus (
  registration: Registration, override: Override | undefined, active: Status | undefined
): Status {
  const { base, stamp, instance: { status: own } } = registration
  if (override === undefined) return base
  const hasLastWord = isLater(override.stamp, stamp)
  // A copy that has said since that it is not ready knows better than any override.
  if (active !== undefined) return hasLastWord || isReady(base) ? active : base
  return hasLastWord ? override.shows ?? own : base
}

function withAdded (metadata: Metadata, added: Facts['added']): Metadata {
  if (added.size === 0) return metadata
  return new Map([...metadata, ...[...added].map(([key, { value }]) => [key, value] as const)])
}

function mergeAdded (mine: Facts['added'], theirs: Facts['added']): Facts['added'] {
  if (theirs.size === 0) return mine
  const merged = new Map(mine)
  for (const [key, entry] of theirs) merged.set(key, later(merged.get(key), entry)!)
  // In the order in which they were said: lists of two registries show the same, byte for byte.
  return new Map([...merged].sort(([, a], [, b]) => compareStamps(a.stamp, b.stamp)))
}

function later<Fact extends Stamped> (mine: Fact | undefined, theirs: Fact | undefined): Fact | undefined {
  return theirs !== undefined && isLater(theirs.stamp, mine?.stamp) ? theirs : mine
}

function since<Fact extends Stamped> (fact: Fact | undefined, bound: Removal | undefined): Fact | undefined {
  return fact !== undefined && isLater(fact.stamp, bound?.stamp) ? fact : undefined
}

function sameFacts (a: Facts, b: Facts): boolean {
  return a.registration === b.registration && a.removal === b.removal && a.override === b.override &&
    a.added.size === b.added.size && [...b.added].every(([key, entry]) => a.added.get(key) === entry)
}
