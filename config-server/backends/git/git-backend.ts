/** All repositories of the server: the default one, those chosen by pattern, and those that a placeholder names. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ask } from '../../environment/ask.ts'
import type { Found } from '../../environment/environment.ts'
import type { ServerTraits } from '../../environment/order.ts'
import type { Asker, Backend, BackendHealth, Resource, Versions } from '../backend.ts'
import type { ParsedFiles } from '../parsed-files.ts'
import type { Commit } from './commit-files.ts'
import { withoutUserInfo } from './credentials.ts'
import type { GitOptions, PatternRepository, RepositoryOptions } from './git-options.ts'
import { LabelChoice, type Choices, type Rollout, type RolloutWish } from './label-choice.ts'
import { Lanes } from './refresher.ts'
import { Repository, type RepositoryContext } from './repository.ts'

export interface GitContext {
  readonly parsed: ParsedFiles
  readonly traits: ServerTraits
  /** The process's environment: PATH, HOME and the ssh agent are taken from it. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly onProblem: (repository: string, problem: string) => void
  readonly random?: () => number
}

// A client can name new repositories through a placeholder in the URI: they must not grow without bound.
const MAX_REPOSITORIES = 200
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
  readonly #context: RepositoryContext
  readonly #repositories = new Map<string, Repository>()
  readonly #listeners = new Set<() => void>()
  readonly versions: Versions = this

  constructor (options: GitOptions, context: GitContext, place: Place) {
    this.#options = options
    this.#place = place
    this.description = `git ${withoutUserInfo(options.uri).uri}`
    this.#context = {
      ...context,
      basedir: place.basedir,
      choice: place.choice,
      lanes: new Lanes(FETCHES_AT_ONCE),
      maxFileBytes: options.maxFileBytes,
      random: context.random ?? Math.random,
      onChange: () => this.#changed()
    }
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
      const from = rollout?.from ?? (await repository.history(ask.labels.at(-1) ?? this.#options.defaultLabel, 1))[0]?.id ?? ''
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
    const fixed = [this.#options, ...this.#options.repos].filter(({ uri }) => !uri.includes('{'))
    await Promise.all(fixed.map(async options => this.#open(options, options.uri).start()))
  }

  async stop (): Promise<void> {
    this.#listeners.clear()
    await Promise.all([...this.#repositories.values()].map(async repository => repository.stop()))
    if (this.#place.isTemporary) await rm(this.#place.basedir, { recursive: true, force: true })
  }

  /** Fetches every repository now. */
  async refresh (): Promise<void> {
    await Promise.all([...this.#repositories.values()].map(async repository => repository.refresh()))
  }

  stamp (ask: Ask, asker: Asker): string | undefined {
    const [chosen, fallback] = this.#candidates(ask)
    // A repository chosen by pattern may yet fail: only its own known commits make an answer known.
    return fallback === undefined || chosen?.health().up === true ? this.#stampOf(chosen, ask, asker) : undefined
  }

  #stampOf (repository: Repository | undefined, ask: Ask, asker: Asker): string | undefined {
    const commits = repository?.stamp(ask, asker)
    return commits === undefined ? undefined : `${repository?.uri} ${commits}`
  }

  async concerns (ask: Ask, before: string, after: string): Promise<boolean> {
    const [from, to] = [readStamp(before), readStamp(after)]
    const repository = this.#candidates(ask).find(({ uri }) => uri === to.uri)
    if (repository === undefined || from.uri !== to.uri || from.commits.length !== to.commits.length) return true
    for (const [index, commit] of to.commits.entries()) {
      if (await repository.concerns(ask, from.commits[index]!, commit)) return true
    }
    return false
  }

  async find (ask: Ask, asker: Asker): Promise<Found> {
    return await this.#first(ask, async repository => repository.find(ask, asker)) ??
      { version: null, state: '', sources: [] }
  }

  async earlier (ask: Ask, asker: Asker, skip: number): Promise<Found | undefined> {
    return this.#first(ask, async repository => repository.find(ask, asker, skip))
  }

  async resource (ask: Ask, candidates: readonly string[], asker: Asker): Promise<Resource | undefined> {
    return this.#first(ask, async repository => repository.resource(ask, candidates, asker))
  }

  async history (ask: Ask, limit: number): Promise<Commit[]> {
    const label = ask.labels.at(-1) ?? this.#options.defaultLabel
    return await this.#first(ask, async repository => repository.history(label, limit)) ?? []
  }

  watch (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  health (): BackendHealth {
    const all = [...this.#repositories.values()].map(repository => repository.health())
    const problems = all.map(({ problem }) => problem).filter(problem => problem !== undefined)
    return { up: all.every(({ up }) => up), ...(problems.length === 0 ? {} : { problem: problems.join('; ') }) }
  }

  /** When the oldest of the repositories was last compared with its remote. */
  get lastFetchMs (): number | undefined {
    const times = [...this.#repositories.values()].map(({ lastFetchMs }) => lastFetchMs ?? 0)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  #changed (): void {
    for (const listener of this.#listeners) listener()
  }

  // A repository chosen by pattern that fails is skipped for the default one, as in Spring.
  async #first<T> (ask: Ask, job: (repository: Repository) => Promise<T>): Promise<T> {
    const candidates = this.#candidates(ask)
    for (const repository of candidates.slice(0, -1)) {
      try {
        await repository.start()
        return await job(repository)
      } catch (failure) {
        if ((failure as { statusCode?: number }).statusCode === 500) throw failure
      }
    }
    const last = candidates.at(-1)!
    await last.start()
    return job(last)
  }

  #candidates (ask: Ask): Repository[] {
    const chosen = this.#options.repos.filter(repo => matches(repo, ask)).slice(0, 1)
    return [...chosen, this.#options].map(options => this.#open(options, fillUri(options.uri, ask)))
  }

  #open (options: RepositoryOptions, uri: string): Repository {
    const key = `${uri} ${options.searchPaths.join(',')}`
    const known = this.#repositories.get(key)
    if (known !== undefined) return known
    if (this.#repositories.size >= MAX_REPOSITORIES) this.#evict()
    const repository = new Repository({ ...options, uri }, this.#context)
    this.#repositories.set(key, repository)
    return repository
  }

  // Those that never had anything go first: they are what made-up names leave behind.
  #evict (): void {
    const entries = [...this.#repositories]
    const [key, repository] = entries.find(([, one]) => one.isEmpty) ?? entries[0]!
    this.#repositories.delete(key)
    void repository.stop()
  }
}

function readStamp (stamp: string): { uri: string, commits: string[] } {
  const space = stamp.lastIndexOf(' ')
  return { uri: stamp.slice(0, space), commits: stamp.slice(space + 1).split(',') }
}

/** Whether a pattern repository serves a question; the profiles are tried one by one. */
export function matches ({ patterns }: PatternRepository, ask: Ask): boolean {
  return patterns.flatMap(expandPattern).some(pattern => {
    const test = new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`, 's')
    return ask.names.some(name => ask.profiles.some(profile => test.test(`${name}/${profile}`)))
  })
}

// Spring's rules: a pattern without a profile means all of them; one without `*` at its end also starts a list.
function expandPattern (pattern: string): string[] {
  const full = pattern.includes('/') ? [pattern] : [`${pattern}/*`]
  return full.flatMap(one => one.endsWith('*') ? [one] : [one, `${one},*`])
}

function escape (text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
}

// The values are checked before; none of them can leave its part of the path or change the host.
function fillUri (uri: string, ask: Ask): string {
  if (!uri.includes('{')) return uri
  return uri.replaceAll('{application}', ask.names.at(-1) ?? '').replaceAll('{profile}', ask.profiles.at(-1) ?? '')
    .replaceAll('{label}', ask.labels.at(-1) ?? '')
}
