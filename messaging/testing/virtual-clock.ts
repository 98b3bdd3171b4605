/** The clock of one process in a world: its timers are events of the world's, its wall may be set. */
import type { Clock } from '../clock.ts'
import type { Random } from './random.ts'
import type { Owner, Scheduler } from './scheduler.ts'
import { delay, every } from './timers.ts'

/** When a world begins: 2026-01-01T00:00:00Z. */
export const EPOCH_MS = Date.UTC(2026, 0, 1)

/** A timer of Node's is never early, and late by about as much. */
const LATE_MS = 1
/** How long a turn of the event loop takes at most. */
const TURN_MS = 0.3

/** `wallOffsetMs` is by how much its wall is wrong at the moment. */
export function virtualClock (scheduler: Scheduler, owner: Owner, random: Random, wallOffsetMs: () => number): Clock {
  const after: Clock['after'] = (ms, fn) => scheduler.after(ms + random.next() * LATE_MS, owner, fn)
  return {
    now: () => Math.floor(EPOCH_MS + scheduler.nowMs + wallOffsetMs()),
    elapsed: () => scheduler.nowMs,
    after,
    every: every(after),
    delay: delay(after),
    turn: () => new Promise(resolve => { scheduler.after(random.next() * TURN_MS, owner, resolve) })
  }
}
