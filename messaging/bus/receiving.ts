/** The loop of every consumer: receive, set to work, again, until it is stopped. */
import { setTimeout as delay } from 'node:timers/promises'

const BUS_DOWN_WAIT_MS = 200

/**
 * Calls `receive` again and again until `stopping` is aborted; what it sets to work stands in `working`. The returned
 * function stops and waits for all of that.
 */
export function keepReceiving (
  receive: () => Promise<void>, working: ReadonlySet<Promise<void>>, stopping: AbortController
): () => Promise<void> {
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await receive()
      } catch {
        // The bus is down or we are stopping; the relay and the health page tell of the former.
        await delay(BUS_DOWN_WAIT_MS, undefined, { signal: stopping.signal }).catch(() => {})
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
