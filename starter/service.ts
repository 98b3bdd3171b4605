/**
 * A service, whole: a Fastify instance that reads its settings, tells the registry that it is here, calls others by
 * name, shows its health, and leaves without losing a request. Top to bottom this file is the life of a service.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyInstance, FastifyServerOptions } from 'fastify'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { actuator } from './actuator/actuator.ts'
import { Availability } from './actuator/health.ts'
import type { HealthIndicator } from './actuator/health.ts'
import { ServiceClient } from './client/client.ts'
import { ClientMetrics } from './client/client-metrics.ts'
import { readClientOptions } from './client/options.ts'
import type { DiscoveryClient, Registration } from './discovery/discovery-client.ts'
import { createDiscoveryClient, createRegistration } from './discovery/factory.ts'
import { checkInput } from './http/check-input.ts'
import { readJson } from './http/json-body.ts'
import { answerProblems } from './http/problems.ts'
import { guardPorts, listenForManagement, ownAddress, urlOf } from './http/ports.ts'
import { addRequestHooks } from './http/request-hooks.ts'
import { createValidatorBuilder } from './http/validators.ts'
import { createLogger } from './logger.ts'
import type { Logger } from './logger.ts'
import type { Running } from './main.ts'
import { checkServiceKeys } from './own-keys.ts'
import { loadSettings } from './settings/index.ts'
import type { Settings } from './settings/index.ts'
import { isLoopback } from './security/addresses.ts'
import { createAuthenticator } from './security/authenticator.ts'
import { Destinations, readDestinations } from './security/destinations.ts'
import { guardNames } from './security/door.ts'
import { readServerTls } from './security/tls.ts'
import { unusedSpringKeys } from './spring-keys.ts'
import { createCallTrace } from './trace/call-trace.ts'
import type { CallTrace } from './trace/call-trace.ts'
import { createSpanExporter } from './trace/create-exporter.ts'
import type { SpanExporter } from './trace/exporter.ts'
import { createIdSource } from './trace/random-ids.ts'
import { readSampling } from './trace/sampling.ts'
import type { SpanSink } from './trace/spans.ts'

export interface ServiceOptions {
  /** The name others call it by; `spring.application.name` of the settings wins. */
  readonly name: string
  /** Default: read from the working directory's application.yml; `runMain` adds environment and command line. */
  readonly settings?: Settings
  /** Default: made from the settings. */
  readonly log?: Logger
  /** Default: what the profile picks. */
  readonly discovery?: DiscoveryClient
  /** Handed to Fastify, except what the starter decides itself. */
  readonly fastify?: Omit<FastifyServerOptions, 'logger' | 'loggerInstance' | 'genReqId'>
}

/** What a service has beyond Fastify. */
export interface ServiceParts {
  readonly settings: Settings
  readonly logger: Logger
  readonly discovery: DiscoveryClient
  /** Components of /actuator/health; add your own by name. */
  readonly health: Map<string, HealthIndicator>
  /** Add your own metrics to this registry. */
  readonly metrics: Registry
  readonly availability: Availability
  /** Where finished spans go; undefined when no collector is set, and then no span need be made. */
  readonly spans: SpanSink | undefined
  /** The load-balanced client of another service; one per name, made at the first call. */
  client (service: string): ServiceClient
  /** Listens, registers, and is ready. */
  start (): Promise<Running>
  /** Leaves the registry, finishes what is in flight, closes. Ends within the shutdown deadline. */
  stop (): Promise<void>
}

export type ServiceApp = FastifyInstance & ServiceParts

