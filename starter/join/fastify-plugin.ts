/**
 * Makes a Fastify application that exists a member of the platform. Its own logger, hooks, error handler and listen
 * stay; what is added stands at `app.breakwater`.
 */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { actuator } from '../actuator/actuator.ts'
import { guardPorts } from '../http/ports.ts'
import { addRequestHooks } from '../http/request-hooks.ts'
import type { MemberParts } from '../member.ts'
import { endMemberWith } from '../service.ts'
import { arriveWith, createJoiner, type JoinOptions } from './joiner.ts'
import { stopOnSignals } from './signals.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Set by the plugin `breakwater`. */
    breakwater: MemberParts
  }
}

/**
 * @example
 * await app.register(breakwater, { name: 'people' })
 * await app.listen({ port: 4001 })
 * await app.breakwater.client('users').get('/users/7')
 */
export const breakwater: FastifyPluginAsync<JoinOptions> = fastifyPlugin(install, { name: 'breakwater', fastify: '5.x' })

async function install (app: FastifyInstance, options: JoinOptions): Promise<void> {
  const member = await createJoiner(options)
  const { settings, auth } = member
  addRequestHooks(app, member.requestHooks)
  guardPorts(app, {
    actuatorBase: settings.string('management.endpoints.web.base-path', '/actuator'), hasManagementPort: false, hosts: auth.door.hosts
  })
  await app.register(actuator, member.actuatorOptions)
  endMemberWith(app, member)
  app.decorate('breakwater', member)
  app.addHook('onListen', () => arriveWith(app.server, member))
  stopOnSignals(options.signals, member.logger, () => member.closeInTime(app.server, () => app.close()))
}
