/** The files of commits: trees are read once and shared by all commits that have them, links are not followed. */
import { ByteCache } from '../../byte-cache.ts'
import type { ObjectReader } from './object-reader.ts'

export interface TreeEntry {
  readonly id: string
  readonly kind: 'tree' | 'blob'
}

export interface Commit {
  readonly id: string
  readonly tree: string
  readonly parents: readonly string[]
  readonly timeMs: number
  readonly author: string
  readonly subject: string
}

const CACHE_BYTES = 8 * 1_048_576
const ENTRY_BYTES = 160
const MAX_DEPTH = 32
/** Pairs of commits that watchers lie between at one time. */
const MAX_KEPT_CHANGES = 16
const MAX_CHANGES = 5_000

type TreePair = readonly [string | undefined, string | undefined]

export class CommitFiles {
  readonly #objects: ObjectReader
  readonly #trees = new ByteCache<ReadonlyMap<string, TreeEntry>>(CACHE_BYTES)
  readonly #changes = new Map<string, Promise<ReadonlySet<string> | undefined>>()
  readonly #commits = new ByteCache<Commit>(CACHE_BYTES / 4)

  constructor (objects: ObjectReader) {
    this.#objects = objects
  }

  /** The commit of an id, also an abbreviated one; undefined when there is none, or more than one. */
  async commit (id: string): Promise<Commit | undefined> {
    const known = this.#commits.get(id)
    if (known !== undefined) return known
    const object = await this.#objects.read(`${id}^{commit}`)
    if (object?.content === undefined || object.type !== 'commit') return undefined
    const commit = parseCommit(object.id, object.content.toString())
    this.#commits.set(id, commit, 512)
    return commit
  }

  /** The blob at a path of a commit; undefined for folders, links and submodules. */
  async blob (commit: string, path: string): Promise<string | undefined> {
    const slash = path.lastIndexOf('/')
    const folder = await this.folder(commit, slash < 0 ? '' : path.slice(0, slash))
    const entry = folder?.get(path.slice(slash + 1))
    return entry?.kind === 'blob' ? entry.id : undefined
  }

  /** The entries of a folder of a commit; undefined when there is no such folder. */
  async folder (commit: string, path: string): Promise<ReadonlyMap<string, TreeEntry> | undefined> {
    let id = (await this.commit(commit))?.tree
    const names = path.split('/').filter(name => name !== '')
    if (names.length > MAX_DEPTH) return undefined
    for (const name of names) {
      const entry: TreeEntry | undefined = id === undefined ? undefined : (await this.#tree(id)).get(name)
      id = entry?.kind === 'tree' ? entry.id : undefined
    }
    return id === undefined ? undefined : this.#tree(id)
  }

  /** The folders that a search path with `*` means, in the order of their names. */
  async matching (commit: string, pattern: string): Promise<string[]> {
    let folders = ['']
    for (const part of pattern.split('/').filter(name => name !== '' && name !== '.')) {
      const found = await Promise.all(folders.map(async folder => this.#matchingIn(commit, folder, part)))
      folders = found.flat()
    }
    return folders
  }

  async #matchingIn (commit: string, folder: string, part: string): Promise<string[]> {
    const entries = await this.folder(commit, folder)
    if (entries === undefined) return []
    const test = new RegExp(`^${part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')}$`)
    const names = [...entries].filter(([name, entry]) => entry.kind === 'tree' && test.test(name)).map(([name]) => name)
    return names.toSorted().map(name => `${folder}${name}/`)
  }

  /** The names of the files that differ between two commits, without their folders; undefined when too many do. */
  async changedNames (before: string, after: string): Promise<ReadonlySet<string> | undefined> {
    const key = `${before} ${after}`
    const known = this.#changes.get(key)
    if (known !== undefined) return known
    const changes = this.#readChanges(before, after)
    this.#changes.set(key, changes)
    changes.catch(() => this.#changes.delete(key))
    if (this.#changes.size > MAX_KEPT_CHANGES) this.#changes.delete(this.#changes.keys().next().value ?? '')
    return changes
  }

  async #readChanges (before: string, after: string): Promise<ReadonlySet<string> | undefined> {
    const [from, to] = await Promise.all([this.commit(before), this.commit(after)])
    const names = new Set<string>()
    await this.#collectChanges([from?.tree, to?.tree], names, 0)
    return names.size > MAX_CHANGES ? undefined : names
  }

  // Folders with one id are equal whatever is in them, so only what changed is read.
  async #collectChanges ([from, to]: TreePair, names: Set<string>, depth: number): Promise<void> {
    if (from === to || depth > MAX_DEPTH || names.size > MAX_CHANGES) return
    const [before, after] = await Promise.all([this.#entries(from), this.#entries(to)])
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const [old, now] = [before.get(name), after.get(name)]
      if (old?.id === now?.id) continue
      if (old?.kind === 'blob' || now?.kind === 'blob') names.add(name)
      await this.#collectChanges([folderId(old), folderId(now)], names, depth + 1)
    }
  }

  async #entries (tree: string | undefined): Promise<ReadonlyMap<string, TreeEntry>> {
    return tree === undefined ? new Map() : this.#tree(tree)
  }

  async content (blob: string): Promise<{ size: number, content: Buffer | undefined } | undefined> {
    return this.#objects.read(blob)
  }

  async #tree (id: string): Promise<ReadonlyMap<string, TreeEntry>> {
    const known = this.#trees.get(id)
    if (known !== undefined) return known
    const object = await this.#objects.read(id)
    const tree = parseTree(object?.content ?? Buffer.alloc(0), id.length / 2)
    this.#trees.set(id, tree, tree.size * ENTRY_BYTES + 256)
    return tree
  }
}

function folderId (entry: TreeEntry | undefined): string | undefined {
  return entry?.kind === 'tree' ? entry.id : undefined
}

/** `mode name NUL id` again and again; the id is 20 or 32 bytes, as the repository's hash is SHA-1 or SHA-256. */
export function parseTree (bytes: Buffer, idBytes: number): Map<string, TreeEntry> {
  const entries = new Map<string, TreeEntry>()
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at)
    const end = bytes.indexOf(0, space)
    if (space < 0 || end < 0) break
    const mode = bytes.toString('latin1', at, space)
    const kind = mode === '40000' ? 'tree' : mode.startsWith('100') ? 'blob' : undefined
    const id = bytes.toString('hex', end + 1, end + 1 + idBytes)
    const name = bytes.toString('utf8', space + 1, end)
    if (kind !== undefined && name !== '.git') entries.set(name, { id, kind })
    at = end + 1 + idBytes
  }
  return entries
}

function parseCommit (id: string, text: string): Commit {
  const [head = '', ...message] = text.split('\n\n')
  const field = (name: string): string[] => [...head.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(match => match[1] ?? '')
  const [, author = '', , ] = /^(.*?) ?<([^>]*)>/.exec(field('author')[0] ?? '') ?? []
  return {
    id,
    tree: field('tree')[0] ?? '',
    parents: field('parent'),
    timeMs: Number(/> (\d+) /.exec(field('committer')[0] ?? '')?.[1] ?? 0) * 1000,
    author,
    subject: (message[0] ?? '').split('\n', 1)[0]?.slice(0, 200) ?? ''
  }
}
