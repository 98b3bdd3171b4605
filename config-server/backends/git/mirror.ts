/**
 * A bare mirror of a remote: fetched into, never checked out. What was fetched stays readable whatever becomes of the
 * remote or of the volume; a fetch that is killed leaves the mirror as it was.
 */
import { createHash } from 'node:crypto'
import { lstat, mkdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { error } from '../../errors.ts'
import { runGit, type GitEnvironment, type GitRun } from './git-process.ts'
import { needsPacking, PACKING, removeLeftovers } from './mirror-upkeep.ts'

/** Names of branches and tags to commit ids. */
export interface Refs {
  readonly branches: ReadonlyMap<string, string>
  readonly tags: ReadonlyMap<string, string>
}

const LOCAL_SILENCE_MS = 30_000
// Taken as a whole pack, however small, since only then git tells how far it is.
const FETCH = ['-c', 'fetch.unpackLimit=1', 'fetch', '--progress', '--prune', '--force', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules']
const REFSPECS = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']

export class Mirror {
  readonly folder: string
  readonly #uri: string
  readonly #local: GitEnvironment

  /** `local` is what git needs where it asks no remote. */
  constructor (basedir: string, uri: string, local: GitEnvironment) {
    this.folder = join(basedir, mirrorName(uri))
    this.#uri = uri
    this.#local = local
  }

  /** Whether an earlier run has left something to read; needs no write, as the volume may take none now. */
  async exists (): Promise<boolean> {
    await refuseLinks(this.#uri)
    // git makes these two first and last: a folder that has only one was given up half way.
    if (!await isThere(join(this.folder, 'HEAD')) || !await isThere(join(this.folder, 'objects'))) return false
    await refuseForeign(this.folder)
    return true
  }

  /** Removes what a killed run may have left; whatever cannot be removed now is tried again after the next failure. */
  async clean (): Promise<void> {
    await removeLeftovers(this.folder)
  }

  /** Brings the labels up to date. Whatever it leaves unfinished is removed at once: the next try begins anew. */
  async fetch (environment: GitEnvironment, silenceMs: number, signal: AbortSignal): Promise<void> {
    const run = { folder: this.folder, environment, silenceMs, signal }
    if (!await this.exists()) await this.#create(run)
    try {
      await runGit({ ...run, args: [...FETCH, '--', this.#uri, ...REFSPECS] })
    } catch (failure) {
      await this.clean()
      throw failure
    }
  }

  // The remote is asked first: whoever can name a repository in a question must not leave a folder by it.
  async #create (run: Omit<GitRun, 'args'>): Promise<void> {
    await runGit({ ...run, folder: dirname(this.folder), args: ['ls-remote', '--quiet', '--heads', '--', this.#uri] })
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    await refuseForeign(this.folder)
    await this.#git(['init', '--quiet', '--bare', '.'])
  }

  /** Packs what many fetches have left; the old packs go once the new one is there. */
  async maintain (signal: AbortSignal): Promise<void> {
    if (!await needsPacking(this.folder)) return
    try {
      for (const args of PACKING) await this.#git(args, signal)
    } catch (failure) {
      await this.clean()
      throw failure
    }
  }

  async remove (): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }

  /** All branches and tags; a tag that is an object of its own counts as the commit it names. */
  async refs (): Promise<Refs> {
    const output = await this.#git(['for-each-ref', '--format=%(refname) %(objectname) %(*objectname)',
      'refs/heads', 'refs/tags'])
    const refs = { branches: new Map<string, string>(), tags: new Map<string, string>() }
    for (const line of output.split('\n')) {
      const [name = '', id = '', peeled] = line.split(' ')
      if (name.startsWith('refs/heads/')) refs.branches.set(name.slice(11), id)
      else if (name.startsWith('refs/tags/')) refs.tags.set(name.slice(10), peeled || id)
    }
    return refs
  }

  /** Runs a command that only reads, and resolves with its output. */
  async read (args: readonly string[]): Promise<string> {
    return this.#git(args)
  }

  async #git (args: readonly string[], signal?: AbortSignal): Promise<string> {
    return runGit({
      args, folder: this.folder, environment: this.#local, silenceMs: LOCAL_SILENCE_MS,
      ...(signal === undefined ? {} : { signal })
    })
  }
}

export function mirrorName (uri: string): string {
  return `${createHash('sha256').update(uri).digest('hex').slice(0, 24)}.git`
}

async function isThere (path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false)
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

const WRITABLE_BY_ALL = 0o002

// In a folder such as /tmp somebody else may have made the mirror first, with contents of their choice. On a volume
// where only its owner can make folders a foreign owner is what a changed user id of the server leaves.
async function refuseForeign (folder: string): Promise<void> {
  for (const one of [folder, dirname(folder)]) {
    const [found, parent] = await Promise.all([lstat(one), stat(dirname(one))])
    const isOurs = found.isDirectory() && found.uid === process.geteuid?.()
    if (isOurs || (found.isDirectory() && (parent.mode & WRITABLE_BY_ALL) === 0)) continue
    throw error('E_CONFIG_SETTING', ['git.basedir', `${one} belongs to somebody else.`, 'Use a folder of your own.'])
  }
}
