import type { FastifyRequest } from 'fastify'

/** `/` in front of each part; nothing that could leave the page's own links. */
const PREFIX = /^(?:\/[\w.~-]{1,100}){1,10}$/

/**
 * What the page's links begin with, so that they lead back to this registry whatever stands before it: a proxy that
 * takes a prefix off and says so, one that says nothing, or a context path. `path` is the page's own, without a slash
 * at its end.
 */
export function linkBase (request: FastifyRequest, path: string): string {
  const header = request.headers['x-forwarded-prefix']
  const prefix = (Array.isArray(header) ? header[0] : header)?.split(',')[0]?.trim().replace(/\/+$/, '')
  if (prefix !== undefined && PREFIX.test(prefix)) return `${prefix}${path}/`
  // Relative to where the browser is: below its path when that ends with a slash, else beside the path's last part.
  const asked = request.originalUrl.split('?', 1)[0]!
  return asked.endsWith('/') ? './' : `./${asked.slice(asked.lastIndexOf('/') + 1)}/`
}
