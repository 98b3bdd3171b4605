/**
 * One remote: its mirror, the commits its labels stand for now, and the files of any of them. Answers come from what
 * was fetched last; only a repository that was never fetched has none (503).
 */
import { setTimeout } from 'node:timers/promises'
import type { Ask } from '../../environment/ask.ts'
import type { Found } from '../../environment/environment.ts'
import type { ServerTraits } from '../../environment/order.ts'
import { error } from '../../errors.ts'
import type { Asker, BackendHealth, Resource } from '../backend.ts'
import type { ParsedFiles } from '../parsed-files.ts'
import type { State } from '../state-lines.ts'
import { CommitAnswers } from './commit-answers.ts'
import { CommitChanges } from './commit-changes.ts'
import { CommitFiles, type Commit } from './commit-files.ts'
import { localEnvironment, prepareCredentials, withoutUserInfo, type Credentials } from './credentials.ts'
import type { RepositoryOptions } from './git-options.ts'
import type { LabelChoice } from './label-choice.ts'
import { Labels, sameRefs } from './labels.ts'
import { Mirror } from './mirror.ts'
import { ObjectReader } from './object-reader.ts'
import { Refresher, type Lanes } from './refresher.ts'

/** What all repositories of a server share. */
export interface RepositoryContext {
  readonly basedir: string
  readonly parsed: ParsedFiles
  readonly traits: ServerTraits
  readonly lanes: Lanes
  readonly maxFileBytes: number
  readonly maxPlainFileBytes: number
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly choice: LabelChoice
  readonly random: () => number
  readonly onChange: () => void
  readonly onProblem: (repository: string, problem: string) => void
  /** Told of a file that counts for nothing. */
  readonly onIgnored: (file: string, why: string) => void
}

/** A first fetch may take long; who waits for it is told so after some times the longest silence. */
const FIRST_FETCH_SILENCES = 3

export class Repository {
  /** The URI without credentials. */
  readonly uri: string
  readonly #options: RepositoryOptions
  readonly #context: RepositoryContext
  readonly #refresher: Refresher
  readonly #stopping = new AbortController()
  readonly #mirror: Mirror
  readonly #objects: ObjectReader
  readonly #files: CommitFiles
  readonly #answers: CommitAnswers
  readonly #labels: Labels
  #credentials: Credentials | undefined
  #problem: string | undefined
  #opening: Promise<void> | undefined
  #first: Promise<void> | undefined
  #isFetched = false
  #lastFetchMs: number | undefined

