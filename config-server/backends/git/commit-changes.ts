/** What differs between commits, and which commits made a difference. */
import { ByteCache } from '../../byte-cache.ts'
import type { CommitFiles, TreeEntry } from './commit-files.ts'

/** Runs git in the mirror and resolves with its output. */
export type ReadGit = (args: readonly string[]) => Promise<string>

const MAX_DEPTH = 32
/** Pairs of commits that watchers lie between at one time. */
const MAX_KEPT_CHANGES = 16
const MAX_CHANGES = 5_000
const PAGE = 32
const PAGES_BYTES = 1_048_576
const ID_BYTES = 200

type TreePair = readonly [string | undefined, string | undefined]

export class CommitChanges {
  readonly #files: CommitFiles
  readonly #readGit: ReadGit
  readonly #changes = new Map<string, Promise<ReadonlySet<string> | undefined>>()
  readonly #pages = new ByteCache<readonly string[]>(PAGES_BYTES)

  constructor (files: CommitFiles, readGit: ReadGit) {
    this.#files = files
    this.#readGit = readGit
  }

  /** The names, without folders, of the files that differ between two commits; undefined: too many. */
  async names (before: string, after: string): Promise<ReadonlySet<string> | undefined> {
    const key = `${before} ${after}`
    const known = this.#changes.get(key)
    if (known !== undefined) return known
    const changes = this.#read(before, after)
    this.#changes.set(key, changes)
    changes.catch(() => this.#changes.delete(key))
    if (this.#changes.size > MAX_KEPT_CHANGES) this.#changes.delete(this.#changes.keys().next().value ?? '')
    return changes
  }

  async #read (before: string, after: string): Promise<ReadonlySet<string> | undefined> {
    const [from, to] = await Promise.all([this.#files.commit(before), this.#files.commit(after)])
    const names = new Set<string>()
    await this.#collect([from?.tree, to?.tree], names, 0)
    return names.size > MAX_CHANGES ? undefined : names
  }

  // Folders with one id are equal whatever is in them, so only what changed is read.
  async #collect ([from, to]: TreePair, names: Set<string>, depth: number): Promise<void> {
    if (from === to || depth > MAX_DEPTH || names.size > MAX_CHANGES) return
    const [before, after] = await Promise.all([this.#entries(from), this.#entries(to)])
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const [old, now] = [before.get(name), after.get(name)]
      if (old?.id === now?.id) continue
      if (old?.kind !== 'tree' || now?.kind !== 'tree') names.add(name)
      await this.#collect([folderId(old), folderId(now)], names, depth + 1)
    }
  }

  async #entries (tree: string | undefined): Promise<ReadonlyMap<string, TreeEntry>> {
    return tree === undefined ? new Map() : this.#files.tree(tree)
  }

  /**
   * The commits at or before one, on its first-parent line, that touched a file of one of the names, which may end in
   * `*`; the youngest first; all commits when there are no names. git compares trees far faster than they could be read
   * here: a hundred thousand commits of other teams cost seconds, once.
   */
  async * touching (commit: string, names: readonly string[]): AsyncGenerator<string> {
    for (let from: string | undefined = commit; from !== undefined;) {
      const page = await this.#page(from, names)
      yield * page
      from = page.length < PAGE ? undefined : (await this.#files.commit(page.at(-1)!))?.parents[0]
    }
  }

  async #page (from: string, names: readonly string[]): Promise<readonly string[]> {
    const key = [from, ...names].join('\n')
    const known = this.#pages.get(key)
    if (known !== undefined) return known
    const output = await this.#readGit(['rev-list', '--first-parent', `--max-count=${PAGE}`, from, '--', ...names.map(pathOf)])
    const page = output.split('\n').filter(id => id !== '')
    this.#pages.set(key, page, key.length + page.length * ID_BYTES)
    return page
  }
}

// What glob takes for more than it is stands behind a backslash, but for the `*` at the end; folders count, too.
function pathOf (name: string): string {
  const plain = name.replace(/\*$/, '').replace(/[*?[\]\\]/g, '\\$&')
  return `:(glob)**/${plain}${name.endsWith('*') ? '*' : ''}`
}

function folderId (entry: TreeEntry | undefined): string | undefined {
  return entry?.kind === 'tree' ? entry.id : undefined
}
