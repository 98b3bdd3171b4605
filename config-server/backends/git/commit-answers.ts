/** From commits to answers: which of their files a question is made of, now and before. */
import { posix } from 'node:path'
import type { Ask } from '../../environment/ask.ts'
import type { Found, SchemaFile } from '../../environment/environment.ts'
import { expandLocation, type FileRef, type Location } from '../../environment/location.ts'
import { orderSources, type ConfigFile, type ServerTraits } from '../../environment/order.ts'
import { error } from '../../errors.ts'
import type { Resource } from '../backend.ts'
import type { ParsedFiles } from '../parsed-files.ts'
import { schemaNames } from '../schema-names.ts'
import { earlierStates, joinedFiles, type State } from '../state-lines.ts'
import type { CommitChanges } from './commit-changes.ts'
import type { Commit, CommitFiles } from './commit-files.ts'
import type { LabelledCommit } from './labels.ts'

export interface AnswerOptions {
  /** The URI without credentials. */
  readonly uri: string
  readonly searchPaths: readonly string[]
  readonly reverseLocationOrder: boolean
  readonly parsed: ParsedFiles
  readonly traits: ServerTraits
  readonly maxFileBytes: number
  readonly maxPlainFileBytes: number
}

export class CommitAnswers {
  readonly #options: AnswerOptions
  readonly #files: CommitFiles
  readonly #changes: CommitChanges

  constructor (options: AnswerOptions, files: CommitFiles, changes: CommitChanges) {
    this.#options = options
    this.#files = files
    this.#changes = changes
  }

