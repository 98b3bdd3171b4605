/**
 * How far a projection is, in its store: which generation of its documents readers get, which one is being built beside
 * it, and for each the version of every stream that is in it. A generation is written by one version of the code; an
 * older instance leaves the generations of a newer one alone.
 */
import type { SqlReader, SqlTx } from '../store/store.ts'

export const PROJECTION_TABLES = `
CREATE TABLE IF NOT EXISTS projection (
  name TEXT PRIMARY KEY, active {{int}} NOT NULL, active_code {{int}} NOT NULL, building {{int}}, building_code {{int}}
) {{strict}};
CREATE TABLE IF NOT EXISTS projection_progress (
  projection TEXT NOT NULL, generation {{int}} NOT NULL, stream TEXT NOT NULL, version {{int}} NOT NULL,
  PRIMARY KEY (projection, generation, stream)
) {{strict}};
CREATE TABLE IF NOT EXISTS projection_parked (
  projection TEXT NOT NULL, generation {{int}} NOT NULL, stream TEXT NOT NULL, version {{int}} NOT NULL,
  type TEXT NOT NULL, error TEXT NOT NULL, at {{int}} NOT NULL, PRIMARY KEY (projection, generation, stream)
) {{strict}};
`

/** The place in the feed is kept as the version of this stream: a subject is never empty. */
const FEED = ''

export interface Generations {
  /** What readers get. */
  readonly active: number
  /** What will take its place once it has caught up. */
  readonly building: number | undefined
  /** Those that this version of the code may write. */
  readonly mine: readonly number[]
}

/** A stream that stands still, because one of its events could not be applied. */
export interface Parked {
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly error: string
  readonly at: number
}

interface Row { active: number, active_code: number, building: number | null, building_code: number | null }

export class Progress {
  readonly #name: string
  readonly #code: number

  constructor (name: string, code: number) {
    this.#name = name
    this.#code = code
  }

