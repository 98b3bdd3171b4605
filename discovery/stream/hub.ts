import type { Book } from '../registry/book.ts'
import type { Change } from '../registry/change-log.ts'
import type { Payloads } from '../eureka/payloads.ts'
import { changeEvent, changeJson, formatIndex, parseIndex, PING, SNAPSHOT_TAIL, snapshotHead } from './events.ts'
import { wanted, type Interest } from './interest.ts'
import type { Subscription } from './subscription.ts'

/** What the hub needs of the world. */
export interface HubOptions {
  readonly now: () => number
  /** Calls back after a while; returns the way to call it off. */
  readonly schedule: (callback: () => void, ms: number) => () => void
  readonly pingMs: number
  /** A reader whose socket takes nothing for this long is gone. */
  readonly stallMs: number
  /** The least time between two rounds of pushing. */
  readonly gapMs: number
}

/** A long poll that waits for its first change. */
export interface Waiter {
  readonly at: number
  readonly interest: Interest
  readonly answer: (body: Buffer) => void
}

/**
 * Pushes the change log to its readers. A change only wakes the hub; the pushing is done in rounds, so that a burst
 * of registrations costs each reader one write. Within a round readers at the same place share the same bytes.
 */
export class Hub {
  readonly #book: Book
  readonly #payloads: Payloads
  readonly #options: HubOptions
  readonly #subscriptions = new Set<Subscription>()
  readonly #waiters = new Set<Waiter>()
  #cancelRound: (() => void) | undefined
  #cancelPing: (() => void) | undefined
  #notBefore = 0
  #epoch = ''

  /** The clock that stalls are measured by. */
  readonly now: () => number

  constructor (book: Book, payloads: Payloads, options: HubOptions) {
    this.now = options.now
    this.#book = book
    this.#payloads = payloads
    this.#options = options
  }

  /** Readers of the stream and of long polls that wait. */
  get subscribers (): number {
    return this.#subscriptions.size + this.#waiters.size
  }

