import type { Logger } from 'pino'
import type { Book } from '../registry/book.ts'
import { discoveryError } from '../errors.ts'
import { decodeResults, encodeBatch, type ItemResult } from './batch.ts'
import type { After, PeerCaller } from './calling.ts'
import { ReplicationQueue, type Pending, type QueueRules } from './queue.ts'
import { Reconciler, type Agreement, type Comparison } from './reconciler.ts'
import type { Replication } from './replication.ts'

export interface PeerOptions {
  readonly book: Book
  readonly http: PeerCaller
  /** For comparing lists, so that it does not wait behind a batch. */
  readonly compareHttp: PeerCaller
  /** Between two comparisons. */
  readonly compareMs: number
  readonly queue: QueueRules
  /** How long the first item of a batch waits for others. */
  readonly batchMs: number
  readonly batchSize: number
  readonly now: () => number
  readonly after: After
  readonly log: Logger | undefined
  /** Called whenever a comparison has taught something. */
  readonly onLearned: () => void
}

/** What the page and the metrics show of a peer. */
export interface PeerState extends Agreement {
  readonly url: string
  readonly available: boolean
  readonly queued: number
  /** For how long the oldest item has been waiting. */
  readonly lagMs: number
  readonly dropped: number
  readonly sent: number
  readonly failures: number
}

const CONGESTED_MS = 1000
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 30_000

/**
 * Tells one other registry what happened here, batch after batch, so that nothing of one instance overtakes anything.
 * A peer that answers 503 or not in time is given a second; one that cannot be reached is tried again after 0.1 s,
 * then twice as long each time up to half a minute. Meanwhile the queue keeps what is worth keeping.
 */
export class Peer {
  readonly #options: PeerOptions
  readonly #queue: ReplicationQueue
  readonly #reconciler: Reconciler
  #cancel: (() => void) | undefined
  #busy = false
  #stopped = false
  #retryMs = FIRST_RETRY_MS
  #available: boolean | undefined
  #sent = 0
  #failures = 0

  constructor (options: PeerOptions) {
    this.#options = options
    this.#queue = new ReplicationQueue(options.queue)
    this.#reconciler = new Reconciler({
      ...options, http: options.compareHttp, intervalMs: options.compareMs, onAnswer: () => this.#isThere()
    })
  }

  get url (): string {
    return this.#options.http.url
  }

  get state (): PeerState {
    const { oldestAt } = this.#queue
    return {
      url: this.url,
      available: this.#available ?? false,
      queued: this.#queue.size,
      lagMs: oldestAt === undefined ? 0 : this.#options.now() - oldestAt,
      dropped: this.#queue.dropped,
      sent: this.#sent,
      failures: this.#failures,
      ...this.#reconciler.agreement
    }
  }

  /** From now on the lists are compared regularly. */
  start (): void {
    this.#reconciler.start()
  }

  /** Compares the lists now. */
  compare (): Promise<Comparison> {
    return this.#reconciler.compare()
  }

  tell (replication: Replication): void {
    this.#queue.push(replication, this.#options.now())
    if (this.#busy) return
    const full = this.#queue.size >= this.#options.batchSize
    if (full && this.#available !== false) this.#schedule(0)
    else if (this.#cancel === undefined) this.#schedule(this.#options.batchMs)
  }

  /** Sends what waits, once, within the call's deadline. */
  async stop (): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    this.#reconciler.stop()
    const items = this.#queue.take(this.#options.batchSize, this.#options.now())
    if (items.length > 0 && this.#available !== false && !this.#busy) await this.#post(items).catch(() => {})
    this.#options.http.close()
  }

  #schedule (ms: number): void {
    this.#cancel?.()
    this.#cancel = this.#options.after(ms, () => { void this.#run() })
  }

  async #run (): Promise<void> {
    this.#cancel = undefined
    this.#busy = true
    const items = this.#queue.take(this.#options.batchSize, this.#options.now())
    const pauseMs = items.length === 0 ? 0 : await this.#send(items)
    this.#busy = false
    if (this.#stopped || this.#queue.size === 0) return
    const full = this.#queue.size >= this.#options.batchSize
    this.#schedule(pauseMs > 0 ? pauseMs : full ? 0 : this.#options.batchMs)
  }

  /** Returns how long to pause afterwards. */
  async #send (items: readonly Pending[]): Promise<number> {
    try {
      const status = await this.#post(items)
      if (status === 503) return this.#putBack(items, CONGESTED_MS, 'it is congested')
      this.#reached(status)
      return 0
    } catch (failure) {
      const { code } = failure as { code?: string }
      if (code === 'E_PEER_TIMEOUT') return this.#putBack(items, CONGESTED_MS, 'it did not answer in time')
      const pauseMs = this.#retryMs
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS)
      return this.#putBack(items, pauseMs, (failure as Error).message)
    }
  }

  async #post (items: readonly Pending[]): Promise<number> {
    const { http } = this.#options
    const isOurs = await this.#isOurs()
    const reply = await http.call('POST', 'peerreplication/batch/', encodeBatch(items.map(item => item.replication), isOurs))
    if (reply.status < 200 || reply.status > 299) return reply.status
    const results = decodeResults(reply.body, items.length)
    results?.forEach((result, i) => this.#settle(items[i]!.replication, result))
    this.#sent += items.length
    return results === undefined ? 500 : reply.status
  }

  /**
   * What it is told depends on what it is. As long as that is not known it is told nothing: one of ours would take
   * words without their stamps for said when they arrive, and put them above what was said since.
   */
  async #isOurs (): Promise<boolean> {
    const { isOurs } = this.#reconciler
    if (isOurs !== undefined) return isOurs
    if (await this.#reconciler.compare() === 'unreached') {
      throw discoveryError('E_PEER_UNREACHABLE', ['it was not asked yet what it is'])
    }
    return this.#reconciler.isOurs ?? false
  }

  /** What each item's own answer asks for. */
  #settle ({ action, app, id }: Replication, { status, instance }: ItemResult): void {
    if (status < 300) return
    const { book, http, now } = this.#options
    if (instance !== undefined) {
      // The copy of a server without stamps, whose client was there last.
      book.speaker.as({ by: 'peer', address: http.url }, () => book.register(instance, true))
      return
    }
    if (action !== 'Heartbeat' || status !== 404) return
    // The peer forgot it, or never knew it: it gets the whole instance as it is now.
    const known = book.lease(app, id)?.instance
    if (known !== undefined) this.#queue.push({ action: 'Register', app, id, instance: known, state: book.copies.stateOf(app, id) }, now())
  }

  /** It answers again: what waits for it, heartbeats above all, need not wait for the next try. */
  #isThere (): void {
    if (this.#retryMs === FIRST_RETRY_MS) return
    this.#retryMs = FIRST_RETRY_MS
    if (!this.#busy && !this.#stopped && this.#queue.size > 0) this.#schedule(0)
  }

  #reached (status: number): void {
    this.#retryMs = FIRST_RETRY_MS
    if (status < 300) {
      if (this.#available === false) this.#options.log?.info({ peer: this.url }, 'the peer is back')
      this.#available = true
      return
    }
    this.#failures++
    this.#options.log?.error({ peer: this.url, status }, 'the peer refused a batch, which is dropped')
  }

  #putBack (items: readonly Pending[], pauseMs: number, reason: string): number {
    this.#failures++
    if (this.#available !== false) this.#options.log?.warn({ peer: this.url, reason }, 'the peer cannot be told, trying again')
    this.#available = false
    this.#queue.putBack(items)
    return pauseMs
  }
}
