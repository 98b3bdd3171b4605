/** What happens around every request: its context, its line in the log, its span. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from '../logger.ts'
import { AccessLog } from './access-log.ts'
import { runInContext } from '../trace/context.ts'
import type { RequestContext } from '../trace/context.ts'
import { readRequestContext, REQUEST_ID_HEADER } from '../trace/request-trace.ts'
import type { TraceSource } from '../trace/request-trace.ts'
import type { Span, SpanSink } from '../trace/spans.ts'

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
  const accessLog = options.accessLog ? new AccessLog(options.log) : undefined
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
      const route = request.routeOptions.url
      if (route?.startsWith('/actuator') !== true) {
        accessLog?.add(request.method, route, reply.statusCode, reply.elapsedTime, context)
      }
      if (options.sink !== undefined && context.sampled) {
        options.sink.record(spanOf(request.method, route ?? 'unknown', reply.statusCode, reply.elapsedTime, context))
      }
    }
    done()
  })
  if (accessLog !== undefined) app.addHook('onClose', async () => accessLog.flush())
}

export function spanOf (
  method: string, route: string, status: number, elapsedMs: number, context: RequestContext
): Span {
  const endMs = Date.now()
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    parentId: context.parentId,
    name: `${method} ${route}`,
    kind: 'server',
    startMs: endMs - elapsedMs,
    endMs,
    attributes: { 'http.request.method': method, 'http.route': route, 'http.response.status_code': status },
    error: status >= 500 ? String(status) : undefined
  }
}
