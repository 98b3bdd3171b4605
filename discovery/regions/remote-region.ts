import type { Logger } from 'pino'
import { BookView } from '../backends/book-view.ts'
import type { PeerHttp } from '../peers/peer-http.ts'
import { fetchOwnList, readRemoteList, type RemoteEntry, type RemoteList } from '../peers/remote-list.ts'
import type { Book } from '../registry/book.ts'
import { instanceKey, type Instance } from '../registry/instance.ts'
import { hashOf } from '../registry/status.ts'
import type { Source } from './union.ts'

/** Another region's registry, as `eureka.server.remote-region-*` describes it. */
export interface RegionOptions {
  /** In lower case, as clients ask for it. */
  readonly name: string
  readonly url: string
  /** The only applications that are taken from there, in upper case; undefined: all. */
  readonly apps: readonly string[] | undefined
}

export interface RemoteRegionParts {
  readonly region: RegionOptions
  readonly http: PeerHttp
  /** An empty book, which is filled with what the region has. */
  readonly book: Book
  readonly intervalMs: number
  /** How long the book remembers what was removed. */
  readonly keepRemovedMs: number
  readonly useDelta: boolean
  readonly now: () => number
  readonly log: Logger | undefined
}

/** A region that does not answer is asked ever less often, down to once in five intervals, as in the original. */
const MAX_BACK_OFF = 5

/**
 * What another region's registry has, fetched again and again: deltas, and everything when a delta's hash does not
 * fit. While the region does not answer, what it said last is kept.
 */
export class RemoteRegion implements Source {
  readonly name: string
  readonly book: Book
  readonly #parts: RemoteRegionParts
  readonly #view: BookView
  #known = new Map<string, Instance>()
  #ready = false
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor (parts: RemoteRegionParts) {
    this.#parts = parts
    this.name = parts.region.name
    this.book = parts.book
    this.#view = new BookView(parts.book)
  }

  /** Whether the region has ever answered. */
  get isReady (): boolean {
    return this.#ready
  }

  readonly allows = (app: string): boolean => {
    const { apps } = this.#parts.region
    return apps === undefined || apps.includes(app)
  }

  /** Fetches once and from then on regularly; resolves after the first time, whatever came of it. */
  async start (): Promise<void> {
    await this.#fetch()
    if (this.#stopped) return
    const waitMs = this.#parts.intervalMs * Math.min(2 ** this.#failures, MAX_BACK_OFF)
    this.#timer = setTimeout(() => { void this.start() }, waitMs)
  }

  stop (): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#parts.http.close()
  }

  async #fetch (): Promise<void> {
    try {
      const isPart = this.#known.size > 0 && this.#parts.useDelta && await this.#fetchDelta()
      if (!isPart) this.#replace(await this.#call('apps/'))
      this.#answered()
    } catch (failure) {
      this.#failed(failure as Error)
    }
    this.book.log.forget(this.#parts.now() - this.#parts.keepRemovedMs)
  }

  async #call (path: 'apps/' | 'apps/delta'): Promise<RemoteList> {
    const { status, body } = await fetchOwnList(this.#parts.http, path)
    if (status !== 200) throw new Error(`it answered ${status}`)
    return readRemoteList(body)
  }

  /** False when everything must be fetched: no deltas there, or the hash does not fit. */
  async #fetchDelta (): Promise<boolean> {
    const delta = await this.#call('apps/delta').catch(() => undefined)
    if (delta === undefined) return false
    this.#apply(delta.entries)
    return hashOf(this.#known.values()) === delta.hash
  }

  #apply (entries: readonly RemoteEntry[]): void {
    for (const { instance, gone } of entries) {
      const key = instanceKey(instance.app, instance.id)
      if (gone) this.#known.delete(key)
      else this.#known.set(key, instance)
    }
    this.#fill(new Set(entries.map(entry => entry.instance.app)))
  }

  #replace ({ entries }: RemoteList): void {
    const before = this.#view.apps()
    this.#known = new Map(entries.filter(entry => !entry.gone)
      .map(({ instance }) => [instanceKey(instance.app, instance.id), instance]))
    this.#fill(new Set([...before, ...entries.map(entry => entry.instance.app)]))
  }

  #fill (apps: ReadonlySet<string>): void {
    const byApp = Map.groupBy(this.#known.values(), instance => instance.app)
    for (const app of apps) this.#view.replace(app, byApp.get(app) ?? [])
  }

  #answered (): void {
    if (!this.#ready || this.#failures > 0) {
      this.#parts.log?.info({ region: this.name, instances: this.#known.size }, 'the remote region answers')
    }
    this.#ready = true
    this.#failures = 0
  }

  #failed (failure: Error): void {
    if (this.#failures === 0) {
      this.#parts.log?.warn({ region: this.name, reason: failure.message },
        'the remote region cannot be read; what it said last is kept')
    }
    this.#failures++
  }
}
