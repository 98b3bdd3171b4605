/**
 * What stores that are asked each time (Redis, SQL, Vault) have in common: a deadline, the last known answer while the
 * store is down, health from what happened last instead of a probe. A store that failed is not waited for by everyone:
 * after a pause one question tries again, and all others are answered at once.
 */
import { BreakwaterError } from '@breakwater/starter/errors'
import { ByteCache } from '../byte-cache.ts'
import type { Ask } from '../environment/ask.ts'
import type { Found } from '../environment/environment.ts'
import { error } from '../errors.ts'
import type { Asker, Backend, BackendHealth, ReadSecrets } from './backend.ts'

export interface Store {
  readonly description: string
  readonly read: (ask: Ask, asker: Asker) => Promise<Found>
  readonly stop: () => Promise<void>
  readonly timeoutMs: number
  /** False for stores whose answers depend on who asks: one caller's secrets are never kept for another. */
  readonly keepLastKnown: boolean
  readonly onProblem: (store: string, problem: string) => void
  readonly secrets?: ReadSecrets
  /** A clock of this process. @default performance.now */
  readonly nowMs?: () => number
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 5_000
const LAST_KNOWN_BYTES = 8 * 1_048_576
const PROPERTY_BYTES = 200

export function createStoreBackend (store: Store): Backend {
  return new StoreBackend(store)
}

class StoreBackend implements Backend {
  readonly description: string
  readonly secrets: ReadSecrets | undefined = undefined
  readonly #store: Store
  readonly #lastKnown = new ByteCache<Found>(LAST_KNOWN_BYTES)
  readonly #nowMs: () => number
  #problem: string | undefined
  #failures = 0
  #nextTryMs = 0

  constructor (store: Store) {
    const { secrets } = store
    this.#store = store
    this.#nowMs = store.nowMs ?? (() => performance.now())
    this.description = store.description
    if (secrets !== undefined) this.secrets = async (...args) => this.#readSecrets(async () => secrets(...args))
  }

  async start (): Promise<void> {}

  async stop (): Promise<void> {
    await this.#store.stop()
  }

  stamp (): undefined {
    return undefined
  }

  async find (ask: Ask, asker: Asker): Promise<Found> {
    const key = `${ask.name}\n${ask.profile}\n${ask.label ?? ''}`
    const known = this.#lastKnown.get(key)
    if (!this.#mayTry()) return known ?? this.#unavailable()
    const trial = this.#try(async () => this.#read(key, ask, asker))
    // While it is down the one who tries again does not wait for it either.
    if (this.#problem !== undefined && known !== undefined) {
      trial.catch(() => {})
      return known
    }
    return trial.catch(failure => this.#lastKnown.get(key) ?? this.#unavailable(failure))
  }

  async #read (key: string, ask: Ask, asker: Asker): Promise<Found> {
    const found = await this.#store.read(ask, asker)
    if (this.#store.keepLastKnown) this.#lastKnown.set(key, found, sizeOf(found))
    return found
  }

  async #readSecrets<T> (read: () => Promise<T>): Promise<T> {
    return this.#mayTry() ? this.#try(read).catch(failure => this.#unavailable(failure)) : this.#unavailable()
  }

  // The moment of the next try is put off before it: only one question makes it.
  #mayTry (): boolean {
    if (this.#problem === undefined) return true
    if (this.#nowMs() < this.#nextTryMs) return false
    this.#pause(this.#store.timeoutMs)
    return true
  }

  #pause (ms: number): void {
    this.#nextTryMs = this.#nowMs() + ms
  }

  async #try<T> (work: () => Promise<T>): Promise<T> {
    try {
      const result = await within(this.#store.timeoutMs, work())
      this.#recovered()
      return result
    } catch (failure) {
      // What is the caller's own fault says of the store that it answers, if it was asked at all.
      if (!isCallersFault(failure)) this.#failed(failure)
      else if (failure.code !== 'E_VAULT_TOKEN') this.#recovered()
      throw failure
    }
  }

  #recovered (): void {
    this.#problem = undefined
    this.#failures = 0
  }

  #failed (failure: unknown): void {
    const problem = failure instanceof Error ? failure.message : String(failure)
    if (problem !== this.#problem) this.#store.onProblem(this.description, problem)
    this.#problem = problem
    this.#pause(Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS))
    this.#failures++
  }

  #unavailable (failure?: unknown): never {
    if (isCallersFault(failure)) throw failure
    throw error('E_CONFIG_BACKEND', [this.description, this.#problem ?? 'no answer'], { cause: failure })
  }

  async resource (): Promise<undefined> {
    return undefined
  }

  watch (): () => void {
    return () => {}
  }

  health (): BackendHealth {
    return this.#problem === undefined ? { up: true } : { up: this.#lastKnown.size > 0, problem: `${this.description}: ${this.#problem}` }
  }
}

function isCallersFault (failure: unknown): failure is BreakwaterError {
  return failure instanceof BreakwaterError && failure.statusCode < 500
}

function sizeOf ({ sources }: Found): number {
  return sources.reduce((sum, { properties }) => sum + properties.size * PROPERTY_BYTES, 256)
}

async function within<T> (ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
