import { maskValue } from '@breakwater/starter/settings'
import { discoveryError } from '../errors.ts'

/** By what a registry knows itself among the peers that all of them are configured with. */
export interface OwnNames {
  readonly port: number
  /** Host names and addresses of this registry, lower case. */
  readonly hosts: ReadonlySet<string>
  /** `eureka.server.my-url`. */
  readonly myUrl?: string | undefined
}

/** The URLs of the others, each once, in order; throws E_PEER_URL for what is none. */
export function otherPeers (urls: readonly string[], own: OwnNames): string[] {
  const others = new Map<string, string>()
  for (const text of urls) {
    const url = parseUrl(text)
    const withoutUser = identityOf(url)
    if (!isOwn(url, own)) others.set(withoutUser, url.href)
  }
  return [...others.values()]
}

function isOwn (url: URL, { port, hosts, myUrl }: OwnNames): boolean {
  if (myUrl !== undefined && identityOf(parseUrl(myUrl)) === identityOf(url)) return true
  const urlPort = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  return urlPort === port && hosts.has(url.hostname.toLowerCase().replace(/^\[|\]$/g, ''))
}

/** Host, port and path; two spellings that differ by a slash or by credentials are one peer. */
function identityOf (url: URL): string {
  return `${url.host}${url.pathname.replace(/\/+$/, '')}`
}

/** Throws E_PEER_URL, without the credentials that a text may hold. */
export function parseUrl (text: string): URL {
  const url = URL.parse(text.trim())
  if (url === null || !/^https?:$/.test(url.protocol)) throw discoveryError('E_PEER_URL', [maskValue('url', text)])
  // Spring's servers take two slashes for one there; others do not.
  url.pathname = url.pathname.replace(/\/{2,}/g, '/')
  return url
}
