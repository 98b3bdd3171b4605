/** Tells the bus what became of messages: the verdicts of one turn in one call. */
import type { Clock } from '../../clock.ts'
import type { Verdict } from '../handling.ts'
import type { Broker } from './broker.ts'
import type { Received, Settlement } from './settlement.ts'

const AGAIN_MS = 100

/**
 * The returned function resolves when the bus has the verdict, or when the message is somebody else's by now: a verdict
 * that cannot be told comes back as a second delivery.
 */
export function settler (
  broker: Broker, queue: string, clock: Clock, visibilityMs: number
): (message: Received, verdict: Verdict) => Promise<void> {
  let batch: Settlement[] = []
  let flushed: Promise<void> | undefined
  const tell = async (settlements: readonly Settlement[]): Promise<void> => {
    const deadline = clock.elapsed() + visibilityMs
    for (;;) {
      try {
        await broker.settle(queue, settlements)
        return
      } catch {
        // The bus is away, which the receiving loop tells of.
        if (clock.elapsed() > deadline) return
        await clock.delay(AGAIN_MS)
      }
    }
  }
  const flush = async (): Promise<void> => {
    await clock.turn()
    const settlements = batch
    batch = []
    flushed = undefined
    await tell(settlements)
  }
  return ({ group, receipt }, verdict) => {
    batch.push({ group, receipt, verdict: verdict.kind,
      ...('delayMs' in verdict ? { delayMs: verdict.delayMs } : {}),
      ...('error' in verdict ? { error: verdict.error } : {}) })
    flushed ??= flush()
    return flushed
  }
}
