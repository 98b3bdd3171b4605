/**
 * Reads the pages of an lmdb file (its data version 2) without lmdb, whose own code believes what it finds: a page that
 * is cut off or overwritten ends the process there, or hides entries in silence. Here it is named.
 */
const HEADER = 24
const MAGIC = 0xBEEFC0DE
const VERSION = 2
const [BRANCH, LEAF, OVERFLOW, META] = [1, 2, 4, 8]
/** Node flag: the value lies in pages of its own. */
const BIG = 1
/** Flags of the free pages' tree, and of the file; whether it is one of a folder does not matter. */
const [INTEGER_KEY, NO_FOLDER] = [0x08, 0x4000]
const NONE = 2 ** 64
const PAGE_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]
/** Pages at the end of a file that a commit took and gave back; lmdb writes them when they are used. */
const MAX_UNWRITTEN = 2 ** 16

/** What is wrong with a file. */
export class Damage extends Error {
  override readonly name = 'Damage'
}

export interface Tree {
  readonly depth: number
  readonly branches: number
  readonly leaves: number
  readonly overflow: number
  readonly entries: number
  readonly root: number
}

/** The newest state of a file. */
export interface Meta {
  readonly txn: number
  readonly lastPage: number
  readonly free: Tree
  readonly main: Tree
}

export interface Entry {
  readonly key: Buffer
  readonly value: Buffer
}

type Compare = typeof compareBytes

/** Reads bytes of the file; fewer than asked for at its end. */
export type Read = (offset: number, length: number) => Buffer

interface Place {
  readonly page: number
  readonly depth: number
  /** Of the page above, which is written anew whenever this one is. */
  readonly txn: number
  /** Keys are not below, and below. */
  readonly low: Buffer | undefined
  readonly high: Buffer | undefined
}

export class Pages {
  readonly meta: Meta
  readonly #read: Read
  readonly #pageSize: number
  readonly #used: Uint8Array

  /** `size`: of the file, in bytes. Throws Damage when it has no state. */
  constructor (read: Read, size: number) {
    this.#read = read
    this.#pageSize = this.#bytes(0, HEADER + 28).readUInt32LE(HEADER + 24)
    if (!PAGE_SIZES.includes(this.#pageSize)) throw new Damage('its first page is none of lmdb')
    const [first, second] = [this.#meta(0), this.#meta(1)]
    // Commits are written to the two pages in turn, and each writes the root of the entries anew.
    if (Math.abs(first.txn - second.txn) > 1 || !this.#isRooted(first) || !this.#isRooted(second)) {
      throw new Damage('its two states do not follow each other')
    }
    this.meta = first.txn > second.txn ? first : second
    const written = this.meta.lastPage * this.#pageSize
    if (written - size > MAX_UNWRITTEN * this.#pageSize) throw this.#cut(written, size)
    this.#used = new Uint8Array(this.meta.lastPage + 1)
    this.#used.fill(1, 0, 2)
  }

  /** All entries of a tree in the order of their keys; throws Damage where they are not as lmdb has counted them. */
  * entries (tree: Tree, compare = compareBytes): Generator<Entry> {
    const seen = { branches: 0, leaves: 0, overflow: 0, entries: 0 }
    const top = { page: tree.root, depth: 1, txn: this.meta.txn, low: undefined, high: undefined }
    if (tree.root !== NONE) yield * this.#below(top, { tree, seen, compare })
    for (const kind of ['branches', 'leaves', 'overflow', 'entries'] as const) {
      if (seen[kind] !== tree[kind]) throw new Damage(`${seen[kind]} ${kind} are there, ${tree[kind]} were counted`)
    }
  }

  /**
   * Throws Damage when a page is free and used, or free twice: the next commit would overwrite what is in it; and when
   * one behind `end` bytes is not free: it is cut off.
   */
  checkFree (end = Infinity): void {
    const free = new Uint8Array(this.meta.lastPage + 1)
    for (const page of this.#freePages()) {
      if (page > this.meta.lastPage || this.#used[page] === 1 || free[page] === 1) {
        throw new Damage(`page ${page} is free, and is not`)
      }
      free[page] = 1
    }
    for (let page = Math.floor(end / this.#pageSize); page <= this.meta.lastPage; page++) {
      if (free[page] !== 1) throw this.#cut((page + 1) * this.#pageSize, end)
    }
  }

  * #freePages (): Generator<number> {
    for (const { value } of this.entries(this.meta.free, compareNumbers)) {
      // Each number is a page; a negative one before it says how many follow each other; zeros are room to grow.
      let pages = 1
      for (let n = 1; n <= number(value, 0); n++) {
        if (value.length < 8 * (n + 1)) throw new Damage('its list of free pages is cut')
        const id = Number(value.readBigInt64LE(8 * n))
        if (id < 0) pages = Math.min(-id, this.meta.lastPage + 1)
        if (id <= 0) continue
        for (let page = 0; page < pages; page++) yield id + page
        pages = 1
      }
    }
  }

  * #below (place: Place, walk: Walk): Generator<Entry> {
    const page = this.#page(place.page)
    const [txn, flags] = [number(page, 8), page.readUInt16LE(18)]
    if (txn > place.txn) throw new Damage(`page ${place.page} is newer than what leads to it`)
    if (flags !== (place.depth === walk.tree.depth ? LEAF : BRANCH)) {
      throw new Damage(`page ${place.page} is of another kind`)
    }
    const nodes = this.#nodes(page, place.page)
    if (flags === LEAF) yield * this.#leaf(nodes, { ...place, txn }, walk)
    else for (const below of placesBelow(nodes, { ...place, txn })) yield * this.#below(below, walk)
    walk.seen[flags === LEAF ? 'leaves' : 'branches']++
  }

  * #leaf (nodes: readonly Node[], place: Place, { seen, compare }: Walk): Generator<Entry> {
    let { low } = place
    let order = 0
    for (const node of nodes) {
      const fits = (low === undefined || compare(low, node.key) <= order) &&
        (place.high === undefined || compare(node.key, place.high) < 0)
      if (!fits) throw new Damage(`the keys of page ${place.page} are out of order`)
      // Not below the page's own bound, and beyond the key before.
      ;[low, order] = [node.key, -1]
      seen.entries++
      yield { key: node.key, value: this.#value(node, place, seen) }
    }
  }

  #value (node: Node, { page, txn }: Place, seen: { overflow: number }): Buffer {
    if (node.flags === 0) return node.value(node.low)
    if (node.flags !== BIG) throw new Damage(`page ${page} has a value of another kind`)
    const where = node.value(24)
    const [first, its, pages] = [number(where, 0), number(where, 8), number(where, 16)]
    const head = this.#page(first)
    const whole = number(head, 8) === its && its <= txn && head.readUInt16LE(18) === OVERFLOW &&
      head.readUInt32LE(20) === pages && HEADER + node.low <= pages * this.#pageSize
    if (!whole) throw new Damage(`page ${first} is not the value that page ${page} has there`)
    for (let n = 1; n < pages; n++) this.#use(first + n)
    seen.overflow += pages
    return this.#bytes(first * this.#pageSize + HEADER, node.low)
  }

  #page (page: number): Buffer {
    this.#use(page)
    const bytes = this.#bytes(page * this.#pageSize, this.#pageSize)
    if (number(bytes, 0) !== page) throw new Damage(`page ${page} is another one`)
    return bytes
  }

  #use (page: number): void {
    if (!(page <= this.meta.lastPage)) throw new Damage(`page ${page} is beyond the last one`)
    if (this.#used[page] === 1) throw new Damage(`page ${page} is used twice`)
    this.#used[page] = 1
  }

  #bytes (offset: number, length: number): Buffer {
    const bytes = this.#read(offset, length)
    if (bytes.length < length) throw this.#cut(offset + length, offset + bytes.length)
    return bytes
  }

