import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The version of the package that a folder of code belongs to: built, it lies in a folder of the package. */
export function versionOf (folder: string): string {
  const file = [join(folder, 'package.json'), join(folder, '../package.json')].find(path => existsSync(path))
  return (JSON.parse(readFileSync(file!, 'utf8')) as { version: string }).version
}
