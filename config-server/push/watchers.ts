/**
 * Everyone who waits for a change. When the store has changed, each watcher's environment is looked at again, once
 * for all who ask the same, and only those are woken whose effective values are others now.
 */
import type { Asker } from '../backends/backend.ts'
import type { Ask } from '../environment/ask.ts'
import type { Look, Snapshot } from './snapshots.ts'

/** One client that waits. */
export interface Watcher {
  readonly ask: Ask
  readonly asker: Asker
  /** What the client has; undefined when that is not known. */
  current: Snapshot | undefined
  /** State of the store at which `current` was looked at, or one since that concerns nothing of it. */
  stamp: string | undefined
  /** Told of the new state; the keys are empty when what was before is no longer known. */
  readonly wake: (now: Snapshot, changed: readonly string[]) => void
}

export interface WatchersOptions {
  /** The present state of a question, and a name for it so that equal ones are made once. */
  readonly look: (ask: Ask, asker: Asker) => Look
  /** Whether what lies between two stamps may concern a question: most commits concern few. */
  readonly concerns: (ask: Ask, before: string, after: string) => Promise<boolean>
  /** Told what could not be looked at; the watcher stays and is looked at again with the next change. */
  readonly onFailure: (ask: Ask, failure: unknown) => void
  /** @default 10000 */
  readonly maxWatchers: number
}

const LOOKS_AT_ONCE = 8

export class Watchers {
  readonly #options: WatchersOptions
  readonly #all = new Set<Watcher>()
  #checking: Promise<void> | undefined
  #again = false

  constructor (options: WatchersOptions) {
    this.#options = options
  }

  get size (): number {
    return this.#all.size
  }

  get isFull (): boolean {
    return this.#all.size >= this.#options.maxWatchers
  }

  [Symbol.iterator] (): IterableIterator<Watcher> {
    return this.#all[Symbol.iterator]()
  }

  add (watcher: Watcher): void {
    this.#all.add(watcher)
  }

  remove (watcher: Watcher): void {
    this.#all.delete(watcher)
  }

  /** Looks at all of them; changes that come meanwhile lead to one more round, however many they are. */
  async check (): Promise<void> {
    this.#again = true
    this.#checking ??= this.#rounds().finally(() => { this.#checking = undefined })
    return this.#checking
  }

  async #rounds (): Promise<void> {
    while (this.#again) {
      this.#again = false
      await this.#round()
    }
  }

  async #round (): Promise<void> {
    const seen = new Map<string, Promise<Snapshot>>()
    const line = [...this.#all]
    const worker = async (): Promise<void> => {
      for (let watcher = line.pop(); watcher !== undefined; watcher = line.pop()) await this.#look(watcher, seen)
    }
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, worker))
  }

  async #isUntouched ({ ask, current, stamp: before }: Watcher, now: string | undefined): Promise<boolean> {
    if (current === undefined || before === undefined || now === undefined) return false
    return before === now || !await this.#options.concerns(ask, before, now)
  }

  async #look (watcher: Watcher, seen: Map<string, Promise<Snapshot>>): Promise<void> {
    try {
      const { key, stamp, take } = this.#options.look(watcher.ask, watcher.asker)
      if (await this.#isUntouched(watcher, stamp)) {
        watcher.stamp = stamp
        return
      }
      const shared = seen.get(key) ?? take()
      seen.set(key, shared)
      const now = await shared
      watcher.stamp = stamp
      if (!this.#all.has(watcher) || now.print === watcher.current?.print) return
      const changed = changedKeys(watcher.current, now)
      watcher.current = now
      watcher.wake(now, changed)
    } catch (failure) {
      this.#options.onFailure(watcher.ask, failure)
    }
  }
}

/** The keys whose effective values differ, sorted; empty when the earlier state is not known. */
export function changedKeys (before: Snapshot | undefined, now: Snapshot): string[] {
  if (before?.values === undefined || now.values === undefined) return []
  const keys = new Set([...before.values.keys(), ...now.values.keys()])
  return [...keys].filter(key => {
    const [a, b] = [before.values?.get(key), now.values?.get(key)]
    return a?.text !== b?.text || a?.kind !== b?.kind
  }).toSorted()
}
