/** The embedded key-value store: lmdb, owned by one process. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import type { Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import { createKeyValueStore, type KeyValueEngine, type KeyValueStore, type Writes } from './key-value-store.ts'
import { lockFile } from './owner-lock.ts'

export interface LmdbOptions {
  readonly file: string
  /** How long a command may take before it is undone. @default 5000 */
  readonly commandMs?: number
  /** @default the machine's */
  readonly clock?: Clock
}

type Database = RootDatabase<string, Buffer>

/** Opens the file. Throws E_STORE_OWNED when another process has it. */
export function openLmdb ({ file, clock, commandMs }: LmdbOptions): KeyValueStore {
  mkdirSync(dirname(file), { recursive: true })
  const owner = lockFile(file)
  const database: Database = open({ path: file, encoding: 'string', noSubdir: true,
    // The driver's own encoding of texts cuts long ones at U+0000, and sorts short and long ones by different rules.
    keyEncoding: 'binary',
    // It would let a commit return before its pages are on the disk.
    overlappingSync: false })
  return createKeyValueStore(engineOf(database, file, async () => {
    await database.close()
    owner.close()
  }), clock, commandMs)
}

function engineOf (database: Database, file: string, close: () => Promise<void>): KeyValueEngine {
  return {
    description: `lmdb ${file}`,
    get: key => database.get(Buffer.from(key)),
    range: (start, end, limit) => database.getRange({ start: Buffer.from(start), end: Buffer.from(end), limit })
      .map(({ key, value }) => ({ key: key.toString(), value })),
    last: (start, end, limit) =>
      database.getKeys({ start: Buffer.from(end), end: Buffer.from(start), reverse: true, limit }).map(String),
    count: (start, end) => database.getKeysCount({ start: Buffer.from(start), end: Buffer.from(end) }),
    write: writes => write(database, file, writes),
    close
  }
}

/** One lmdb transaction, written and flushed by lmdb's own thread. */
async function write (database: Database, file: string, writes: Writes): Promise<void> {
  try {
    await database.batch(() => {
      for (const [key, text] of writes) {
        if (text === undefined) void database.remove(Buffer.from(key))
        else void database.put(Buffer.from(key), text)
      }
    })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : 'unknown'
    const code = /MAP_FULL|No space/i.test(text) ? 'E_STORE_FULL' : 'E_STORE_DOWN'
    throw messagingError(code, [text], { where: file, cause })
  }
}
