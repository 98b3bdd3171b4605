/**
 * Memory that all event loops of one gateway look at: what a user configures as one number is counted once, however
 * many loops there are. Cells are named by what they are about, made by the control loop while it compiles a snapshot
 * (before any loop does), and travel with it; a loop on its own makes them itself. They go when nobody names them.
 */
import { randomUUID } from 'node:crypto'

/** Crosses to worker threads by reference. `id` tells cells from their successors of the same name. */
export interface NamedCells {
  readonly id: string
  readonly buffer: SharedArrayBuffer
}

export type CellsByName = Readonly<Record<string, NamedCells>>

export class SharedCells {
  readonly #known = new Map<string, NamedCells>()
  readonly #used = new Set<string>()

  /** The cells of that name, the same object for as long as they are the same memory. */
  of (name: string, make: () => SharedArrayBuffer): NamedCells {
    const cells = this.#known.get(name) ?? { id: randomUUID(), buffer: make() }
    this.#known.set(name, cells)
    this.#used.add(name)
    return cells
  }

  /** Takes over what came with a snapshot. */
  adopt (given: CellsByName): void {
    for (const [name, cells] of Object.entries(given)) {
      if (this.#known.get(name)?.id !== cells.id) this.#known.set(name, cells)
    }
  }

  /** A table is compiled: forgets what it does not name. */
  retainUsed (): void {
    for (const name of this.#known.keys()) if (!this.#used.has(name)) this.#known.delete(name)
    this.#used.clear()
  }

  get all (): CellsByName {
    return Object.fromEntries(this.#known)
  }
}

/** The place of one event loop among the others. */
export interface LoopPlace {
  readonly index: number
  readonly count: number
}
