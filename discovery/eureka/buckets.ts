import type { ListedApplication } from '../registry/listing.ts'
import { Block, shortBlock } from './block.ts'

/** What is packed together has at least this size: alone, an application of one instance hardly packs at all. */
const BUCKET_BYTES = 64 * 1024

interface Bucket {
  readonly fragments: Map<ListedApplication, Uint8Array>
  bytes: number
  block: Block | undefined
}

/**
 * The applications of one form of the list, in buckets of some size. An application stays in its bucket for life,
 * so a change makes one block anew, whichever applications come and go.
 */
export class Buckets {
  readonly #between: Uint8Array
  readonly #separator: Block | undefined
  readonly #buckets = new Set<Bucket>()
  readonly #bucketOf = new Map<ListedApplication, Bucket>()
  #open: Bucket | undefined

  /** `between` stands between two applications. */
  constructor (between: string) {
    this.#between = Buffer.from(between)
    if (between !== '') this.#separator = shortBlock(between)
  }

  /** Blocks that hold exactly these applications; `fragment` gives the same bytes as before for what did not change. */
  blocks (
    apps: ReadonlyMap<string, ListedApplication>, fragment: (app: ListedApplication) => Uint8Array
  ): Block[] {
    if (this.#bucketOf.size > 0) this.#dropGone(apps)
    for (const app of apps.values()) this.#put(app, fragment(app))
    const blocks: Block[] = []
    for (const bucket of this.#buckets) {
      if (blocks.length > 0 && this.#separator !== undefined) blocks.push(this.#separator)
      blocks.push(this.#blockOf(bucket))
    }
    return blocks
  }

  #put (app: ListedApplication, bytes: Uint8Array): void {
    const bucket = this.#bucketOf.get(app) ?? this.#place(app)
    const before = bucket.fragments.get(app)
    if (before === bytes) return
    bucket.fragments.set(app, bytes)
    bucket.bytes += bytes.length - (before?.length ?? 0)
    bucket.block = undefined
  }

  #place (app: ListedApplication): Bucket {
    if (this.#open === undefined || this.#open.bytes >= BUCKET_BYTES) {
      this.#open = { fragments: new Map(), bytes: 0, block: undefined }
      this.#buckets.add(this.#open)
    }
    this.#bucketOf.set(app, this.#open)
    return this.#open
  }

  #dropGone (apps: ReadonlyMap<string, ListedApplication>): void {
    for (const [app, bucket] of this.#bucketOf) {
      if (apps.get(app.name) === app) continue
      this.#bucketOf.delete(app)
      bucket.bytes -= bucket.fragments.get(app)!.length
      bucket.fragments.delete(app)
      bucket.block = undefined
      // Who comes next takes the free place, or there would be ever more, ever smaller buckets.
      this.#open = bucket
    }
    for (const bucket of this.#buckets) if (bucket.fragments.size === 0) this.#remove(bucket)
  }

  #remove (bucket: Bucket): void {
    this.#buckets.delete(bucket)
    if (this.#open === bucket) this.#open = undefined
  }

  #blockOf (bucket: Bucket): Block {
    bucket.block ??= new Block(this.#partsOf(bucket))
    return bucket.block
  }

  #partsOf ({ fragments }: Bucket): Uint8Array[] {
    if (this.#between.length === 0) return [...fragments.values()]
    return [...fragments.values()].flatMap((bytes, i) => i === 0 ? [bytes] : [this.#between, bytes])
  }
}
