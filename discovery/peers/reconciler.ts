import type { Logger } from 'pino'
import type { Book } from '../registry/book.ts'
import { compareRequest, differences, exchangeRequest, takeExchange, type Differences } from './agreement.ts'
import { keyParts } from '../registry/instance.ts'
import type { After, PeerCaller } from './calling.ts'

export interface ReconcilerOptions {
  readonly book: Book
  readonly http: PeerCaller
  readonly after: After
  /** Between two comparisons. */
  readonly intervalMs: number
  /** How many instances are exchanged at once. */
  readonly batchSize: number
  readonly now: () => number
  readonly log: Logger | undefined
  /** Called whenever something was learned. */
  readonly onLearned: () => void
  /** Called whenever the peer has answered. */
  readonly onAnswer: () => void
}

/**
 * How a comparison ended: all was equal, something was exchanged, the other knows no stamps, it would not compare now,
 * or it did not answer at all.
 */
export type Comparison = 'equal' | 'exchanged' | 'foreign' | 'failed' | 'unreached'

/** Whether two registries have the same, as far as is known. */
export interface Agreement {
  /** How the last comparison ended; undefined before the first. */
  readonly comparison: Comparison | undefined
  /** When they were equal last, in milliseconds since 1970; undefined: not since this registry started. */
  readonly equalAt: number | undefined
  /** In how many instances they differed when they were compared last, and the first of these. */
  readonly differing: number
  readonly differ: ReadonlyArray<{ readonly app: string, readonly id: string }>
  /** How many instances the peer has; undefined when it does not say. */
  readonly instances: number | undefined
}

const MAX_NAMED = 100

/** How often a server without stamps is asked whether it is one of ours by now. */
const FOREIGN_MS = 60_000
/** Who is not let in has not learned whom it speaks to. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 429])

/**
 * Compares this registry's list with that of one peer, again and again (Consul's anti-entropy, Nacos's checksums), and
 * exchanges what differs. So whatever got lost, in whatever way, is missing for a second at most once they can talk.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  #cancel: (() => void) | undefined
  #stopped = false
  #last: Comparison | undefined
  #equalAt: number | undefined
  #found: Differences = { keys: [], instances: undefined }
  #running: Promise<Comparison> | undefined
  #isOurs: boolean | undefined

  constructor (options: ReconcilerOptions) {
    this.#options = options
  }

  get agreement (): Agreement {
    const { keys, instances } = this.#found
    const differ = keys.slice(0, MAX_NAMED).map(keyParts).filter(parts => parts !== undefined)
      .map(([app, id]) => ({ app, id }))
    return { comparison: this.#last, equalAt: this.#equalAt, differing: keys.length, differ, instances }
  }

  /** Whether the peer is a registry of ours; undefined until it has answered once. */
  get isOurs (): boolean | undefined {
    return this.#isOurs
  }

  /** Begins to compare, regularly. */
  start (): void {
    this.#cancel ??= this.#options.after(this.#options.intervalMs, () => { void this.#again() })
  }

  stop (): void {
    this.#stopped = true
    this.#cancel?.()
    this.#options.http.close()
  }

  /** Compares once, and goes on as long as there is something to exchange. */
  compare (): Promise<Comparison> {
    this.#running ??= this.#compare().finally(() => { this.#running = undefined })
    return this.#running
  }

  async #again (): Promise<void> {
    await this.compare()
    if (this.#stopped) return
    const waitMs = this.#last === 'foreign' ? FOREIGN_MS : this.#options.intervalMs
    this.#cancel = this.#options.after(waitMs, () => { void this.#again() })
  }

  async #compare (): Promise<Comparison> {
    let last: Comparison
    // What was exchanged and still differs (one is full, a lease ran out) is left for the next time.
    let sums: string | undefined
    do {
      sums = this.#options.book.digests.sums.join()
      last = await this.#once().catch((): Comparison => 'unreached')
    } while (last === 'exchanged' && !this.#stopped && this.#options.book.digests.sums.join() !== sums)
    if (last !== 'failed' && last !== 'unreached') {
      this.#isOurs = last !== 'foreign'
      this.#options.onAnswer()
    }
    if (last === 'foreign' && this.#last !== 'foreign') this.#tellForeign()
    this.#last = last
    return last
  }

  async #once (): Promise<Comparison> {
    const { book, http, batchSize } = this.#options
    const { status, body } = await http.call('POST', 'peerreplication/compare', compareRequest(book))
    if (status >= 500 || REFUSED.has(status)) return 'failed'
    const found = status === 200 ? differences(book, body) : undefined
    // Not found, not allowed, or anything that is no comparison: another make, or an older one of ours.
    if (found === undefined) return 'foreign'
    this.#found = found
    const { keys } = found
    for (let at = 0; at < keys.length && !this.#stopped; at += batchSize) {
      if (!await this.#exchange(keys.slice(at, at + batchSize))) return 'failed'
    }
    if (keys.length > 0) return 'exchanged'
    this.#equalAt = this.#options.now()
    return 'equal'
  }

  async #exchange (keys: readonly string[]): Promise<boolean> {
    const { book, http, onLearned } = this.#options
    const { status, body } = await http.call('POST', 'peerreplication/exchange', exchangeRequest(book, keys))
    const taken = status === 200 && book.speaker.as({ by: 'peer', address: http.url }, () => takeExchange(book, body))
    if (taken) onLearned()
    return taken
  }

  #tellForeign (): void {
    this.#options.log?.warn({ peer: this.#options.http.url },
      'the peer does not compare lists (Spring\'s and Netflix\'s do not): what gets lost on the way to it stays lost')
  }
}
