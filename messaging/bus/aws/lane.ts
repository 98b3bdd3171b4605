/**
 * What one receive brought of one group, handled in order. A try that failed is repeated here, with the message still
 * in hand, so that a try is what a handler did and nothing else. When the consumer stops, or a message is no longer
 * ours, it and all behind it go back.
 */
import type { Clock } from '../../clock.ts'
import type { Verdict } from '../handling.ts'
import type { Hand, Held } from './hand.ts'
import type { Outage } from './outage.ts'
import type { Slots } from './slots.ts'
import type { Troubles } from './troubles.ts'

export interface LaneParts {
  readonly hand: Hand
  readonly slots: Slots
  /** For those whose surroundings were down: slow probes must leave slots to what is fresh. */
  readonly probes: Slots
  readonly outage: Outage
  readonly clock: Clock
  /** Ended when the consumer stops. */
  readonly signal: AbortSignal
  /** Runs the handler once. */
  readonly attempt: (held: Held, tries: number) => Promise<Verdict>
  /** To the dead letters; rejects while they take none. */
  readonly bury: (held: Held, error: string) => Promise<void>
  readonly troubles: Troubles
}

/** A lane for which there is no room in hand is somebody's again this much later. */
const AWAY_MS = 60_000
const BURY_AGAIN_MS = 1000

/** Settled, or how much later somebody else gets it. */
type Outcome = 'settled' | number

export async function runLane (lane: readonly Held[], parts: LaneParts): Promise<void> {
  const removals: Array<Promise<void>> = []
  for (const [at, held] of lane.entries()) {
    const outcome = await handled(held, parts)
    if (outcome !== 'settled') {
      await parts.hand.giveBack(lane.slice(at), outcome)
      break
    }
    // The next one waits for no deletion: what comes twice ends at the inbox.
    removals.push(parts.hand.remove(held))
  }
  await Promise.all(removals)
}

async function handled (held: Held, parts: LaneParts): Promise<Outcome> {
  const { hand, slots, probes, outage, clock, signal, attempt } = parts
  let tries = 1
  let waited = false
  for (;;) {
    // Asked with the slot in hand: the wait for it may have been long.
    const ours = () => !signal.aborted && hand.keeps(held)
    const once = (): Promise<Verdict | undefined> => slots.use(async () => ours() ? attempt(held, tries) : undefined)
    const verdict: Verdict | undefined = await (waited ? probes.use(once) : once())
    if (verdict === undefined) return 0
    if (waited && verdict.kind !== 'wait') outage.through()
    waited = verdict.kind === 'wait'
    if (verdict.kind === 'done') return 'settled'
    if (verdict.kind === 'dead') return await buried(held, verdict.error, parts) ? 'settled' : 0
    if (verdict.kind === 'retry') {
      tries++
      await clock.delay(verdict.delayMs, signal)
    } else if (verdict.leave) {
      return verdict.delayMs
    } else if (await outage.wait(verdict.delayMs, tries === 1, signal) === 'leave') return AWAY_MS
  }
}

/** Until it is done: deleted without a letter it would be lost, and handled again it might do harm. */
async function buried (held: Held, error: string, parts: LaneParts): Promise<boolean> {
  const { hand, clock, signal, bury, troubles } = parts
  while (hand.keeps(held)) {
    try {
      await bury(held, error)
      troubles.worked('bury')
      return true
    } catch (failure) {
      troubles.failed('bury', failure)
      if (signal.aborted) return false
      await clock.delay(BURY_AGAIN_MS, signal)
    }
  }
  return false
}
