/** Options of `breakwater registry ...`, read from the command line. */
import { readFileSync } from 'node:fs'
import { error } from '../errors.ts'
import { readWords, type Flags } from '../flags.ts'

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
const DEFAULT_URL = 'http://127.0.0.1:8761/'

export const REGISTRY_FLAGS = {
  registry: { type: 'string', value: 'URL', help: `default: BREAKWATER_REGISTRY, or ${DEFAULT_URL}` },
  'token-file': { type: 'string', value: 'FILE', help: 'a file with the token that it asks for' },
  app: { type: 'string', value: 'A', help: 'list, watch, drain, restore: of this application' },
  host: { type: 'string', value: 'H', help: 'list, drain, restore: on this host' },
  zone: { type: 'string', value: 'Z', help: 'in this zone' },
  version: { type: 'string', value: 'V', help: 'of this version' },
  id: { type: 'string', value: 'I', help: 'this instance' },
  status: { type: 'string', value: 'S', help: 'list: with this status; drain: to this one, by default OUT_OF_SERVICE' },
  reason: { type: 'string', value: 'TEXT', help: 'drain: why' },
  for: { type: 'string', value: '2h', help: 'drain: how long' },
  until: { type: 'string', value: 'TIME', help: 'drain: until this moment' },
  'dry-run': { type: 'boolean', help: 'only tell whom it would be done to' },
  json: { type: 'boolean', help: 'for machines' }
} as const satisfies Flags

/** Throws E_USAGE for anything that cannot be. */
export function readRegistryOptions (
  args: readonly string[], env: Readonly<Record<string, string | undefined>>
): RegistryOptions {
  const { values, positionals } = readWords('registry', args, REGISTRY_FLAGS)
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
