/**
 * One process owns an embedded store: two writers would block each other's event loop, and two relays would send in
 * two orders. The ownership is a lock of the operating system, held through a sqlite file of its own: a SIGKILL
 * releases it at once, where a pid file would outlive its writer.
 */
import { DatabaseSync } from 'node:sqlite'
import { messagingError } from '../errors.ts'

/** Takes the ownership of a file, or throws E_STORE_OWNED. Closing the returned handle gives it back. */
export function lockFile (file: string): DatabaseSync {
  const lock = new DatabaseSync(`${file}-owner`, { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock.close()
    throw messagingError('E_STORE_OWNED', [file], { cause })
  }
}
