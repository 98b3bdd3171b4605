import { countRequests, type RequestMetrics } from '@breakwater/starter/actuator'
import { REQUEST_TIMEOUT_MS } from '@breakwater/starter/http'
import { guardDoor, type Authenticator } from '@breakwater/starter/security'
import Fastify, {
  LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply
} from 'fastify'
import type { Logger } from 'pino'
import type { Checker } from './checks/checker.ts'
import { overviewOf } from './dashboard/overview.ts'
import { actionRoute, pageRoutes, type PageParts } from './dashboard/routes.ts'
import { Viewers } from './dashboard/viewers.ts'
import { routedPath } from './path.ts'
import { limitFetches } from './eureka/rate-limit.ts'
import { queryRefusal } from './eureka/answers.ts'
import { bareErrors, eurekaRoutes, overridesRoute, rawBodies, type EurekaParts } from './eureka/routes.ts'
import { operatorActions, operatorReads } from './operator/routes.ts'
import type { DiscoveryOptions } from './options.ts'
import type { Peers } from './peers/peers.ts'
import { peerRoutes } from './peers/receive.ts'
import type { Regions } from './regions/regions.ts'
import type { Registry } from './registry.ts'
import type { StartWindow } from './registry/start-window.ts'
import { declarePrincipal, guardRoutes } from './security/access.ts'
import { renewRoute } from './eureka/write-routes.ts'
import { streamRoutes } from './stream/routes.ts'

/** Ids of 400 characters are in use, and each may be percent-encoded threefold. */
const MAX_PARAM_LENGTH = 4096
/** How often an open page hears what is new. */
const VIEW_MS = 1000

/** What the routes lead to. */
export interface HttpParts {
  readonly registry: Registry
  readonly regions: Regions
  readonly window: StartWindow
  readonly peers: Peers
  readonly options: DiscoveryOptions
  readonly now: () => number
  readonly log: Logger | undefined
  /** Who may do what; undefined: everyone everything, for tests within a process. */
  readonly auth: Authenticator | undefined
  readonly checker: Checker | undefined
  /** Where requests are counted; undefined: nowhere. */
  readonly requests: RequestMetrics | undefined
}

/** The registry's HTTP face: Eureka's paths as Spring has them and as Netflix has them, the stream, the page. */
export function createHttpServer (parts: HttpParts): FastifyInstance {
  const { registry, peers, options, now, log, auth, checker } = parts
  const writing = { registry, maxBodyBytes: options.maxBodyBytes, badQuery: queryRefusal(options.strictStatusCodes) }
  const eureka: EurekaParts = { ...parts, writing, replicas: () => peers.replicas() }
  const count = (scope: FastifyInstance): void => {
    if (parts.requests !== undefined) countRequests(scope, parts.requests)
  }
  const viewers = new Viewers(() => overviewOf(registry, peers, options, now()), VIEW_MS)
  const page: PageParts = { registry, peers, options, now, auth, viewers, checker }
  const logger: FastifyBaseLogger | undefined = log
  const server = Fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    // Fastify's types tell apart what its code does not: one server type for both is enough here.
    ...(options.tls === undefined ? {} : { https: options.tls } as object),
    logController: new LogController({ disableRequestLogging: true }),
    rewriteUrl: request => routedPath(request.url!, options.contextPath),
    // A logger of its own for each request costs a heartbeat more than the heartbeat itself.
    childLoggerFactory: parent => parent,
    // A stopping registry must not wait for clients that hold their connections open.
    forceCloseConnections: true,
    bodyLimit: options.maxBodyBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH },
    // A path that cannot be decoded; answered before any route, so without a body here, too.
    frameworkErrors: (error, _request, reply: FastifyReply) => { reply.code(error.statusCode ?? 400).send() }
  })
  // Eureka's Java client takes the body of a refused heartbeat for a failure of the transport.
  if (auth !== undefined) guardDoor(server, auth.door, { bareMethods: ['PUT'] })
  rawBodies(server, options.maxBodyBytes)
  bareErrors(server)
  declarePrincipal(server)
  for (const prefix of ['/eureka', '/eureka/v2']) {
    server.register(async scope => {
      guardRoutes(scope, auth)
      renewRoute(scope, writing)
    }, { prefix })
    server.register(async scope => {
      guardRoutes(scope, auth)
      count(scope)
      limitFetches(scope, options.rateLimit, now)
      eurekaRoutes(scope, eureka)
      peerRoutes(scope, registry, options.maxBatchBytes)
    }, { prefix })
  }
  server.register(async scope => {
    guardRoutes(scope, auth)
    count(scope)
    overridesRoute(scope, registry)
    streamRoutes(scope, registry.hub, { max: options.maxSubscribers, window: parts.window })
    operatorReads(scope, page)
    if (options.dashboard) pageRoutes(scope, page)
  })
  operatorActions(server, page)
  if (options.dashboard) actionRoute(server, page)
  server.addHook('preClose', done => {
    viewers.stop()
    done()
  })
  return server
}

/** Where a listening server is reached; empty before it listens. */
export function urlOf (server: FastifyInstance): string {
  const address = server.server.address()
  if (address === null || typeof address === 'string') return ''
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${'setSecureContext' in server.server ? 'https' : 'http'}://${host}:${address.port}`
}
