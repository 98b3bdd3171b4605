/**
 * A store whose statements take their time: between two of them other work of the process goes on, and the process may
 * end. On sqlite each would be done at once, which PostgreSQL does not promise.
 */
import type { KeyValueStore } from '../store/key-value-store.ts'
import type { SqlStore } from '../store/sqlite.ts'
import type { SqlReader } from '../store/store.ts'

/** Undefined: no pause this time. */
export type Pause = () => Promise<void> | undefined

export function pausingSql (store: SqlStore, pause: Pause): SqlStore {
  const slowly = (reader: SqlReader): SqlReader => ({
    get: async (sql, ...params) => {
      await pause()
      return reader.get(sql, ...params)
    },
    all: async (sql, ...params) => {
      await pause()
      return reader.all(sql, ...params)
    }
  })
  return { ...store,
    tx: (fn, how) => store.tx(tx => fn({ ...tx, ...slowly(tx), run: async (sql, ...params) => {
      await pause()
      return tx.run(sql, ...params)
    } }), how),
    read: { ...store.read, ...slowly(store.read) } }
}

export function pausingKeyValue (store: KeyValueStore, pause: Pause): KeyValueStore {
  return { ...store, tx: (fn, how) => store.tx(tx => fn({ ...tx, get: async key => {
    await pause()
    return tx.get(key)
  } }), how) }
}
