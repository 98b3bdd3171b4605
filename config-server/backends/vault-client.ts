/** The part of Vault's HTTP API that a config server needs: ways to a token, and the key/value engine 1 and 2. */
import { readFile } from 'node:fs/promises'
import { error } from '../errors.ts'
import type { Asker } from './backend.ts'
import { numberOf, parseJson } from './flatten-json.ts'
import type { VaultLogin, VaultOptions } from './vault-options.ts'

const MAX_BODY = 4 * 1_048_576

export class VaultClient {
  readonly #options: VaultOptions
  readonly #login: TokenByLogin

  constructor (options: VaultOptions) {
    this.#options = options
    this.#login = new TokenByLogin(options)
  }

  /** The values under a key as JSON, numbers as text; undefined when there is no such key. */
  async read (key: string, asker: Asker): Promise<unknown> {
    const { backend, kvVersion, pathToKey } = this.#options
    const token = this.#options.token ?? await this.#login.token() ?? requiredToken(asker)
    const path = key.split('/').map(encodeURIComponent).join('/')
    const before = kvVersion === 1 ? '' : `data/${pathToKey === undefined ? '' : `${pathToKey}/`}`
    const json = await call(this.#options, 'GET', `${backend}/${before}${path}`, { 'x-vault-token': token })
    const data = member(json, 'data')
    return kvVersion === 1 ? data : member(data, 'data')
  }
}

function requiredToken ({ token }: Asker): string {
  if (token === undefined) throw error('E_VAULT_TOKEN')
  return token
}

/** The body of an answer; undefined for 404. */
async function call (
  { url, namespace, timeoutMs }: VaultOptions, method: 'GET' | 'POST', path: string, headers: Record<string, string>,
  body?: object
): Promise<unknown> {
  const space = namespace === undefined ? {} : { 'x-vault-namespace': namespace }
  const response = await fetch(`${url}/v1/${path}`, {
    method,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    headers: { ...headers, ...space, 'x-vault-request': 'true' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await response.text()
  if (response.status === 404) return undefined
  if (response.status === 400 || response.status === 403) throw error('E_VAULT_REFUSED', [response.status])
  if (!response.ok || text.length > MAX_BODY) throw new Error(`status ${response.status} from Vault`)
  return parseJson(text)
}

function member (json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[name] : undefined
}

/** A token of the server's own, fetched again before its lease ends; many who need it at once wait for one login. */
class TokenByLogin {
  readonly #options: VaultOptions
  #known: { readonly text: string, readonly untilMs: number } | undefined
  #underWay: Promise<string> | undefined

  constructor (options: VaultOptions) {
    this.#options = options
  }

  async token (): Promise<string | undefined> {
    const { login } = this.#options
    if (login === undefined) return undefined
    if (this.#known !== undefined && this.#known.untilMs > Date.now()) return this.#known.text
    this.#underWay ??= this.#fetch(login).finally(() => { this.#underWay = undefined })
    return this.#underWay
  }

  async #fetch (login: VaultLogin): Promise<string> {
    const auth = member(await call(this.#options, 'POST', `auth/${login.path}/login`, {}, await credentialsOf(login)), 'auth')
    const text = member(auth, 'client_token')
    if (typeof text !== 'string') throw error('E_VAULT_REFUSED', ['no token'])
    this.#known = { text, untilMs: Date.now() + numberOf(member(auth, 'lease_duration')) * 900 }
    return text
  }
}

// Kubernetes renews the file of a service account's token, so it is read for each login.
async function credentialsOf (login: VaultLogin): Promise<object> {
  if (login.method === 'APPROLE') return { role_id: login.roleId, secret_id: login.secretId }
  return { role: login.role, jwt: (await readFile(login.tokenFile, 'utf8')).trim() }
}
