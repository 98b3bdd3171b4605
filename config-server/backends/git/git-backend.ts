/** All repositories of the server: the default one, those chosen by pattern, and those that a placeholder names. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BreakwaterError } from '@breakwater/starter/errors'
import type { Ask } from '../../environment/ask.ts'
import type { Found } from '../../environment/environment.ts'
import type { ServerTraits } from '../../environment/order.ts'
import { PLAIN_FILE_BYTES, type Asker, type Backend, type BackendHealth, type Resource, type Versions } from '../backend.ts'
import type { ParsedFiles } from '../parsed-files.ts'
import type { Commit } from './commit-files.ts'
import { withoutUserInfo } from './credentials.ts'
import type { GitOptions } from './git-options.ts'
import type { State } from '../state-lines.ts'
import { LabelChoice, type Choices, type Rollout, type RolloutWish } from './label-choice.ts'
import { Lanes } from './refresher.ts'
import { repositoriesOf } from './pattern-choice.ts'
import { RepositoryPool } from './repository-pool.ts'
import type { Repository } from './repository.ts'

export interface GitContext {
  readonly parsed: ParsedFiles
  readonly traits: ServerTraits
  /** The process's environment: PATH, HOME and the ssh agent are taken from it. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly onProblem: (repository: string, problem: string) => void
  /** Told of a file that counts for nothing. */
  readonly onIgnored: (file: string, why: string) => void
  readonly random?: () => number
}

const FETCHES_AT_ONCE = 4

export async function createGitBackend (options: GitOptions, context: GitContext): Promise<GitBackend> {
  const isTemporary = options.basedir === undefined
  const basedir = options.basedir ?? await mkdtemp(join(tmpdir(), 'breakwater-config-'))
  await mkdir(basedir, { recursive: true, mode: 0o700 })
  const choice = new LabelChoice(isTemporary ? undefined : join(basedir, 'choices.json'))
  return new GitBackend(options, context, { basedir, isTemporary, choice })
}

interface Place {
  readonly basedir: string
  readonly isTemporary: boolean
  readonly choice: LabelChoice
}

export class GitBackend implements Backend {
  readonly description: string
  readonly #options: GitOptions
  readonly #place: Place
  readonly #pool: RepositoryPool
  readonly #listeners = new Set<() => void>()
  readonly versions: Versions = this

