/**
 * Whom a kept answer belongs to. Whoever verified the caller says who it is; where a gateway did so in front of this
 * service, the credentials that came along tell callers apart. They are not believed here: who could make them up could
 * as well ask without.
 */
import type { FastifyRequest } from 'fastify'

interface Verified {
  /** Of whoever verifies tokens. */
  readonly user?: { readonly sub?: unknown }
  /** Of the starter's own authenticator. */
  readonly principal?: { readonly name?: unknown }
}

/** Null: nobody says who it is. To be kept as a digest only. */
export function callerOf (request: FastifyRequest): string | null {
  const { user, principal } = request as FastifyRequest & Verified
  if (typeof user?.sub === 'string') return user.sub
  if (typeof principal?.name === 'string') return principal.name
  const { authorization, 'x-forwarded-client-cert': certificate } = request.headers
  if (authorization !== undefined) return byCredentials(authorization)
  return certificate === undefined ? null : `certificate ${String(certificate)}`
}

/** A token that is renewed, and a password that is changed, leave the caller who it was. */
function byCredentials (authorization: string): string {
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)$/.exec(authorization) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer': return subjectOf(credentials) ?? authorization
    case 'basic': return `basic ${Buffer.from(credentials, 'base64').toString('utf8').split(':', 1)[0]!}`
    default: return authorization
  }
}

/** Of a JWT; undefined for any other token. */
function subjectOf (token: string): string | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { iss?: unknown, sub?: unknown }
    return typeof claims.sub === 'string' ? `token ${JSON.stringify([claims.iss, claims.sub])}` : undefined
  } catch {
    return undefined
  }
}
