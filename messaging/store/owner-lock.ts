/**
 * One process owns an embedded store: two writers would block each other's event loop, and two relays would send in
 * two orders. The ownership is a lock of the operating system, held through a sqlite file of its own: a SIGKILL
 * releases it at once, where a pid file would outlive its writer.
 */
import { DatabaseSync } from 'node:sqlite'
import { hasCode, messagingError } from '../errors.ts'
import { makeOwnFile } from './own-file.ts'
import { sqliteError } from './sqlite-errors.ts'

/**
 * Takes the ownership of a file. Closing the returned handle gives it back. Errors: E_STORE_OWNED when somebody else
 * has it, E_STORE_READ_ONLY or E_STORE_DOWN where nothing can be written.
 */
export function lockFile (file: string): DatabaseSync {
  let lock: DatabaseSync | undefined
  try {
    makeOwnFile(`${file}-owner`)
    lock = new DatabaseSync(`${file}-owner`, { timeout: 0 })
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock?.close()
    const error = sqliteError(cause, file)
    throw hasCode(error, 'E_STORE_BUSY') ? messagingError('E_STORE_OWNED', [file], { cause }) : error
  }
}
