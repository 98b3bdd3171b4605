/**
 * /actuator as Spring Boot serves it: health for probes, prometheus for scrapers, and for operators what the process
 * runs with (env), how it talks (loggers) and how to make it read its settings again (refresh).
 */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { ActuatorRole, Authorize } from './access.ts'
import { environmentReport, propertyReport } from './environment.ts'
import type { ShowValues } from './environment.ts'
import { Availability, checkHealth, statusCodeOf } from './health.ts'
import { infoReport } from './info.ts'
import { loggerReport, loggersReport, setLevel } from './loggers.ts'
import type { ActuatorOptions } from './options.ts'
import { createAuthenticator } from '../security/authenticator.ts'
import { RequestMetrics } from './request-metrics.ts'
import { refusedSettings, settingsMetrics } from './settings-health.ts'

const JSON_TYPE = 'application/vnd.spring-boot.actuator.v3+json'
const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const BODY_LIMIT_BYTES = 16 * 1024
const ENDPOINTS = ['health', 'info', 'prometheus', 'env', 'refresh', 'loggers'] as const
type Endpoint = typeof ENDPOINTS[number]

/**
 * The plugin. Registered in a server it also counts that server's requests, unless `requestMetrics` is given.
 * @example
 * await app.register(actuator, { settings, log, health: new Map([['registry', () => ({ status: 'UP' })]]) })
 */
export const actuator: FastifyPluginAsync<ActuatorOptions> = fastifyPlugin(install, { name: 'breakwater-actuator' })

async function install (app: FastifyInstance, options: ActuatorOptions): Promise<void> {
  const requestMetrics = options.requestMetrics ?? countRequests(app, new RequestMetrics())
  const base = options.settings.string('management.endpoints.web.base-path', '/actuator')
  const authorize = options.authorize ?? await authorizerOf(options)
  await app.register(async scope => endpoints(scope, { ...options, authorize }, requestMetrics, base), { prefix: base })
}

async function authorizerOf ({ settings, log }: ActuatorOptions): Promise<Authorize> {
  return (await createAuthenticator(settings, log, { isPublic: true })).check
}

type Guarded = ActuatorOptions & { readonly authorize: Authorize }

/** Counts the finished requests of a server. */
export function countRequests (app: FastifyInstance, metrics: RequestMetrics): RequestMetrics {
  app.addHook('onResponse', (request, reply, done) => {
    metrics.observe(request.method, request.routeOptions.url, reply.statusCode, reply.elapsedTime)
    done()
  })
  return metrics
}

function endpoints (scope: FastifyInstance, options: Guarded, requests: RequestMetrics, base: string): void {
  const open = exposed(options)
  const guard = (role: ActuatorRole): Guard => ({ onRequest: async request => options.authorize(request, role) })
  tolerateAnyBody(scope)
  scope.get('/', (request, reply) => json(reply, links(request, base, open)))
  if (open.has('health')) healthRoutes(scope, options)
  if (open.has('info')) scope.get('/info', async (_request, reply) => json(reply, await infoReport(options)))
  if (open.has('prometheus')) prometheusRoute(scope, options, requests)
  if (open.has('env')) envRoutes(scope, options, guard('read'))
  if (open.has('refresh')) refreshRoute(scope, options, guard('admin'))
  if (open.has('loggers')) loggerRoutes(scope, options, guard('read'), guard('admin'))
}

type Guard = { onRequest: (request: FastifyRequest) => Promise<unknown> }

/** A POST with a JSON type and no body is normal here (Spring's clients send it); Fastify's own parser refuses it. */
function tolerateAnyBody (scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES }, (_request, body, done) => done(null, body))
}

function exposed ({ settings }: ActuatorOptions): Set<Endpoint> {
  const include = settings.list('management.endpoints.web.exposure.include', ['*'])
  const exclude = settings.list('management.endpoints.web.exposure.exclude')
  return new Set(ENDPOINTS.filter(name => (include.includes('*') || include.includes(name)) &&
    !exclude.includes('*') && !exclude.includes(name)))
}

function healthRoutes (scope: FastifyInstance, options: ActuatorOptions): void {
  const availability = options.availability ?? Object.assign(new Availability(), { ready: true })
  const all = () => new Map([...options.health ?? [], ...refusedSettings(options.settings)])
  const details = showsDetails(options)
  const readinessParts = options.settings.list('management.endpoint.health.group.readiness.include')
  scope.get('/health', async (_request, reply) => {
    const { status, components } = await checkHealth(all())
    return json(reply.code(statusCodeOf(status)), { status, ...(details ? { components } : {}), groups: ['liveness', 'readiness'] })
  })
  scope.get('/health/liveness', (_request, reply) => {
    const status = availability.live ? 'UP' : 'DOWN'
    return json(reply.code(statusCodeOf(status)), { status })
  })
  scope.get('/health/readiness', async (_request, reply) => {
    if (!availability.ready) return json(reply.code(503), { status: 'OUT_OF_SERVICE' })
    const { status } = await checkHealth(new Map([...all()].filter(([name]) => readinessParts.includes(name))))
    return json(reply.code(statusCodeOf(status)), { status })
  })
  scope.get<{ Params: { component: string } }>('/health/:component', async (request, reply) => {
    const indicator = all().get(request.params.component)
    if (indicator === undefined || !details) return reply.code(404).send()
    const { components, status } = await checkHealth(new Map([[request.params.component, indicator]]))
    return json(reply.code(statusCodeOf(status)), components[request.params.component])
  })
}

