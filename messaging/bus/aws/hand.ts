/**
 * What was received and is not settled: kept ours by one heartbeat for all of it, whether a handler is at it, it waits
 * for its next try, or it stands behind another one of its group. Deleted as soon as it is done.
 */
import type { Message } from '@aws-sdk/client-sqs'
import type { Clock } from '../../clock.ts'
import type { AwsCalls, FailedEntry } from './calls.ts'
import { BATCH } from './limits.ts'
import { Together } from './together.ts'
import type { Troubles } from './troubles.ts'

/** "Visibility timeout": 12 hours from the receive, extended or not; less a minute for clocks that differ. */
const MAX_HELD_MS = 43_200_000 - 60_000
/** Nothing is begun in the last half hour: what waits has to wake and go back while it is ours. */
const LAST_BEGIN_MS = 30 * 60_000
/** Beats within a visibility: three of them must fail before a message is lost. */
const BEATS = 4
const FIRST_WAIT_MS = 200
const MAX_WAIT_MS = 5000

/** One message in hand. */
export interface Held {
  readonly message: Message
  readonly receipt: string
  readonly bytes: number
  /** Until when nobody else gets it, by the clock's `elapsed`. */
  until: number
  /** Whether a call that extends it is under way. */
  extending: boolean
  /** When it can be extended no more. */
  readonly end: number
}

export interface HandOptions {
  readonly calls: Pick<AwsCalls, 'remove' | 'changeVisibility'>
  readonly url: () => Promise<string>
  readonly clock: Clock
  readonly visibilityMs: number
  /** The most messages, and bytes of them, in hand. */
  readonly maxMessages: number
  readonly maxBytes: number
  readonly troubles: Troubles
  /** Called when there is more room. */
  readonly onRoom: () => void
}

export class Hand {
  readonly #options: HandOptions
  readonly #seconds: number
  readonly #held = new Set<Held>()
  readonly #stopHeartbeat: () => void
  readonly #deletions: Together<string, FailedEntry | undefined>
  #bytes = 0

  constructor (options: HandOptions) {
    this.#options = options
    this.#seconds = Math.ceil(options.visibilityMs / 1000)
    this.#stopHeartbeat = options.clock.every(options.visibilityMs / BEATS, () => { this.#extendAll() })
    this.#deletions = new Together(options.clock, BATCH, receipts => this.#delete(receipts))
  }

  /** Takes what a receive brought that was asked for at `askedAt`: since then it may be ours, and no longer. */
  take (messages: readonly Message[], askedAt: number): Held[] {
    const until = askedAt + this.#seconds * 1000
    const taken = messages.map(message => ({ message, receipt: message.ReceiptHandle!,
      bytes: Buffer.byteLength(message.Body ?? ''), until, extending: false, end: askedAt + MAX_HELD_MS }))
    for (const held of taken) {
      this.#held.add(held)
      this.#bytes += held.bytes
    }
    if (this.#options.clock.elapsed() - askedAt > this.#options.visibilityMs / BEATS) this.#extendAll()
    return taken
  }

  /** Whether it is ours, and a try of it may begin. */
  keeps (held: Held): boolean {
    const now = this.#options.clock.elapsed()
    return held.until > now && held.end > now + LAST_BEGIN_MS
  }

  /** Whether another receive may be made. */
  get hasRoom (): boolean {
    const { maxMessages, maxBytes } = this.#options
    return this.#held.size + BATCH <= maxMessages && this.#bytes < maxBytes
  }

  /** Deletes what is done with, as long as it is ours; what is lost comes again and ends at the inbox. */
  async remove (held: Held): Promise<void> {
    const { clock, troubles } = this.#options
    for (let waitMs = FIRST_WAIT_MS; held.until > clock.elapsed(); waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
      try {
        const failed = await this.#deletions.ask(held.receipt)
        if (failed === undefined || isLost(failed)) {
          troubles.worked('delete')
          break
        }
        troubles.failed('delete', new Error(`a message was not deleted: ${failed.Code ?? ''} ${failed.Message ?? ''}`))
      } catch (error) {
        troubles.failed('delete', error)
      }
      await clock.delay(waitMs)
    }
    this.#forget([held])
  }

  /**
   * Gives back what is left of a lane, the last first, so that none can come before the first one; and none does while
   * the first one waits for its delay.
   */
  async giveBack (lane: readonly Held[], delayMs = 0): Promise<void> {
    this.#forget(lane)
    const { calls, url, troubles } = this.#options
    const entries = lane.map((held, n) => ({ Id: String(n), ReceiptHandle: held.receipt,
      VisibilityTimeout: n === 0 ? Math.ceil(delayMs / 1000) : 0 })).toReversed()
    try {
      await calls.changeVisibility(await url(), entries)
      troubles.worked('give back')
    } catch (error) {
      // What does not go back comes back when its time is up.
      troubles.failed('give back', error)
    }
  }

  /** Ends the heartbeat: what is still in hand goes to somebody else when its time is up. */
  close (): void {
    this.#stopHeartbeat()
  }

  /** But for those whose last call is still under way: a bus that is slow must not get more of them. */
  #extendAll (): void {
    const all = [...this.#held].filter(held => !held.extending)
    for (let at = 0; at < all.length; at += BATCH) {
      const some = all.slice(at, at + BATCH)
      for (const held of some) held.extending = true
      this.#extend(some).catch((error: unknown) => { this.#options.troubles.failed('keep', error) })
        .finally(() => { for (const held of some) held.extending = false })
    }
  }

  /** A call that fails is made again with the next beat. */
  async #extend (some: readonly Held[]): Promise<void> {
    const { calls, url, clock, troubles } = this.#options
    const now = clock.elapsed()
    const entries = some.map((held, n) => ({ Id: String(n), ReceiptHandle: held.receipt,
      VisibilityTimeout: Math.min(this.#seconds, Math.max(Math.floor((held.end - now) / 1000), 1)) }))
    const failed = new Map((await calls.changeVisibility(await url(), entries)).map(entry => [entry.Id, entry]))
    troubles.worked('keep')
    for (const [n, held] of some.entries()) {
      const entry = failed.get(String(n))
      if (entry === undefined) held.until = now + entries[n]!.VisibilityTimeout * 1000
      else if (isLost(entry)) held.until = -Infinity
    }
  }

  async #delete (receipts: readonly string[]): Promise<Array<FailedEntry | undefined>> {
    const { calls, url } = this.#options
    const entries = receipts.map((receipt, n) => ({ Id: String(n), ReceiptHandle: receipt }))
    const failed = await calls.remove(await url(), entries)
    return receipts.map((_, n) => failed.find(entry => entry.Id === String(n)))
  }

  #forget (lane: readonly Held[]): void {
    for (const held of lane) if (this.#held.delete(held)) this.#bytes -= held.bytes
    this.#options.onRoom()
  }
}

/** The receipt is no longer good: somebody else has the message, or it is gone. */
function isLost ({ Code = '' }: FailedEntry): boolean {
  return /ReceiptHandle|NotInflight|InvalidParameterValue/.test(Code)
}
