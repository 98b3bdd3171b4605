/** The HTTP server: what is registered, in which order, and how every error leaves it. */
import fastify, { LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import { BreakwaterError } from '@breakwater/starter/errors'
import type { Logger } from '@breakwater/starter/logger'
import type { ServerTls } from '@breakwater/starter/security'
import { errorBody, statusOf } from './error-body.ts'

const MAX_BODY_BYTES = 1_048_576
const REQUEST_TIMEOUT_MS = 30_000

/** A Fastify instance whose errors are Boot's bodies; with certificates it speaks TLS. */
export function createHttp (log: Logger, tls: ServerTls | undefined): FastifyInstance {
  const options = {
    ...(tls === undefined ? {} : { https: tls }),
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    frameworkErrors: (failure: unknown, request: FastifyRequest, reply: FastifyReply) => {
      void sendError(failure, request, reply)
    }
  }
  return fastify(options as FastifyServerOptions) as unknown as FastifyInstance
}

/** What differs between servers in their answers to failures. */
export interface Wire {
  /** Sent with 401. */
  readonly challenge: string
  /** Of a repository that was never reached: 404 for clients that know Spring's answer only. */
  readonly unreachableStatus: number
}

/** Makes a scope speak the wire of a config server: bodies reach handlers as bytes, errors go out as Boot's. */
export function useConfigServerWire (scope: FastifyInstance, { challenge, unreachableStatus }: Wire): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  scope.setErrorHandler(async (failure, request, reply) => {
    const status = isUnreachable(failure) ? unreachableStatus : statusOf(failure)
    if (status === 401) reply.header('www-authenticate', challenge)
    return sendError(failure, request, reply, status)
  })
}

function isUnreachable (failure: unknown): boolean {
  return failure instanceof BreakwaterError && failure.code === 'E_CONFIG_BACKEND'
}

async function sendError (
  failure: unknown, request: FastifyRequest, reply: FastifyReply, status = statusOf(failure)
): Promise<FastifyReply> {
  if (status >= 500) logFailure(failure, request)
  if (status === 405 && !reply.hasHeader('allow')) reply.header('allow', 'GET')
  if (status === 503) reply.header('retry-after', '5')
  return reply.code(status).header('content-type', 'application/json')
    .send(Buffer.from(errorBody(failure, status, request.raw.url ?? '/', new Date())))
}

// Our own errors say all there is to say; a stack is for what nobody expected.
function logFailure (failure: unknown, request: FastifyRequest): void {
  const path = request.url.split('?', 1)[0]
  if (failure instanceof BreakwaterError) request.log.warn({ path, code: failure.code, problem: failure.message }, 'request failed')
  else request.log.error({ path, err: failure }, 'request failed')
}
