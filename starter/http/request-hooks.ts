/** What happens around every request: its context, its line in the log, its span. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from '../logger.ts'
import { runInContext } from '../trace/context.ts'
import type { RequestContext } from '../trace/context.ts'
import { readRequestContext, REQUEST_ID_HEADER } from '../trace/request-trace.ts'
import type { TraceSource } from '../trace/request-trace.ts'
import type { SpanSink } from '../trace/spans.ts'

export interface RequestHookOptions {
  readonly log: Logger
  readonly trace: TraceSource
  readonly sink: SpanSink | undefined
  /** One line per finished request; not for /actuator, which probes and scrapers ask all the time. */
  readonly accessLog: boolean
}

const contextOf: unique symbol = Symbol('breakwater.request-context')
type Carrier = FastifyRequest & { [contextOf]?: RequestContext }

/** Installs the hooks; before any route. */
export function addRequestHooks (app: FastifyInstance, options: RequestHookOptions): void {
  app.addHook('onRequest', (request: Carrier, reply, done) => {
    const context = readRequestContext(request.headers, options.trace, performance.now())
    request[contextOf] = context
    void reply.header(REQUEST_ID_HEADER, context.requestId)
    runInContext(context, done)
  })
  // Reading a body goes on in the socket's own context: without this, handlers of POST would run outside of theirs.
  app.addHook('preValidation', (request: Carrier, _reply, done) => {
    const context = request[contextOf]
    if (context === undefined) done()
    else runInContext(context, done)
  })
  app.addHook('onResponse', (request: Carrier, reply, done) => {
    const context = request[contextOf]
    if (context !== undefined) {
      runInContext(context, () => finish(request, reply.statusCode, reply.elapsedTime, context, options))
    }
    done()
  })
}

function finish (
  request: FastifyRequest, status: number, elapsedMs: number, context: RequestContext, options: RequestHookOptions
): void {
  const route = request.routeOptions.url
  if (options.accessLog && route?.startsWith('/actuator') !== true) {
    options.log.info({ method: request.method, route, status, ms: Math.round(elapsedMs * 100) / 100 }, 'request')
  }
  if (options.sink === undefined || !context.sampled) return
  const endMs = Date.now()
  options.sink.record({
    traceId: context.traceId,
    spanId: context.spanId,
    parentId: context.parentId,
    name: `${request.method} ${route ?? 'unknown'}`,
    kind: 'server',
    startMs: endMs - elapsedMs,
    endMs,
    attributes: {
      'http.request.method': request.method,
      'http.route': route ?? 'unknown',
      'http.response.status_code': status
    },
    error: status >= 500 ? String(status) : undefined
  })
}
