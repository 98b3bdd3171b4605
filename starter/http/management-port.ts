/** Where operators ask when `management.server.port` is set: a port of its own, on which the actuator alone answers. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Settings } from '../settings/index.ts'
import { guardPorts, listenForManagement, urlOf } from './ports.ts'

/** Listens there, by default at the host of the other port; undefined when the setting is not set. */
export type ListenForManagement = (host: string) => Promise<AddressInfo | undefined>

/** Of a server whose ports are guarded already. It stops with the server. */
export function managementListener (app: FastifyInstance, settings: Settings): ListenForManagement {
  if (settings.get('management.server.port') === undefined) return async () => undefined
  let server: Server | undefined
  app.addHook('onClose', async () => {
    server?.close()
    server?.closeAllConnections()
  })
  return async host => {
    const address = settings.string('management.server.address', host)
    server = await listenForManagement(app, address, settings.integer('management.server.port'))
    return server.address() as AddressInfo
  }
}

/** Of any server that has an actuator; what is returned listens and says at which URL. */
export function managementPort (
  app: FastifyInstance, settings: Settings, hosts: readonly string[]
): (host: string) => Promise<{ readonly management?: string }> {
  const listen = managementListener(app, settings)
  if (settings.get('management.server.port') !== undefined) {
    const actuatorBase = settings.string('management.endpoints.web.base-path', '/actuator')
    guardPorts(app, { actuatorBase, hasManagementPort: true, hosts })
  }
  return async host => {
    const bound = await listen(host)
    return bound === undefined ? {} : { management: urlOf(bound.address, bound.port) }
  }
}
