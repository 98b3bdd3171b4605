import type { PreservationRules } from './self-preservation.ts'

/** What the book is run by. Time and chance come in here, so that nothing in the book reads a clock. */
export interface BookRules {
  readonly now: () => number
  /** This registry's part of every stamp; no two of a cluster have the same. At most 16 letters and digits. */
  readonly origin: string
  /** A number from 0 up to 1: which of the expired leases go when not all may. */
  readonly random: () => number
  readonly preservation: PreservationRules
  /** How often `evict` is called. */
  readonly sweepMs: number
  /** How far back Eureka's delta reaches. */
  readonly deltaMs: number
  /** How long the change log remembers a removed instance; not shorter than `deltaMs`. */
  readonly keepRemovedMs: number
  /** How many removed instances the change log remembers at most. */
  readonly maxRemoved: number
  /** How long it is remembered that an instance was taken out, against those who were away and still have it. */
  readonly keepRemovalsMs: number
  readonly maxInstances: number
  /** Whether a renewal with another `lastDirtyTimestamp` than ours is answered with 404 or 409. */
  readonly syncWhenTimestampDiffers: boolean
  /** Whether a renewed lease lasts twice its duration, as Eureka's does. */
  readonly leaseBugCompatible: boolean
}
