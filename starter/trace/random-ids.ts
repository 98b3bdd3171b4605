/** Trace, span and request ids from a pool of random bytes: one system call for 256 ids instead of one each. */
import { randomFillSync } from 'node:crypto'

export interface IdSource {
  /** 32 hex digits, never all zero. */
  traceId (): string
  /** 16 hex digits, never all zero. */
  spanId (): string
}

const POOL_BYTES = 4096

/** Makes a source of ids. `fill` exists for tests; the default is the system's generator. */
export function createIdSource (fill: (pool: Buffer) => unknown = randomFillSync): IdSource {
  const pool = Buffer.alloc(POOL_BYTES)
  let used = POOL_BYTES
  const take = (bytes: number): string => {
    if (used + bytes > POOL_BYTES) {
      fill(pool)
      used = 0
    }
    const id = pool.toString('hex', used, used + bytes)
    used += bytes
    // W3C forbids the all-zero id; the generator gives one in 2^64, a broken generator at every call.
    return /[^0]/.test(id) ? id : id.replace(/0$/, '1')
  }
  return { traceId: () => take(16), spanId: () => take(8) }
}
