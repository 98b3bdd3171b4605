/** A source that a test writes to and can stop, and a projection of it whose documents are the versions they have. */
import {
  activeGeneration, Projection, systemClock, Transient, type Clock, type Envelope, type FeedEvent, type SqlStore,
  type StreamEvent
} from '../index.ts'

export const DOCS = `CREATE TABLE IF NOT EXISTS docs (
  projection TEXT NOT NULL, generation {{int}} NOT NULL, id TEXT NOT NULL, version {{int}} NOT NULL, made TEXT NOT NULL,
  PRIMARY KEY (projection, generation, id)
) {{strict}};`

/** All events of the source, and a gate that questions for it wait at. */
export class Source {
  readonly events: FeedEvent[] = []
  /** Asked before each page is handed out. */
  gate: () => Promise<void> = async () => {}

  add (stream: string, version = this.versionOf(stream) + 1): FeedEvent {
    const event = { stream, version, type: 'shop.Asked.v1', data: { n: version }, at: 1, pos: this.events.length + 1 }
    this.events.push(event)
    return event
  }

  versionOf (stream: string): number {
    return Math.max(0, ...this.events.filter(event => event.stream === stream).map(event => event.version))
  }

  async feed (after: number, limit: number): Promise<FeedEvent[]> {
    await this.gate()
    return this.events.filter(event => event.pos > after).slice(0, limit)
  }

  async pull (stream: string, from: number): Promise<FeedEvent[]> {
    await this.gate()
    return this.events.filter(event => event.stream === stream && event.version >= from)
  }
}

export interface RigOptions {
  readonly code?: number
  readonly clock?: Clock
  readonly followMs?: number
  /** Called before an event is applied; what it throws, the projection throws. */
  readonly onApply?: (event: StreamEvent, generation: number) => void
}

export type Told = Array<{ level: string, text: string }>

export interface Rig {
  readonly projection: Projection
  /** As a reader sees it. */
  readonly version: (id: string) => Promise<number | undefined>
  readonly ids: () => Promise<string[]>
  readonly made: (id: string) => Promise<string | undefined>
  readonly rows: () => Promise<number>
  readonly deliver: (event: StreamEvent) => Promise<void>
  readonly told: Told
}

export function createRig (store: SqlStore, source: Source, name: string, options: RigOptions = {}): Rig {
  const { code = 1, clock = systemClock, followMs = 5, onApply = () => {} } = options
  const told: Told = []
  const tell = (level: string) => (_fields: object, text: string) => { told.push({ level, text }) }
  const projection = new Projection({
    name, code, store, followMs, clock,
    log: { info: tell('info'), warn: tell('warn'), error: tell('error') },
    feed: (after, limit) => source.feed(after, limit),
    pull: (stream, from) => source.pull(stream, from),
    apply: async (tx, event, generation) => {
      onApply(event, generation)
      await tx.run('INSERT INTO docs (projection, generation, id, version, made) VALUES (?, ?, ?, ?, ?) ' +
        'ON CONFLICT (projection, generation, id) DO UPDATE SET version = excluded.version, made = excluded.made',
      name, generation, event.stream, event.version, `code ${code}`)
    },
    // Fewer than it may: a stream can have more documents than one.
    forget: (tx, generation, limit) => tx.run('DELETE FROM docs WHERE projection = ? AND generation = ? AND id IN ' +
      '(SELECT id FROM docs WHERE projection = ? AND generation = ? LIMIT ?)', name, generation, name, generation, limit / 5)
  })
  const shown = `FROM docs WHERE projection = '${name}' AND generation = ${activeGeneration(name)}`
  const one = async <Value>(column: string, id: string) =>
    (await store.read.get<Record<string, Value>>(`SELECT ${column} ${shown} AND id = ?`, id))?.[column]
  return {
    projection,
    told,
    version: id => one<number>('version', id),
    made: id => one<string>('made', id),
    ids: async () => (await store.read.all<{ id: string }>(`SELECT id ${shown} ORDER BY id`)).map(row => row.id),
    rows: async () => (await store.read.get<{ n: number }>('SELECT count(*) AS n FROM docs WHERE projection = ?', name))!.n,
    deliver: async event => {
      const message = { subject: event.stream, aggregateversion: event.version, type: event.type, data: event.data,
        time: '2026-01-01T00:00:00.000Z' } as unknown as Envelope
      const { prepare, handle } = projection.route
      const prepared = await prepare?.(message)
      await store.tx(tx => handle(message, tx, {} as never, prepared))
    }
  }
}

export function unreachable (): Promise<never> {
  return Promise.reject(new Transient('the source is away'))
}
