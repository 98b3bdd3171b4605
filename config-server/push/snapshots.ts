/** What an environment means at one moment: its tag, its fingerprint and its effective values. */
import type { Asker, Backend } from '../backends/backend.ts'
import { ByteCache } from '../byte-cache.ts'
import type { EnvironmentRoad } from '../environment.ts'
import type { Ask } from '../environment/ask.ts'
import { flatten, type FlatProperties } from '../render/flat.ts'
import { printOf } from '../render/fingerprint.ts'

export interface Snapshot {
  /** The tag of the v2 form, which Spring's and our own clients read. */
  readonly etag: string
  readonly print: string
  readonly version: string | null
  /** Undefined when only the tag is known. */
  readonly values: FlatProperties | undefined
}

/** A look at a question, and a name for what it would see: looks of the same name may be shared. */
export interface Look {
  readonly key: string
  /** The store's stamp before the look. */
  readonly stamp: string | undefined
  readonly take: () => Promise<Snapshot>
}

const CACHE_BYTES = 16 * 1_048_576
const ENTRY_BYTES = 200

export class Snapshots {
  readonly #road: EnvironmentRoad
  readonly #backend: Backend
  /** By fingerprint: equal values are kept once, however many applications have them. */
  readonly #known = new ByteCache<Snapshot>(CACHE_BYTES)

  constructor (road: EnvironmentRoad, backend: Backend) {
    this.#road = road
    this.#backend = backend
  }

  /** The state of now, with a key under which equal looks at it may be shared. */
  look (ask: Ask, asker: Asker): Look {
    const stamp = this.#backend.stamp(ask, asker)
    const state = stamp ?? `${asker.token ?? ''}\n${asker.instance ?? ''}`
    return { stamp, key: `${state}\n${ask.name}\n${ask.profile}\n${ask.label ?? '\u0000'}`, take: async () => this.#take(ask, asker) }
  }

  async #take (ask: Ask, asker: Asker): Promise<Snapshot> {
    const made = await this.#road.made({ ask, form: 'v2', resolvePlaceholders: true }, asker)
    const { etag } = made.answer
    const known = this.#known.get(printOf(etag) ?? '')
    if (known?.etag === etag) return known
    const environment = made.environment ?? await this.#road.environment(ask, asker)
    const values = known?.values ?? flatten(environment.sources)
    return this.#keep({ etag, print: printOf(etag) ?? '', version: environment.version, values })
  }

  #keep (snapshot: Snapshot): Snapshot {
    this.#known.set(snapshot.print, snapshot, (snapshot.values?.size ?? 0) * ENTRY_BYTES + 256)
    return snapshot
  }

  /** What a client's tag stands for; its values too when they are still known. */
  of (tag: string): Snapshot | undefined {
    const print = printOf(tag)
    if (print === undefined) return undefined
    return this.#known.get(print) ?? { etag: tag, print, version: null, values: undefined }
  }
}
