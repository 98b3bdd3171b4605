/**
 * One remote: its mirror, the commits its labels stand for now, and the files of any of them. Answers come from what
 * was fetched last; only a repository that was never fetched has none (503).
 */
import { posix } from 'node:path'
import type { Ask } from '../../environment/ask.ts'
import type { Found } from '../../environment/environment.ts'
import { expandLocation, type FileRef, type Location } from '../../environment/location.ts'
import { orderSources, type ConfigFile, type ServerTraits } from '../../environment/order.ts'
import { error } from '../../errors.ts'
import type { Asker, BackendHealth, Resource } from '../backend.ts'
import { isHidden } from '../folder-reader.ts'
import type { ParsedFiles } from '../parsed-files.ts'
import { CommitFiles, type Commit } from './commit-files.ts'
import { prepareCredentials, withoutUserInfo, type Credentials } from './credentials.ts'
import type { RepositoryOptions } from './git-options.ts'
import type { LabelChoice } from './label-choice.ts'
import { Mirror, type Refs } from './mirror.ts'
import { ObjectReader } from './object-reader.ts'
import { Refresher, type Lanes } from './refresher.ts'

/** What all repositories of a server share. */
export interface RepositoryContext {
  readonly basedir: string
  readonly parsed: ParsedFiles
  readonly traits: ServerTraits
  readonly lanes: Lanes
  readonly maxFileBytes: number
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly choice: LabelChoice
  readonly random: () => number
  readonly onChange: () => void
  readonly onProblem: (repository: string, problem: string) => void
}

const NO_REFS: Refs = { branches: new Map(), tags: new Map() }
const MAX_KNOWN_IDS = 1_000

export class Repository {
  /** The URI without credentials. */
  readonly uri: string
  readonly #options: RepositoryOptions
  readonly #context: RepositoryContext
  readonly #refresher: Refresher
  readonly #stopping = new AbortController()
  readonly #ids = new Map<string, string>()
  #credentials: Credentials | undefined
  #mirror: Mirror | undefined
  #objects: ObjectReader | undefined
  #files: CommitFiles | undefined
  #refs: Refs = NO_REFS
  #problem: string | undefined
  #opening: Promise<void> | undefined
  #lastFetchMs: number | undefined

  constructor (options: RepositoryOptions, context: RepositoryContext) {
    this.#options = options
    this.#context = context
    this.uri = withoutUserInfo(options.uri).uri.replace(/\/+$/, '')
    const { random } = context
    this.#refresher = new Refresher({ job: async () => this.#fetch(), intervalMs: options.refreshMs, random })
  }

  /** Opens the mirror; waits for the first fetch only when an earlier run left nothing to serve. */
  async start (): Promise<void> {
    this.#opening ??= this.#open()
    await this.#opening
  }

  async stop (): Promise<void> {
    this.#stopping.abort()
    await this.#refresher.stop()
    this.#objects?.stop()
    await this.#credentials?.remove()
  }

  /** Fetches now; resolves when the labels are up to date or the fetch has failed. */
  async refresh (): Promise<void> {
    await this.start()
    await this.#refresher.now()
  }

