import { randomBytes, randomInt } from 'node:crypto'
import Fastify, {
  LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply
} from 'fastify'
import type { Logger } from 'pino'
import { pageRoutes } from './dashboard/routes.ts'
import { discoveryError } from './errors.ts'
import { Payloads } from './eureka/payloads.ts'
import { bareErrors, eurekaRoutes, overridesRoute } from './eureka/routes.ts'
import type { Replicas } from './eureka/status-page.ts'
import { readOptions, type DiscoveryOptions } from './options.ts'
import { Registry } from './registry.ts'
import { Book } from './registry/book.ts'
import { Hub } from './stream/hub.ts'
import { streamRoutes } from './stream/routes.ts'

const PING_MS = 15_000
const STALL_MS = 30_000
/** Ids of 400 characters are in use, and each may be percent-encoded threefold. */
const MAX_PARAM_LENGTH = 4096

/** What a registry is made from besides its options. */
export interface DiscoveryContext {
  readonly log?: Logger | undefined
  /** Milliseconds since 1970; tests hand in their own. */
  readonly now?: () => number
}

/** A running registry. */
export interface Discovery {
  /** `http://127.0.0.1:8761` */
  readonly url: string
  /** The server itself, to add routes to before `start`. */
  readonly server: FastifyInstance
  readonly registry: Registry
  start (): Promise<void>
  /** Ends the streams and the connections; what was registered is forgotten with the process. */
  stop (): Promise<void>
}

/**
 * A registry that listens once it is started.
 * @example
 * const discovery = createDiscovery({ port: 0 })
 * await discovery.start()
 * await fetch(`${discovery.url}/eureka/apps`, { headers: { accept: 'application/json' } })
 */
export function createDiscovery (given: Partial<DiscoveryOptions> = {}, context: DiscoveryContext = {}): Discovery {
  const options = readOptions(given)
  const now = context.now ?? Date.now
  const registry = createRegistry(options, now)
  const server = createServer(registry, options, now, context.log)
  let sweeper: NodeJS.Timeout | undefined
  return {
    get url () { return urlOf(server) },
    server,
    registry,
    async start () {
      await listen(server, options)
      registry.hub.start()
      sweeper = setInterval(() => sweep(registry, context.log), options.evictionIntervalMs)
    },
    async stop () {
      clearInterval(sweeper)
      registry.hub.stop()
      await server.close()
    }
  }
}

function createRegistry (options: DiscoveryOptions, now: () => number): Registry {
  const book = new Book({
    now,
    random: () => randomInt(2 ** 47) / 2 ** 47,
    preservation: {
      enabled: options.selfPreservation,
      threshold: options.renewalThreshold,
      floor: options.preservationFloor
    },
    sweepMs: options.evictionIntervalMs,
    deltaMs: options.deltaRetentionMs,
    keepRemovedMs: Math.max(options.deltaRetentionMs, 600_000),
    maxRemoved: options.maxInstances,
    maxInstances: options.maxInstances,
    syncWhenTimestampDiffers: options.syncWhenTimestampDiffers,
    leaseBugCompatible: options.leaseBugCompatible
  })
  const payloads = new Payloads(book, () => performance.now())
  const hub = new Hub(book, payloads, {
    epoch: randomBytes(6).toString('hex'),
    now: () => performance.now(),
    schedule (callback, ms) {
      const timer = setTimeout(callback, ms)
      return () => clearTimeout(timer)
    },
    pingMs: PING_MS,
    stallMs: STALL_MS,
    gapMs: options.pushGapMs
  })
  return new Registry({ book, payloads, hub, replicate: undefined })
}

function createServer (
  registry: Registry, options: DiscoveryOptions, now: () => number, log: Logger | undefined
): FastifyInstance {
  const logger: FastifyBaseLogger | undefined = log
  const server = Fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    // A stopping registry must not wait for clients that hold their connections open.
    forceCloseConnections: true,
    bodyLimit: options.maxBodyBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH },
    // A path that cannot be decoded; answered before any route, so without a body here, too.
    frameworkErrors: (error, _request, reply: FastifyReply) => { reply.code(error.statusCode ?? 400).send() }
  })
  bareErrors(server)
  for (const prefix of ['/eureka', '/eureka/v2']) {
    server.register(async scope => eurekaRoutes(scope, registry, options, noReplicas, now), { prefix })
  }
  overridesRoute(server, registry)
  server.register(async scope => streamRoutes(scope, registry.hub, options.maxSubscribers), { prefix: '/eureka' })
  if (options.dashboard) server.register(async scope => pageRoutes(scope, registry, options, now))
  return server
}

async function listen (server: FastifyInstance, { host, port }: DiscoveryOptions): Promise<void> {
  try {
    await server.listen({ host, port })
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'no reason given'
    throw discoveryError('E_DISCOVERY_LISTEN', [host, port, code], { cause })
  }
}

function noReplicas (): Replicas {
  return { registered: [], available: [] }
}

function sweep (registry: Registry, log: Logger | undefined): void {
  for (const { app, id, lease } of registry.expire()) {
    log?.info({ app, id, leaseSecs: lease.durationSecs }, 'lease ran out, instance removed')
  }
}

function urlOf (server: FastifyInstance): string {
  const address = server.server.address()
  if (address === null || typeof address === 'string') return ''
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}