/** Spring's default is `never`; ours shows components to whoever can reach us unless told otherwise, as most do. */
function showsDetails ({ settings }: ActuatorOptions): boolean {
  return settings.string('management.endpoint.health.show-details', 'always') !== 'never'
}

function prometheusRoute (scope: FastifyInstance, options: ActuatorOptions, requests: RequestMetrics): void {
  const tags = options.settings.map('management.metrics.tags')
  const registry = options.registry ?? new Registry()
  if (options.registry === undefined) collectDefaultMetrics({ register: registry })
  registry.setDefaultLabels(tags)
  const common = Object.entries(tags).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')
  scope.get('/prometheus', async (_request, reply) => {
    const parts = [await registry.metrics(), requests.render(common), settingsMetrics(options.settings, common),
      await options.metrics?.() ?? '']
    return reply.header('content-type', PROMETHEUS_TYPE).send(parts.map(part => part.trimEnd()).filter(Boolean).join('\n') + '\n')
  })
}

function envRoutes (scope: FastifyInstance, options: Guarded, guard: Guard): void {
  const { settings } = options
  scope.get('/env', guard, async (request, reply) => json(reply, environmentReport(settings, await shownTo(request, options))))
  scope.get<{ Params: { '*': string } }>('/env/*', guard, async (request, reply) => {
    const report = propertyReport(settings, request.params['*'], await shownTo(request, options))
    return report === undefined ? reply.code(404).send() : json(reply, report)
  })
}

/**
 * `management.endpoint.env.show-values`, by default `never` as in Spring Boot. `when-authorized` asks for role admin
 * and shows no secret even then; an unknown word shows nothing.
 */
async function shownTo (request: FastifyRequest, { settings, authorize }: Guarded): Promise<ShowValues> {
  const word = settings.string('management.endpoint.env.show-values', 'never').toLowerCase().replaceAll('_', '-')
  if (word === 'always' || word === 'secrets-masked') return word
  if (word !== 'when-authorized') return 'never'
  return authorize(request, 'admin').then(() => 'secrets-masked', () => 'never')
}

function refreshRoute (scope: FastifyInstance, options: ActuatorOptions, guard: Guard): void {
  const refresh = options.refresh ?? (async () => options.settings.refresh())
  scope.post('/refresh', guard, async (_request, reply) => json(reply, await refresh()))
  // A link or a crawler must not be able to trigger it.
  scope.get('/refresh', (_request, reply) => reply.code(405).header('allow', 'POST').send())
}

function loggerRoutes (scope: FastifyInstance, { log }: ActuatorOptions, read: Guard, admin: Guard): void {
  const configured = new Map<string, string>()
  scope.get('/loggers', read, (_request, reply) => json(reply, loggersReport(log, configured)))
  scope.get<{ Params: { name: string } }>('/loggers/:name', read, (request, reply) => {
    const report = loggerReport(log, request.params.name, configured)
    return report === undefined ? reply.code(404).send() : json(reply, report)
  })
  scope.post<{ Params: { name: string }, Body: string | undefined }>('/loggers/:name', admin, (request, reply) => {
    const level = requestedLevel(request.body)
    if (level === undefined || !setLevel(log, request.params.name, level, configured)) return reply.code(400).send()
    log.warn({ changed: request.params.name, to: level }, 'log level changed')
    return reply.code(204).send()
  })
}

/** Spring's body: `{"configuredLevel":"DEBUG"}`; null or an empty body resets. Undefined: unreadable. */
function requestedLevel (body: string | undefined): string | null | undefined {
  try {
    const level = (JSON.parse(body || '{}') as { configuredLevel?: unknown } | null)?.configuredLevel ?? null
    return level === null || typeof level === 'string' ? level : undefined
  } catch {
    return undefined
  }
}

function links (request: FastifyRequest, base: string, open: ReadonlySet<Endpoint>): object {
  const root = `${request.protocol}://${request.host}${base}`
  const entries = [['self', root], ...[...open].map(name => [name, `${root}/${name}`])]
  return { _links: Object.fromEntries(entries.map(([name, href]) => [name, { href, templated: false }])) }
}

function json (reply: FastifyReply, body: unknown): FastifyReply {
  return reply.header('content-type', JSON_TYPE).send(JSON.stringify(body))
}
