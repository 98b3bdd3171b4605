/**
 * Time as messaging uses it: handed to whatever waits, so that a test can skip a month and a simulation decides who
 * wakes first. Nothing else in this package asks the system for the time or sets a timer.
 */
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'

/** Ends a timer; harmless when it has ended already. */
export type Cancel = () => void

export interface Clock {
  /** What the wall says: milliseconds since 1970. It may be set, forth and back; for dates, never for durations. */
  now (): number
  /** Milliseconds since some moment in the past. Never goes back; for durations. */
  elapsed (): number
  /** Calls `fn` once, `ms` later. */
  after (ms: number, fn: () => void): Cancel
  /** Calls `fn` every `ms`. */
  every (ms: number, fn: () => void): Cancel
  /** Resolves `ms` later, or as soon as the signal is aborted. */
  delay (ms: number, signal?: AbortSignal): Promise<void>
  /** Resolves when everything that the sockets have brought by now was looked at. */
  turn (): Promise<void>
}

/** The machine's own. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: (ms: number, fn: () => void) => {
    const timer = setTimeout(fn, ms)
    return () => { clearTimeout(timer) }
  },
  every: (ms: number, fn: () => void) => {
    const timer = setInterval(fn, ms)
    return () => { clearInterval(timer) }
  },
  delay: (ms: number, signal?: AbortSignal) =>
    delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {}),
  turn: () => turn()
})

/** Resolves with the work, or when the time is up: true when the work came first. The work goes on. */
export async function within (work: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const over = new AbortController()
  const done = await Promise.race([work.then(() => true), clock.delay(ms, over.signal).then(() => false)])
  over.abort()
  return done
}
