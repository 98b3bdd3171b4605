/** The loop of every consumer: receive, set to work, again, until it is stopped. */
import { backOffMs } from '../back-off.ts'
import { within, type Clock } from '../clock.ts'
import type { ConsumeOptions } from './bus.ts'

/** Waits between two calls to a bus that fails them. */
const FIRST_WAIT_MS = 200
const MAX_WAIT_MS = 5000
/** A stop waits no longer for handlers: what hangs would keep the process from ending. */
const STOP_MS = 10_000

export interface Receiving extends Pick<ConsumeOptions, 'onError' | 'onUp'> {
  /** Receives once and sets to work what came. `down`: the last call failed, so ask without waiting for messages. */
  readonly receive: (down: boolean) => Promise<void>
  /** What is at work. */
  readonly working: () => Iterable<Promise<void>>
  /** Gives back what was received and not begun. */
  readonly leave?: () => Promise<void>
  /** Ends the loop, and a receive that is under way. */
  readonly stopping: AbortController
  readonly clock: Clock
  /** @default Math.random */
  readonly random?: (() => number) | undefined
}

/** Receives again and again until it is stopped; the returned function stops, and waits for what is at work. */
export function keepReceiving (options: Receiving): () => Promise<void> {
  const { receive, working, leave, stopping, clock, onError, onUp, random = Math.random } = options
  const { signal } = stopping
  let up = false
  let failures = 0
  const once = async (): Promise<void> => {
    try {
      await receive(failures > 0)
      if (!up && !signal.aborted) onUp?.()
      up = true
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      up = false
      onError?.(error)
      await clock.delay(backOffMs(++failures, FIRST_WAIT_MS, MAX_WAIT_MS, random), signal)
    }
  }
  const loop = async (): Promise<void> => {
    while (!signal.aborted) await once()
  }

  const running = loop()
  return async () => {
    stopping.abort()
    await running
    // A bus that is away gives it to somebody else when its time is up.
    await leave?.().catch(() => {})
    await within(Promise.all(working()), STOP_MS, clock)
  }
}
