/**
 * HashiCorp Vault's key/value engine, version 1 and 2. The caller's own token (`X-Config-Token`) is used unless the
 * server has one; answers are kept nowhere, since the next caller may not be allowed to see them.
 */
import type { Property, PropertySource } from '@breakwater/starter/settings'
import type { Ask } from '../environment/ask.ts'
import { error } from '../errors.ts'
import type { Asker, Backend } from './backend.ts'
import { flattenJson, numberOf, parseJson } from './flatten-json.ts'
import { createStoreBackend } from './store-backend.ts'

export interface VaultOptions {
  /** `http://127.0.0.1:8200` */
  readonly url: string
  /** Mount of the engine. @default 'secret' */
  readonly backend: string
  /** Read for every application. @default 'application' */
  readonly defaultKey: string
  /** @default ',' */
  readonly profileSeparator: string
  /** @default 1 */
  readonly kvVersion: 1 | 2
  /** Version 2 only: put before the key. @default none */
  readonly pathToKey?: string | undefined
  readonly namespace?: string | undefined
  readonly token?: string | undefined
  readonly appRole?: { readonly roleId: string, readonly secretId: string } | undefined
  /** Whether the label is a part of the key. @default false */
  readonly enableLabel: boolean
  /** @default 'main' */
  readonly defaultLabel: string
  /** @default 5000 */
  readonly timeoutMs: number
}

export const VAULT_DEFAULTS: VaultOptions = {
  url: 'http://127.0.0.1:8200',
  backend: 'secret',
  defaultKey: 'application',
  profileSeparator: ',',
  kvVersion: 1,
  enableLabel: false,
  defaultLabel: 'main',
  timeoutMs: 5_000
}

const MAX_BODY = 4 * 1_048_576

export function createVaultBackend (
  options: VaultOptions, onProblem: (store: string, problem: string) => void
): Backend {
  const login = new AppRoleLogin(options)
  return createStoreBackend({
    description: `vault ${options.url}/${options.backend}`,
    timeoutMs: options.timeoutMs,
    keepLastKnown: false,
    onProblem,
    stop: async () => {},
    read: async (ask, asker) => {
      const token = options.token ?? await login.token() ?? requiredToken(asker)
      const found = await Promise.all(keysOf(ask, options).map(async key => readKey(options, key, token)))
      const sources = found.filter(source => source !== undefined)
      const secrets = sources.reduce((sum, { properties }) => sum + properties.size, 0)
      return { version: null, state: null, sources, secrets }
    }
  })
}

function requiredToken ({ token }: Asker): string {
  if (token === undefined) throw error('E_VAULT_TOKEN')
  return token
}

// The last profile and the last name win; the profile `default` is the key without a profile.
function keysOf (ask: Ask, { defaultKey, profileSeparator, enableLabel, defaultLabel }: VaultOptions): string[] {
  const apps = [...new Set([defaultKey, ...ask.names])].filter(app => app !== '').toReversed()
  const profiles = [...new Set(['default', ...ask.profiles])].toReversed()
  if (!enableLabel) {
    return profiles.flatMap(profile =>
      apps.map(app => profile === 'default' ? app : `${app}${profileSeparator}${profile}`))
  }
  const labels = (ask.labels.length > 0 ? ask.labels : [defaultLabel]).toReversed()
  return labels.flatMap(label => profiles.flatMap(profile =>
    apps.map(app => [app, profile, label].join(profileSeparator))))
}

async function readKey (options: VaultOptions, key: string, token: string): Promise<PropertySource | undefined> {
  const path = key.split('/').map(encodeURIComponent).join('/')
  const before = options.kvVersion === 1 ? '' : `data/${options.pathToKey === undefined ? '' : `${options.pathToKey}/`}`
  const response = await call(options, 'GET', `${options.backend}/${before}${path}`, { 'x-vault-token': token })
  if (response.status === 404) return undefined
  const data = member(response.json, 'data')
  const values = options.kvVersion === 1 ? data : member(data, 'data')
  const name = `vault:${key}`
  const properties: Map<string, Property> = flattenJson(values ?? {}, name)
  return properties.size === 0 ? undefined : { name, properties }
}

interface VaultResponse {
  readonly status: number
  readonly json: unknown
}

async function call (
  { url, namespace, timeoutMs }: VaultOptions, method: 'GET' | 'POST', path: string, headers: Record<string, string>,
  body?: object
): Promise<VaultResponse> {
  const response = await fetch(`${url}/v1/${path}`, {
    method,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    headers: { ...headers, 'x-vault-request': 'true', ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await response.text()
  if (response.status === 404) return { status: 404, json: undefined }
  if (response.status === 400 || response.status === 403) throw error('E_VAULT_REFUSED', [response.status])
  if (!response.ok || text.length > MAX_BODY) throw new Error(`status ${response.status} from Vault`)
  return { status: response.status, json: parseJson(text) }
}

function member (json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[name] : undefined
}

/** A token of the server's own, by role and secret id; renewed before its lease ends. */
class AppRoleLogin {
  readonly #options: VaultOptions
  #token: { readonly text: string, readonly untilMs: number } | undefined

  constructor (options: VaultOptions) {
    this.#options = options
  }

  async token (): Promise<string | undefined> {
    const { appRole } = this.#options
    if (appRole === undefined) return undefined
    if (this.#token !== undefined && this.#token.untilMs > Date.now()) return this.#token.text
    const { json } = await call(this.#options, 'POST', 'auth/approle/login', {},
      { role_id: appRole.roleId, secret_id: appRole.secretId })
    const auth = member(json, 'auth')
    const text = member(auth, 'client_token')
    if (typeof text !== 'string') throw error('E_VAULT_REFUSED', ['no token'])
    const seconds = numberOf(member(auth, 'lease_duration'))
    this.#token = { text, untilMs: Date.now() + seconds * 900 }
    return text
  }
}
