/**
 * The files of commits: trees are read once and shared by all commits that have them. Links are followed as long as
 * they stay within the commit, as a checkout would have them.
 */
import { posix } from 'node:path'
import { ByteCache } from '../../byte-cache.ts'
import { isHidden } from '../folder-reader.ts'
import { matchesWildcard } from '../wildcard.ts'
import type { ObjectReader } from './object-reader.ts'

export interface TreeEntry {
  readonly id: string
  readonly kind: 'tree' | 'blob' | 'link' | 'submodule'
}

/** A file or folder, and where it was found once the links on the way were followed. */
interface Place {
  readonly entry: TreeEntry
  readonly path: string
}

/** One folder on the way, the root has no name. */
interface Step {
  readonly name: string
  readonly entry: TreeEntry
}

/** The link that a path came from, and how many there were since. */
interface Via {
  readonly path: string
  readonly count: number
  /** How many names at the end of the path come from the question, not from the link. */
  readonly asked: number
}

/** Told of a link or a submodule that a question came upon and that is not followed. */
export type OnUnfollowed = (path: string, why: string) => void

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
/** Links on the way to one file; Linux allows 40. */
const MAX_LINKS = 16
const MAX_TARGET_BYTES = 1_024
const MAX_LINKED_NAMES = 500

export class CommitFiles {
  readonly #objects: ObjectReader
  readonly #onUnfollowed: OnUnfollowed
  readonly #trees = new ByteCache<ReadonlyMap<string, TreeEntry>>(CACHE_BYTES)
  readonly #commits = new ByteCache<Commit>(CACHE_BYTES / 4)
  readonly #linkedNames = new Set<string>()

  constructor (objects: ObjectReader, onUnfollowed: OnUnfollowed) {
    this.#objects = objects
    this.#onUnfollowed = onUnfollowed
  }

  /**
   * Names of links that were met, and of what they lead to: when one of those changes, its name does not tell whom it
   * concerns. Undefined when they are too many to know.
   */
  get linkedNames (): ReadonlySet<string> | undefined {
    return this.#linkedNames.size > MAX_LINKED_NAMES ? undefined : this.#linkedNames
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

  /** The file at a path of a commit; undefined for folders, submodules and links that lead out. */
  async blob (commit: string, path: string): Promise<{ id: string, path: string } | undefined> {
    const place = await this.#place(commit, path)
    return place?.entry.kind === 'blob' ? { id: place.entry.id, path: place.path } : undefined
  }

  /** The entries of a folder of a commit; undefined when there is no such folder. */
  async folder (commit: string, path: string): Promise<ReadonlyMap<string, TreeEntry> | undefined> {
    const place = await this.#place(commit, path)
    return place?.entry.kind === 'tree' ? this.tree(place.entry.id) : undefined
  }

  async #place (commit: string, path: string, via?: Via): Promise<Place | undefined> {
    const root = (await this.commit(commit))?.tree
    const names = path.split('/').filter(name => name !== '' && name !== '.')
    if (root === undefined || names.length > MAX_DEPTH) return undefined
    const walked: Step[] = [{ name: '', entry: { id: root, kind: 'tree' } }]
    for (const [index, name] of names.entries()) {
      if (name === '..') walked.pop()
      else {
        const next = await this.#child(walked.at(-1)?.entry, name)
        if (next?.kind === 'submodule') this.#onUnfollowed(pathOf(walked, name), 'it is a submodule')
        if (next === undefined || next.kind === 'submodule') {
          const isInTarget = index < names.length - (via?.asked ?? 0)
          return isInTarget ? this.#refuse(via, isHidden(name) ? 'it leads into .git' : 'its target is not there') : undefined
        }
        walked.push({ name, entry: next })
      }
      if (walked.length === 0) return this.#refuse(via, 'it leads out of the repository')
      if (walked.at(-1)!.entry.kind === 'link') return this.#follow(commit, placeOf(walked), names.slice(index + 1), via)
    }
    return placeOf(walked)
  }

  async #child (parent: TreeEntry | undefined, name: string): Promise<TreeEntry | undefined> {
    return parent?.kind === 'tree' ? (await this.tree(parent.id)).get(name) : undefined
  }

  async #follow (
    commit: string, { entry, path }: Place, rest: readonly string[], via?: Via
  ): Promise<Place | undefined> {
    const asked = Math.min(via?.asked ?? rest.length, rest.length)
    const link = { path: via?.path ?? path, count: (via?.count ?? 0) + 1, asked }
    const target = (await this.#objects.read(entry.id))?.content?.toString() ?? ''
    if (this.linkedNames !== undefined) this.#linkedNames.add(posix.basename(path)).add(posix.basename(target))
    if (link.count > MAX_LINKS) return this.#refuse(link, `it stands for more than ${MAX_LINKS} links`)
    if (target === '' || target.length > MAX_TARGET_BYTES) return this.#refuse(link, 'its target is no path')
    if (target.startsWith('/')) return this.#refuse(link, 'it leads out of the repository')
    return this.#place(commit, [posix.dirname(path), target, ...rest].join('/'), link)
  }

  #refuse (link: Via | undefined, why: string): undefined {
    if (link !== undefined) this.#onUnfollowed(link.path, why)
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
    const names = [...entries].filter(([name, entry]) => entry.kind !== 'blob' && matchesWildcard(part, name)).map(([name]) => name)
    const folders = await Promise.all(names.toSorted().map(async name =>
      await this.folder(commit, folder + name) === undefined ? [] : [`${folder}${name}/`]))
    return folders.flat()
  }

  /** A blob's size, and its content unless that is over the limit; throws when the repository lacks it. */
  async content (blob: string): Promise<{ size: number, content: Buffer | undefined }> {
    const object = await this.#objects.read(blob)
    if (object === undefined) throw new Error(`the repository has no object ${blob}`)
    return object
  }

  /** The entries of a tree by its id. */
  async tree (id: string): Promise<ReadonlyMap<string, TreeEntry>> {
    const known = this.#trees.get(id)
    if (known !== undefined) return known
    const object = await this.#objects.read(id)
    const tree = parseTree(object?.content ?? Buffer.alloc(0), id.length / 2)
    this.#trees.set(id, tree, tree.size * ENTRY_BYTES + 256)
    return tree
  }
}

function placeOf (walked: readonly Step[]): Place {
  return { entry: walked.at(-1)!.entry, path: pathOf(walked.slice(0, -1), walked.at(-1)!.name) }
}

function pathOf (walked: readonly Step[], name: string): string {
  return [...walked.map(step => step.name), name].filter(one => one !== '').join('/')
}

/** By the first digits of a mode: 40000, 100644 and 100755, 120000, 160000. */
const KINDS: Readonly<Record<string, TreeEntry['kind']>> = { 400: 'tree', 100: 'blob', 120: 'link', 160: 'submodule' }

/** `mode name NUL id` again and again; the id is 20 or 32 bytes, as the repository's hash is SHA-1 or SHA-256. */
export function parseTree (bytes: Buffer, idBytes: number): Map<string, TreeEntry> {
  const entries = new Map<string, TreeEntry>()
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at)
    const end = bytes.indexOf(0, space)
    if (space < 0 || end < 0) break
    const mode = bytes.toString('latin1', at, space)
    const kind = KINDS[mode.slice(0, 3)]
    const id = bytes.toString('hex', end + 1, end + 1 + idBytes)
    const name = bytes.toString('utf8', space + 1, end)
    if (kind !== undefined && !isHidden(name)) entries.set(name, { id, kind })
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
