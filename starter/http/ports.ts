/**
 * The port for everyone and, when `management.server.port` is set, the one for operators. Both lead into the same
 * Fastify instance: /actuator answers on the management port only, /internal there or to this machine.
 */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { OwnAddress } from '../discovery/discovery-client.ts'
import { isForeignPage, isLocalCall } from '../security/foreign.ts'
import { REQUEST_TIMEOUT_MS } from './request-timeout.ts'

const viaManagement: unique symbol = Symbol('breakwater.management-port')
type MarkedSocket = Socket & { [viaManagement]?: true }

export interface PortRules {
  readonly actuatorBase: string
  readonly hasManagementPort: boolean
  /** Names of this machine besides the local ones. */
  readonly hosts: readonly string[]
}

/** Hides what does not belong on the port a request came in by: 404, as if it were not there. */
export function guardPorts (app: FastifyInstance, { actuatorBase, hasManagementPort, hosts }: PortRules): void {
  app.addHook('onRequest', (request, reply, done) => {
    // The route that matched, not the path as sent: `/%69nternal` is the same route.
    const route = request.routeOptions.url ?? ''
    const actuator = under(route, actuatorBase)
    const internal = under(route, '/internal')
    const allowed = (request.socket as MarkedSocket)[viaManagement] === true
      ? actuator || (internal && !isForeignPage(request))
      : (!actuator || !hasManagementPort) && (!internal || isLocalCall(request, hosts))
    if (allowed) done()
    else reply.callNotFound()
  })
}

/** Listens for operators, without TLS, as Spring does: probes come from next door. */
export async function listenForManagement (app: FastifyInstance, host: string, port: number): Promise<Server> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => app.routing(request, response))
  server.on('connection', (socket: MarkedSocket) => { socket[viaManagement] = true })
  await new Promise<void>((resolve, reject) => {
    // Which setting to change is part of what the user is told.
    server.once('error', failure => reject(Object.assign(failure, { setting: 'MANAGEMENT_SERVER_PORT' })))
    server.listen({ host, port }, () => resolve())
  })
  return server
}

/** How others reach this process: what it is bound to, or this machine's name and address when bound to all. */
export function ownAddress (bound: AddressInfo, managementPort: number | undefined, secure = false): OwnAddress {
  const isAny = bound.address === '0.0.0.0' || bound.address === '::'
  return {
    host: isAny ? hostname() : bound.address,
    ip: isAny ? firstOutsideAddress() : bound.address,
    port: bound.port,
    secure,
    managementPort
  }
}

/** `http://127.0.0.1:8080`; bound to all, the loopback address is the one that surely works from here. */
export function urlOf (address: string, port: number, secure = false): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function under (route: string, prefix: string): boolean {
  return route === prefix || route.startsWith(`${prefix}/`)
}

function firstOutsideAddress (): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find(({ internal, family }) => !internal && family === 'IPv4')
    if (found !== undefined) return found.address
  }
  return '127.0.0.1'
}
