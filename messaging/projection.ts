/**
 * A read model built from another service's events, wrong at no time for longer than a look at its feed.
 *
 *   version <= last      seen already: skipped
 *   version  = last + 1  applied, checkpoint in the same transaction
 *   version  > last + 1  a hole: what is missing is pulled from the source first
 *
 * A hole at the end of a stream shows itself to nobody, so the source's feed is also followed at leisure; the same road
 * fills a new read model and rebuilds an old one. Reordered, doubled and lost deliveries are thus harmless.
 */
import { systemClock, type Cancel, type Clock } from './clock.ts'
import type { Envelope } from './envelope.ts'
import { Transient } from './errors.ts'
import type { MessageRoute } from './messaging.ts'
import type { SqlTx, Store, SqlReader } from './store/store.ts'

export const CHECKPOINT_TABLES = `
CREATE TABLE IF NOT EXISTS checkpoint (
  projection TEXT NOT NULL, stream TEXT NOT NULL, version {{int}} NOT NULL, PRIMARY KEY (projection, stream)
) {{strict}};
`

/** An event as its source stores it. `pos` is its place in the line of all events. */
export interface FeedEvent {
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly data: Record<string, unknown>
  readonly at: number
  readonly pos: number
}

export interface ProjectionParts {
  readonly name: string
  readonly store: Store<SqlTx, SqlReader>
  /** Applies one event; deterministic, or a rebuild would give another result. */
  readonly apply: (tx: SqlTx, event: Omit<FeedEvent, 'pos'>, generation: number) => Promise<void>
  /** Called behind the commit that brought something to these streams. */
  readonly onApplied?: (streams: Iterable<string>) => void
  /** Removes what a rebuild did not touch. */
  readonly sweep: (tx: SqlTx, generation: number) => Promise<void>
  /** One stream from a version on. */
  readonly pull: (stream: string, from: number) => Promise<readonly FeedEvent[]>
  /** All events after a position. */
  readonly feed: (after: number, limit: number) => Promise<readonly FeedEvent[]>
  readonly followMs: number
  readonly onError: (error: unknown) => void
  /** @default the machine's */
  readonly clock?: Clock
}

/** Names of streams never begin with `$`. */
const FEED = '$feed'
const GENERATION = '$generation'
const PAGE = 200

export class Projection {
  readonly #parts: ProjectionParts
  readonly #clock: Clock
  #timer: Cancel | undefined
  #following: Promise<void> = Promise.resolve()
  #stopped = false
  /** The generation behind which nothing older is left. */
  #swept: number | undefined

  constructor (parts: ProjectionParts) {
    this.#parts = parts
    this.#clock = parts.clock ?? systemClock
  }

  /** How an event of the bus gets in. */
  get route (): MessageRoute<SqlTx> {
    return {
      kind: 'event',
      prepare: message => this.#missing(message),
      handle: (message, tx, _emit, prepared) =>
        this.#applyAll(tx, [...prepared as FeedEvent[], eventOf(message)]),
      committed: message => { this.#parts.onApplied?.([message.subject]) }
    }
  }

  start (): void {
    this.#schedule(0)
  }

  async stop (): Promise<void> {
    this.#stopped = true
    this.#timer?.()
    await this.#following
  }

  /** Reads everything again from the first event; readers keep the old documents until theirs is rebuilt. */
  async rebuild (): Promise<void> {
    await this.#parts.store.tx(async tx => {
      const generation = await this.#last(tx, GENERATION)
      await tx.run('DELETE FROM checkpoint WHERE projection = ?', this.#parts.name)
      await this.#mark(tx, GENERATION, generation + 1)
    })
    this.#schedule(0)
  }

  #schedule (ms: number): void {
    this.#timer?.()
    if (this.#stopped) return
    this.#timer = this.#clock.after(ms, () => {
      this.#following = this.#following.then(() => this.#follow()).catch(this.#parts.onError)
        .then(() => { this.#schedule(this.#parts.followMs) })
    })
  }

  async #follow (): Promise<void> {
    for (;;) {
      const { store, feed, sweep, onApplied } = this.#parts
      const after = await this.#last(store.read, FEED)
      const generation = await this.#last(store.read, GENERATION)
      const events = await feed(after, PAGE)
      const last = events.length < PAGE
      if (this.#stopped || (events.length === 0 && this.#swept === generation)) return
      await store.tx(async tx => {
        // A rebuild came in between: what was read belongs to the old one.
        if (await this.#last(tx, GENERATION) !== generation) return
        await this.#applyAll(tx, events)
        if (events.length > 0) await this.#mark(tx, FEED, events.at(-1)!.pos)
        if (last && this.#swept !== generation) await sweep(tx, generation)
      })
      if (last) this.#swept = generation
      onApplied?.(new Set(events.map(event => event.stream)))
      if (last) return
    }
  }

  async #missing (message: Envelope): Promise<readonly FeedEvent[]> {
    const last = await this.#last(this.#parts.store.read, message.subject)
    if (message.aggregateversion <= last + 1) return []
    return this.#parts.pull(message.subject, last + 1).catch((cause: unknown) => {
      throw new Transient('the missing events could not be read', { cause })
    })
  }

  async #applyAll (tx: SqlTx, events: ReadonlyArray<Omit<FeedEvent, 'pos'>>): Promise<void> {
    const generation = await this.#last(tx, GENERATION)
    for (const event of events.toSorted((a, b) => a.version - b.version)) {
      const last = await this.#last(tx, event.stream)
      if (event.version <= last) continue
      if (event.version > last + 1) throw new Transient(`${event.stream} has a hole after ${last}`)
      await this.#parts.apply(tx, event, generation)
      await this.#mark(tx, event.stream, event.version)
    }
  }

  async #last (reader: SqlReader, stream: string): Promise<number> {
    const row = await reader.get<{ version: number }>(
      'SELECT version FROM checkpoint WHERE projection = ? AND stream = ?', this.#parts.name, stream)
    return row?.version ?? 0
  }

  async #mark (tx: SqlTx, stream: string, version: number): Promise<void> {
    await tx.run('INSERT INTO checkpoint (projection, stream, version) VALUES (?, ?, ?) ' +
      'ON CONFLICT (projection, stream) DO UPDATE SET version = excluded.version', this.#parts.name, stream, version)
  }
}

function eventOf (message: Envelope): Omit<FeedEvent, 'pos'> {
  return { stream: message.subject, version: message.aggregateversion, type: message.type, data: message.data,
    at: Date.parse(message.time) }
}
