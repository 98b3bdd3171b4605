import type { Lease } from './lease.ts'

/**
 * Mass-failure protection: when far fewer renewals come in than the leases promise, it is more likely that the
 * registry is cut off than that the services died, so nothing expires.
 *
 * Unlike Eureka, which multiplies the number of clients by one fixed interval, this counts what each lease itself
 * promises, gives a new lease a minute to begin, and leaves small registries alone: there, one crash is already more
 * than 15 % of all renewals and the protection would never let go (with Eureka's defaults up to five instances).
 */
export interface PreservationRules {
  readonly enabled: boolean
  /** The share of the promised renewals that must come in. */
  readonly threshold: number
  /** Below this many instances nothing is protected. */
  readonly floor: number
}

/** What self-preservation thinks, with the numbers it thinks so by. */
export interface Preservation {
  readonly enabled: boolean
  /** True while leases do not expire. */
  readonly active: boolean
  readonly reason: 'off' | 'small' | 'starting' | 'enough' | 'too-few'
  readonly instances: number
  readonly floor: number
  /** Renewals a minute that the leases promise. */
  readonly expected: number
  /** Renewals a minute below which nothing expires. */
  readonly needed: number
  /** Renewals of the last minute. */
  readonly renewals: number
}

const MINUTE = 60_000

/** Judges the leases by the renewals of the last minute. */
export function assess (
  rules: PreservationRules, leases: Iterable<Lease>, renewals: number, startedAt: number, now: number
): Preservation {
  let expected = 0
  let instances = 0
  for (const lease of leases) {
    // What a back end vouches for renews nothing.
    if (lease.durationMs === Infinity) continue
    instances++
    const interval = lease.instance.lease.renewalIntervalSecs
    expected += 60 / interval * Math.min(1, Math.max(0, now - lease.instance.lease.registeredAt) / MINUTE)
  }
  const needed = Math.floor(expected * rules.threshold)
  const reason = reasonOf(rules, instances, needed, renewals, now - startedAt)
  const active = reason === 'starting' || reason === 'too-few'
  return { enabled: rules.enabled, active, reason, instances, floor: rules.floor, expected, needed, renewals }
}

function reasonOf (
  rules: PreservationRules, instances: number, needed: number, renewals: number, upMs: number
): Preservation['reason'] {
  if (!rules.enabled) return 'off'
  if (instances < rules.floor) return 'small'
  // No full minute has been watched yet; the clients may still be finding their way back.
  if (upMs < MINUTE) return 'starting'
  return renewals >= needed ? 'enough' : 'too-few'
}