const STOP_DEADLINE_MS = 30_000
/** Between leaving the registry and refusing connections: those who balance over us hear of it within milliseconds. */
const DRAIN_MS = 250
/** A request whose body never ends must not hold a socket for ever. */
const REQUEST_TIMEOUT_MS = 60_000

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
  const settings = options.settings ?? await loadSettings({ name: options.name })
  const log = options.log ?? createLogger(settings)
  checkServiceKeys(settings)
  for (const warning of unusedSpringKeys(settings)) log.warn(warning)
  const tls = readServerTls(settings)
  const discovery = options.discovery ?? await createDiscoveryClient(settings, log)
  const spans = await createSpanExporter(settings, log)
  const life = new ServiceLife(settings, log, { discovery, spans, secure: tls !== undefined })
  const server = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 1024 },
    schemaController: { compilersFactory: { buildValidator: createValidatorBuilder() } },
    ...options.fastify,
    ...(tls === undefined ? {} : { https: tls }),
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // The context adds the ids to every line; a child logger per request would add them twice.
    childLoggerFactory: (logger: FastifyBaseLogger) => logger,
    // While closing, requests on kept-alive connections are still answered, with `Connection: close`.
    return503OnClosing: false
  }
  const app = Fastify(server as FastifyServerOptions) as unknown as FastifyInstance
  await life.furnish(app)
  return app as ServiceApp
}

/** What is made before the life begins, because it had to be loaded first. */
interface LifeParts {
  readonly discovery: DiscoveryClient
  readonly spans: SpanExporter | undefined
  readonly secure: boolean
}

/** The parts of one service and the order in which they start and stop. */
class ServiceLife {
  readonly #settings: Settings
  readonly #log: Logger
  readonly #discovery: DiscoveryClient
  /** The service's own port speaks TLS. */
  readonly #secure: boolean
  readonly #availability = new Availability()
  readonly #health = new Map<string, HealthIndicator>()
  readonly #metrics = new Registry()
  readonly #clientMetrics = new ClientMetrics()
  readonly #clients = new Map<string, ServiceClient>()
  readonly #ids = createIdSource()
  readonly #spans: SpanExporter | undefined
  readonly #callTrace: CallTrace
  readonly #name: string
  readonly #destinations: Destinations
  #registration: Registration | undefined
  #closing = false
  #management: Server | undefined

  constructor (settings: Settings, log: Logger, { discovery, spans, secure }: LifeParts) {
    this.#settings = settings
    this.#log = log
    this.#discovery = discovery
    this.#secure = secure
    this.#name = settings.string('spring.application.name')
    this.#destinations = new Destinations(readDestinations(settings))
    this.#spans = spans
    this.#callTrace = createCallTrace(this.#ids, this.#spans)
  }

