/**
 * Failures as `application/problem+json` (RFC 9457): what a client can act on, and never a stack or the message of an
 * error nobody expected. The log line beside it has the rest, found by the same request id.
 */
import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BreakwaterError } from '../errors.ts'
import { currentContext } from '../trace/context.ts'

export interface Problem {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly detail?: string
  /** Our stable code, `E_NO_INSTANCE`. */
  readonly code?: string
  readonly requestId?: string
  /** What to look for in the traces; the request id may be the caller's own. */
  readonly traceId?: string
  /** Each fault of a request that failed its schema. */
  readonly errors?: ReadonlyArray<{ readonly field: string, readonly message: string }>
}

/** Makes a server answer problems for errors and for unknown paths. */
export function answerProblems (app: FastifyInstance): void {
  app.setErrorHandler((failure: FastifyError, request, reply) => {
    const problem = problemOf(failure)
    if (problem.status >= 500) {
      request.log.error({ err: failure, method: request.method, path: pathOf(request.url) }, 'request failed')
    }
    return send(reply, problem)
  })
  app.setNotFoundHandler((request: FastifyRequest, reply) =>
    send(reply, { ...titled(404), detail: `There is no ${request.method} ${pathOf(request.url)} here.` }))
}

/** Sends a problem from a handler that does not throw. */
export function send (reply: FastifyReply, problem: Problem): FastifyReply {
  const context = currentContext()
  const body = context === undefined ? problem : { ...problem, requestId: context.requestId, traceId: context.traceId }
  return reply.code(problem.status).header('content-type', 'application/problem+json').send(JSON.stringify(body))
}

/** What a client is told of a failure. */
export function problemOf (failure: FastifyError): Problem {
  if (failure instanceof BreakwaterError) {
    return { ...titled(failure.statusCode), detail: failure.message, code: failure.code }
  }
  const status = statusOf(failure)
  if (status >= 500) return { ...titled(status), detail: 'The cause is in the log, under the request id.' }
  const errors = failure.validation?.map(({ instancePath, message, params }) =>
    ({ field: fieldOf(instancePath, params), message: message ?? 'is invalid' }))
  return { ...titled(status), detail: failure.message, ...(errors === undefined ? {} : { errors }) }
}

/** Of a member that the schema forbids, its name is all that helps, and the schema's rule does not say it. */
function fieldOf (instancePath: string, params: Record<string, unknown> | undefined): string {
  const extra = params?.['additionalProperty']
  return typeof extra === 'string' ? `${instancePath}/${extra}` : instancePath || '/'
}

function titled (status: number): { type: 'about:blank', title: string, status: number } {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status }
}

function statusOf ({ statusCode }: FastifyError): number {
  return statusCode !== undefined && statusCode >= 400 && statusCode <= 599 ? statusCode : 500
}

function pathOf (url: string): string {
  return (url.split('?', 1)[0] ?? '').slice(0, 200)
}
