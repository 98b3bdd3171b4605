/** Several stores as one: the sources of the first come first. One that fails fails all, unless told otherwise. */
import type { Ask } from '../environment/ask.ts'
import type { Found } from '../environment/environment.ts'
import { earlierStates, joinedFiles, noPast, type State } from './state-lines.ts'
import type { Asker, Backend, BackendHealth, ReadSecrets, Resource } from './backend.ts'

export interface CompositeOptions {
  /** `spring.cloud.config.server.fail-on-composite-error`. @default true */
  readonly failOnError: boolean
  /** Told of a member that failed and was left out. */
  readonly onProblem: (member: string, problem: string) => void
}

export function createCompositeBackend (members: readonly Backend[], options: CompositeOptions): Backend {
  return new CompositeBackend(members, options)
}

class CompositeBackend implements Backend {
  readonly description: string
  readonly #members: readonly Backend[]
  readonly #options: CompositeOptions

  constructor (members: readonly Backend[], options: CompositeOptions) {
    this.#members = members
    this.#options = options
    this.description = members.map(({ description }) => description).join(' + ')
  }

  get secrets (): ReadSecrets | undefined {
    return this.#members.find(({ secrets }) => secrets !== undefined)?.secrets
  }

  async start (): Promise<void> {
    await Promise.all(this.#members.map(async member => member.start()))
  }

  async stop (): Promise<void> {
    await Promise.all(this.#members.map(async member => member.stop()))
  }

  // With a member left out the answer is not the one of its state, so it is not kept.
  stamp (ask: Ask, asker: Asker): string | undefined {
    if (!this.#options.failOnError) return undefined
    const stamps = this.#members.map(member => member.stamp(ask, asker))
    return stamps.includes(undefined) ? undefined : stamps.join('\n')
  }

  async find (ask: Ask, asker: Asker): Promise<Found> {
    const parts = await Promise.all(this.#members.map(async member => this.#findIn(member, ask, asker)))
    return joined(parts)
  }

  async #findIn (member: Backend, ask: Ask, asker: Asker): Promise<Found> {
    try {
      return await member.find(ask, asker)
    } catch (failure) {
      if (this.#options.failOnError) throw failure
      this.#options.onProblem(member.description, failure instanceof Error ? failure.message : String(failure))
      return NOTHING
    }
  }

  /** Each member goes back on its own line; one without a past stays as it is. */
  async * earlier (ask: Ask, asker: Asker): AsyncGenerator<State> {
    const lines = await Promise.all(this.#members.map(async member => ({
      // What it has now is from now; a member without a past need not be asked for one.
      present: { found: await this.#findIn(member, ask, asker), timeMs: member.earlier === undefined ? 0 : Date.now() },
      earlier: member.earlier?.(ask, asker) ?? noPast()
    })))
    for await (const states of earlierStates(lines)) {
      yield { found: joined(states.map(({ found }) => found)), timeMs: Math.max(...states.map(({ timeMs }) => timeMs)) }
    }
  }

  // A member that cannot tell is asked; the others know what lies between their own stamps.
  async concerns (ask: Ask, before: string, after: string): Promise<boolean> {
    const [from, to] = [before.split('\n'), after.split('\n')]
    for (const [index, member] of this.#members.entries()) {
      if (from[index] === to[index]) continue
      if (await member.concerns?.(ask, from[index] ?? '', to[index] ?? '') ?? true) return true
    }
    return false
  }

  async resource (ask: Ask, candidates: readonly string[], asker: Asker): Promise<Resource | undefined> {
    for (const member of this.#members) {
      const found = await member.resource(ask, candidates, asker)
      if (found !== undefined) return found
    }
    return undefined
  }

  async refresh (): Promise<void> {
    await Promise.all(this.#members.map(async member => member.refresh?.()))
  }

  watch (listener: () => void): () => void {
    const unwatch = this.#members.map(member => member.watch(listener))
    return () => { for (const end of unwatch) end() }
  }

  health (): BackendHealth {
    const all = this.#members.map(member => member.health())
    const problems = all.map(({ problem }) => problem).filter(problem => problem !== undefined)
    return { up: all.every(({ up }) => up), ...(problems.length === 0 ? {} : { problem: problems.join('; ') }) }
  }
}

const NOTHING: Found = { version: null, state: null, sources: [] }

function joined (parts: readonly Found[]): Found {
  return {
    version: null,
    state: null,
    sources: parts.flatMap(({ sources }) => sources),
    secrets: parts.reduce((sum, { secrets = 0 }) => sum + secrets, 0),
    ...joinedFiles(parts)
  }
}
