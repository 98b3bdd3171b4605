/**
 * Virtual time: a line of events, run one at a time. Between two of them everything runs that the first has set going,
 * up to where it waits again: so any two events may be parted by a crash, and the order of those that are due at the
 * same moment is the seed's to decide.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import type { Cancel } from '../clock.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'

/** Whose work an event is. What belongs to the dead never happens; what belongs to one that stands still waits. */
export interface Owner {
  readonly name: string
  readonly alive: boolean
  /** In virtual time; nothing of it happens before. */
  readonly stillUntilMs: number
}

interface Event {
  atMs: number
  readonly tie: number
  readonly owner: Owner
  readonly run: () => void
  cancelled: boolean
}

export interface SchedulerParts {
  readonly random: Random
  readonly trace: Trace
  /** Called with what an event has thrown: in a process of its own it would have been its end. */
  readonly onError: (owner: Owner, error: unknown) => void
}

export class Scheduler {
  readonly #parts: SchedulerParts
  readonly #heap: Event[] = []
  #nowMs = 0
  #steps = 0
  #holds = 0

  constructor (parts: SchedulerParts) {
    this.#parts = parts
  }

  /** Since the world began. */
  get nowMs (): number {
    return this.#nowMs
  }

  /** Events so far. */
  get steps (): number {
    return this.#steps
  }

  after (ms: number, owner: Owner, run: () => void): Cancel {
    const tie = this.#parts.random.next()
    const event: Event = { atMs: this.#nowMs + Math.max(ms, 0), tie, owner, run, cancelled: false }
    this.#push(event)
    return () => { event.cancelled = true }
  }

  /** Stops time until the returned function is called: for work that takes turns of the real loop. */
  hold (): () => void {
    this.#holds++
    let held = true
    return () => {
      if (held) this.#holds--
      held = false
    }
  }

  /** When the next event is due; Infinity when nothing will ever happen again. */
  get nextMs (): number {
    return this.#next()?.atMs ?? Infinity
  }

  /** Runs the next event and all that follows from it at once, and says whose it was; undefined when there is none. */
  async step (): Promise<Owner | undefined> {
    const event = this.#next()
    if (event === undefined) return undefined
    this.#pop()
    this.#nowMs = Math.max(this.#nowMs, event.atMs)
    this.#steps++
    this.#parts.trace.step(this.#nowMs, event.owner.name)
    try {
      event.run()
    } catch (error) {
      this.#parts.onError(event.owner, error)
    }
    await this.#settle()
    return event.owner
  }

  /** A real turn of the loop: all promises that can go on have gone on by then. */
  async #settle (): Promise<void> {
    do await breathe()
    while (this.#holds > 0)
  }

  /** Lets time pass, and everything happen that is due until then. */
  async advance (ms: number): Promise<void> {
    const until = this.#nowMs + ms
    while (this.nextMs <= until) await this.step()
    this.#nowMs = until
  }

  /** Goes on until the condition is met; throws when it never will be, or not within `limitMs`. */
  async runUntil (met: () => boolean, limitMs: number, what: string): Promise<void> {
    const deadline = this.#nowMs + limitMs
    await this.#settle()
    while (!met()) {
      if (this.nextMs > deadline) throw new Error(`${what} did not happen within ${limitMs} ms of virtual time`)
      await this.step()
    }
  }

  /** The first event that can still happen; those of the dead are dropped, those of the still are put off. */
  #next (): Event | undefined {
    for (;;) {
      const [event] = this.#heap
      if (event === undefined) return undefined
      if (event.cancelled || !event.owner.alive) {
        this.#pop()
        continue
      }
      if (event.owner.stillUntilMs <= event.atMs) return event
      this.#pop()
      event.atMs = event.owner.stillUntilMs
      this.#push(event)
    }
  }

  #push (event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  #pop (): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function before (a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.tie < b.tie)
}
