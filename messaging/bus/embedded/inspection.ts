/**
 * Whether the bus's database still has what was written into it. sqlite itself notices a page that cannot be, but
 * neither a changed body nor commits that are gone with the end of its log.
 */
import type { Clock } from '../../clock.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import type { SqlTx } from '../../store/store.ts'
import { isWhole, type Content } from './checksum.ts'
import { identify } from './identity.ts'
import type { Mark } from './mark.ts'
import { upgrade } from './tables.ts'

const PAGE = 1000

export interface Losses {
  /** Made with the database: another one has another. */
  readonly identity: string
  /** Messages that were acknowledged and whose commits are gone. */
  readonly lost: number
  /** Messages that no commit has removed and that are not there. */
  readonly missing: number
}

/** What a full look has found. */
export interface Check {
  /** What sqlite says of the file. */
  readonly faults: readonly string[]
  readonly messages: number
  /** Numbers of messages that are not what they were. */
  readonly damaged: readonly number[]
}

/** Readies the tables and compares them with what is known of them. */
export function inspect (store: SqlStore, mark: Mark | undefined): Promise<Losses> {
  return store.tx(async tx => {
    await upgrade(tx)
    return { ...await compare(tx, mark?.read() ?? 0), identity: await identify(tx) }
  })
}

/** A full look, which may take long and holds everybody up meanwhile. */
export async function check (store: SqlStore, clock: Clock): Promise<Check> {
  const rows = await store.read.all<Record<string, string>>('PRAGMA integrity_check(100)')
  const faults = rows.flatMap(row => Object.values(row)).filter(text => text !== 'ok')
  const damaged: number[] = []
  let messages = 0
  for (let after = 0; ;) {
    const page = await store.read.all<Content & { seq: number, crc: number | null }>(
      'SELECT seq, queue, grp, id, type, body, crc FROM msg WHERE seq > ? ORDER BY seq LIMIT ?', after, PAGE)
    if (page.length === 0) return { faults, messages, damaged }
    messages += page.length
    damaged.push(...page.filter(row => !isWhole(row)).map(row => row.seq))
    after = page.at(-1)!.seq
    await clock.turn()
  }
}

/** What the database takes on the disk, without what it could give back. */
export async function fileBytes (store: SqlStore): Promise<number> {
  const row = await store.read.get<{ n: number }>('SELECT (page_count - freelist_count) * page_size AS n ' +
    'FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()')
  return row?.n ?? 0
}

/** Numbers are given without gaps: what is not there was removed, or is lost. */
async function compare (tx: SqlTx, acknowledged: number): Promise<Omit<Losses, 'identity'>> {
  const number = async (sql: string): Promise<number | undefined> => (await tx.get<{ n: number }>(sql))?.n
  const count = await number('SELECT count(*) AS n FROM msg') ?? 0
  const last = await number("SELECT seq AS n FROM sqlite_sequence WHERE name = 'msg'") ?? 0
  const removed = await number("SELECT n FROM total WHERE name = 'removed'") ?? last - count
  const lost = Math.max(0, acknowledged - last)
  await tx.run("INSERT INTO total (name, n) VALUES ('removed', ?) ON CONFLICT (name) DO UPDATE SET n = excluded.n",
    last + lost - count)
  if (lost > 0 && await tx.run("UPDATE sqlite_sequence SET seq = ? WHERE name = 'msg'", acknowledged) === 0) {
    await tx.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('msg', ?)", acknowledged)
  }
  return { lost, missing: Math.max(0, last - removed - count) }
}
