/**
 * Who of the eligible: two at random, the less busy of them (P2C), by weight and slow start; before that the request
 * may narrow the choice (hint, sticky session, zone).
 *
 * Two random choices keep a slow or hanging instance almost free of new requests, without any shared state.
 */
import type { Exchange } from '../exchange.ts'
import { cookieValues } from '../routes/cookies.ts'
import type { HealthCheckOptions } from './health-checks.ts'
import type { InstanceState } from './instance-state.ts'

/** Spring Cloud LoadBalancer's choices, per service. */
export interface BalancerOptions {
  /** True when any of the below needs to look at the request. */
  readonly perRequest: boolean
  /** `zone-preference`: instances of this zone, all when it has none. */
  readonly zone: string | undefined
  /** `hint`: header against metadata `hint`. */
  readonly hintHeader: string | undefined
  /** `request-based-sticky-session`: the cookie names the instance. */
  readonly stickyCookie: string | undefined
  /** `health-check`: undefined = none. */
  readonly healthCheck: HealthCheckOptions | undefined
}

export const BALANCER_DEFAULTS: BalancerOptions = {
  perRequest: false, zone: undefined, hintHeader: undefined, stickyCookie: undefined, healthCheck: undefined
}

/** Each preference that nobody meets is dropped: an answer from elsewhere beats none. */
export function narrowed (candidates: readonly InstanceState[], x: Exchange,
  options: BalancerOptions): readonly InstanceState[] {
  let left = candidates
  const { zone, hintHeader, stickyCookie } = options
  if (stickyCookie !== undefined) {
    const id = cookieValues(x.headerValues('cookie'), stickyCookie)[0]
    const stuck = id === undefined ? [] : left.filter(one => one.id === id)
    if (stuck.length > 0) return stuck
  }
  if (zone !== undefined) left = preferred(left, one => one.zone === zone)
  const hint = hintHeader === undefined ? undefined : x.header(hintHeader)
  return hint === undefined ? left : preferred(left, one => one.metadata['hint'] === hint)
}

function preferred (candidates: readonly InstanceState[],
  fits: (one: InstanceState) => boolean): readonly InstanceState[] {
  const found = candidates.filter(fits)
  return found.length > 0 ? found : candidates
}

/** The less loaded of two; with weights the heavier one carries proportionally more. */
export function pickOfTwo (candidates: readonly InstanceState[], nowMs: number, slowStartMs: number,
  random: () => number): InstanceState | undefined {
  const count = candidates.length
  if (count < 2) return candidates[0]
  const first = Math.floor(random() * count)
  const second = (first + 1 + Math.floor(random() * (count - 1))) % count
  const a = candidates[first] as InstanceState
  const b = candidates[second] as InstanceState
  const shareA = share(a, nowMs, slowStartMs)
  const shareB = share(b, nowMs, slowStartMs)
  if (shareA === shareB) return a.active <= b.active ? a : b
  // Unequal shares: when idle, load alone would send everything to the heavier one.
  const loadA = (a.active + 1) / shareA
  const loadB = (b.active + 1) / shareB
  return random() * (loadA + loadB) < loadB ? a : b
}

/** Weight, cut down while the instance warms up. */
function share (one: InstanceState, nowMs: number, slowStartMs: number): number {
  if (one.rampFromMs === 0) return one.weight
  const age = nowMs - one.rampFromMs
  if (age >= slowStartMs) {
    one.rampFromMs = 0
    return one.weight
  }
  return one.weight * Math.max(0.1, age / slowStartMs)
}
