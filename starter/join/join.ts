/**
 * Makes any server of node:http a member of the platform: Express, Connect, Koa, or a bare handler. What it serves
 * stays as it is; /actuator is answered before it, and each request runs in its context: request id, trace, deadline.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import Fastify from 'fastify'
import { actuator } from '../actuator/actuator.ts'
import { RequestMetrics } from '../actuator/request-metrics.ts'
import { AccessLog } from '../http/access-log.ts'
import { spanOf } from '../http/request-hooks.ts'
import type { Member, MemberParts } from '../member.ts'
import { guardNames } from '../security/door.ts'
import { runInContext, type RequestContext } from '../trace/context.ts'
import { readRequestContext, REQUEST_ID_HEADER } from '../trace/request-trace.ts'
import { arriveWith, createJoiner, type JoinOptions } from './joiner.ts'
import { stopOnSignals } from './signals.ts'

/** What a joined server has at hand, and how it leaves. */
export interface Joined extends MemberParts {
  /** Leaves the registry, finishes what is in flight, closes the server. Ends within the shutdown deadline. */
  stop (): Promise<void>
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/**
 * Resolves when the server is a member: at once when it listens, otherwise it becomes one when it does.
 * @example
 * const server = express().get('/people/:id', handler).listen(4001)
 * const { client } = await join(server, { name: 'people' })
 */
export async function join (server: Server, options: JoinOptions): Promise<Joined> {
  const member = await createJoiner(options)
  const requests = new RequestMetrics()
  takeRequests(server, await actuatorHandle(member, requests), member, requests)
  const arrive = () => arriveWith(server, member)
  if (server.listening) await arrive()
  else {
    server.once('listening', () => {
      arrive().catch((failure: unknown) => { member.logger.error({ err: failure }, 'could not join the platform') })
    })
  }
  let stopped: Promise<void> | undefined
  const stop = () => stopped ??= stopServer(server, member)
  stopOnSignals(options.signals, member.logger, stop)
  return Object.assign(member, { stop })
}

async function actuatorHandle (member: Member, requestMetrics: RequestMetrics): Promise<Handle> {
  const app = Fastify({ logger: false })
  if (member.auth.mode === 'local') guardNames(app, member.auth.door.hosts)
  await app.register(actuator, { ...member.actuatorOptions, requestMetrics })
  await app.ready()
  return (request, response) => { app.routing(request, response) }
}

/** Before all listeners, those that are added later too; `upgrade` and `checkContinue` are the program's. */
function takeRequests (server: Server, answerActuator: Handle, member: Member, requests: RequestMetrics): void {
  const base = member.settings.string('management.endpoints.web.base-path', '/actuator')
  const { log, trace, sink, accessLog } = member.requestHooks
  const lines = accessLog ? new AccessLog(log) : undefined
  const told = (request: IncomingMessage, response: ServerResponse, context: RequestContext, elapsedMs: number) => {
    const [method, route] = [request.method ?? '', routeOf(request)]
    requests.observe(method, route, response.statusCode, elapsedMs)
    lines?.add(method, route, response.statusCode, elapsedMs, context)
    if (sink === undefined || !context.sampled) return
    sink.record(spanOf(method, route ?? 'unknown', response.statusCode, elapsedMs, context))
  }
  server.once('close', () => lines?.flush())
  const emit = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean
  const take = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (isBelow(request.url ?? '', base)) {
      answerActuator(request, response)
      return true
    }
    const startedMs = performance.now()
    const context = readRequestContext(request.headers, trace, startedMs)
    response.setHeader(REQUEST_ID_HEADER, context.requestId)
    if (member.isLeaving) response.setHeader('connection', 'close')
    response.once('close', () => { told(request, response, context, performance.now() - startedMs) })
    return runInContext(context, () => emit('request', request, response))
  }
  server.emit = (event: string, ...args: unknown[]) =>
    event === 'request' ? take(args[0] as IncomingMessage, args[1] as ServerResponse) : emit(event, ...args)
}

/** Express leaves the pattern at the request; of others only the method is known: paths have ids in them. */
function routeOf (request: IncomingMessage): string | undefined {
  const { baseUrl = '', route } = request as { baseUrl?: string, route?: { path?: unknown } }
  return typeof route?.path === 'string' ? baseUrl + route.path : undefined
}

function isBelow (url: string, base: string): boolean {
  return url === base || url.startsWith(`${base}/`) || url.startsWith(`${base}?`)
}

async function stopServer (server: Server, member: Member): Promise<void> {
  await member.leave(server.listening)
  await member.closeInTime(server, () => new Promise<void>(resolve => {
    server.close(() => { resolve() })
    server.closeIdleConnections()
  }))
  await member.end()
}
