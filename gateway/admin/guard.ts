/**
 * Who may use the admin: with no user configured, callers on this machine only; with
 * `breakwater.gateway.management.user` and `password`, whoever knows them (basic, compared in constant time).
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { ActuatorRole, Authorize } from '../../starter/actuator/access.ts'
import { isLocalCall } from '../../starter/actuator/access.ts'

export type Guard = (role: ActuatorRole) => (request: FastifyRequest) => Promise<void>

export interface Credentials {
  readonly user: string
  readonly password: string
}

/** Throws with `statusCode` 401 or 403. */
export function authorizer (credentials: Credentials | undefined): Authorize {
  if (credentials === undefined) {
    return request => {
      if (!isLocalCall(request)) throw refusal(403, 'This endpoint answers to callers on the same machine only.')
    }
  }
  const wanted = digest(`${credentials.user}:${credentials.password}`)
  return request => {
    const given = /^Basic ([\w+/=]+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const text = given === undefined ? '' : Buffer.from(given, 'base64').toString('utf8')
    if (!timingSafeEqual(digest(text), wanted)) throw refusal(401, 'User and password are needed.')
  }
}

/** Equal lengths whatever was sent: timingSafeEqual wants that, and the length is a secret too. */
function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function refusal (statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode })
}
