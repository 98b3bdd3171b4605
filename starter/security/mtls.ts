/** Callers known by their TLS certificate: the trust store says who is genuine, the settings what each may do. */
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import { splitName } from '../settings/index.ts'
import type { Settings } from '../settings/index.ts'
import { highestRole } from './principal.ts'
import type { Principal } from './principal.ts'

/**
 * `breakwater.security.mtls.roles.<name>`: what one caller may do, by its common name or an alternative name of kind
 * DNS or URI (SPIFFE ids have no common name); `breakwater.security.mtls.default-roles`: everyone else with a genuine
 * certificate, `read` unless set.
 */
export function createMtls (settings: Settings): (request: FastifyRequest) => Principal | undefined {
  const roles = readRoles(settings, 'breakwater.security.mtls.roles')
  const others = settings.list('breakwater.security.mtls.default-roles', ['read'])
  return request => {
    const socket = request.socket as Partial<TLSSocket>
    if (socket.authorized !== true) return undefined
    const names = namesOf(socket.getPeerCertificate?.())
    const name = names.find(one => roles.has(one)) ?? names[0]
    return name === undefined ? undefined : { name, role: highestRole(roles.get(name) ?? others) }
  }
}

/** Names are taken to the letter, also outside brackets: of `spiffe://mesh/orders` nothing may be left out. */
function readRoles (settings: Settings, prefix: string): Map<string, string[]> {
  const depth = splitName(prefix).length
  return new Map(settings.keys(prefix).map(key => [
    splitName(key).slice(depth).map(({ text }) => text).join('.'), settings.list(key)
  ]))
}

/** The common name first; a certificate with several has none that a setting can mean. */
function namesOf (certificate: Partial<PeerCertificate> | undefined): string[] {
  const common = certificate?.subject?.CN as unknown
  return [common, ...alternativeNames(certificate?.subjectaltname ?? '')]
    .filter((name): name is string => typeof name === 'string' && name !== '')
}

// Node quotes a name that has a comma in it: every entry is read whole, so that no name can pretend to be two.
function alternativeNames (text: string): string[] {
  const entries = text.matchAll(/([^:,]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/gy)
  return [...entries].filter(([, kind]) => kind === 'DNS' || kind === 'URI').map(([, , name = '']) =>
    name.startsWith('"') ? JSON.parse(name) as string : name)
}
