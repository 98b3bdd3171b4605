/**
 * What all event loops know of one breaker: a word with its state and the number of changes so far (the epoch), and
 * what is counted in that epoch. Whoever changes the state does so by compare-exchange of the word, so that one does.
 *
 * Four epochs have cells of their own, used in turn: an outcome that comes late is written where nobody counts any
 * more, and the cells of the next epoch are emptied a whole epoch before they are used.
 */
import { LoopCounter } from '../shared/loop-counter.ts'
import type { LoopPlace } from '../shared/shared-cells.ts'
import { hasCome, wrapped } from '../shared/wrapped-time.ts'
import type { BreakerSettings } from './breaker-settings.ts'
import { CountWindow, Probes, TimeWindow, type SharedWindow } from './shared-windows.ts'

export const STATES = ['CLOSED', 'OPEN', 'HALF_OPEN'] as const
export type BreakerState = typeof STATES[number]

const BANKS = 4
const WORD = 0
const STATE_BITS = 2
const STATE_MASK = 2 ** STATE_BITS - 1
const EPOCHS = 2 ** (31 - STATE_BITS)

/** The cells of one epoch. */
export class Bank {
  readonly window: SharedWindow
  readonly probes: Probes
  /** Calls let through half-open, and not given back. */
  readonly permits: LoopCounter
  readonly #cells: Int32Array

  constructor (cells: Int32Array, settings: BreakerSettings, place: LoopPlace) {
    const [permits, window] = [1 + Probes.cells, 1 + Probes.cells + LoopCounter.size(place)]
    this.#cells = cells
    this.probes = new Probes(cells.subarray(1, permits))
    this.permits = new LoopCounter(cells.subarray(permits, window), place)
    const size = settings.slidingWindowSize
    const Window = settings.slidingWindowType === 'TIME_BASED' ? TimeWindow : CountWindow
    this.window = new Window(cells.subarray(window), size)
  }

  static size ({ slidingWindowType, slidingWindowSize }: BreakerSettings, place: LoopPlace): number {
    const window = slidingWindowType === 'TIME_BASED' ? TimeWindow : CountWindow
    return 1 + Probes.cells + LoopCounter.size(place) + window.cells(slidingWindowSize)
  }

  clear (): void {
    this.#cells.fill(0)
  }

  /** Until when the epoch lasts. */
  lastUntil (ms: number): void {
    Atomics.store(this.#cells, 0, wrapped(ms))
  }

  isOver (nowMs: number): boolean {
    return hasCome(Atomics.load(this.#cells, 0), nowMs)
  }
}

export class BreakerCells {
  readonly #cells: Int32Array
  readonly #banks: readonly Bank[]

  constructor (buffer: SharedArrayBuffer, settings: BreakerSettings, place: LoopPlace) {
    this.#cells = new Int32Array(buffer)
    const size = Bank.size(settings, place)
    this.#banks = Array.from({ length: BANKS }, (_, at) =>
      new Bank(this.#cells.subarray(1 + at * size, 1 + (at + 1) * size), settings, place))
  }

  static make (settings: BreakerSettings, place: LoopPlace): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (1 + BANKS * Bank.size(settings, place)))
  }

  /** State and epoch at one moment. */
  get word (): number {
    return Atomics.load(this.#cells, WORD)
  }

  bank (word: number): Bank {
    return this.#banks[epochOf(word) % BANKS]!
  }

  /** The new word; undefined when another loop was faster. `lastsMs`: how long the new state lasts by itself. */
  move (from: number, to: BreakerState, nowMs: number, lastsMs: number): number | undefined {
    const epoch = (epochOf(from) + 1) % EPOCHS
    const word = epoch << STATE_BITS | STATES.indexOf(to)
    if (to !== 'CLOSED') this.bank(word).lastUntil(nowMs + lastsMs)
    if (Atomics.compareExchange(this.#cells, WORD, from, word) !== from) return undefined
    this.#banks[(epoch + 1) % BANKS]!.clear()
    return word
  }
}

export function stateOf (word: number): BreakerState {
  return STATES[word & STATE_MASK]!
}

export function epochOf (word: number): number {
  return word >>> STATE_BITS
}