  /** Everything a request meets before the service's own routes, in this order. */
  async furnish (app: FastifyInstance): Promise<void> {
    const base = this.#settings.string('management.endpoints.web.base-path', '/actuator')
    // 1. Who asks, in which trace, until when: all that follows is logged and traced under it.
    addRequestHooks(app, {
      log: this.#log,
      trace: { ids: this.#ids, sampling: readSampling(this.#settings) },
      sink: this.#spans,
      accessLog: this.#settings.boolean('server.accesslog.enabled', true)
    })
    // 2. What is not for everyone is not there for everyone. Without a choice of who may, this machine may.
    const auth = await createAuthenticator(this.#settings, this.#log, { isPublic: true })
    if (isLoopback(this.#settings.string('server.address', '127.0.0.1')) && auth.mode === 'local') guardNames(app, auth.door.hosts)
    guardPorts(app, {
      actuatorBase: base,
      hasManagementPort: this.#settings.get('management.server.port') !== undefined,
      hosts: auth.door.hosts
    })
    // 3. Every failure from here on is a problem document.
    answerProblems(app)
    // 4. What no store and no reader could be given as it is goes no further.
    readJson(app)
    checkInput(app)
    // 5. What operators and probes ask.
    collectDefaultMetrics({ register: this.#metrics })
    this.#health.set('discovery', () => ({
      status: this.#discovery.connected ? 'UP' : 'UNKNOWN',
      details: { source: this.#discovery.description, services: this.#discovery.services().length }
    }))
    await app.register(actuator, {
      settings: this.#settings,
      log: this.#log,
      health: this.#health,
      availability: this.#availability,
      registry: this.#metrics,
      metrics: () => this.#clientMetrics.render() + (this.#spans?.render() ?? ''),
      authorize: auth.check
    })
    this.#endWith(app)
    this.#decorate(app)
  }

  #decorate (app: FastifyInstance): void {
    app.decorate('settings', this.#settings)
    app.decorate('logger', this.#log)
    app.decorate('discovery', this.#discovery)
    app.decorate('health', this.#health)
    app.decorate('metrics', this.#metrics)
    app.decorate('availability', this.#availability)
    app.decorate('spans', this.#spans)
    app.decorate('client', (name: string) => this.#client(name))
    app.decorate('start', () => this.#start(app))
    app.decorate('stop', () => this.#stop(app))
  }

  #client (service: string): ServiceClient {
    const known = this.#clients.get(service)
    if (known !== undefined) return known
    const client = new ServiceClient(service, readClientOptions(this.#settings, service), {
      discovery: this.#discovery,
      log: this.#log,
      metrics: this.#clientMetrics,
      trace: this.#callTrace,
      caller: this.#name,
      destinations: this.#destinations
    })
    this.#clients.set(service, client)
    return client
  }

  /** Listen first, tell the registry second: nobody may hear of an address that does not answer yet. */
  async #start (app: FastifyInstance): Promise<Running> {
    const host = this.#settings.string('server.address', '127.0.0.1')
    await app.listen({ host, port: this.#settings.integer('server.port', 8080) })
    const bound = app.server.address() as AddressInfo
    const management = await this.#listenForManagement(app, host)
    if (management !== undefined) this.#destinations.keepFrom([management])
    const address = ownAddress(bound, management?.port, this.#secure)
    this.#registration = await createRegistration(this.#settings, this.#log, address)
    // Neither rejects when the registry is down: the service works, and registers as soon as it can.
    await Promise.all([this.#discovery.start(), this.#registration?.start()])
    // A registry that comes back may have forgotten us; until the next renewal it would send nobody here.
    this.#discovery.onConnect?.(() => this.#registration?.checkSoon?.())
    this.#availability.ready = true
    return {
      url: urlOf(bound.address, bound.port, this.#secure),
      ...(management === undefined ? {} : { management: urlOf(management.address, management.port) }),
      stop: () => this.#stop(app)
    }
  }

  async #listenForManagement (app: FastifyInstance, host: string): Promise<AddressInfo | undefined> {
    if (this.#settings.get('management.server.port') === undefined) return undefined
    const address = this.#settings.string('management.server.address', host)
    const port = this.#settings.integer('management.server.port')
    this.#management = await listenForManagement(app, address, port)
    return this.#management.address() as AddressInfo
  }

  /** Fastify's close runs these: before it refuses connections, and after the last answer is out. */
  #endWith (app: FastifyInstance): void {
    app.addHook('preClose', async () => {
      this.#availability.ready = false
      this.#closing = true
      await this.#registration?.stop()
      if (app.server.listening) await sleep(this.#settings.durationMs('breakwater.shutdown.drain', DRAIN_MS))
    })
    app.addHook('onClose', async () => {
      this.#management?.close()
      this.#management?.closeAllConnections()
      await Promise.all([...this.#clients.values()].map(client => client.close()))
      await this.#discovery.stop()
      // Last: what was done while closing is part of the picture.
      await this.#spans?.stop()
    })
    // An answer on its way while we close is the last of its connection, or the connection would hold up the close.
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (this.#closing) void reply.header('connection', 'close')
      done(null, payload)
    })
  }

  async #stop (app: FastifyInstance): Promise<void> {
    const limitMs = this.#settings.durationMs('spring.lifecycle.timeout-per-shutdown-phase', STOP_DEADLINE_MS)
    const timer = setTimeout(() => {
      this.#log.warn({ limitMs }, 'requests still in flight at the shutdown deadline, cutting them')
      app.server.closeAllConnections()
    }, limitMs)
    await app.close().finally(() => clearTimeout(timer))
  }
}
