/**
 * The repositories that are open. Those of the settings stay; those that a placeholder names come from what clients
 * ask, so they are bounded, and one that does not exist leaves nothing but a note for a moment.
 */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { error } from '../../errors.ts'
import { withoutUserInfo } from './credentials.ts'
import type { RepositoryOptions } from './git-options.ts'
import { mirrorName } from './mirror.ts'
import { Repository, type RepositoryContext } from './repository.ts'

export interface PoolBounds {
  /** Repositories that a placeholder names. @default 200 */
  readonly named: number
  /** Those of them that are opened at one time. @default 50 */
  readonly opening: number
  /** Notes of names that stand for nothing. @default 1000 */
  readonly unknown: number
  /** How long such a note counts. @default 10000 */
  readonly unknownMs: number
}

const BOUNDS: PoolBounds = { named: 200, opening: 50, unknown: 1_000, unknownMs: 10_000 }

interface Unknown {
  readonly uri: string
  readonly problem: string
  readonly untilMs: number
}

export class RepositoryPool {
  readonly #context: RepositoryContext
  readonly #bounds: PoolBounds
  readonly #fixed = new Map<string, Repository>()
  /** The one asked for longest ago comes first. */
  readonly #named = new Map<string, Repository>()
  readonly #unknown = new Map<string, Unknown>()
  #opening = 0

  constructor (context: RepositoryContext, bounds: PoolBounds = BOUNDS) {
    this.#context = context
    this.#bounds = bounds
  }

  /** Opens the repositories of the settings, and removes mirrors that names have left behind. */
  async start (fixed: readonly RepositoryOptions[]): Promise<void> {
    const repositories = fixed.map(options => new Repository(options, this.#context))
    for (const [index, repository] of repositories.entries()) this.#fixed.set(keyOf(fixed[index]!), repository)
    await this.#sweep(new Set(fixed.map(({ uri }) => mirrorName(withoutUserInfo(uri).uri))))
    await Promise.all(repositories.map(async repository => repository.start()))
  }

  get all (): readonly Repository[] {
    return [...this.#fixed.values(), ...this.#named.values()]
  }

  /** A repository that is open already. */
  known (options: RepositoryOptions): Repository | undefined {
    const key = keyOf(options)
    return this.#fixed.get(key) ?? this.#named.get(key)
  }

  /** Opens a repository; throws E_CONFIG_BACKEND for a name that stood for nothing a moment ago. */
  async open (options: RepositoryOptions): Promise<Repository> {
    const key = keyOf(options)
    const fixed = this.#fixed.get(key)
    if (fixed !== undefined) {
      await fixed.start()
      return fixed
    }
    const unknown = this.#unknown.get(key)
    if (unknown !== undefined && unknown.untilMs > performance.now()) {
      throw error('E_CONFIG_BACKEND', [unknown.uri, unknown.problem])
    }
    const repository = this.#named.get(key) ?? this.#add(key, options)
    this.#named.delete(key)
    this.#named.set(key, repository)
    await this.#opened(key, repository)
    return repository
  }

  #add (key: string, options: RepositoryOptions): Repository {
    const repository = new Repository(options, this.#context)
    if (this.#opening >= this.#bounds.opening) {
      throw error('E_CONFIG_BACKEND', [repository.uri, 'too many repositories are being opened'])
    }
    this.#named.set(key, repository)
    const [oldest] = this.#named.keys()
    if (this.#named.size > this.#bounds.named && oldest !== undefined) this.#forget(oldest)
    return repository
  }

  async #opened (key: string, repository: Repository): Promise<void> {
    this.#opening++
    try {
      await repository.start()
    } finally {
      this.#opening--
    }
    if (!repository.isEmpty || repository.problem === undefined || this.#named.get(key) !== repository) return
    this.#forget(key)
    const untilMs = performance.now() + this.#bounds.unknownMs
    this.#note(key, { uri: repository.uri, problem: repository.problem, untilMs })
  }

  #note (key: string, unknown: Unknown): void {
    this.#unknown.delete(key)
    this.#unknown.set(key, unknown)
    if (this.#unknown.size > this.#bounds.unknown) this.#unknown.delete(this.#unknown.keys().next().value ?? '')
  }

  #forget (key: string): void {
    const repository = this.#named.get(key)
    this.#named.delete(key)
    repository?.remove().catch(() => {})
  }

  /** Fetches every repository now; what was not there may be now. */
  async refresh (): Promise<void> {
    this.#unknown.clear()
    await Promise.all(this.all.map(async repository => repository.refresh()))
  }

  async stop (): Promise<void> {
    await Promise.all(this.all.map(async repository => repository.stop()))
  }

  // A mirror made since this process began belongs to another store of it.
  async #sweep (keep: ReadonlySet<string>): Promise<void> {
    const { basedir } = this.#context
    const names = (await readdir(basedir).catch(() => [])).filter(name => /^[0-9a-f]{24}\.git$/.test(name) && !keep.has(name))
    const mirrors = await Promise.all(names.map(async name => mirrorAt(join(basedir, name))))
    const old = mirrors.filter(({ changedMs }) => changedMs < performance.timeOrigin)
    const over = old.toSorted((a, b) => b.changedMs - a.changedMs).slice(this.#bounds.named)
    const gone = new Set([...old.filter(({ isEmpty }) => isEmpty), ...over])
    await Promise.all([...gone].map(async ({ folder }) => rm(folder, { recursive: true, force: true }).catch(() => {})))
  }
}

interface MirrorFolder {
  readonly folder: string
  readonly changedMs: number
  readonly isEmpty: boolean
}

async function mirrorAt (folder: string): Promise<MirrorFolder> {
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }))
  const refs = await readdir(join(folder, 'refs'), { recursive: true, withFileTypes: true }).catch(() => [])
  const packed = await stat(join(folder, 'packed-refs')).then(() => true, () => false)
  return { folder, changedMs: mtimeMs, isEmpty: !packed && !refs.some(entry => entry.isFile()) }
}

// Two patterns may name one remote with other labels or paths.
function keyOf (options: RepositoryOptions): string {
  const { uri, searchPaths, defaultLabel, tryMasterBranch, credentials } = options
  return JSON.stringify([uri, searchPaths, defaultLabel, tryMasterBranch, credentials])
}
