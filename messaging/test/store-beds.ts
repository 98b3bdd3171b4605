/** The conformance suite's beds: one kind of state each for relational and for key-value stores, and one clock. */
import { systemClock, type KeyValueReader, type KeyValueTx, type SqlReader, type SqlTx, type Store } from '../index.ts'
import type { StoreBed } from './store-conformance.ts'

export const NOW = 1_700_000_000_000
export const CLOCK = { ...systemClock, now: () => NOW }
export const TABLES = 'CREATE TABLE IF NOT EXISTS things (key TEXT PRIMARY KEY, value {{int}} NOT NULL) {{strict}};'

export function sqlBed (open: () => Promise<Store<SqlTx, SqlReader>>): StoreBed<SqlTx> {
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
    read: (store, key) => get(store.read as SqlReader, key)
  }
}

export function keyValueBed (open: () => Promise<Store<KeyValueTx, KeyValueReader>>): StoreBed<KeyValueTx> {
  return {
    open,
    now: () => NOW,
    get: (tx, key) => tx.get<number>(key),
    put: async (tx, key, value) => { tx.put(key, value) },
    read: (store, key) => (store.read as KeyValueReader).get<number>(key)
  }
}
