/**
 * What stores that are asked each time (Redis, SQL, Vault) have in common: a deadline, the last known answer while the
 * store is down, health from what happened last instead of a probe.
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
}

const LAST_KNOWN_BYTES = 8 * 1_048_576
const PROPERTY_BYTES = 200

export function createStoreBackend (store: Store): Backend {
  return new StoreBackend(store)
}

class StoreBackend implements Backend {
  readonly description: string
  readonly secrets: ReadSecrets | undefined
  readonly #store: Store
  readonly #lastKnown = new ByteCache<Found>(LAST_KNOWN_BYTES)
  #problem: string | undefined

  constructor (store: Store) {
    this.#store = store
    this.description = store.description
    this.secrets = store.secrets
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
    try {
      const found = await within(this.#store.timeoutMs, this.#store.read(ask, asker))
      this.#problem = undefined
      if (this.#store.keepLastKnown) this.#lastKnown.set(key, found, sizeOf(found))
      return found
    } catch (failure) {
      // What is the caller's own fault says nothing of the store.
      if (failure instanceof BreakwaterError && failure.statusCode < 500) throw failure
      return this.#lastKnownOf(key, failure)
    }
  }

  #lastKnownOf (key: string, failure: unknown): Found {
    const problem = failure instanceof Error ? failure.message : String(failure)
    if (problem !== this.#problem) this.#store.onProblem(this.description, problem)
    this.#problem = problem
    const known = this.#lastKnown.get(key)
    if (known === undefined) throw error('E_CONFIG_BACKEND', [this.description, problem], { cause: failure })
    return known
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
