/**
 * Who may use the endpoints that show or change the inside of a process. With an authorizer: whom it lets in.
 * Without one: callers on this machine only, and no web page in their browser.
 */
import type { FastifyRequest } from 'fastify'

export type ActuatorRole = 'read' | 'admin'

/** Resolves when the request may go on; throws an error with `statusCode` 401 or 403 when not. `auth.check` is one. */
export type Authorize = (request: FastifyRequest, role: ActuatorRole) => Promise<unknown>

/** The rule without any choice made: loopback peers, addressed as this machine, not sent by a foreign page. */
export function isLocalCall (request: FastifyRequest): boolean {
  return isLoopback(request.socket.remoteAddress ?? '') && isLocalHost(request.headers.host ?? '') &&
    !isCrossSite(request)
}

/** 127.0.0.0/8 and ::1, also as mapped into IPv6. */
export function isLoopback (address: string): boolean {
  return /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(address) || address === '::1' || address === 'localhost'
}

/** A page whose name was rebound to 127.0.0.1 comes with that name in Host; tools come with an address or localhost. */
function isLocalHost (host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '').toLowerCase()
  return name === '' || name === 'localhost' || name.endsWith('.localhost') || /^[\d.]+$/.test(name) || name.includes(':')
}

/** Browsers say where a request comes from; a form of another site must not post to a local port. */
export function isCrossSite (request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const { origin, host } = request.headers
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`
}
