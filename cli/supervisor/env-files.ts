/** `NAME=value` files for services, as `node --env-file` reads them. */
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

/** Later files win. */
export function readEnvFiles (files: readonly string[]): Record<string, string> {
  return Object.assign({}, ...files.map(file => parseEnv(readFileSync(file, 'utf8'))))
}
