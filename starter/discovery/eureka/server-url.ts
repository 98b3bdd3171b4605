/** The registry's addresses: `eureka.client.service-url.defaultZone`, a comma list, credentials inside allowed. */
import { maskValue } from '../../settings/index.ts'
import { starterError } from '../../starter-errors.ts'

/** One registry server. Its URL never holds the credentials: they must not reach logs, errors or traces. */
export interface ServerUrl {
  /** Ends with a slash: `http://localhost:8761/eureka/`. */
  readonly url: string
  /** `Basic ...` made of the URL's user info. */
  readonly authorization: string | undefined
}

/** Reads the comma list; throws E_DISCOVERY_URL naming the faulty one. */
export function readServerUrls (list: readonly string[], where: string | undefined): ServerUrl[] {
  return list.map(text => readServerUrl(text, where))
}

function readServerUrl (text: string, where: string | undefined): ServerUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw starterError('E_DISCOVERY_URL', [maskValue('url', text)], { where })
  }
  const credentials = url.username === '' ? undefined : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  // Spring's servers take two slashes for one there; others do not.
  url.pathname = url.pathname.replace(/\/{2,}/g, '/')
  url.username = ''
  url.password = ''
  return {
    url: url.href.endsWith('/') ? url.href : `${url.href}/`,
    authorization: credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  }
}

/**
 * The servers in the order they are tried: the one that answered last first, a failed one moves to the end
 * (Eureka's quarantine, without its list to clear).
 */
export class ServerList {
  #servers: ServerUrl[]

  constructor (servers: readonly ServerUrl[]) {
    this.#servers = [...servers]
  }

  get current (): ServerUrl {
    return this.#servers[0] as ServerUrl
  }

  get size (): number {
    return this.#servers.length
  }

  /** Sends `failed` to the end of the list, unless somebody else did already. */
  demote (failed: ServerUrl): void {
    if (this.#servers[0] === failed) this.#servers = [...this.#servers.slice(1), failed]
  }
}