  /** The answer at these commits; the last label wins. */
  async find (ask: Ask, commits: readonly LabelledCommit[]): Promise<Found> {
    return joined(await Promise.all(commits.map(async one => this.#foundAt(ask, one, markOf(one, commits)))))
  }

  /** The answers before, the youngest first: each label goes back on its own line. */
  async * earlier (ask: Ask, commits: readonly LabelledCommit[]): AsyncGenerator<State> {
    const lines = await Promise.all(commits.map(async one => ({
      present: { found: await this.#foundAt(ask, one, markOf(one, commits)), timeMs: one.commit.timeMs },
      earlier: this.#line(ask, one, markOf(one, commits))
    })))
    for await (const states of earlierStates(lines)) {
      yield { found: joined(states.map(({ found }) => found)), timeMs: Math.max(...states.map(({ timeMs }) => timeMs)) }
    }
  }

  // What lies between two commits that touch the question's files is the same for it as the older of the two.
  async * #line (ask: Ask, { label, commit }: LabelledCommit, mark: string): AsyncGenerator<State> {
    const names = this.#files.linkedNames
    const paths = names === undefined ? [] : [...stemsOf(ask).flatMap(stem => [`${stem}.*`, `${stem}-*`]), ...names]
    for await (const id of this.#changes.touching(commit.id, paths)) {
      const [parent] = (await this.#files.commit(id))?.parents ?? []
      const before = parent === undefined ? undefined : await this.#files.commit(parent)
      if (before === undefined) return
      yield { found: await this.#foundAt(ask, { label, commit: before }, mark), timeMs: before.timeMs }
    }
  }

  async resource (
    ask: Ask, commits: readonly LabelledCommit[], candidates: readonly string[]
  ): Promise<Resource | undefined> {
    for (const { commit, label } of commits) {
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
      const blob = await this.#files.blob(commit.id, path)
      if (blob === undefined) continue
      const linkedTo = blob.path === path ? undefined : blob.path
      return { file, linkedTo, content: await this.#plainContent(blob), modifiedMs: commit.timeMs }
    }
    return undefined
  }

  /** Whether a file that bears one of the names, or `application`, differs between two commits. */
  async concerns (ask: Ask, before: string, after: string): Promise<boolean> {
    if (before === after) return false
    const [changed, linked] = [await this.#changes.names(before, after), this.#files.linkedNames]
    if (changed === undefined || linked === undefined) return true
    const stems = stemsOf(ask)
    for (const file of changed) {
      if (linked.has(file) || stems.some(stem => file.startsWith(stem) && /^[.-]/.test(file.slice(stem.length)))) return true
    }
    return false
  }

  async #foundAt (ask: Ask, { commit, label }: LabelledCommit, mark: string): Promise<Found> {
    const locations = await this.#locations(ask, commit.id, label, mark)
    const load = async (refs: readonly FileRef[]): Promise<ConfigFile[]> => this.#load(commit.id, refs)
    const [ordered, schemas] = await Promise.all([
      orderSources(ask, locations, load, this.#options.traits), this.#schemas(ask, commit.id, locations)
    ])
    return { version: commit.id, state: '', ...ordered, schemas }
  }

  async #schemas (ask: Ask, commit: string, locations: readonly Location[]): Promise<Map<string, SchemaFile>> {
    const found = new Map<string, SchemaFile>()
    for (const name of schemaNames(ask)) {
      for (const { folder } of locations) {
        const blob = found.has(name) ? undefined : await this.#files.blob(commit, `${folder}${name}.schema.json`)
        if (blob !== undefined) found.set(name, { file: `${folder}${name}.schema.json`, content: (await this.#files.content(blob.id)).content })
      }
    }
    return found
  }

  // The root comes first, so every search path beats it, the last one most.
  async #locations (ask: Ask, commit: string, label: string, mark: string): Promise<Location[]> {
    const patterns = this.#options.searchPaths.flatMap(path => expandLocation(path, ask, label)).filter(path => !path.includes('..'))
    const folders = await Promise.all(patterns.map(async pattern => this.#files.matching(commit, pattern)))
    return [...new Set(['', ...folders.flat()])].map(folder => {
      const url = `${displayUri(this.#options.uri)}${mark}/${folder}`
      return { folder, url, path: url }
    })
  }

  async #load (commit: string, refs: readonly FileRef[]): Promise<ConfigFile[]> {
    const loaded = await Promise.all(refs.map(async ref => {
      const path = ref.location.folder + ref.file
      const blob = await this.#files.blob(commit, path)
      if (blob === undefined) return undefined
      const content = async (): Promise<Buffer> => this.#content(blob.id, path)
      return { ...ref, ...await this.#options.parsed.parse(blob.id, path, content) }
    }))
    return loaded.filter(file => file !== undefined)
  }

  async #content (id: string, path: string): Promise<Buffer> {
    const { maxFileBytes } = this.#options
    const { size, content } = await this.#files.content(id)
    if (content !== undefined && size <= maxFileBytes) return content
    throw error('E_CONFIG_FILE_LIMIT', [`${size} bytes`, maxFileBytes, 'max-file-bytes'], { where: path })
  }

  async #plainContent ({ id, path }: { id: string, path: string }): Promise<Buffer> {
    const { size, content } = await this.#files.content(id)
    if (content === undefined) throw error('E_PLAIN_FILE_LIMIT', [size, this.#options.maxPlainFileBytes], { where: path })
    return content
  }
}

// Clients drop the second of two sources of one name.
function markOf ({ label }: LabelledCommit, commits: readonly LabelledCommit[]): string {
  return commits.length > 1 ? `/@${label}` : ''
}

function joined (parts: readonly Found[]): Found {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  return {
    version: parts.map(({ version }) => version).join(','),
    state: '',
    sources: parts.toReversed().flatMap(({ sources }) => sources),
    ...joinedFiles(parts)
  }
}

function stemsOf ({ names }: Ask): string[] {
  return [...new Set(['application', ...names.map(name => posix.basename(name))])]
}

// Spring shows a local repository as file:///folder.
function displayUri (uri: string): string {
  return uri.startsWith('/') ? `file://${uri}` : uri.replace(/^file:\/+/, 'file:///')
}
