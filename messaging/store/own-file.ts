/** Files for nobody but their own user. */
import { closeSync, existsSync, openSync } from 'node:fs'

/**
 * sqlite would make it readable for everybody; its log and its index take the rights of the file. What cannot be made
 * is left to sqlite, whose errors are known by what they mean.
 */
export function makeOwnFile (file: string): void {
  if (existsSync(file)) return
  try {
    closeSync(openSync(file, 'a', 0o600))
  } catch {
    // It says so itself, at once.
  }
}
