import type { Authenticator, Principal, Role } from '@breakwater/starter'
import type { FastifyInstance, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, once it was checked; undefined where nobody is asked. */
    principal: Principal | undefined
  }
}

/**
 * Lets in who may: reading takes `read`, changing takes `write`, and a principal that is bound to applications changes
 * only these. Refusals have no body, because Eureka's Java client takes one for a failure of the transport and stops
 * renewing for good.
 */
export function guardRoutes (server: FastifyInstance, auth: Authenticator | undefined): void {
  if (auth === undefined) return
  const mayRead = auth.requireRole('read', { emptyBody: true })
  const mayWrite = auth.requireRole('write', { emptyBody: true })
  server.addHook('onRequest', async (request, reply) => {
    if (isRead(request)) return mayRead(request, reply)
    try {
      request.principal = await auth.check(request, 'write')
    } catch {
      // Asked a second time only to refuse in the right words.
      return mayWrite(request, reply)
    }
    return isBound(request) ? reply.code(403).header('content-length', '0').send() : undefined
  })
}

/** The decoration is declared on the root, so that every scope's request has the same shape. */
export function declarePrincipal (server: FastifyInstance): void {
  server.decorateRequest('principal', undefined)
}

/** For routes that act for a person: they answer with words. */
export function requireRole (auth: Authenticator | undefined, role: Role) {
  return async (request: FastifyRequest): Promise<void> => {
    request.principal = await auth?.check(request, role)
  }
}

/** One line for each change, with who made it; a renewal changes nothing. */
export function audit (request: FastifyRequest, action: string, app: string, id: string): void {
  const principal = request.principal?.name
  request.log.info({ audit: action, app, id, principal, address: request.ip }, 'registry changed')
}

/** Whether the principal is bound to other applications than the one that the path names (a batch names many). */
function isBound (request: FastifyRequest): boolean {
  const bound = request.principal?.applications
  if (bound === undefined) return false
  const { app } = request.params as { app?: string }
  return app === undefined || !bound.includes(app.toLowerCase())
}

function isRead (request: FastifyRequest): boolean {
  return request.method === 'GET' || request.method === 'HEAD'
}
