/**
 * One blocking query after another, for ever: Consul answers when something changed, or when the wait is over. The
 * loop is ours because the library's watch ends at a 400 and at an answer without an index, asks as fast as it is
 * answered, and brings all processes of a host back at once. The rules are those of HashiCorp's page on blocking
 * queries: an index that goes back or is not above zero starts anew, and a limiter stands before each question.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ConsulAnswer } from './reader.ts'

/** What a question is asked with. */
export interface BlockingOptions {
  readonly query: Readonly<Record<'index' | 'wait', string>>
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface BlockingQuery {
  readonly ask: (options: BlockingOptions) => Promise<ConsulAnswer>
  /** The longest that Consul keeps a question open. */
  readonly waitMs: number
  /** Called with each answer; one that throws is a failure, and its index is not believed. */
  readonly onAnswer: (body: unknown, changed: boolean) => void
  readonly onFailure: (failure: unknown) => void
  readonly timing?: Timing | undefined
}

/** Time and chance, for tests. */
export interface Timing {
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** 0 <= x < 1 */
  readonly random: () => number
}

export const REAL_TIME: Timing = {
  now: () => performance.now(),
  sleep: async (ms, signal) => { await delay(ms, undefined, { signal }).catch(() => undefined) },
  random: Math.random
}

/** Answers in quick succession are a burst; beyond it one question a second. */
const BURST = 3
const REFILL_MS = 1_000
const FIRST_BACK_OFF_MS = 250
const MAX_BACK_OFF_MS = 10_000
/** Consul adds up to a sixteenth of the wait; an agent that is silent for longer is gone. */
const SILENCE_MS = 5_000

/** Asks until the signal aborts; resolves then. */
export async function followBlocking (query: BlockingQuery, signal: AbortSignal): Promise<void> {
  const timing = query.timing ?? REAL_TIME
  const limiter = new Limiter(timing)
  let index = 0n
  let failures = 0
  while (!signal.aborted) {
    await limiter.turn(signal)
    if (signal.aborted) return
    try {
      const answer = await askOnce(query, index, signal)
      query.onAnswer(answer.body, answer.index !== index)
      // A store that was restored is behind what we knew: everything is asked for again.
      index = answer.index < index ? 0n : answer.index
      failures = 0
    } catch (failure) {
      if (signal.aborted) return
      // An agent that lost its memory would keep a question about its future open for the whole wait.
      index = 0n
      query.onFailure(failure)
      await timing.sleep(backOffMs(failures++, timing.random), signal)
    }
  }
}

/** Full jitter's better half: all processes of a host must not return to it at once. */
export function backOffMs (failures: number, random: () => number, limitMs = MAX_BACK_OFF_MS): number {
  const most = Math.min(FIRST_BACK_OFF_MS * 2 ** Math.min(failures, 16), limitMs)
  return most * (0.5 + random() / 2)
}

async function askOnce (
  { ask, waitMs }: BlockingQuery, index: bigint, signal: AbortSignal
): Promise<{ body: unknown, index: bigint }> {
  const timeoutMs = Math.ceil(waitMs * 17 / 16) + SILENCE_MS
  const answer = await ask({ query: { index: String(index), wait: `${waitMs}ms` }, timeoutMs, signal })
  return { body: answer.body, index: indexOf(answer.index) }
}

/** Whatever stands between us and Consul may answer 200 with a page of its own. */
function indexOf (text: string | undefined): bigint {
  if (text === undefined || !/^[1-9]\d{0,18}$/.test(text)) throw new Error('an answer without X-Consul-Index: is this Consul?')
  return BigInt(text)
}

/** A bucket of questions that fills up by one in a second. */
class Limiter {
  readonly #timing: Timing
  #left = BURST
  #filledAt: number

  constructor (timing: Timing) {
    this.#timing = timing
    this.#filledAt = timing.now()
  }

  async turn (signal: AbortSignal): Promise<void> {
    this.#fill()
    // A question that was open for long pays for itself by the time that passed.
    if (this.#left < 1) await this.#timing.sleep((1 - this.#left) * REFILL_MS * (1 + this.#timing.random() / 4), signal)
    this.#fill()
    this.#left = Math.max(0, this.#left - 1)
  }

  #fill (): void {
    const now = this.#timing.now()
    this.#left = Math.min(BURST, this.#left + (now - this.#filledAt) / REFILL_MS)
    this.#filledAt = now
  }
}