  async #open (): Promise<void> {
    try {
      const { uri, username, password } = withoutUserInfo(this.#options.uri)
      const own = this.#options.credentials
      this.#credentials = await prepareCredentials(
        { ...own, username: own.username ?? username, password: own.password ?? password }, this.#context.environment)
      const mirror = new Mirror(this.#context.basedir, uri, this.#credentials.environment)
      await mirror.open()
      this.#mirror = mirror
      this.#objects = new ObjectReader(mirror.folder, this.#credentials.environment, this.#context.maxFileBytes)
      this.#files = new CommitFiles(this.#objects)
      this.#refs = await mirror.refs()
    } catch (failure) {
      this.#setProblem(failure)
      return
    }
    const first = this.#refresher.now()
    if (this.isEmpty) await first
  }

  async #fetch (): Promise<void> {
    const mirror = this.#mirror
    if (mirror === undefined) return
    try {
      await this.#context.lanes.run(async () => mirror.fetch(this.#options.timeoutMs, this.#stopping.signal))
      const refs = await mirror.refs()
      const changed = !sameRefs(this.#refs, refs)
      this.#refs = refs
      this.#problem = undefined
      this.#lastFetchMs = Date.now()
      if (changed) this.#context.onChange()
    } catch (failure) {
      if (!this.#stopping.signal.aborted) this.#setProblem(failure)
      throw failure
    }
  }

  #setProblem (failure: unknown): void {
    const problem = failure instanceof Error ? failure.message : String(failure)
    if (problem !== this.#problem) this.#context.onProblem(this.uri, problem)
    this.#problem = problem
  }

  get isEmpty (): boolean {
    return this.#refs.branches.size === 0 && this.#refs.tags.size === 0
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
    const commits = this.#labels(ask).map(label => this.#known(label, asker))
    return commits.includes(undefined) ? undefined : commits.join(',')
  }

  /** The answer at the commits of now, or `skip` commits before them on the first-parent line. */
  async find (ask: Ask, asker: Asker, skip = 0): Promise<Found | undefined> {
    const labels = this.#labels(ask)
    const commits = await this.#commits(labels, asker, skip)
    if (commits === undefined) return undefined
    const parts = await Promise.all(commits.map(async ({ commit, label }) =>
      this.#sourcesAt(ask, commit, label, labels.length > 1 ? `/@${label}` : '')))
    return {
      version: commits.map(({ commit }) => commit.id).join(','), state: '', sources: parts.toReversed().flat()
    }
  }

  async resource (ask: Ask, candidates: readonly string[], asker: Asker): Promise<Resource | undefined> {
    for (const { commit, label } of await this.#commits(this.#labels(ask), asker, 0) ?? []) {
      const locations = await this.#locations(ask, commit.id, label, '')
      for (const { folder } of this.#options.reverseLocationOrder ? locations.toReversed() : locations) {
        const found = await this.#firstOf(commit, folder, candidates)
        if (found !== undefined) return found
      }
    }
    return undefined
  }

  async #firstOf (commit: Commit, folder: string, candidates: readonly string[]): Promise<Resource | undefined> {
    for (const file of candidates) {
      const path = posix.normalize(folder + file)
      if (isHidden(path)) continue
      const blob = await this.#files?.blob(commit.id, path)
      if (blob !== undefined) return { file, content: await this.#content(blob, path), modifiedMs: commit.timeMs }
    }
    return undefined
  }

  /** Whether a file that bears one of the names, or `application`, differs between two commits. */
  async concerns (ask: Ask, before: string, after: string): Promise<boolean> {
    const changed = await this.#files?.changedNames(before, after)
    if (changed === undefined) return true
    const stems = ['application', ...ask.names.map(name => posix.basename(name))]
    for (const file of changed) {
      if (stems.some(stem => file.startsWith(stem) && /^[.-]/.test(file.slice(stem.length)))) return true
    }
    return false
  }

  /** The newest commits of a label, for its history. */
  async history (label: string, limit: number): Promise<Commit[]> {
    const commits: Commit[] = []
    let next = await this.#resolve(label, {})
    for (; next !== undefined && commits.length < limit; next = await this.#parent(next)) commits.push(next)
    return commits
  }

  async #parent ({ parents }: Commit): Promise<Commit | undefined> {
    return parents[0] === undefined ? undefined : this.#files?.commit(parents[0])
  }

  /** The full id of a commit that is here. */
  async requireCommit (id: string): Promise<string> {
    const commit = /^[0-9a-f]{4,64}$/.test(id) ? await this.#files?.commit(id) : undefined
    if (commit === undefined) throw error('E_CONFIG_NO_LABEL', [id])
    return commit.id
  }

  /** Under which name the label of a question is pinned: equal labels of other repositories are others. */
  choiceKey (ask: Ask): string {
    return `${this.uri}#${this.#labels(ask).at(-1)}`
  }

  #labels (ask: Ask): readonly string[] {
    return ask.labels.length > 0 ? ask.labels : [this.#options.defaultLabel]
  }

  async #commits (labels: readonly string[], asker: Asker, skip: number) {
    if (this.isEmpty) throw error('E_CONFIG_BACKEND', [this.uri, this.#problem ?? 'it has no commit yet'])
    const found: { label: string, commit: Commit }[] = []
    for (const label of labels) {
      let commit = await this.#resolve(label, asker)
      if (commit === undefined && !(labels.length > 1 && this.#options.continueOnMultipleLabelFailure)) {
        throw error('E_CONFIG_NO_LABEL', [label])
      }
      for (let step = 0; step < skip && commit !== undefined; step++) commit = await this.#parent(commit)
      if (commit === undefined && skip > 0) return undefined
      if (commit !== undefined) found.push({ label, commit })
    }
    if (found.length === 0) throw error('E_CONFIG_NO_LABEL', [labels.join(',')])
    return found
  }

  async #resolve (label: string, asker: Asker): Promise<Commit | undefined> {
    const known = this.#known(label, asker)
    if (known !== undefined) return this.#files?.commit(known)
    if (!/^[0-9a-f]{4,64}$/.test(label)) return undefined
    const commit = await this.#files?.commit(label)
    if (commit === undefined) return undefined
    if (this.#ids.size >= MAX_KNOWN_IDS) this.#ids.clear()
    this.#ids.set(label, commit.id)
    return commit
  }

  // A branch comes before a tag and both before an abbreviated id; `master` stands in for a missing `main` only.
  #known (label: string, asker: Asker): string | undefined {
    const now = this.#named(label) ??
      (label === 'main' && this.#options.tryMasterBranch ? this.#named('master') : undefined) ?? this.#ids.get(label)
    return now === undefined ? undefined : this.#context.choice.choose(`${this.uri}#${label}`, now, asker)
  }

  #named (label: string): string | undefined {
    return this.#refs.branches.get(label) ?? this.#refs.tags.get(label)
  }

  async #sourcesAt (ask: Ask, commit: Commit, label: string, mark: string) {
    const locations = await this.#locations(ask, commit.id, label, mark)
    return orderSources(ask, locations, async refs => this.#load(commit.id, refs), this.#context.traits)
  }

  // The root comes first, so every search path beats it, the last one most.
  async #locations (ask: Ask, commit: string, label: string, mark: string): Promise<Location[]> {
    const patterns = this.#options.searchPaths.flatMap(path => expandLocation(path, ask, label)).filter(path => !path.includes('..'))
    const folders = await Promise.all(patterns.map(async pattern => this.#files?.matching(commit, pattern) ?? []))
    return [...new Set(['', ...folders.flat()])].map(folder => {
      const url = `${displayUri(this.uri)}${mark}/${folder}`
      return { folder, url, path: url }
    })
  }

  async #load (commit: string, refs: readonly FileRef[]): Promise<ConfigFile[]> {
    const loaded = await Promise.all(refs.map(async ref => {
      const path = ref.location.folder + ref.file
      const blob = await this.#files?.blob(commit, path)
      if (blob === undefined) return undefined
      const known = this.#context.parsed.get(blob, path)
      return { ...ref, documents: known ?? this.#context.parsed.parse(blob, path, await this.#content(blob, path)) }
    }))
    return loaded.filter(file => file !== undefined)
  }

  async #content (blob: string, path: string): Promise<Buffer> {
    const object = await this.#files?.content(blob)
    if (object?.content !== undefined) return object.content
    const { maxFileBytes } = this.#context
    throw error('E_CONFIG_FILE_LIMIT', [`${object?.size ?? 'no'} bytes`, maxFileBytes, 'max-file-bytes'], { where: path })
  }
}

// Spring shows a local repository as file:///folder.
function displayUri (uri: string): string {
  return uri.startsWith('/') ? `file://${uri}` : uri.replace(/^file:\/+/, 'file:///')
}

function sameRefs (a: Refs, b: Refs): boolean {
  return sameMap(a.branches, b.branches) && sameMap(a.tags, b.tags)
}

function sameMap (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}
