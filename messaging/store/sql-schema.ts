/**
 * The tables of messaging, one text for both SQL engines. `{{...}}` stands for what the two spell differently; the
 * same tokens may be used in a service's own tables.
 */
export type Dialect = 'sqlite' | 'postgres'

const TOKENS: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  // AUTOINCREMENT: without it sqlite reuses the highest number after a purge, and the relay's order would be a lie.
  sqlite: { seq: 'INTEGER PRIMARY KEY AUTOINCREMENT', int: 'INTEGER', json: 'TEXT', strict: 'STRICT' },
  postgres: {
    seq: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
    int: 'BIGINT',
    // Not jsonb where the bytes matter; a service that searches inside documents asks for {{json}}.
    json: 'JSONB',
    strict: ''
  }
}

/** Spells a schema for one engine. */
export function spell (sql: string, dialect: Dialect): string {
  return sql.replace(/\{\{(\w+)\}\}/g, (whole, token: string) => TOKENS[dialect][token] ?? whole)
}

/** The partial index keeps the relay's question cheap when millions of sent rows wait for their purge. */
export const MESSAGING_TABLES = `
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
  consumer TEXT NOT NULL, id TEXT NOT NULL, at {{int}} NOT NULL, replies TEXT, PRIMARY KEY (consumer, id)
) {{strict}};
CREATE INDEX IF NOT EXISTS inbox_at ON inbox (at);
CREATE TABLE IF NOT EXISTS idempotency (
  scope TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, status {{int}} NOT NULL, body TEXT NOT NULL,
  at {{int}} NOT NULL, PRIMARY KEY (scope, key)
) {{strict}};
CREATE INDEX IF NOT EXISTS idempotency_at ON idempotency (at);
`
