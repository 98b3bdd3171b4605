/** The management server: the starter's actuator, Spring Cloud Gateway's endpoints, hystrix.stream. Its own port. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { LogController, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { actuator, type HealthIndicator } from '@breakwater/starter/actuator'
import { REQUEST_TIMEOUT_MS } from '@breakwater/starter/http'
import type { Logger } from '@breakwater/starter/logger'
import { createAuthenticator, guardDoor } from '@breakwater/starter/security'
import type { Settings } from '@breakwater/starter/settings'
import type { ControlLoop } from '../control-loop.ts'
import type { BreakerReport, ClusterReport, LimitReport } from '../routes/reports.ts'
import type { RouteStore } from '../routes/route-store.ts'
import type { DataPlane } from '../workers/contract.ts'
import { gatewayEndpoints } from './gateway-endpoints.ts'
import { hystrixCommand } from './hystrix-stream.ts'
import { mergedBreakers, mergedLimits } from './merged-reports.ts'
import { prometheusText } from './prometheus-text.ts'

export interface AdminParts {
  readonly settings: Settings
  readonly log: Logger
  readonly control: ControlLoop
  readonly store: RouteStore
  readonly dataPlane: DataPlane
  readonly health: ReadonlyMap<string, HealthIndicator>
  readonly metricsPrefix: string
  readonly metricsTags: Readonly<Record<string, string>>
}

const BODY_LIMIT_BYTES = 1024 * 1024

/** Made, not yet listening. */
export async function adminServer (parts: AdminParts) {
  const { settings, log, control } = parts
  const auth = await createAuthenticator(settings, log, { addressKey: 'management.server.address' })
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true
  })
  guardDoor(app as unknown as FastifyInstance, auth.door)
  const refresh = async () => {
    const changed = await settings.refresh()
    await control.refresh()
    return changed
  }
  app.setErrorHandler(answerFault)
  tolerateEmptyJson(app)
  await app.register(actuator, {
    settings, log, authorize: auth.check, refresh, health: parts.health, metrics: () => metricsText(parts)
  })
  const base = settings.string('management.endpoints.web.base-path', '/actuator')
  await app.register(async scope => gatewayEndpoints(scope, {
    control, store: parts.store, auth, refresh: async () => { await refresh() }
  }), { prefix: `${base}/gateway` })
  for (const path of [`${base}/hystrix.stream`, '/hystrix.stream']) {
    app.get(path, { onRequest: auth.requireRole('read') }, (request, reply) => hystrixStream(request, reply, control))
  }
  return app
}

/** A POST with a JSON type and no body is normal here: Spring's clients send it with /refresh. */
function tolerateEmptyJson (app: FastifyInstance<Server, IncomingMessage, ServerResponse, Logger>): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? undefined : JSON.parse(String(body)))
    } catch (cause) {
      done(Object.assign(cause as Error, { statusCode: 400 }))
    }
  })
}

async function metricsText ({ control, dataPlane, metricsPrefix, metricsTags }: AdminParts): Promise<string> {
  const [numbers, breakers, limits, clusters] = await Promise.all([dataPlane.metrics(),
    control.ask<BreakerReport[]>('breakers'), control.ask<LimitReport[]>('limits'), control.ask<ClusterReport[]>('clusters')])
  return prometheusText({
    dataPlane: numbers,
    routes: control.table.routes.length,
    breakers: mergedBreakers(breakers.flat()),
    limits: mergedLimits(limits.flat()),
    clusters: clusters.flat(),
    prefix: metricsPrefix,
    tags: metricsTags
  })
}

const LEAST_DELAY_MS = 100

/** Ends with the client's connection; a client that does not read is let go rather than buffered for. */
async function hystrixStream (request: FastifyRequest, reply: FastifyReply, control: ControlLoop): Promise<void> {
  const asked = Number((request.query as Record<string, string>)['delay'] ?? 500)
  const delayMs = Number.isFinite(asked) ? Math.max(LEAST_DELAY_MS, asked) : 500
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': 'text/event-stream;charset=UTF-8', 'cache-control': 'no-cache, no-store', pragma: 'no-cache' })
  while (!raw.destroyed && !raw.writableNeedDrain) {
    const reports = mergedBreakers((await control.ask<BreakerReport[]>('breakers')).flat())
    const events = reports.map(report => `data: ${JSON.stringify(hystrixCommand(report, Date.now()))}\n\n`)
    raw.write(events.length === 0 ? 'ping: \n\n' : events.join(''))
    await sleep(delayMs, undefined, { ref: false })
  }
  raw.destroy()
}

/** Faults of the caller say what is wrong; ours go to the log, never to the client. */
function answerFault (fault: FastifyError | AggregateError, request: FastifyRequest,
  reply: FastifyReply): FastifyReply {
  const first = fault instanceof AggregateError ? fault.errors[0] as FastifyError : fault
  const status = first.statusCode ?? 500
  if (status >= 500) request.log.error({ err: fault }, 'admin request failed')
  const detail = status >= 500 ? 'See the log of the gateway.' : fault.message
  return reply.code(status).type('application/problem+json').send(JSON.stringify({
    type: 'about:blank', status, title: first.code ?? 'E_REQUEST', detail, message: detail
  }))
}
