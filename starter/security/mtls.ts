/** Callers known by their TLS certificate: the trust store says who is genuine, the settings what each may do. */
import type { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import type { Settings } from '../settings/index.ts'
import { highestRole } from './principal.ts'
import type { Principal } from './principal.ts'

/**
 * `breakwater.security.mtls.roles.<common name>`: what one caller may do; `breakwater.security.mtls.default-roles`:
 * everyone else with a genuine certificate, `read` unless set.
 */
export function createMtls (settings: Settings): (request: FastifyRequest) => Principal | undefined {
  const roles = new Map(Object.entries(settings.map('breakwater.security.mtls.roles'))
    .map(([name, words]) => [name, words.split(',').map(word => word.trim())]))
  const others = settings.list('breakwater.security.mtls.default-roles', ['read'])
  return request => {
    const socket = request.socket as Partial<TLSSocket>
    if (socket.authorized !== true) return undefined
    const name = socket.getPeerCertificate?.().subject?.CN
    // A list of names is one that no setting can mean.
    if (typeof name !== 'string' || name === '') return undefined
    return { name, role: highestRole(roles.get(name) ?? others) }
  }
}
