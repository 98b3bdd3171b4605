import type { LivingFacts } from './facts.ts'
import type { Instance, Status } from './instance.ts'

/** The registry's promise to keep an instance listed, as long as it is renewed. The one mutable thing in the book. */
export interface Lease {
  /** `instanceKey` of it, made once: a key that each index makes for itself costs more than what it leads to. */
  readonly key: string
  /** As it is shown, made from the facts. */
  instance: Instance
  facts: LivingFacts
  /** What an operator has set, as long as it holds; it outlives registrations and dies with the lease. */
  override: Status | undefined
  renewedAt: number
  /** When its client was heard of last, which a restart does not make younger. */
  heardAt: number
  durationMs: number
  /** Came from a snapshot, and no heartbeat has confirmed it yet. */
  unverified: boolean
  /** The instance itself speaks to this registry; otherwise a peer tells of it. */
  local: boolean
  /** The client was told to register again. */
  awaited: boolean
  /** The `lastDirtyTimestamp` of its own last registration, if that was older than what is known here. */
  ignoredAt: number | undefined
}

/**
 * Whether a lease ran out. `extraMs` is time during which the registry itself stood still.
 *
 * Eureka's `Lease.renew` stores now + duration, so there a renewed lease lives twice its duration while a never
 * renewed one lives once; `bugCompatible` brings that back.
 */
export function isExpired (lease: Lease, now: number, extraMs: number, bugCompatible: boolean): boolean {
  const renewed = lease.renewedAt > lease.instance.lease.registeredAt
  const durationMs = bugCompatible && renewed ? 2 * lease.durationMs : lease.durationMs
  return now > lease.renewedAt + durationMs + extraMs
}
