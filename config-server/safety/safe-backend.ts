/**
 * The net under a store: a state whose files are broken or break their schema is not served; the last one that was
 * good is, for that application only, and health tells of it. Without a good one the error goes out as in Spring.
 */
import type { BreakwaterError } from '@breakwater/starter/errors'
import type { Asker, Backend, BackendHealth, ReadSecrets, Resource, Versions } from '../backends/backend.ts'
import { noPast, type State } from '../backends/state-lines.ts'
import { ByteCache } from '../byte-cache.ts'
import type { Ask } from '../environment/ask.ts'
import type { Broken, Found } from '../environment/environment.ts'
import { error } from '../errors.ts'
import { HeldBackList, type HeldBack } from './held-back.ts'
import { tellImports } from './import-notice.ts'
import { faultsOf, hasAllOf } from './judge.ts'
import { Schemas } from './schema.ts'

export interface SafeOptions {
  /** Told once of every state that is held back. */
  readonly onHeldBack: (held: HeldBack) => void
  /** Told of each file of which something counts for nothing. */
  readonly onIgnored: (file: string, why: string) => void
}

/** What a broken state came to; without `good` there is no state to serve. */
interface Verdict {
  readonly stamp: string
  readonly problem: BreakwaterError
  readonly good: Found | undefined
}

const KEPT_BYTES = 8 * 1_048_576
const PROPERTY_BYTES = 200

export class SafeBackend implements Backend {
  readonly description: string
  readonly #inner: Backend
  readonly #options: SafeOptions
  readonly #schemas = new Schemas()
  readonly #held = new HeldBackList()
  /** By question, and by its state: the search for a good state is made once for each broken one. */
  readonly #verdicts = new ByteCache<Verdict>(KEPT_BYTES)
  readonly #searches = new Map<string, Promise<Verdict>>()

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
    this.#inner.watch(() => { void this.#lookAgain() })
  }

  async stop (): Promise<void> {
    await this.#inner.stop()
    this.#schemas.stop()
  }

  // An answer that is kept outlives the moment in which its state was judged: whoever gets it is noted again.
  stamp (ask: Ask, asker: Asker): string | undefined {
    const stamp = this.#inner.stamp(ask, asker)
    const verdict = this.#verdicts.size === 0 ? undefined : this.#verdicts.get(`${keyOf(ask)}\n${stamp}`)
    if (verdict !== undefined) this.#holdBack(keyOf(ask), ask, asker, verdict)
    return stamp
  }

  async find (ask: Ask, asker: Asker): Promise<Found> {
    const stamp = this.#inner.stamp(ask, asker)
    const key = keyOf(ask)
    const verdict = await this.#known(key, ask, stamp) ?? await this.#judge(key, ask, asker, stamp)
    if (!('problem' in verdict)) {
      this.#release(key, stamp)
      return verdict
    }
    this.#holdBack(key, ask, asker, verdict)
    if (verdict.good !== undefined) return verdict.good
    throw error('E_CONFIG_NO_GOOD_STATE', [verdict.problem.message], { cause: verdict.problem })
  }

  // What was broken stays so until something changes that concerns it, whatever others commit.
  async #known (key: string, ask: Ask, stamp: string | undefined): Promise<Verdict | undefined> {
    if (stamp === undefined) return undefined
    const last = this.#verdicts.get(`${key}\n${stamp}`) ?? this.#verdicts.get(key)
    if (last === undefined || last.stamp === stamp) return last
    return await this.concerns(ask, last.stamp, stamp) ? undefined : last
  }

  async #judge (key: string, ask: Ask, asker: Asker, stamp: string | undefined): Promise<Found | Verdict> {
    const now = await this.#inner.find(ask, asker)
    const faults = await faultsOf(ask, now, this.#schemas)
    if (faults.length === 0) {
      tellImports(now, this.#options.onIgnored)
      return now
    }
    // Everyone who asks meanwhile waits for one search. What depends on who asks is looked for by each.
    const name = stamp === undefined ? undefined : `${key}\n${stamp}`
    const search = this.#searches.get(name ?? '') ?? this.#search(key, ask, asker, { stamp, faults })
    if (name === undefined) return search
    this.#searches.set(name, search)
    return search.finally(() => this.#searches.delete(name))
  }

  async #search (
    key: string, ask: Ask, asker: Asker, { stamp, faults }: { stamp: string | undefined, faults: readonly Broken[] }
  ): Promise<Verdict> {
    const verdict = { stamp: stamp ?? '', problem: faults[0]!.problem, good: await this.#lastGood(ask, asker, faults) }
    // The state may have changed meanwhile: then it is not known under this stamp.
    if (stamp !== undefined && this.#inner.stamp(ask, asker) === stamp) {
      for (const name of [key, `${key}\n${stamp}`]) this.#verdicts.set(name, verdict, sizeOf(verdict.good))
    }
    return verdict
  }

  async #lastGood (ask: Ask, asker: Asker, faults: readonly Broken[]): Promise<Found | undefined> {
    for await (const { found } of this.#inner.earlier?.(ask, asker) ?? []) {
      if (hasAllOf(faults, found) && (await faultsOf(ask, found, this.#schemas)).length === 0) return found
    }
    return undefined
  }

  #holdBack (key: string, ask: Ask, asker: Asker, { problem, good }: Verdict): void {
    const held = {
      application: ask.name, profiles: ask.profile, label: ask.label, problem: problem.message, served: good?.version
    }
    if (this.#held.add(key, { ask, asker, held })) this.#options.onHeldBack(held)
  }

  // In a rollout the others' state may be good; that releases nothing of those who have the broken one.
  #release (key: string, stamp: string | undefined): void {
    const held = this.#held.get(key)
    if (held !== undefined && this.#inner.stamp(held.ask, held.asker) === stamp) this.#held.delete(key)
  }

  // A repair is told by health even when the question is never asked again; one after the other, as they may be many.
  async #lookAgain (): Promise<void> {
    for (const { ask, asker } of this.#held.questions) await this.find(ask, asker).catch(() => {})
  }

  async concerns (ask: Ask, before: string, after: string): Promise<boolean> {
    return await this.#inner.concerns?.(ask, before, after) ?? true
  }

  earlier (ask: Ask, asker: Asker): AsyncIterable<State> {
    return this.#inner.earlier?.(ask, asker) ?? noPast()
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
    return this.#held.all
  }

  health (): BackendHealth {
    const inner = this.#inner.health()
    const held = this.heldBack.map(({ application, profiles, problem }) => `${application}/${profiles}: ${problem}`)
    const problems = [...(inner.problem === undefined ? [] : [inner.problem]), ...held]
    return { up: inner.up, ...(problems.length === 0 ? {} : { problem: problems.slice(0, 10).join('; ') }) }
  }

  /** Prometheus text. */
  get metrics (): string {
    return [
      '# HELP config_server_held_back Questions that get an earlier state, or an error, as the present one is broken.',
      '# TYPE config_server_held_back gauge', `config_server_held_back ${this.#held.all.length}`,
      '# HELP config_server_held_back_total States that were held back since the start.',
      '# TYPE config_server_held_back_total counter', `config_server_held_back_total ${this.#held.count}`, ''
    ].join('\n')
  }
}

function keyOf (ask: Ask): string {
  return `${ask.name}\n${ask.profile}\n${ask.label ?? '\u0000'}`
}

function sizeOf (good: Found | undefined): number {
  return (good?.sources ?? []).reduce((sum, { properties }) => sum + properties.size * PROPERTY_BYTES, 512)
}
