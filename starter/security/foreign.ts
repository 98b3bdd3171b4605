/**
 * Who a request may be from where nobody is asked who he is. A peer on loopback is not yet somebody at this machine: it
 * may be a proxy that forwards for others, or a browser that shows a page of somebody else.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { canonicalAddress, isLocalName, isLoopback } from './addresses.ts'

/** What is looked at of a request; Fastify's requests have it. */
export interface Asked {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly socket: { readonly remoteAddress?: string | undefined, readonly localAddress?: string | undefined }
}

/** Whatever says that somebody stands behind the peer. */
const FORWARDED = /^(?:x-forwarded(?:-.*)?|forwarded|via|x-real-ip|x-original-forwarded-for|x-envoy-.*)$/

/**
 * Whether the Host is a name of this machine: a page whose name was rebound to an address of ours still comes with its
 * own name there. `listed` are the operator's names; `*.` in front of one stands for all below it.
 */
export function isOwnHost ({ headers, socket }: Asked, listed: readonly string[]): boolean {
  const host = headers.host
  // HTTP/1.0 needs none, and browsers speak no HTTP/1.0.
  if (host === undefined || host === '') return true
  const name = hostName(host)
  if (name === undefined) return false
  if (isLoopback(name) || isLocalName(name)) return true
  const address = canonicalAddress(name)
  if (address !== undefined && address === canonicalAddress(socket.localAddress ?? '')) return true
  return listed.some(one => matches(name, one))
}

/** A request that some page of another origin makes a browser send; to come here by a link is not one. */
export function isForeignPage (request: Asked): boolean {
  return isCrossSite(request) && !isVisit(request)
}

/** Browsers say where a request comes from. `Origin: null` (a sandbox, a file, a redirect) is nobody we know. */
export function isCrossSite ({ headers }: Pick<Asked, 'headers'>): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const { origin, host } = headers
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`
}

/** Whether somebody else's request came through the peer. That none is named proves nothing: a proxy may be silent. */
export function isForwarded ({ headers }: Pick<Asked, 'headers'>): boolean {
  for (const name in headers) if (FORWARDED.test(name)) return true
  return false
}

/** The one rule of "this machine": a loopback peer, by a name of this machine, for nobody else, from no page. */
export function isLocalCall (request: Asked, listed: readonly string[]): boolean {
  return isLoopback(request.socket.remoteAddress ?? '') && isOwnHost(request, listed) && !isForwarded(request) &&
    !isForeignPage(request)
}

/** A top-level GET: the person sees what it leads to, the page that led there does not. */
function isVisit ({ method, headers }: Pick<Asked, 'method' | 'headers'>): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
}

/** The host of a Host header, in lower case; undefined when it is none. */
function hostName (host: string): string | undefined {
  const found = /^(?:\[([\da-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i.exec(host)
  const name = (found?.[1] ?? found?.[2])?.toLowerCase().replace(/\.$/, '')
  return name !== undefined && found?.[1] !== undefined && isIP(name) !== 6 ? undefined : name
}

function matches (name: string, listed: string): boolean {
  const wanted = listed.toLowerCase().replace(/\.$/, '')
  return wanted.startsWith('*.') ? name.endsWith(wanted.slice(1)) : name === wanted
}
