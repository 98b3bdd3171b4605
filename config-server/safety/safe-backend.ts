/**
 * The net under a store: a state whose files are broken or break their schema is not served; the last one that was
 * good is, for that application only, and health tells of it. Without a good one the error goes out as in Spring.
 */
import { BreakwaterError } from '@breakwater/starter/errors'
import type { Asker, Backend, BackendHealth, ReadSecrets, Resource, Versions } from '../backends/backend.ts'
import { ByteCache } from '../byte-cache.ts'
import type { Ask } from '../environment/ask.ts'
import type { Found } from '../environment/environment.ts'
import { error } from '../errors.ts'
import { Schemas } from './schema.ts'

/** What is held back, and from whom. */
export interface HeldBack {
  readonly application: string
  readonly profiles: string
  readonly label: string | null
  readonly problem: string
  /** Version that is served instead; undefined when there is none. */
  readonly served: string | null | undefined
}

export interface SafeOptions {
  /** Told once of every state that is held back. */
  readonly onHeldBack: (held: HeldBack) => void
}

const MAX_EARLIER = 50
const MAX_HELD = 500
const LAST_GOOD_BYTES = 8 * 1_048_576
const PROPERTY_BYTES = 200

export class SafeBackend implements Backend {
  readonly description: string
  readonly #inner: Backend
  readonly #options: SafeOptions
  readonly #schemas = new Schemas()
  readonly #held = new Map<string, HeldBack>()
  readonly #lastGood = new ByteCache<Found>(LAST_GOOD_BYTES)

  constructor (inner: Backend, options: SafeOptions) {
    this.#inner = inner
    this.#options = options
    this.description = inner.description
  }

  get versions (): Versions | undefined {
    return this.#inner.versions
  }

  get secrets (): ReadSecrets | undefined {
    return this.#inner.secrets
  }

  async start (): Promise<void> {
    await this.#inner.start()
  }

  async stop (): Promise<void> {
    await this.#inner.stop()
  }

  stamp (ask: Ask, asker: Asker): string | undefined {
    return this.#inner.stamp(ask, asker)
  }

  async find (ask: Ask, asker: Asker): Promise<Found> {
    const key = `${ask.name}\n${ask.profile}\n${ask.label ?? ''}`
    const now = await this.#goodOrProblem(ask, asker, async () => this.#inner.find(ask, asker))
    if (!(now instanceof Error)) {
      this.#held.delete(key)
      if (this.#inner.stamp(ask, asker) !== undefined) this.#remember(key, now)
      return now
    }
    const good = await this.#earlierGood(ask, asker) ?? this.#lastGood.get(key)
    this.#holdBack(key, ask, now, good)
    if (good === undefined) throw now
    return good
  }

  // Only a fault of the files is a reason to look back: a missing label or a store that is down is not.
  async #goodOrProblem (
    ask: Ask, asker: Asker, find: () => Promise<Found | undefined>
  ): Promise<Found | BreakwaterError> {
    try {
      const found = await find()
      if (found === undefined) throw error('E_CONFIG_NO_LABEL', ['before the first commit'])
      return await this.#violation(ask, asker, found) ?? found
    } catch (failure) {
      if (failure instanceof BreakwaterError && (failure.statusCode === 500 || failure.code === 'E_FLAT_KEY')) return failure
      throw failure
    }
  }

  async #violation (ask: Ask, asker: Asker, found: Found): Promise<BreakwaterError | undefined> {
    for (const name of new Set(['application', ...ask.names])) {
      const schema = await this.#schema(ask, asker, found, name)
      if (schema === undefined) continue
      const [first, ...more] = this.#schemas.check(found.sources, schema.file, schema.content)
      if (first === undefined) continue
      const rest = more.length === 0 ? '' : ` (and ${more.length} more)`
      return error('E_CONFIG_INVALID', [first.text, `rule ${first.rule} of ${name}.schema.json${rest}`], { where: first.where })
    }
    return undefined
  }

  // The schema of the same commit: one that was made stricter judges no earlier state.
  async #schema (ask: Ask, asker: Asker, found: Found, name: string): Promise<Resource | undefined> {
    const at = found.version === null || this.#inner.versions === undefined ? ask : { ...ask, labels: found.version.split(',') }
    return this.#inner.resource(at, [`${name}.schema.json`], asker)
  }

  async #earlierGood (ask: Ask, asker: Asker): Promise<Found | undefined> {
    for (let skip = 1; skip <= MAX_EARLIER; skip++) {
      const earlier = await this.#inner.earlier?.(ask, asker, skip)
      if (earlier === undefined) return undefined
      const checked = await this.#goodOrProblem(ask, asker, async () => earlier)
      if (!(checked instanceof Error)) return checked
    }
    return undefined
  }

  // A store without stamps answers by who asks: what one caller may see is never kept for another.
  #remember (key: string, found: Found): void {
    if (this.#inner.versions !== undefined) return
    const properties = found.sources.reduce((sum, source) => sum + source.properties.size, 0)
    this.#lastGood.set(key, found, properties * PROPERTY_BYTES + 256)
  }

  #holdBack (key: string, ask: Ask, problem: Error, good: Found | undefined): void {
    const held = {
      application: ask.name, profiles: ask.profile, label: ask.label, problem: problem.message, served: good?.version
    }
    if (this.#held.get(key)?.problem !== held.problem) this.#options.onHeldBack(held)
    if (this.#held.size < MAX_HELD) this.#held.set(key, held)
  }

  async concerns (ask: Ask, before: string, after: string): Promise<boolean> {
    return await this.#inner.concerns?.(ask, before, after) ?? true
  }

  async earlier (ask: Ask, asker: Asker, skip: number): Promise<Found | undefined> {
    return this.#inner.earlier?.(ask, asker, skip)
  }

  async resource (ask: Ask, candidates: readonly string[], asker: Asker): Promise<Resource | undefined> {
    return this.#inner.resource(ask, candidates, asker)
  }

  async refresh (): Promise<void> {
    await this.#inner.refresh?.()
  }

  watch (listener: () => void): () => void {
    return this.#inner.watch(listener)
  }

  get heldBack (): readonly HeldBack[] {
    return [...this.#held.values()]
  }

  health (): BackendHealth {
    const inner = this.#inner.health()
    const held = this.heldBack.map(({ application, profiles, problem }) => `${application}/${profiles}: ${problem}`)
    const problems = [...(inner.problem === undefined ? [] : [inner.problem]), ...held]
    return { up: inner.up, ...(problems.length === 0 ? {} : { problem: problems.slice(0, 10).join('; ') }) }
  }
}