  constructor (options: GitOptions, context: GitContext, place: Place) {
    this.#options = options
    this.#place = place
    this.description = `git ${withoutUserInfo(options.uri).uri}`
    this.#pool = new RepositoryPool({
      ...context,
      basedir: place.basedir,
      choice: place.choice,
      lanes: new Lanes(FETCHES_AT_ONCE),
      maxFileBytes: options.maxFileBytes,
      maxPlainFileBytes: options.maxPlainFileBytes ?? PLAIN_FILE_BYTES,
      random: context.random ?? Math.random,
      onChange: () => this.#changed()
    })
  }

  /** Pins and rollouts of labels, by repository and label. */
  get choices (): Choices {
    return this.#place.choice.current
  }

  /** Holds the label of a question at a commit, or lets it go; throws E_CONFIG_NO_LABEL for an unknown commit. */
  async pin (ask: Ask, commit: string | undefined): Promise<string | undefined> {
    return this.#first(ask, async repository => {
      const known = commit === undefined ? undefined : await repository.requireCommit(commit)
      await this.#place.choice.pin(repository.choiceKey(ask), known)
      this.#changed()
      return known
    })
  }

  /** Gives a commit to a share of the instances of a label, or ends that. */
  async rollOut (ask: Ask, rollout: RolloutWish | undefined): Promise<Rollout | undefined> {
    return this.#first(ask, async repository => {
      const from = rollout?.from ?? (await repository.history(ask, 1))[0]?.id ?? ''
      const checked = rollout === undefined
        ? undefined
        : {
          from: await repository.requireCommit(from),
          to: await repository.requireCommit(rollout.to),
          percent: rollout.percent
        }
      await this.#place.choice.rollOut(repository.choiceKey(ask), checked)
      this.#changed()
      return checked
    })
  }

  async start (): Promise<void> {
    await this.#pool.start([this.#options, ...this.#options.repos].filter(({ uri }) => !uri.includes('{')))
  }

  async stop (): Promise<void> {
    this.#listeners.clear()
    await this.#pool.stop()
    if (this.#place.isTemporary) await rm(this.#place.basedir, { recursive: true, force: true })
  }

  /** Fetches every repository now. */
  async refresh (): Promise<void> {
    await this.#pool.refresh()
  }

  stamp (ask: Ask, asker: Asker): string | undefined {
    const candidates = this.#candidates(ask)
    const [chosen] = candidates
    // A repository chosen by pattern may yet fail: only its own known commits make an answer known.
    const isSure = candidates.length === 1 || chosen?.health().up === true
    const commits = isSure ? chosen?.stamp(ask, asker) : undefined
    return commits === undefined ? undefined : `${chosen?.uri} ${commits}`
  }

  #candidates (ask: Ask): (Repository | undefined)[] {
    return repositoriesOf(this.#options, ask).map(options => this.#pool.known(options))
  }

  async concerns (ask: Ask, before: string, after: string): Promise<boolean> {
    const [from, to] = [readStamp(before), readStamp(after)]
    const repository = this.#candidates(ask).find(one => one?.uri === to.uri)
    if (repository === undefined || from.uri !== to.uri || from.commits.length !== to.commits.length) return true
    for (const [index, commit] of to.commits.entries()) {
      if (await repository.concerns(ask, from.commits[index]!, commit)) return true
    }
    return false
  }

  async find (ask: Ask, asker: Asker): Promise<Found> {
    return this.#first(ask, async repository => repository.find(ask, asker))
  }

  async * earlier (ask: Ask, asker: Asker): AsyncGenerator<State> {
    yield * await this.#first(ask, async repository => repository.earlier(ask, asker))
  }

  async resource (ask: Ask, candidates: readonly string[], asker: Asker): Promise<Resource | undefined> {
    return this.#first(ask, async repository => repository.resource(ask, candidates, asker))
  }

  async history (ask: Ask, limit: number): Promise<Commit[]> {
    return this.#first(ask, async repository => repository.history(ask, limit))
  }

  watch (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  health (): BackendHealth {
    const all = this.#pool.all.map(repository => repository.health())
    const problems = all.map(({ problem }) => problem).filter(problem => problem !== undefined)
    return { up: all.every(({ up }) => up), ...(problems.length === 0 ? {} : { problem: problems.join('; ') }) }
  }

  /** When the oldest of the repositories was last compared with its remote. */
  get lastFetchMs (): number | undefined {
    const times = this.#pool.all.map(({ lastFetchMs }) => lastFetchMs ?? 0)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  #changed (): void {
    for (const listener of this.#listeners) listener()
  }

  // A repository chosen by pattern that is not there, or has not the label, is skipped for the next, as in Spring;
  // one that is there and fails is not: its values are not those of another.
  async #first<T> (ask: Ask, job: (repository: Repository) => Promise<T>): Promise<T> {
    const candidates = repositoriesOf(this.#options, ask)
    for (const options of candidates.slice(0, -1)) {
      try {
        return await job(await this.#pool.open(options))
      } catch (failure) {
        if (!isAbsence(failure)) throw failure
      }
    }
    return job(await this.#pool.open(candidates.at(-1)!))
  }
}

function isAbsence (failure: unknown): boolean {
  return failure instanceof BreakwaterError && (failure.code === 'E_CONFIG_BACKEND' || failure.code === 'E_CONFIG_NO_LABEL')
}

function readStamp (stamp: string): { uri: string, commits: string[] } {
  const space = stamp.lastIndexOf(' ')
  return { uri: stamp.slice(0, space), commits: stamp.slice(space + 1).split(',') }
}
