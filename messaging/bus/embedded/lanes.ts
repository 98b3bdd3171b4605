/**
 * Who has which message, in memory: one lane per queue and group, the messages of a lane in their order, its first one
 * free or with somebody until a time. A receipt is the right to settle the first message; it dies when the lane is
 * given to another consumer. Nothing here is on the disk, so handing out costs no flush: after a restart every message
 * that was not settled is free again, which is what "at least once" allows.
 */
import { randomUUID } from 'node:crypto'
import { FREED_BY_ONE, probeDelayMs } from '../probing.ts'
import { Fifo, Line } from './line.ts'
import { Timetable } from './timetable.ts'

export interface Lane {
  readonly group: string
  /** Numbers of its messages; the first one is at the head. */
  readonly seqs: Fifo<number>
  /** Tries of the head that a handler ended with an ordinary error. */
  failures: number
  /** How often the head was handed out since somebody last said what became of it. */
  unanswered: number
  /** Whether the head's last try met surroundings that were down. */
  waited: boolean
  /** Why the head is a dead letter, which is not written yet. */
  dead: string | undefined
  receipt: string | undefined
  /** Who has the receipt. */
  consumer: string | undefined
}

/** What the disk remembers of a message's tries. */
export type Counts = Pick<Lane, 'failures' | 'unanswered'>

const NEW: Counts = { failures: 0, unanswered: 0 }

export class Lanes {
  readonly #queues = new Map<string, QueueLanes>()

  /** The lanes of a queue; of one that never had a message, lanes that nobody keeps: anybody may ask for any name. */
  of (queue: string): QueueLanes {
    return this.#queues.get(queue) ?? new QueueLanes()
  }

  add (queue: string, group: string, seq: number, counts?: Counts): void {
    const lanes = this.of(queue)
    this.#queues.set(queue, lanes)
    lanes.add(group, seq, counts)
  }

  get names (): string[] {
    return [...this.#queues.keys()]
  }
}

/** The lanes of one queue. Free ones wait in the order in which they became free, so that none starves. */
export class QueueLanes {
  readonly #lanes = new Map<string, Lane>()
  readonly #free = new Line<Lane>()
  /** With a consumer, or waiting for their next try, by when they come free. */
  readonly #busy = new Timetable<Lane>()
  /** Those of them whose surroundings were down, longest first. */
  readonly #waiting = new Line<Lane>()
  /** Numbers of all messages, oldest first. */
  readonly #seqs = new Line<number>()

  add (group: string, seq: number, { failures, unanswered }: Counts = NEW): void {
    this.#seqs.add(seq)
    const known = this.#lanes.get(group)
    if (known !== undefined) {
      known.seqs.push(seq)
      return
    }
    const lane: Lane = { group, seqs: new Fifo([seq]), failures, unanswered, waited: false,
      dead: undefined, receipt: undefined, consumer: undefined }
    this.#lanes.set(group, lane)
    this.#free.add(lane)
  }

  /** Messages of all lanes. */
  get size (): number {
    return this.#seqs.size
  }

  /** Hands out the heads of up to `max` free lanes. */
  take (max: number, now: number, visibilityMs: number, consumer: string): Lane[] {
    this.#freeExpired(now)
    const taken: Lane[] = []
    while (taken.length < max) {
      const lane = this.#free.shift()
      if (lane === undefined) break
      lane.receipt = randomUUID()
      lane.consumer = consumer
      lane.unanswered++
      this.holdUntil(lane, now + visibilityMs)
      taken.push(lane)
    }
    return taken
  }

  /** The lane, if the receipt is still good for it. */
  find (group: string, receipt: string): Lane | undefined {
    const lane = this.#lanes.get(group)
    return lane?.receipt === receipt ? lane : undefined
  }

  /** The lane of a group that has messages. */
  ofGroup (group: string): Lane | undefined {
    return this.#lanes.get(group)
  }

  /** Nobody else gets the head before; extends what somebody has. */
  holdUntil (lane: Lane, freeAt: number): void {
    this.#free.delete(lane)
    this.#waiting.delete(lane)
    this.#busy.put(lane, freeAt)
  }

  /** The head's try has failed; it comes again when the delay is over. */
  retry (lane: Lane, now: number, delayMs: number): void {
    lane.failures++
    this.#answered(lane)
    this.#letOthersThrough(lane)
    this.holdUntil(lane, now + delayMs)
  }

  /**
   * The head's surroundings are down: it comes again when the delay is over, or later when so many wait that their
   * probes would be a load of their own; earlier as soon as somebody gets through.
   */
  wait (lane: Lane, now: number, delayMs: number): void {
    lane.waited = true
    this.#answered(lane)
    this.holdUntil(lane, now + probeDelayMs(delayMs, this.#waiting.size))
    this.#waiting.add(lane)
  }

  /** The head was given back by somebody who has not tried it. */
  giveBack (lane: Lane): void {
    lane.receipt = undefined
    lane.unanswered--
    this.#release(lane)
  }

  /** What the consumer holds. */
  heldBy (consumer: string): Lane[] {
    return [...this.#busy.items()].filter(lane => lane.receipt !== undefined && lane.consumer === consumer)
  }

  /** The head is done with: the next one is free at once. */
  advance (lane: Lane): void {
    this.#answered(lane)
    this.#letOthersThrough(lane)
    this.#busy.remove(lane)
    this.#free.delete(lane)
    this.#seqs.delete(lane.seqs.shift()!)
    lane.failures = 0
    lane.dead = undefined
    if (lane.seqs.size === 0) this.#lanes.delete(lane.group)
    else this.#free.add(lane)
  }

  /** When something can be handed out, Infinity when there is nothing. */
  freeAt (now: number): number {
    this.#freeExpired(now)
    return this.#free.size > 0 ? now : this.#busy.nextAt
  }

  /** Lanes that somebody has, or that wait for their next try. */
  inFlight (now: number): number {
    this.#freeExpired(now)
    return this.#busy.size
  }

  /** The oldest message. */
  get oldest (): number | undefined {
    return this.#seqs.first
  }

  /** Somebody has said what became of the head. */
  #answered (lane: Lane): void {
    lane.receipt = undefined
    lane.unanswered = 0
  }

  #letOthersThrough (lane: Lane): void {
    if (!lane.waited) return
    lane.waited = false
    for (let freed = 0; freed < FREED_BY_ONE; freed++) {
      const other = this.#waiting.first
      if (other === undefined) return
      this.#release(other)
    }
  }

  #freeExpired (now: number): void {
    // Its receipt stays good until somebody else has it: a late "done" is better than doing it twice.
    for (let lane = this.#busy.due(now); lane !== undefined; lane = this.#busy.due(now)) this.#release(lane)
  }

  #release (lane: Lane): void {
    this.#busy.remove(lane)
    this.#waiting.delete(lane)
    this.#free.add(lane)
  }
}
