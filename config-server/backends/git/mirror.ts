/**
 * A bare mirror of a remote: fetched into, never checked out. What was fetched stays readable whatever becomes of the
 * remote; a fetch that is killed leaves the mirror as it was.
 */
import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { error } from '../../errors.ts'
import { runGit, type GitEnvironment } from './git-process.ts'

/** Names of branches and tags to commit ids. */
export interface Refs {
  readonly branches: ReadonlyMap<string, string>
  readonly tags: ReadonlyMap<string, string>
}

const LOCAL_TIMEOUT_MS = 30_000
const FETCH = ['fetch', '--quiet', '--prune', '--force', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules']
const REFSPECS = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']

export class Mirror {
  readonly folder: string
  readonly #uri: string
  readonly #environment: GitEnvironment

  constructor (basedir: string, uri: string, environment: GitEnvironment) {
    this.folder = join(basedir, `${createHash('sha256').update(uri).digest('hex').slice(0, 24)}.git`)
    this.#uri = uri
    this.#environment = environment
  }

  /** Makes the mirror, or opens the one of an earlier run after removing the locks it may have left. */
  async open (): Promise<void> {
    await refuseLinks(this.#uri)
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    await refuseForeign(this.folder)
    await removeLocks(this.folder)
    await this.#git(['init', '--quiet', '--bare', '.'], LOCAL_TIMEOUT_MS)
  }

  async fetch (timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.#git([...FETCH, '--', this.#uri, ...REFSPECS], timeoutMs, signal)
  }

  /** All branches and tags; a tag that is an object of its own counts as the commit it names. */
  async refs (): Promise<Refs> {
    const output = await this.#git(['for-each-ref', '--format=%(refname) %(objectname) %(*objectname)',
      'refs/heads', 'refs/tags'], LOCAL_TIMEOUT_MS)
    const refs = { branches: new Map<string, string>(), tags: new Map<string, string>() }
    for (const line of output.split('\n')) {
      const [name = '', id = '', peeled] = line.split(' ')
      if (name.startsWith('refs/heads/')) refs.branches.set(name.slice(11), id)
      else if (name.startsWith('refs/tags/')) refs.tags.set(name.slice(10), peeled || id)
    }
    return refs
  }

  async #git (args: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<string> {
    return runGit({
      args, folder: this.folder, environment: this.#environment, timeoutMs, ...(signal === undefined ? {} : { signal })
    })
  }
}

// A local repository that is a link, or whose .git is one, could be pointed elsewhere after it was checked.
async function refuseLinks (uri: string): Promise<void> {
  if (!uri.startsWith('file:') && !uri.startsWith('/')) return
  const path = uri.startsWith('/') ? uri : fileURLToPath(uri)
  for (const one of [path, join(path, '.git')]) {
    const found = await lstat(one).catch(() => undefined)
    if (found?.isSymbolicLink() === true) {
      throw error('E_CONFIG_SETTING', ['git.uri', `${one} is a symbolic link.`, 'Name the folder itself.'])
    }
  }
}

// In a folder such as /tmp somebody else may have made the mirror first, with contents of their choice.
async function refuseForeign (folder: string): Promise<void> {
  const found = await lstat(folder)
  const { uid } = await stat('/proc/self').catch(() => found)
  if (found.isDirectory() && found.uid === uid) return
  throw error('E_CONFIG_SETTING', ['git.basedir', `${folder} belongs to somebody else.`, 'Use a folder of your own.'])
}

// git never waits for a lock: one left by a killed fetch would fail every fetch after it.
async function removeLocks (folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true })
  await Promise.all(names.filter(name => name.endsWith('.lock')).map(async name => rm(join(folder, name), { force: true })))
}
