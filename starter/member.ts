/**
 * What a program has as a member of the platform, whatever serves its requests: settings, a log, the registry, clients
 * of other services, health, metrics, traces. And when it comes and goes: listen first, tell the registry second; out
 * of the registry first, stop listening second.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { ActuatorOptions } from './actuator/options.ts'
import { Availability } from './actuator/health.ts'
import type { HealthIndicator } from './actuator/health.ts'
import { ServiceClient } from './client/client.ts'
import { ClientMetrics } from './client/client-metrics.ts'
import { readClientOptions } from './client/options.ts'
import type { DiscoveryClient, Registration } from './discovery/discovery-client.ts'
import { createDiscoveryClient, createRegistration } from './discovery/factory.ts'
import { ownAddress } from './http/ports.ts'
import type { RequestHookOptions } from './http/request-hooks.ts'
import { createLogger } from './logger.ts'
import type { Logger } from './logger.ts'
import { checkServiceKeys } from './own-keys.ts'
import { loadSettings } from './settings/index.ts'
import type { Settings } from './settings/index.ts'
import { createAuthenticator } from './security/authenticator.ts'
import type { Authenticator } from './security/authenticator.ts'
import { Destinations, readDestinations } from './security/destinations.ts'
import { unusedSpringKeys } from './spring-keys.ts'
import { createCallTrace } from './trace/call-trace.ts'
import type { CallTrace } from './trace/call-trace.ts'
import { createSpanExporter } from './trace/create-exporter.ts'
import type { SpanExporter } from './trace/exporter.ts'
import { createIdSource } from './trace/random-ids.ts'
import { readSampling } from './trace/sampling.ts'
import type { SpanSink } from './trace/spans.ts'

export interface MemberOptions {
  /** The name others call it by; `spring.application.name` of the settings wins. */
  readonly name: string
  /** Default: read from the working directory's application.yml; `runMain` adds environment and command line. */
  readonly settings?: Settings
  /** Default: made from the settings. */
  readonly log?: Logger
  /** Default: what the profile picks. */
  readonly discovery?: DiscoveryClient
}

/** What a member has at hand. */
export interface MemberParts {
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
  readonly client: (service: string) => ServiceClient
}

const STOP_DEADLINE_MS = 30_000
/** Between leaving the registry and refusing connections: those who balance over us hear of it within milliseconds. */
const DRAIN_MS = 250

/** Makes a member that nobody knows of yet. Throws what is wrong in the settings. */
export async function createMember (options: MemberOptions): Promise<Member> {
  const settings = options.settings ?? await loadSettings({ name: options.name })
  const log = options.log ?? createLogger(settings)
  checkServiceKeys(settings)
  for (const warning of unusedSpringKeys(settings)) log.warn(warning)
  const discovery = options.discovery ?? await createDiscoveryClient(settings, log)
  const spans = await createSpanExporter(settings, log)
  // Without a choice of who may, this machine may.
  const auth = await createAuthenticator(settings, log, { isPublic: true })
  return new Member({ settings, log, discovery, spans, auth })
}

interface Made {
  readonly settings: Settings
  readonly log: Logger
  readonly discovery: DiscoveryClient
  readonly spans: SpanExporter | undefined
  readonly auth: Authenticator
}

interface Arrival {
  readonly management: AddressInfo | undefined
  /** Its port speaks TLS. */
  readonly secure: boolean
}

export class Member implements MemberParts {
  readonly settings: Settings
  readonly logger: Logger
  readonly discovery: DiscoveryClient
  readonly auth: Authenticator
  readonly spans: SpanExporter | undefined
  readonly availability = new Availability()
  readonly health = new Map<string, HealthIndicator>()
  readonly metrics = new Registry()
  readonly #clientMetrics = new ClientMetrics()
  readonly #clients = new Map<string, ServiceClient>()
  readonly #ids = createIdSource()
  readonly #callTrace: CallTrace
  readonly #destinations: Destinations
  #registration: Registration | undefined
  #leaving = false

  constructor ({ settings, log, discovery, spans, auth }: Made) {
    this.settings = settings
    this.logger = log
    this.discovery = discovery
    this.spans = spans
    this.auth = auth
    this.#destinations = new Destinations(readDestinations(settings))
    this.#callTrace = createCallTrace(this.#ids, spans)
    collectDefaultMetrics({ register: this.metrics })
    this.health.set('discovery', () => ({
      status: discovery.connected ? 'UP' : 'UNKNOWN',
      details: { source: discovery.description, services: discovery.services().length }
    }))
  }

  /** Whether it is on its way out: its answers are the last of their connections. */
  get isLeaving (): boolean {
    return this.#leaving
  }

  get requestHooks (): RequestHookOptions {
    return {
      log: this.logger,
      trace: { ids: this.#ids, sampling: readSampling(this.settings) },
      sink: this.spans,
      accessLog: this.settings.boolean('server.accesslog.enabled', true)
    }
  }

  get actuatorOptions (): ActuatorOptions {
    return {
      settings: this.settings,
      log: this.logger,
      health: this.health,
      availability: this.availability,
      registry: this.metrics,
      metrics: () => this.#clientMetrics.render() + (this.spans?.render() ?? ''),
      authorize: this.auth.check
    }
  }

  readonly client = (service: string): ServiceClient => {
    const known = this.#clients.get(service)
    if (known !== undefined) return known
    const client = new ServiceClient(service, readClientOptions(this.settings, service), {
      discovery: this.discovery,
      log: this.logger,
      metrics: this.#clientMetrics,
      trace: this.#callTrace,
      caller: this.settings.string('spring.application.name'),
      destinations: this.#destinations
    })
    this.#clients.set(service, client)
    return client
  }

  /** It listens: tells the registry, and is ready. Nobody may hear of an address that does not answer yet. */
  async arrive (bound: AddressInfo, { management, secure }: Arrival): Promise<void> {
    if (management !== undefined) this.#destinations.keepFrom([management])
    const address = ownAddress(bound, management?.port, secure)
    this.#registration = await createRegistration(this.settings, this.logger, address)
    // Neither rejects when the registry is down: the service works, and registers as soon as it can.
    await Promise.all([this.discovery.start(), this.#registration?.start()])
    // A registry that comes back may have forgotten us; until the next renewal it would send nobody here.
    this.discovery.onConnect?.(() => this.#registration?.checkSoon?.())
    this.availability.ready = true
  }

  /** Before it stops listening: out of the registry, and a moment for those who have not heard of it. */
  async leave (isListening: boolean): Promise<void> {
    this.availability.ready = false
    this.#leaving = true
    await this.#registration?.stop()
    if (isListening) await sleep(this.settings.durationMs('breakwater.shutdown.drain', DRAIN_MS))
  }

  /** Closes what it serves by; what is still in flight at the shutdown deadline is cut. */
  async closeInTime (server: Pick<Server, 'closeAllConnections'>, close: () => Promise<unknown>): Promise<void> {
    const limitMs = this.settings.durationMs('spring.lifecycle.timeout-per-shutdown-phase', STOP_DEADLINE_MS)
    const timer = setTimeout(() => {
      this.logger.warn({ limitMs }, 'requests still in flight at the shutdown deadline, cutting them')
      server.closeAllConnections()
    }, limitMs)
    await close().finally(() => clearTimeout(timer))
  }

  /** After its last answer. */
  async end (): Promise<void> {
    await Promise.all([...this.#clients.values()].map(client => client.close()))
    await this.discovery.stop()
    // Last: what was done while closing is part of the picture.
    await this.spans?.stop()
  }
}
