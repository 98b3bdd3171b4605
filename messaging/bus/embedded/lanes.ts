/**
 * Who has which message, in memory: one lane per queue and group, the messages of a lane in their order, its first one
 * free or with somebody until a time. A receipt is the right to settle the first message; it dies when the lane is
 * given to another consumer. Nothing here is on the disk, so handing out costs no flush: after a restart every message
 * that was not settled is free again, which is what "at least once" allows.
 */
import { randomUUID } from 'node:crypto'

export interface Lane {
  readonly group: string
  /** Numbers of its messages; the first one is at the head. */
  readonly seqs: number[]
  /** How often the head was handed out. */
  receives: number
  freeAt: number
  receipt: string | undefined
}

export class Lanes {
  readonly #queues = new Map<string, QueueLanes>()

  /** The lanes of a queue; of one that never had a message, lanes that nobody keeps: anybody may ask for any name. */
  of (queue: string): QueueLanes {
    return this.#queues.get(queue) ?? new QueueLanes()
  }

  add (queue: string, group: string, seq: number, receives = 0): void {
    const lanes = this.of(queue)
    this.#queues.set(queue, lanes)
    lanes.add(group, seq, receives)
  }

  get names (): string[] {
    return [...this.#queues.keys()]
  }
}

/** The lanes of one queue. Free ones wait in the order in which they became free, so that none starves. */
export class QueueLanes {
  readonly #lanes = new Map<string, Lane>()
  readonly #free = new Set<Lane>()
  /** With a consumer, or waiting for their next try. */
  readonly #busy = new Set<Lane>()
  /** No busy lane comes free before. */
  #nextFreeAt = Infinity
  size = 0

  add (group: string, seq: number, receives = 0): void {
    this.size++
    const known = this.#lanes.get(group)
    if (known !== undefined) {
      known.seqs.push(seq)
      return
    }
    const lane: Lane = { group, seqs: [seq], receives, freeAt: 0, receipt: undefined }
    this.#lanes.set(group, lane)
    this.#free.add(lane)
  }

  /** Hands out the heads of up to `max` free lanes. */
  take (max: number, now: number, visibilityMs: number): Lane[] {
    this.#freeExpired(now)
    const taken: Lane[] = []
    for (const lane of this.#free) {
      if (taken.length === max) break
      lane.receipt = randomUUID()
      lane.receives++
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

  holdUntil (lane: Lane, freeAt: number): void {
    this.#free.delete(lane)
    this.#busy.add(lane)
    lane.freeAt = freeAt
    this.#nextFreeAt = Math.min(this.#nextFreeAt, freeAt)
  }

  /** The head is done with: the next one is free at once. */
  advance (lane: Lane): void {
    this.#busy.delete(lane)
    this.#free.delete(lane)
    lane.seqs.shift()
    lane.receipt = undefined
    lane.receives = 0
    this.size--
    if (lane.seqs.length === 0) this.#lanes.delete(lane.group)
    else this.#free.add(lane)
  }

  /** When something can be handed out, Infinity when there is nothing. */
  freeAt (now: number): number {
    this.#freeExpired(now)
    return this.#free.size > 0 ? now : this.#nextFreeAt
  }

  /** Lanes that somebody has, or that wait for their next try. */
  inFlight (now: number): number {
    this.#freeExpired(now)
    return this.#busy.size
  }

  /** The oldest message, which is at the head of some lane. */
  get oldest (): number | undefined {
    let oldest: number | undefined
    for (const { seqs: [head] } of this.#lanes.values()) if (head! < (oldest ?? Infinity)) oldest = head
    return oldest
  }

  #freeExpired (now: number): void {
    if (now < this.#nextFreeAt) return
    this.#nextFreeAt = Infinity
    for (const lane of this.#busy) {
      if (lane.freeAt > now) {
        this.#nextFreeAt = Math.min(this.#nextFreeAt, lane.freeAt)
        continue
      }
      this.#busy.delete(lane)
      // Its receipt stays good until somebody else has it: a late "done" is better than doing it twice.
      this.#free.add(lane)
    }
  }
}
