/** The loop of every consumer: receive, set to work, again, until it is stopped. */
import type { Clock } from '../clock.ts'

const BUS_DOWN_WAIT_MS = 200

/**
 * Calls `receive` again and again until `stopping` is aborted; what it sets to work stands in `working`. The returned
 * function stops and waits for all of that.
 */
export function keepReceiving (
  receive: () => Promise<void>, working: ReadonlySet<Promise<void>>, stopping: AbortController, clock: Clock
): () => Promise<void> {
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await receive()
      } catch {
        // The bus is down or we are stopping; the relay and the health page tell of the former.
        await clock.delay(BUS_DOWN_WAIT_MS, stopping.signal)
      }
    }
  }

  const running = loop()
  return async () => {
    stopping.abort()
    await running
    await Promise.all(working)
  }
}
