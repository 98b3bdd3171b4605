import { may, type Authenticator, type Principal, type Role, type RoleHook } from '@breakwater/starter/security'
import type { Actor } from '../registry/actor.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

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
  const slow = { read: guard(auth, 'read'), write: guard(auth, 'write') }
  server.addHook('onRequest', (request, reply, done) => {
    const role = isRead(request) ? 'read' : 'write'
    const principal = auth.authenticate(request)
    // Who is known without waiting passes without a promise: heartbeats come by the ten thousand a second.
    if (isPrincipal(principal) && may(principal, role)) {
      request.principal = principal
      if (role === 'read' || !isBound(request)) return done()
    }
    void ask(slow[role], request, reply, done)
  })
}

/** The decoration is declared on the root, so that every scope's request has the same shape. */
export function declarePrincipal (server: FastifyInstance): void {
  server.decorateRequest('principal', undefined)
}

/** Who makes a request, for the line that each change leaves; a renewal changes nothing. */
export function actorOf (request: FastifyRequest, action: string | undefined, by = 'client'): Actor {
  return { action, principal: request.principal?.name, address: request.ip, by }
}

/** For routes that act for a person: they answer with words. */
export function requireRole (auth: Authenticator | undefined, role: Role) {
  return async (request: FastifyRequest): Promise<void> => {
    request.principal = await auth?.check(request, role)
  }
}

/** Names that everyone has where nobody is asked who he is. */
const NOBODY: ReadonlySet<string | undefined> = new Set([undefined, 'local', 'everyone'])

/** Who sets something: the one who proved it, else who says so. */
export function authorOf ({ principal }: FastifyRequest, said: unknown): string | undefined {
  if (!NOBODY.has(principal?.name)) return principal!.name
  return typeof said === 'string' && said !== '' ? said : principal?.name
}

async function ask (
  hook: RoleHook, request: FastifyRequest, reply: FastifyReply, done: (failure?: Error) => void
): Promise<void> {
  try {
    const refused = await hook(request, reply)
    if (refused === undefined) done()
  } catch (failure) {
    done(failure as Error)
  }
}

/** The whole question, with the refusal in the words of the authenticator. */
function guard (auth: Authenticator, role: Role): RoleHook {
  const hook = auth.requireRole(role, { emptyBody: true })
  return async (request, reply) => {
    const refused = await hook(request, reply)
    if (refused !== undefined || role === 'read') return refused
    request.principal = await auth.authenticate(request)
    return isBound(request) ? reply.code(403).header('content-length', '0').send() : undefined
  }
}

function isPrincipal (value: Principal | undefined | Promise<Principal | undefined>): value is Principal {
  return value !== undefined && 'name' in value
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