  /** By how many changes the slowest reader is behind. */
  get lag (): number {
    let lag = 0
    for (const { at } of this.#subscriptions) lag = Math.max(lag, this.#book.log.n - at)
    return lag
  }

  /** The index of the newest change. */
  get index (): string {
    return formatIndex(this.#epoch, this.#book.log.n)
  }

  /** `epoch` names the log; clients' indices of another log are worth nothing. */
  start (epoch: string): void {
    this.#epoch = epoch
    this.#cancelPing = this.#options.schedule(() => this.#ping(), this.#options.pingMs)
  }

  /** Ends every stream; the readers reconnect to another registry or to this one once it is back. */
  stop (): void {
    this.#cancelPing?.()
    this.#cancelRound?.()
    for (const waiter of this.#waiters) waiter.answer(this.#changesBody([]))
    for (const subscription of this.#subscriptions) subscription.end()
    this.#waiters.clear()
    this.#subscriptions.clear()
  }

  /** The position that a client's index stands for; undefined when it has to begin with a snapshot. */
  position (index: string | undefined): number | undefined {
    const n = parseIndex(this.#epoch, index)
    return n === undefined || !this.#book.log.covers(n) ? undefined : n
  }

  /** Adds a reader. One without a position gets a snapshot first. */
  subscribe (subscription: Subscription, position: number | undefined): void {
    this.#subscriptions.add(subscription)
    if (position === undefined) this.#sendSnapshot(subscription)
    else if (position < this.#book.log.n) this.wake()
  }

  unsubscribe (subscription: Subscription): void {
    this.#subscriptions.delete(subscription)
  }

  /** A reader's socket drained: what it missed meanwhile follows in the next round. */
  drained (subscription: Subscription): void {
    subscription.drained()
    if (subscription.ready && subscription.at < this.#book.log.n) this.wake()
  }

  /** Something changed: there will be a round, soon, but not more often than the gap allows. */
  wake (): void {
    if (this.#cancelRound !== undefined || this.subscribers === 0) return
    const waitMs = Math.max(0, this.#notBefore - this.now())
    this.#cancelRound = this.#options.schedule(() => this.#round(), waitMs)
  }

  /** Answers at once when there is something to tell; else returns the waiter, to be expired or forgotten. */
  poll (index: string | undefined, interest: Interest, answer: (body: Buffer) => void): Waiter | undefined {
    const at = this.position(index)
    if (at === undefined) {
      answer(this.#snapshotBody(interest))
      return undefined
    }
    const waiter: Waiter = { at, interest, answer }
    if (this.#answerWaiter(waiter)) return undefined
    this.#waiters.add(waiter)
    return waiter
  }

  /** The time of a long poll is up: nothing happened. */
  expire (waiter: Waiter): void {
    if (this.#waiters.delete(waiter)) waiter.answer(this.#changesBody([]))
  }

  /** The client of a long poll is gone. */
  forget (waiter: Waiter): void {
    this.#waiters.delete(waiter)
  }

  #round (): void {
    this.#cancelRound = undefined
    const startedAt = this.now()
    const shared = new Map<string, Buffer[] | undefined>()
    for (const subscription of this.#subscriptions) {
      if (subscription.ready && subscription.at < this.#book.log.n) this.#advance(subscription, shared)
    }
    for (const waiter of this.#waiters) if (this.#answerWaiter(waiter)) this.#waiters.delete(waiter)
    // A round that took long (many readers) is followed by as long a pause, so that renewals are served between.
    const now = this.now()
    this.#notBefore = now + Math.max(this.#options.gapMs, now - startedAt)
  }

  #advance (subscription: Subscription, shared: Map<string, Buffer[] | undefined>): void {
    const key = `${subscription.at} ${subscription.interestKey}`
    if (!shared.has(key)) shared.set(key, this.#eventsSince(subscription.at, subscription.interest))
    const parts = shared.get(key)
    if (parts === undefined) return this.#sendSnapshot(subscription)
    subscription.at = this.#book.log.n
    if (parts.length > 0) subscription.send(parts)
  }

  /** Undefined when a snapshot is needed, or when it would be shorter than all the changes. */
  #eventsSince (at: number, interest: Interest): Buffer[] | undefined {
    const changes = this.#book.log.since(at)
    if (changes === undefined || changes.length > Math.max(100, this.#book.size)) return undefined
    let events = ''
    for (const change of wanted(changes, interest)) events += changeEvent(this.#epoch, change)
    return events === '' ? [] : [Buffer.from(events)]
  }

  #sendSnapshot (subscription: Subscription): void {
    subscription.at = this.#book.log.n
    const head = Buffer.from(snapshotHead(this.index))
    subscription.send([head, ...this.#payloads.instanceLists(subscription.interest), Buffer.from(SNAPSHOT_TAIL)])
  }

  #answerWaiter ({ at, interest, answer }: Waiter): boolean {
    const changes = this.#book.log.since(at)
    if (changes === undefined) {
      answer(this.#snapshotBody(interest))
      return true
    }
    const matching = wanted(changes, interest)
    if (matching.length > 0) answer(this.#changesBody(matching))
    return matching.length > 0
  }

  #changesBody (changes: readonly Change[]): Buffer {
    const list = changes.map(change => changeJson(this.#epoch, change)).join(',')
    return Buffer.from(`{"index":"${this.index}","reset":false,"changes":[${list}]}`)
  }

  #snapshotBody (interest: Interest): Buffer {
    const head = Buffer.from(`{"index":"${this.index}","reset":true,"instances":[`)
    return Buffer.concat([head, ...this.#payloads.instanceLists(interest), Buffer.from(']}')])
  }

  #ping (): void {
    this.#cancelPing = this.#options.schedule(() => this.#ping(), this.#options.pingMs)
    const stalled = this.now() - this.#options.stallMs
    for (const subscription of this.#subscriptions) {
      if (subscription.ready) subscription.send([PING])
      else if (subscription.blockedSince !== undefined && subscription.blockedSince < stalled) subscription.destroy()
    }
  }
}
