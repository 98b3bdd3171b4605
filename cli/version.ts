/** The version of this package, in the checkout and installed. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export function ownVersion (): string {
  // Built, this file lies in a folder of the package.
  const file = [join(import.meta.dirname, 'package.json'), join(import.meta.dirname, '../package.json')].find(path => existsSync(path))
  return (JSON.parse(readFileSync(file!, 'utf8')) as { version: string }).version
}
