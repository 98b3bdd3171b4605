/** What the embedded bus keeps on the disk. Who has which message is not among it: see `lanes.ts`. */
import type { SqlTx } from '../../store/store.ts'

/** Bodies come last: what is read at the start must not lie behind them. `crc` is NULL in rows of older versions. */
export const BUS_TABLES = `
CREATE TABLE IF NOT EXISTS msg (
  seq {{seq}}, queue TEXT NOT NULL, grp TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, sent_at {{int}} NOT NULL,
  failures {{int}} NOT NULL DEFAULT 0, unanswered {{int}} NOT NULL DEFAULT 0, crc {{int}}, body TEXT NOT NULL
) {{strict}};
CREATE TABLE IF NOT EXISTS seen (
  queue TEXT NOT NULL, id TEXT NOT NULL, at {{int}} NOT NULL, crc {{int}}, PRIMARY KEY (queue, id)
) {{strict}};
CREATE INDEX IF NOT EXISTS seen_at ON seen (at);
CREATE TABLE IF NOT EXISTS dead (
  id TEXT PRIMARY KEY, seq {{int}} NOT NULL DEFAULT 0, queue TEXT NOT NULL, grp TEXT NOT NULL, msg_id TEXT NOT NULL,
  type TEXT NOT NULL, error TEXT NOT NULL, at {{int}} NOT NULL, crc {{int}}, body TEXT NOT NULL
) {{strict}};
CREATE INDEX IF NOT EXISTS dead_queue ON dead (queue, at);
CREATE TABLE IF NOT EXISTS damaged (
  seq {{int}} PRIMARY KEY, queue TEXT, grp TEXT, id TEXT, type TEXT, sent_at {{int}}, crc {{int}}, at {{int}} NOT NULL,
  body TEXT
) {{strict}};
CREATE TABLE IF NOT EXISTS subscription (
  topic TEXT NOT NULL, queue TEXT NOT NULL, types TEXT NOT NULL, PRIMARY KEY (topic, queue)
) {{strict}};
CREATE TABLE IF NOT EXISTS queue (name TEXT PRIMARY KEY, at {{int}} NOT NULL) {{strict}};
CREATE TABLE IF NOT EXISTS total (name TEXT PRIMARY KEY, n {{int}} NOT NULL) {{strict}};
`

const COLUMNS: ReadonlyArray<readonly [table: string, column: string, change: string]> = [
  ['msg', 'failures', 'ADD COLUMN failures INTEGER NOT NULL DEFAULT 0'],
  ['msg', 'unanswered', 'ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0'],
  ['msg', 'crc', 'ADD COLUMN crc INTEGER'],
  ['seen', 'crc', 'ADD COLUMN crc INTEGER'],
  ['dead', 'seq', 'ADD COLUMN seq INTEGER NOT NULL DEFAULT 0'],
  ['dead', 'crc', 'ADD COLUMN crc INTEGER']
]

/** Brings the tables of an older version to this one; those of this version it leaves as they are. */
export async function upgrade (tx: SqlTx): Promise<void> {
  const has = async (table: string, column: string): Promise<boolean> =>
    await tx.get('SELECT 1 AS yes FROM pragma_table_info(?) WHERE name = ?', table, column) !== undefined
  for (const [table, column, change] of COLUMNS) {
    if (!await has(table, column)) await tx.run(`ALTER TABLE ${table} ${change}`)
  }
  if (await has('msg', 'receives')) await tx.run('ALTER TABLE msg DROP COLUMN receives')
  await tx.run('CREATE INDEX IF NOT EXISTS dead_order ON dead (queue, seq, at)')
}
