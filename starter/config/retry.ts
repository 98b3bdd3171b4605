import { setTimeout as sleep } from 'node:timers/promises'
import type { RetryOptions } from './options.ts'

/** How long to wait before each further attempt: initial, times the multiplier each, up to the longest. */
export function retryDelaysMs (options: RetryOptions): number[] {
  const delays: number[] = []
  for (let delay = options.initialIntervalMs; delays.length < options.maxAttempts - 1; delay *= options.multiplier) {
    delays.push(Math.min(delay, options.maxIntervalMs))
  }
  return delays
}

/** Tries until it works or the delays are used up; the last failure is thrown. */
export async function retry<T> (
  attempt: () => Promise<T>, delaysMs: readonly number[], signal: AbortSignal
): Promise<T> {
  for (const delayMs of delaysMs) {
    try {
      return await attempt()
    } catch (failure) {
      if (signal.aborted) throw failure
      await sleep(delayMs, undefined, { signal, ref: true })
    }
  }
  return await attempt()
}
