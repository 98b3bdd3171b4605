import type { ListedApplication, Listing } from '../registry/listing.ts'
import { namesOf } from '../registry/vips.ts'
import { Block, shortBlock } from './block.ts'
import { Buckets } from './buckets.ts'
import { deltaDocument, FORM_NAMES, FORMS, instancesOf, versionOf, type FormName } from './forms.ts'
import { instanceJson } from './json.ts'
import { Payload } from './payload.ts'

const COMMA = Buffer.from(',')

interface Fragment {
  version: number
  readonly bytes: Map<FormName, Buffer<ArrayBuffer>>
}

interface Cached {
  readonly n: number
  readonly payload: Payload
}

/** What payloads cost, for the metrics. */
export interface PayloadCounters {
  builds: number
  buildMs: number
  bytes: number
}

/**
 * The lists that everybody fetches. Each application is kept as bytes in each form that was asked for; a change
 * throws away the bytes of its application alone, and the next reader joins the rest. The same holds for the packed
 * list, bucket by bucket. A reader always gets what was true when it asked: there is no read-only cache that lags
 * behind.
 */
export class Payloads {
  readonly counters: PayloadCounters = { builds: 0, buildMs: 0, bytes: 0 }
  readonly #book: Listing
  readonly #now: () => number
  readonly #fragments = new WeakMap<ListedApplication, Fragment>()
  readonly #buckets = new Map(FORM_NAMES.map(form => [form, new Buckets(FORMS[form].between)]))
  readonly #all = new Map<FormName, Cached>()
  readonly #deltas = new Map<FormName, Cached & { readonly until: number }>()

  /** `now` times the builds; it need not be the book's clock. */
  constructor (book: Listing, now: () => number) {
    this.#book = book
    this.#now = now
  }

  /** `GET apps`. */
  all (form: FormName): Payload {
    const cached = this.#all.get(form)
    if (cached?.n === this.#book.log.n) return cached.payload
    const payload = this.#build(form, () => this.#join(form))
    this.#all.set(form, { n: this.#book.log.n, payload })
    return payload
  }

  /**
   * `GET apps/delta`, or undefined when it would not be whole. Kept for a second at most: the time it covers moves on
   * without any change.
   */
  delta (form: FormName): Payload | undefined {
    const cached = this.#deltas.get(form)
    const now = this.#now()
    if (cached?.n === this.#book.log.n && now < cached.until) return cached.payload
    const changes = this.#book.delta()
    if (changes === undefined) return undefined
    // After a mass registration the delta is everything, and everything is there already.
    const isAll = changes.length === this.#book.size && changes.every(change => change.instance.action !== 'DELETED')
    if (isAll) return this.all(form)
    const payload = this.#build(form, () => [new Block([Buffer.from(deltaDocument(form, changes, this.#book))])])
    this.#deltas.set(form, { n: this.#book.log.n, until: now + 1000, payload })
    return payload
  }

  /** The instances alone, as JSON without brackets, in pieces that are shared with `all`; for the push stream. */
  instanceLists (names: ReadonlySet<string> | undefined): Buffer[] {
    return [...this.#book.apps.values()].map(app => this.#instanceList(app, names)).filter(list => list.length > 0)
      .flatMap((list, at) => at === 0 ? [list] : [COMMA, list])
  }

  /** Those of an application that have one of the names; all of one that has it itself. */
  #instanceList (app: ListedApplication, names: ReadonlySet<string> | undefined): Buffer {
    if (names === undefined || names.has(app.name)) {
      const bytes = this.#fragment('json', app)
      return bytes.subarray(bytes.indexOf('"instance":[') + '"instance":['.length, -']}'.length)
    }
    const found = [...instancesOf(app)].filter(instance => namesOf(instance).some(name => names.has(name)))
    return Buffer.from(found.map(instanceJson).join(','))
  }

  #build (form: FormName, blocks: () => Block[]): Payload {
    const startedAt = this.#now()
    const payload = new Payload(FORMS[form].type, blocks())
    this.counters.builds++
    this.counters.buildMs += this.#now() - startedAt
    this.counters.bytes = payload.length
    return payload
  }

  #join (name: FormName): Block[] {
    const form = FORMS[name]
    const version = versionOf(this.#book)
    const hash = this.#book.statuses.hash()
    const blocks = this.#buckets.get(name)!.blocks(this.#book.apps, app => this.#fragment(name, app))
    return [shortBlock(form.head(version, hash)), ...blocks, shortBlock(form.tail(version, hash))]
  }

  #fragment (form: FormName, app: ListedApplication): Buffer<ArrayBuffer> {
    let fragment = this.#fragments.get(app)
    if (fragment === undefined) this.#fragments.set(app, fragment = { version: app.version, bytes: new Map() })
    if (fragment.version !== app.version) {
      fragment.bytes.clear()
      fragment.version = app.version
    }
    const known = fragment.bytes.get(form)
    if (known !== undefined) return known
    const bytes = Buffer.from(FORMS[form].application(app.name, instancesOf(app)))
    fragment.bytes.set(form, bytes)
    return bytes
  }
}
