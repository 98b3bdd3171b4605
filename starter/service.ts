/**
 * A service, whole: a Fastify instance that is a member of the platform (`member.ts`) and answers as all our services
 * do. Top to bottom this file is the life of a service.
 */
import type { AddressInfo } from 'node:net'
import Fastify, { LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyInstance, FastifyServerOptions } from 'fastify'
import { actuator } from './actuator/actuator.ts'
import { checkInput } from './http/check-input.ts'
import { readJson } from './http/json-body.ts'
import { answerProblems } from './http/problems.ts'
import { managementListener, type ListenForManagement } from './http/management-port.ts'
import { guardPorts, urlOf } from './http/ports.ts'
import { REQUEST_TIMEOUT_MS } from './http/request-timeout.ts'
import { addRequestHooks } from './http/request-hooks.ts'
import { createValidatorBuilder } from './http/validators.ts'
import type { Running } from './main.ts'
import { createMember, type Member, type MemberOptions, type MemberParts } from './member.ts'
import { isLoopback } from './security/addresses.ts'
import { guardNames } from './security/door.ts'
import { readServerTls } from './security/tls.ts'

export interface ServiceOptions extends MemberOptions {
  /** Handed to Fastify, except what the starter decides itself. */
  readonly fastify?: Omit<FastifyServerOptions, 'logger' | 'loggerInstance' | 'genReqId'>
}

/** What a service has beyond Fastify. */
export interface ServiceParts extends MemberParts {
  /** Listens, registers, and is ready. */
  start (): Promise<Running>
  /** Leaves the registry, finishes what is in flight, closes. Ends within the shutdown deadline. */
  stop (): Promise<void>
}

export type ServiceApp = FastifyInstance & ServiceParts

/**
 * Makes a service. Nothing listens and nobody is told before `start()`.
 * @example
 * runMain(process, 'users', async ({ settings, log }) => {
 *   const app = await service({ name: 'users', settings, log })
 *   app.get('/users/:id', async request => findUser(request.params))
 *   return app.start()
 * })
 */
export async function service (options: ServiceOptions): Promise<ServiceApp> {
  const member = await createMember(options)
  const tls = readServerTls(member.settings)
  const server = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 1024 },
    schemaController: { compilersFactory: { buildValidator: createValidatorBuilder() } },
    ...options.fastify,
    ...(tls === undefined ? {} : { https: tls }),
    loggerInstance: member.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // The context adds the ids to every line; a child logger per request would add them twice.
    childLoggerFactory: (logger: FastifyBaseLogger) => logger,
    // While closing, requests on kept-alive connections are still answered, with `Connection: close`.
    return503OnClosing: false
  }
  const app = Fastify(server as FastifyServerOptions) as unknown as FastifyInstance
  await new ServiceLife(app, member, tls !== undefined).furnish()
  return app as ServiceApp
}

/** The parts of one service and the order in which they start and stop. */
class ServiceLife {
  readonly #app: FastifyInstance
  readonly #member: Member
  /** The service's own port speaks TLS. */
  readonly #secure: boolean
  #listenForManagement: ListenForManagement | undefined

  constructor (app: FastifyInstance, member: Member, secure: boolean) {
    this.#app = app
    this.#member = member
    this.#secure = secure
  }

  /** Everything a request meets before the service's own routes, in this order. */
  async furnish (): Promise<void> {
    const [app, { settings, auth }] = [this.#app, this.#member]
    // 1. Who asks, in which trace, until when: all that follows is logged and traced under it.
    addRequestHooks(app, this.#member.requestHooks)
    // 2. What is not for everyone is not there for everyone.
    if (isLoopback(settings.string('server.address', '127.0.0.1')) && auth.mode === 'local') guardNames(app, auth.door.hosts)
    guardPorts(app, {
      actuatorBase: settings.string('management.endpoints.web.base-path', '/actuator'),
      hasManagementPort: settings.get('management.server.port') !== undefined,
      hosts: auth.door.hosts
    })
    // 3. Every failure from here on is a problem document.
    answerProblems(app)
    // 4. What no store and no reader could be given as it is goes no further.
    readJson(app)
    checkInput(app)
    // 5. What operators and probes ask.
    await app.register(actuator, this.#member.actuatorOptions)
    this.#endWith()
    this.#decorate()
  }

  #decorate (): void {
    const [app, member] = [this.#app, this.#member]
    app.decorate('settings', member.settings)
    app.decorate('logger', member.logger)
    app.decorate('discovery', member.discovery)
    app.decorate('health', member.health)
    app.decorate('metrics', member.metrics)
    app.decorate('availability', member.availability)
    app.decorate('spans', member.spans)
    app.decorate('client', member.client)
    app.decorate('start', () => this.#start())
    app.decorate('stop', () => this.#stop())
  }

  async #start (): Promise<Running> {
    const { settings } = this.#member
    const host = settings.string('server.address', '127.0.0.1')
    await this.#app.listen({ host, port: settings.integer('server.port', 8080) })
    const bound = this.#app.server.address() as AddressInfo
    const management = await this.#listenForManagement?.(host)
    await this.#member.arrive(bound, { management, secure: this.#secure })
    return {
      url: urlOf(bound.address, bound.port, this.#secure),
      ...(management === undefined ? {} : { management: urlOf(management.address, management.port) }),
      stop: () => this.#stop()
    }
  }

  /** Fastify's close runs these: before it refuses connections, and after the last answer is out. */
  #endWith (): void {
    endMemberWith(this.#app, this.#member)
    this.#listenForManagement = managementListener(this.#app, this.#member.settings)
  }

  #stop (): Promise<void> {
    return this.#member.closeInTime(this.#app.server, () => this.#app.close())
  }
}

/** The member leaves before the server refuses connections, and ends after the last answer is out. */
export function endMemberWith (app: FastifyInstance, member: Member): void {
  app.addHook('preClose', () => member.leave(app.server.listening))
  app.addHook('onClose', () => member.end())
  // An answer on its way while we close is the last of its connection, or the connection would hold up the close.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (member.isLeaving) void reply.header('connection', 'close')
    done(null, payload)
  })
}
