/** The way out: heads of free lanes are handed out and settled. */
import type { Clock } from '../../clock.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import { Bodies } from './bodies.ts'
import { bury } from './dead-letters.ts'
import { writeCounts, type Erasures } from './erasures.ts'
import type { Counts, Lane, QueueLanes } from './lanes.ts'
import { MAX_CALL_BYTES } from './limits.ts'
import type { Notice } from './notice.ts'
import { readBody, setAside } from './reading.ts'
import type { Received, Settlement } from './settlement.ts'

/** A message whose consumer ended this often without a word is what ends it. (A handler's own failures end earlier.) */
const MAX_UNANSWERED = 20
/** When what the disk did not take, or did not give, is asked for again. */
const AGAIN_MS = 1000

export interface HandoutParts {
  readonly store: SqlStore
  readonly clock: Clock
  readonly erasures: Erasures
  readonly notice: Notice
  readonly onError: (error: unknown) => void
}

type Head = Pick<Received, 'seq' | 'receipt' | 'group'> & Counts

export class Handout {
  readonly bodies = new Bodies()
  /** The last message that was there at the start: whether it has ended the bus, nobody knows. */
  oldSeq = 0
  readonly #parts: HandoutParts

  constructor (parts: HandoutParts) {
    this.#parts = parts
  }

  async receive (lanes: QueueLanes, max: number, visibilityMs: number, consumer: string): Promise<Received[]> {
    const taken = lanes.take(max, this.#parts.clock.elapsed(), visibilityMs, consumer)
    // Before anything is waited for: a lane that moves on meanwhile must not change what is handed out here.
    const heads = taken.filter(lane => !isDead(lane)).map(({ seqs, receipt, group, failures, unanswered }) =>
      ({ seq: seqs.first!, receipt: receipt!, group, failures, unanswered }))
    for (const lane of taken.filter(isDead)) {
      await this.end(lanes, lane, lane.dead ?? 'received too often without an answer')
    }
    await this.#countAgain(heads)
    return this.#withBodies(lanes, heads)
  }

  async settle (lanes: QueueLanes, { group, receipt, verdict, delayMs = 0, error = '' }: Settlement): Promise<boolean> {
    const lane = lanes.find(group, receipt)
    if (lane === undefined) return false
    const now = this.#parts.clock.elapsed()
    if (verdict === 'done' || verdict === 'dead') await this.end(lanes, lane, verdict === 'dead' ? error : undefined)
    else if (verdict === 'untried') this.giveBack(lanes, lane)
    else {
      if (verdict === 'retry') lanes.retry(lane, now, delayMs)
      else lanes.wait(lane, now, delayMs)
      this.#parts.erasures.count(lane.seqs.first!, lane)
    }
    return true
  }

  giveBack (lanes: QueueLanes, lane: Lane): void {
    lanes.giveBack(lane)
    this.#parts.erasures.count(lane.seqs.first!, lane)
  }

  /** The head has been handled, or has failed for good with an error. False: the disk takes no dead letter now. */
  async end (lanes: QueueLanes, lane: Lane, error: string | undefined): Promise<boolean> {
    const seq = lane.seqs.first!
    if (error === undefined) this.#parts.erasures.erase(seq)
    else if (!await this.#bury(lanes, lane, seq, error)) return false
    this.bodies.drop(seq)
    lanes.advance(lane)
    return true
  }

  /** A verdict that cannot be written now stands, and is written when the lane's turn comes again. */
  async #bury (lanes: QueueLanes, lane: Lane, seq: number, error: string): Promise<boolean> {
    const { store, clock, onError } = this.#parts
    // Nobody's until it is written: told twice, the same verdict must not bury the next message as well.
    lane.receipt = undefined
    lane.dead = error
    lanes.holdUntil(lane, Infinity)
    try {
      await store.tx(tx => bury(tx, seq, error, clock.now()))
      return true
    } catch (cause) {
      onError(cause)
      lanes.holdUntil(lane, clock.elapsed() + AGAIN_MS)
      return false
    }
  }

  /** A consumer that dies of a message must not make it young again by taking the bus along. */
  async #countAgain (heads: readonly Head[]): Promise<void> {
    const { store, onError } = this.#parts
    const again = heads.filter(({ seq, unanswered }) => unanswered > 1 || seq <= this.oldSeq)
    if (again.length === 0) return
    // On a full disk nothing is counted, and yet handed out: what is handled makes room.
    await store.tx(tx => writeCounts(tx, again.map(head => [head.seq, head]))).catch(onError)
  }

  /** As many as one answer can hold; the others are given back. */
  async #withBodies (lanes: QueueLanes, heads: readonly Head[]): Promise<Received[]> {
    const received: Received[] = []
    let bytes = 0
    for (const head of heads) {
      const { seq, receipt, group, failures } = head
      const body = this.bodies.get(seq) ?? await this.#read(lanes, head)
      if (body === undefined) continue
      bytes += Buffer.byteLength(body)
      const lane = lanes.find(group, receipt)
      const fits = bytes <= MAX_CALL_BYTES || received.length === 0
      if (fits) received.push({ seq, receipt, group, body, tries: failures + 1 })
      else if (lane !== undefined) this.giveBack(lanes, lane)
    }
    return received
  }

  /** Undefined when it is not what it was: then it is set aside, and its group goes on. */
  async #read (lanes: QueueLanes, { seq, group, receipt }: Head): Promise<string | undefined> {
    const { store, clock, notice, onError } = this.#parts
    try {
      const body = await readBody(store, seq)
      if (body !== undefined) return body
      await store.tx(tx => setAside(tx, seq, clock.now()))
      notice('a message was damaged on the disk: it is set aside and not delivered', { group, seq })
      const lane = lanes.find(group, receipt)
      if (lane !== undefined) lanes.advance(lane)
    } catch (error) {
      onError(error)
      const lane = lanes.find(group, receipt)
      // Its group waits, and nobody else.
      if (lane !== undefined) lanes.holdUntil(lane, clock.elapsed() + AGAIN_MS)
    }
    return undefined
  }
}

function isDead (lane: Lane): boolean {
  return lane.dead !== undefined || lane.unanswered > MAX_UNANSWERED
}
