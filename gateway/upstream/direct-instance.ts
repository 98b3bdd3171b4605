/** Instances for absolute URIs that filters put in place of the route's (SetRequestUri, RequestHeaderToRequestUri). */
import type { Instance } from './upstream.ts'

const MAX_INSTANCES = 256

export class DirectInstances {
  private readonly byOrigin = new Map<string, Instance>()

  /** The instance behind `uri`, or undefined when it is no http(s) URL. Bounded: the oldest is forgotten. */
  of (uri: string): Instance | undefined {
    const url = URL.canParse(uri) ? new URL(uri) : undefined
    if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined
    const known = this.byOrigin.get(url.origin)
    if (known !== undefined) return known
    if (this.byOrigin.size >= MAX_INSTANCES) this.byOrigin.delete(this.byOrigin.keys().next().value!)
    const instance = instanceAt(url)
    this.byOrigin.set(url.origin, instance)
    return instance
  }
}

function instanceAt (url: URL): Instance {
  const secure = url.protocol === 'https:'
  return {
    id: url.origin,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    secure,
    authority: url.host,
    hostLine: `host: ${url.host}\r\n`,
    zone: undefined,
    metadata: {},
    // A part of it may be the client's.
    written: false,
    http2: undefined,
    active: 0,
    pool: undefined
  }
}
