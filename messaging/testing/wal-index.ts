/** sqlite's write-ahead log as its index describes it, a file beside it: "WAL-Index Format" of its documentation. */
import { closeSync, openSync, readSync } from 'node:fs'

export interface Log {
  readonly pageBytes: number
  /** Up to the last commit. */
  readonly frames: number
  /** Another one when the log began anew. */
  readonly salt: bigint
  /** Frames that were copied into the database. */
  readonly backfilled: number
}

/** Of a database that somebody has open. */
export function readLog (file: string): Log {
  const index = Buffer.alloc(100)
  const fd = openSync(`${file}-shm`, 'r')
  try {
    readSync(fd, index, 0, 100, 0)
  } finally {
    closeSync(fd)
  }
  return { pageBytes: index.readUInt16LE(14), frames: index.readUInt32LE(16), salt: index.readBigUInt64LE(32),
    backfilled: index.readUInt32LE(96) }
}

/** Whole ones. */
export function framesOf ({ pageBytes }: Log, bytes: number): number {
  return Math.max(0, Math.floor((bytes - 32) / (24 + pageBytes)))
}

/** Where the log ends behind so many of its frames. */
export function bytesOf ({ pageBytes }: Log, frames: number): number {
  return 32 + frames * (24 + pageBytes)
}
