/** What lmdb's codes mean to us: "not now" and "never". */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { messagingError } from '../../errors.ts'

type Code = Parameters<typeof messagingError>[0]

const CODES: Readonly<Record<number, Code>> = {
  1: 'E_STORE_READ_ONLY', // EPERM
  13: 'E_STORE_READ_ONLY', // EACCES
  30: 'E_STORE_READ_ONLY', // EROFS
  27: 'E_STORE_FULL', // EFBIG
  28: 'E_STORE_FULL', // ENOSPC
  122: 'E_STORE_FULL', // EDQUOT
  [-30792]: 'E_STORE_FULL', // MDB_MAP_FULL
  // The state of the file could not be written: lmdb takes nothing any more until it is opened anew.
  [-30795]: 'E_STORE_FLUSH', // MDB_PANIC
  [-30797]: 'E_STORE_CORRUPT', // MDB_PAGE_NOTFOUND
  [-30796]: 'E_STORE_CORRUPT', // MDB_CORRUPTED
  [-30794]: 'E_STORE_CORRUPT', // MDB_VERSION_MISMATCH
  [-30793]: 'E_STORE_CORRUPT' // MDB_INVALID
}
const EIO = 5
/** Less than lmdb takes at once when its file grows. */
const NO_ROOM_BYTES = 2 ** 20

/** Why a commit failed: the driver's own error only says that it did, and has the reason as a promise. */
export async function commitError (error: unknown, file: string): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return lmdbError(error, file)
  return lmdbError(await (error.commitError as Promise<never>).catch((reason: unknown) => reason), file)
}

/** Translates what lmdb throws; what has a code of ours is returned as it is. */
export function lmdbError (error: unknown, file: string): unknown {
  if (!(error instanceof Error) || 'canRetry' in error) return error
  const number = 'code' in error ? Number(error.code) : NaN
  // lmdb takes a write that was cut short for an error of the disk; mostly it was full.
  const code = number === EIO && isFull(file) ? 'E_STORE_FULL' : CODES[number] ?? 'E_STORE_DOWN'
  const details = { where: file, cause: error }
  return code === 'E_STORE_CORRUPT'
    ? messagingError(code, [file, error.message], { cause: error })
    : messagingError(code, [error.message], details)
}

function isFull (file: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(file))
  return bavail * bsize < NO_ROOM_BYTES
}