  #cut (written: number, there: number): Damage {
    return new Damage(`it is cut: at least ${written} bytes were written, ${there} are there`)
  }

  #nodes (page: Buffer, name: number): Node[] {
    const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)]
    const room = this.#pageSize - HEADER
    const broken = (): Damage => new Damage(`page ${name} is not what was written`)
    if (lower % 2 !== 0 || lower === 0 || lower > upper || upper > room) throw broken()
    return Array.from({ length: lower / 2 }, (_, n) => {
      const at = page.readUInt16LE(HEADER + 2 * n)
      if (at < upper || at + 8 > room) throw broken()
      const node = page.subarray(HEADER + at)
      const end = 8 + node.readUInt16LE(6)
      if (end > node.length) throw broken()
      const value = (length: number): Buffer => {
        if (end + length > node.length) throw broken()
        return node.subarray(end, end + length)
      }
      return { low: node.readUInt32LE(0), flags: node.readUInt16LE(4), key: node.subarray(8, end), value }
    })
  }

  #isRooted ({ txn, main: { root } }: Meta): boolean {
    return root === NONE || number(this.#bytes(root * this.#pageSize, HEADER), 8) === txn
  }

  #meta (page: number): Meta {
    const bytes = this.#bytes(page * this.#pageSize, HEADER + 136)
    const at = HEADER
    const flat = bytes.readUInt16LE(18) === META && bytes.readUInt32LE(at) === MAGIC &&
      (bytes.readUInt32LE(at + 4) & 0xffff) === VERSION && bytes.readUInt32LE(at + 24) === this.#pageSize &&
      // How their keys are compared, as numbers the one, as bytes the other; and nothing is encrypted.
      (bytes.readUInt16LE(at + 28) & ~NO_FOLDER) === INTEGER_KEY && bytes.readUInt16LE(at + 76) === 0
    const meta = { txn: number(bytes, at + 128), lastPage: number(bytes, at + 120),
      free: tree(bytes, at + 24), main: tree(bytes, at + 72) }
    const sound = flat && number(bytes, 0) === page && meta.txn % 2 === page % 2 && meta.lastPage < 2 ** 40
    if (!sound && !(flat && meta.txn === 0)) throw new Damage(`its page ${page} is no state of lmdb`)
    return meta
  }
}

interface Walk {
  readonly tree: Tree
  readonly seen: { branches: number, leaves: number, overflow: number, entries: number }
  readonly compare: Compare
}

function placesBelow (nodes: readonly Node[], { depth, txn, low, high }: Place): Place[] {
  // The first key of a branch is empty, and stands for all that is below the second.
  return nodes.map((node, n) => ({ page: node.low + node.flags * 2 ** 32, depth: depth + 1, txn,
    low: n === 0 ? low : node.key, high: nodes[n + 1]?.key ?? high }))
}

interface Node {
  /** The length of the value, or the lower half of the number of a page. */
  readonly low: number
  readonly flags: number
  readonly key: Buffer
  readonly value: (length: number) => Buffer
}

function tree (bytes: Buffer, at: number): Tree {
  return { depth: bytes.readUInt16LE(at + 6), branches: number(bytes, at + 8), leaves: number(bytes, at + 16),
    overflow: number(bytes, at + 24), entries: number(bytes, at + 32), root: number(bytes, at + 40) }
}

function number (bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}

function compareBytes (one: Buffer, other: Buffer): number {
  return Buffer.compare(one, other)
}

function compareNumbers (one: Buffer, other: Buffer): number {
  return number(one, 0) - number(other, 0)
}