  constructor (options: RepositoryOptions, context: RepositoryContext) {
    this.#options = options
    this.#context = context
    const plain = withoutUserInfo(options.uri).uri
    const local = localEnvironment(context.environment)
    this.uri = plain.replace(/\/+$/, '')
    this.#mirror = new Mirror(context.basedir, plain, local)
    const maxBytes = Math.max(context.maxFileBytes, context.maxPlainFileBytes)
    this.#objects = new ObjectReader(this.#mirror.folder, local, maxBytes)
    this.#files = new CommitFiles(this.#objects, (path, why) => context.onIgnored(`${this.uri}/${path}`, why))
    const changes = new CommitChanges(this.#files, async args => this.#mirror.read(args))
    this.#answers = new CommitAnswers({ ...options, ...context, uri: this.uri }, this.#files, changes)
    this.#labels = new Labels(this.uri, options, context.choice)
    const { random } = context
    this.#refresher = new Refresher({ job: async () => this.#fetch(), intervalMs: options.refreshMs, random })
  }

  /** Opens the mirror; waits for the first fetch, not for ever, only when an earlier run left nothing to serve. */
  async start (): Promise<void> {
    this.#opening ??= this.#open()
    await this.#opening
    this.#first ??= this.#refresher.now().finally(() => { this.#isFetched = true })
    if (this.isEmpty) await within(this.#options.timeoutMs * FIRST_FETCH_SILENCES, this.#first)
  }

  async stop (): Promise<void> {
    this.#stopping.abort()
    await this.#refresher.stop()
    this.#objects.stop()
    await this.#credentials?.remove()
  }

  /** Ends it and what it has on disk. */
  async remove (): Promise<void> {
    await this.stop()
    await this.#mirror.remove()
  }

  /** Fetches now; resolves when the labels are up to date or the fetch has failed. */
  async refresh (): Promise<void> {
    await this.start()
    await this.#refresher.now()
  }

  async #open (): Promise<void> {
    try {
      if (!await this.#mirror.exists()) return
      await this.#mirror.clean()
      this.#labels.refs = await this.#mirror.refs()
    } catch (failure) {
      this.#setProblem(failure)
    }
  }

  async #fetch (): Promise<void> {
    try {
      await this.#inLane(async () => this.#fetchNow())
      this.#problem = undefined
      this.#lastFetchMs = Date.now()
    } catch (failure) {
      if (!this.#stopping.signal.aborted) this.#setProblem(failure)
      throw failure
    }
    const refs = await this.#mirror.refs()
    const isNew = !sameRefs(this.#labels.refs, refs)
    this.#labels.refs = refs
    if (isNew) this.#context.onChange()
    // What cannot be packed now, for lack of room, is no reason to serve anything else.
    await this.#inLane(async () => this.#mirror.maintain(this.#stopping.signal)).catch(() => {})
  }

  // Two patterns may mean one remote: its mirror takes one git at a time.
  async #inLane (job: () => Promise<void>): Promise<void> {
    await this.#context.lanes.run(this.#mirror.folder, job)
  }

  // The private folder of the credentials is written with the first fetch: what is only read needs none.
  async #fetchNow (): Promise<void> {
    const { username, password } = withoutUserInfo(this.#options.uri)
    const own = this.#options.credentials
    this.#credentials ??= await prepareCredentials(
      { ...own, username: own.username ?? username, password: own.password ?? password }, this.#context.environment)
    await this.#mirror.fetch(this.#credentials.environment, this.#options.timeoutMs, this.#stopping.signal)
  }

  #setProblem (failure: unknown): void {
    const problem = failure instanceof Error ? failure.message : String(failure)
    if (problem !== this.#problem) this.#context.onProblem(this.uri, problem)
    this.#problem = problem
  }

  get isEmpty (): boolean {
    return this.#labels.isEmpty
  }

  /** What is wrong with it; undefined when nothing is. */
  get problem (): string | undefined {
    return this.#problem
  }

  /** When the labels were last compared with the remote. */
  get lastFetchMs (): number | undefined {
    return this.#lastFetchMs
  }

  health (): BackendHealth {
    return this.#problem === undefined ? { up: true } : { up: !this.isEmpty, problem: `${this.uri}: ${this.#problem}` }
  }

  /** The commits that the labels of a question stand for, without I/O; undefined when one is not known that way. */
  stamp (ask: Ask, asker: Asker): string | undefined {
    return this.#labels.stamp(ask, asker)
  }

  async find (ask: Ask, asker: Asker): Promise<Found> {
    return this.#answers.find(ask, await this.#commits(ask, asker))
  }

  /** The answers before, the youngest first. */
  async earlier (ask: Ask, asker: Asker): Promise<AsyncIterable<State>> {
    return this.#answers.earlier(ask, await this.#commits(ask, asker))
  }

  async resource (ask: Ask, candidates: readonly string[], asker: Asker): Promise<Resource | undefined> {
    return this.#answers.resource(ask, await this.#commits(ask, asker), candidates)
  }

  async concerns (ask: Ask, before: string, after: string): Promise<boolean> {
    return this.#answers.concerns(ask, before, after)
  }

  async #commits (ask: Ask, asker: Asker) {
    if (!this.isEmpty) return this.#labels.commits(ask, asker, this.#files)
    const why = this.#problem ?? (this.#isFetched ? 'it has no commit yet' : 'its first fetch is under way')
    throw error('E_CONFIG_BACKEND', [this.uri, why])
  }

  /** The newest commits of the last label of a question, for its history. */
  async history (ask: Ask, limit: number): Promise<Commit[]> {
    const commits: Commit[] = []
    let next = await this.#labels.resolve(this.#labels.of(ask).at(-1) ?? '', {}, this.#files)
    for (; next !== undefined && commits.length < limit; next = await this.#parent(next)) commits.push(next)
    return commits
  }

  async #parent ({ parents }: Commit): Promise<Commit | undefined> {
    return parents[0] === undefined ? undefined : this.#files.commit(parents[0])
  }

  /** The full id of a commit that is here. */
  async requireCommit (id: string): Promise<string> {
    const commit = /^[0-9a-f]{4,64}$/.test(id) ? await this.#files.commit(id) : undefined
    if (commit === undefined) throw error('E_CONFIG_NO_LABEL', [id])
    return commit.id
  }

  /** Under which name the label of a question is pinned. */
  choiceKey (ask: Ask): string {
    return this.#labels.choiceKey(ask)
  }
}

async function within (ms: number, work: Promise<void>): Promise<void> {
  const late = new AbortController()
  try {
    await Promise.race([work, setTimeout(ms, undefined, { signal: late.signal, ref: false }).catch(() => {})])
  } finally {
    late.abort()
  }
}
