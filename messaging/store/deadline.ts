import type { Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'

/** Rejects with E_TX_SLOW when a command is not done in time: it must be waiting for something that it should not. */
export async function inTime<Value> (clock: Clock, ms: number, work: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const cancel = clock.after(ms, () => { late.reject(messagingError('E_TX_SLOW', [ms])) })
  try {
    return await Promise.race([work, late.promise])
  } finally {
    cancel()
  }
}
