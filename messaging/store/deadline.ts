import type { Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'

/**
 * Rejects when a command is not done in time: with E_STORE_BUSY while the store owes it an answer (a lock of somebody
 * else's), else with E_TX_SLOW: it must be waiting for something that it should not.
 * Of a store that is asked outside of commands nobody knows, and it is the latter.
 */
export async function inTime<Value> (
  clock: Clock, ms: number, work: Promise<Value>, isAsking: () => boolean = () => false
): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const cancel = clock.after(ms, () => {
    late.reject(isAsking() ? messagingError('E_STORE_BUSY', [`no answer for ${ms} ms`]) : messagingError('E_TX_SLOW', [ms]))
  })
  try {
    return await Promise.race([work, late.promise])
  } finally {
    cancel()
  }
}