  async generations (reader: SqlReader): Promise<Generations> {
    const row = await this.#row(reader)
    if (row === undefined) return { active: 1, building: undefined, mine: [1] }
    const { active, active_code: activeCode, building, building_code: buildingCode } = row
    return {
      active,
      building: building ?? undefined,
      mine: [...activeCode <= this.#code ? [active] : [],
        ...building !== null && buildingCode! <= this.#code ? [building] : []]
    }
  }

  /** Writes the first row, or begins to build anew what an older version of the code has built. */
  async open (tx: SqlTx): Promise<void> {
    await tx.run('INSERT INTO projection (name, active, active_code) VALUES (?, 1, ?) ON CONFLICT (name) DO NOTHING',
      this.#name, this.#code)
    const row = (await this.#row(tx))!
    if (Math.max(row.active_code, row.building_code ?? 0) < this.#code) await this.build(tx)
  }

  /** Begins a generation from nothing; one that was being built is given up. */
  async build (tx: SqlTx): Promise<number> {
    const { active, building } = await this.generations(tx)
    const next = Math.max(active, building ?? 0) + 1
    await tx.run('UPDATE projection SET building = ?, building_code = ? WHERE name = ?', next, this.#code, this.#name)
    return next
  }

  async swap (tx: SqlTx): Promise<void> {
    await tx.run('UPDATE projection SET active = building, active_code = building_code, building = NULL, ' +
      'building_code = NULL WHERE name = ? AND building IS NOT NULL', this.#name)
  }

  /** The version of a stream in a generation, 0 when nothing of it is there, and whether it stands still. */
  async at (reader: SqlReader, generation: number, stream: string): Promise<{ version: number, parked: boolean }> {
    const key = [this.#name, generation, stream] as const
    const row = await reader.get<{ version: number | null, parked: number | null }>(
      'SELECT (SELECT version FROM projection_progress WHERE projection = ? AND generation = ? AND stream = ?) AS version, ' +
      '(SELECT 1 FROM projection_parked WHERE projection = ? AND generation = ? AND stream = ?) AS parked', ...key, ...key)
    return { version: row?.version ?? 0, parked: row?.parked === 1 }
  }

  async mark (tx: SqlTx, generation: number, stream: string, version: number): Promise<void> {
    await tx.run('INSERT INTO projection_progress (projection, generation, stream, version) VALUES (?, ?, ?, ?) ' +
      'ON CONFLICT (projection, generation, stream) DO UPDATE SET version = excluded.version',
    this.#name, generation, stream, version)
  }

  async position (reader: SqlReader, generation: number): Promise<number> {
    return (await this.at(reader, generation, FEED)).version
  }

  markPosition (tx: SqlTx, generation: number, pos: number): Promise<void> {
    return this.mark(tx, generation, FEED, pos)
  }

  /** Streams in which one generation has less than another, by name, behind `after`. */
  async behind (
    reader: SqlReader, generation: number, other: number, after: string, limit: number
  ): Promise<string[]> {
    const rows = await reader.all<{ stream: string }>('SELECT o.stream FROM projection_progress o ' +
      'LEFT JOIN projection_progress g ON g.projection = o.projection AND g.generation = ? AND g.stream = o.stream ' +
      'WHERE o.projection = ? AND o.generation = ? AND o.stream > ? AND o.version > coalesce(g.version, 0) ' +
      'ORDER BY o.stream LIMIT ?', generation, this.#name, other, after, limit)
    return rows.map(row => row.stream)
  }

  /** A generation that nobody reads and nobody builds; undefined when there is none. */
  async obsolete (reader: SqlReader): Promise<number | undefined> {
    const { active, building } = await this.generations(reader)
    const row = await reader.get<{ n: number | null }>('SELECT min(generation) AS n FROM projection_progress ' +
      'WHERE projection = ? AND (generation < ? OR (generation > ? AND generation < ?))',
    this.#name, active, active, building ?? active)
    return row?.n ?? undefined
  }

  /** Forgets up to `limit` streams of an obsolete generation; returns how many. */
  async forget (tx: SqlTx, generation: number, limit: number): Promise<number> {
    await tx.run('DELETE FROM projection_parked WHERE projection = ? AND generation = ?', this.#name, generation)
    return tx.run('DELETE FROM projection_progress WHERE projection = ? AND generation = ? AND stream IN (SELECT stream ' +
      'FROM projection_progress WHERE projection = ? AND generation = ? LIMIT ?)',
    this.#name, generation, this.#name, generation, limit)
  }

  async park (tx: SqlTx, generation: number, { stream, version, type, error, at }: Parked): Promise<void> {
    await tx.run('INSERT INTO projection_parked (projection, generation, stream, version, type, error, at) ' +
      'VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (projection, generation, stream) DO UPDATE SET ' +
      'version = excluded.version, type = excluded.type, error = excluded.error, at = excluded.at',
    this.#name, generation, stream, version, type, error, at)
  }

  async unpark (tx: SqlTx, generation: number, stream: string): Promise<void> {
    await tx.run('DELETE FROM projection_parked WHERE projection = ? AND generation = ? AND stream = ?',
      this.#name, generation, stream)
  }

  /** Those that were last tried before an instant, the longest ago first. */
  parked (reader: SqlReader, generation: number, beforeMs: number, limit: number): Promise<Parked[]> {
    return reader.all<Parked>('SELECT stream, version, type, error, at FROM projection_parked ' +
      'WHERE projection = ? AND generation = ? AND at <= ? ORDER BY at, stream LIMIT ?',
    this.#name, generation, beforeMs, limit)
  }

  #row (reader: SqlReader): Promise<Row | undefined> {
    return reader.get<Row>('SELECT active, active_code, building, building_code FROM projection WHERE name = ?', this.#name)
  }
}

/** For the service's own questions: the generation whose documents a reader gets, as a piece of SQL. */
export function activeGeneration (name: string): string {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new Error(`${name} is no name of a projection`)
  return `(SELECT active FROM projection WHERE name = '${name}')`
}
