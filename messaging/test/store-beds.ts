/** The conformance suite's beds: one kind of state each for relational and for key-value stores, and one clock. */
import {
  systemClock, type KeyValueReader, type KeyValueTx, type SqlReader, type SqlStore, type SqlTx, type Store
} from '../index.ts'
import type { StoreBed } from './store-conformance.ts'

export const NOW = 1_700_000_000_000
export const CLOCK = { ...systemClock, now: () => NOW }
/** How long a command may take in the store that `openSlow` opens. */
export const SLOW_MS = 100

export const TABLES = `
CREATE TABLE IF NOT EXISTS things (key TEXT PRIMARY KEY, value {{int}} NOT NULL) {{strict}};
CREATE TABLE IF NOT EXISTS parents (id TEXT PRIMARY KEY) {{strict}};
CREATE TABLE IF NOT EXISTS rules (
  id TEXT PRIMARY KEY, parent TEXT REFERENCES parents (id), amount {{int}} NOT NULL, note TEXT,
  CONSTRAINT amount_positive CHECK (amount >= 0)
) {{strict}};
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, pos {{int}} NOT NULL UNIQUE) {{strict}};
{{line events.pos}};
`

/** What an engine's own test adds to the bed. */
export type SqlHooks = Pick<StoreBed<SqlTx>, 'openSlow' | 'readOnly' | 'full'>

export interface SqlBed extends StoreBed<SqlTx> {
  open (): Promise<SqlStore>
}

export function sqlBed (open: () => Promise<SqlStore>, hooks: SqlHooks = {}): SqlBed {
  const get = async (reader: SqlReader, key: string) =>
    (await reader.get<{ value: number }>('SELECT value FROM things WHERE key = ?', key))?.value
  return {
    open,
    now: () => NOW,
    get,
    put: async (tx, key, value) => {
      await tx.run('INSERT INTO things (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
        key, value)
    },
    read: (store, key) => get(store.read as SqlReader, key),
    backlog: 2500,
    ...hooks
  }
}

export type KeyValueHooks = Pick<StoreBed<KeyValueTx>, 'openSlow' | 'readOnly' | 'full'>

export function keyValueBed (
  open: () => Promise<Store<KeyValueTx, KeyValueReader>>, hooks: KeyValueHooks = {}
): StoreBed<KeyValueTx> {
  return {
    open,
    now: () => NOW,
    get: (tx, key) => tx.get<number>(key),
    put: async (tx, key, value) => { tx.put(key, value) },
    read: (store, key) => (store.read as KeyValueReader).get<number>(key),
    backlog: 2500,
    ...hooks
  }
}
