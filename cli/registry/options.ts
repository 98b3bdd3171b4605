/** Options of `breakwater registry ...`, read from the command line. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { error } from '../errors.ts'

export interface RegistryOptions {
  /** Without its credentials, with a slash at its end. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** `--app`, `--host`, `--zone`, `--version`, `--id`, as far as given. */
  readonly where: Readonly<Record<string, string>>
  readonly status: string | undefined
  readonly reason: string | undefined
  readonly for: string | undefined
  readonly until: string | undefined
  readonly dryRun: boolean
  readonly json: boolean
  /** What stands beside the options: the sub-command and its arguments. */
  readonly words: readonly string[]
}

const CONDITIONS = ['app', 'host', 'zone', 'version', 'id'] as const
const TEXT = { type: 'string' } as const
const DEFAULT_URL = 'http://127.0.0.1:8761/'

/** Throws E_USAGE for anything that cannot be. */
export function readRegistryOptions (
  args: readonly string[], env: Readonly<Record<string, string | undefined>>
): RegistryOptions {
  const { values, positionals } = parse(args)
  const given = values.registry ?? env['BREAKWATER_REGISTRY'] ?? DEFAULT_URL
  const { url, authorization } = readUrl(given)
  const token = values['token-file'] === undefined ? undefined : readToken(values['token-file'])
  const credentials = token === undefined ? authorization : `Bearer ${token}`
  return {
    url,
    headers: credentials === undefined ? {} : { authorization: credentials },
    where: Object.fromEntries(CONDITIONS.flatMap(name => values[name] === undefined ? [] : [[name, values[name]]])),
    status: values.status, reason: values.reason, for: values.for, until: values.until,
    dryRun: values['dry-run'] ?? false,
    json: values.json ?? false,
    words: positionals
  }
}

/** A registry's base: the host alone, or with the context path; `/eureka/` at its end may be there. */
export function readUrl (text: string): { url: URL, authorization: string | undefined } {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw usage(`"${text.replace(/\/\/[^/@]*@/, '//')}" is no URL of a registry.`)
  }
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  const authorization = url.username === '' ? undefined : `Basic ${Buffer.from(user).toString('base64')}`
  url.username = url.password = url.search = url.hash = ''
  url.pathname = `${url.pathname.replace(/\/{2,}/g, '/').replace(/\/(?:eureka\/?)?$/, '')}/`
  return { url, authorization }
}

export function usage (text: string) {
  return error('E_USAGE', [text], { where: 'breakwater registry' })
}

function readToken (path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw error('E_USAGE', [`--token-file ${path} cannot be read.`], { where: 'breakwater registry', cause })
  }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        registry: TEXT, 'token-file': TEXT, app: TEXT, host: TEXT, zone: TEXT, version: TEXT, id: TEXT, status: TEXT,
        reason: TEXT, for: TEXT, until: TEXT, 'dry-run': { type: 'boolean' }, json: { type: 'boolean' }
      }
    })
  } catch (cause) {
    throw error('E_USAGE', [(cause as Error).message], { where: 'breakwater registry', cause })
  }
}
