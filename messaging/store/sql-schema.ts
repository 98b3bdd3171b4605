/**
 * The tables of messaging, one text for both SQL engines. `{{...}}` stands for what the two spell differently; the
 * same tokens may be used in a service's own tables:
 *
 *   {{seq}}               a primary key that the engine counts up
 *   {{int}}               a whole number
 *   {{strict}}            behind a table: sqlite checks types then as PostgreSQL always does
 *   {{line table.column}} a statement: numbers for this column come from `tx.position('table')`
 */
export type Dialect = 'sqlite' | 'postgres'

const TOKENS: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  // AUTOINCREMENT: without it sqlite reuses the highest number after a purge, and the relay's order would be a lie.
  sqlite: { seq: 'INTEGER PRIMARY KEY AUTOINCREMENT', int: 'INTEGER', strict: 'STRICT' },
  postgres: {
    seq: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
    int: 'BIGINT',
    strict: ''
  }
}

/** A line that is new begins behind what the table has: it may have been numbered in another way. */
const LINES: Readonly<Record<Dialect, (table: string, column: string) => string>> = {
  sqlite: (table, column) => `INSERT INTO line (name, last) SELECT '${table}', coalesce(max(${column}), 0) FROM ${table}
    WHERE true ON CONFLICT (name) DO NOTHING`,
  postgres: (table, column) => `DO $$ BEGIN
    IF to_regclass('line_${table}') IS NULL THEN
      CREATE SEQUENCE line_${table};
      PERFORM setval('line_${table}', coalesce(max(${column}), 1), max(${column}) IS NOT NULL) FROM ${table};
    END IF;
  END $$`
}

/** What an engine needs for itself: sqlite the last numbers of its lines, PostgreSQL its gate (see `postgres.ts`). */
const ENGINE_TABLES: Readonly<Record<Dialect, string>> = {
  sqlite: 'CREATE TABLE IF NOT EXISTS line (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;',
  postgres: 'CREATE TABLE IF NOT EXISTS gate ();'
}

/** All that a store creates at its start, messaging's and the service's own tables, spelled for one engine. */
export function schemaOf (tables: string, dialect: Dialect): string {
  return spell(ENGINE_TABLES[dialect] + MESSAGING_TABLES + tables, dialect)
}

function spell (sql: string, dialect: Dialect): string {
  return (dialect === 'postgres' ? sql.replace(INDEX, onlyIfMissing) : sql)
    .replace(/\{\{line (\w+)\.(\w+)\}\}/g, (_whole, table: string, column: string) => LINES[dialect](table, column))
    .replace(/\{\{(\w+)\}\}/g, (whole, token: string) => TOKENS[dialect][token] ?? whole)
}

const INDEX = /CREATE (UNIQUE )?INDEX IF NOT EXISTS (\w+) [^;]+;/g

/**
 * PostgreSQL locks the table before it looks whether the index is there: the start of an instance would wait for the
 * open commands of all others, and hold up theirs meanwhile.
 */
function onlyIfMissing (create: string, _unique: string | undefined, name: string): string {
  return `DO $$ BEGIN IF to_regclass('${name}') IS NULL THEN ${create} END IF; END $$;`
}

/** The partial index keeps the relay's question cheap when millions of sent rows wait for their purge. */
const MESSAGING_TABLES = `
CREATE TABLE IF NOT EXISTS outbox (
  seq {{seq}}, id TEXT NOT NULL, dedupe TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, dest TEXT NOT NULL,
  grp TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL, at {{int}} NOT NULL, sent_at {{int}}
) {{strict}};
CREATE INDEX IF NOT EXISTS outbox_unsent ON outbox (seq) WHERE sent_at IS NULL;
CREATE INDEX IF NOT EXISTS outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS outbox_refused (
  seq {{int}} PRIMARY KEY, id TEXT NOT NULL, dedupe TEXT NOT NULL, kind TEXT NOT NULL, dest TEXT NOT NULL,
  grp TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL, at {{int}} NOT NULL, reason TEXT NOT NULL,
  refused_at {{int}} NOT NULL
) {{strict}};
CREATE TABLE IF NOT EXISTS inbox (
  consumer TEXT NOT NULL, id TEXT NOT NULL, at {{int}} NOT NULL, replies TEXT, content {{int}},
  PRIMARY KEY (consumer, id)
) {{strict}};
CREATE INDEX IF NOT EXISTS inbox_at ON inbox (at);
CREATE TABLE IF NOT EXISTS inbox_forgotten (one {{int}} PRIMARY KEY, until {{int}} NOT NULL) {{strict}};
CREATE TABLE IF NOT EXISTS idempotency (
  scope TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, status {{int}} NOT NULL, body TEXT NOT NULL,
  at {{int}} NOT NULL, PRIMARY KEY (scope, key)
) {{strict}};
CREATE INDEX IF NOT EXISTS idempotency_at ON idempotency (at);
`

/**
 * Columns that came later, for tables of an older version. Each takes NULL, and statements name their columns: the
 * older version, which may still run beside this one, goes on with the table.
 */
export const LATER_COLUMNS = [{ table: 'inbox', column: 'content', type: '{{int}}' }] as const

/** What brings a table of an older version to this one. */
export function addColumn ({ table, column, type }: typeof LATER_COLUMNS[number], dialect: Dialect): string {
  return spell(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`, dialect)
}

/** Questions that only our own tables answer: another application may have an outbox, too. */
export const OWN_COLUMNS = [
  'SELECT seq, id, dedupe, kind, dest, grp, type, body, at, sent_at FROM outbox',
  'SELECT seq, id, dedupe, kind, dest, grp, type, body, at, reason, refused_at FROM outbox_refused',
  'SELECT consumer, id, at, replies FROM inbox',
  'SELECT one, until FROM inbox_forgotten',
  'SELECT scope, key, hash, status, body, at FROM idempotency'
]
