/**
 * Idempotency-Key for HTTP commands: the answer is stored in the command's own transaction, so a client that got no
 * answer may ask again and gets the one effect's answer. Refusals (4xx) are not stored: what was wrong may be put
 * right under the same key.
 */
import { createHash } from 'node:crypto'
import { currentContext, formatTraceParent } from '@breakwater/starter'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isTransient, messagingError } from './errors.ts'
import type { Emitter } from './emitter.ts'
import type { Messaging } from './messaging.ts'
import type { StoredAnswer, Tx } from './store/store.ts'

export interface CommandAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Decides and writes; runs at most once per key. */
export type Command<T extends Tx> = (request: FastifyRequest, tx: T, emit: Emitter) => Promise<CommandAnswer>

export interface CommandOptions {
  /** Whether a request without a key is refused. Default false. */
  readonly keyRequired?: boolean
}

/**
 * Turns a command into a route's handler. Which messaging runs it is asked per request: an instance that takes over
 * from another one gets its messaging late.
 * @example
 * app.post('/users', { schema }, commandRoute(() => messaging, async (request, tx, emit) => ({ status: 201, body })))
 */
export function commandRoute<T extends Tx> (
  current: () => Messaging<T>, command: Command<T>, options: CommandOptions = {}
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  const running = new Set<string>()
  const run = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const key = readKey(request, options.keyRequired ?? false)
    const messaging = current()
    const trace = traceOf(request)
    if (key === undefined) {
      return send(reply, await messaging.tx((tx, emit) => command(request, tx, emit), trace), false)
    }
    const scope = scopeOf(request)
    const lock = `${scope} ${key}`
    if (running.has(lock)) throw messagingError('E_KEY_IN_FLIGHT')
    running.add(lock)
    try {
      const [answer, replayed] = await messaging.tx((tx, emit) => once(request, tx, emit, scope, key, command), trace)
      return await send(reply, answer, replayed)
    } finally {
      running.delete(lock)
    }
  }
  return (request, reply) => run(request, reply).catch((error: unknown) => {
    // RFC 9110, 10.2.3: who is told "not now" is told when.
    if (isTransient(error)) reply.header('retry-after', '1')
    throw error
  })
}

async function once<T extends Tx> (
  request: FastifyRequest, tx: T, emit: Emitter, scope: string, key: string, command: Command<T>
): Promise<[CommandAnswer, boolean]> {
  const hash = hashOf(request)
  const stored = await tx.idempotency.get(scope, key)
  if (stored !== undefined) return [replay(stored, hash), true]
  const answer = await command(request, tx, emit)
  const { status, ...body } = answer
  await tx.idempotency.put(scope, key, { hash, status, body: JSON.stringify(body), at: emit.now() })
  return [answer, false]
}

function replay (stored: StoredAnswer, hash: string): CommandAnswer {
  if (stored.hash !== hash) throw messagingError('E_KEY_REUSED')
  return { status: stored.status, ...JSON.parse(stored.body) as Omit<CommandAnswer, 'status'> }
}

function send (reply: FastifyReply, answer: CommandAnswer, replayed: boolean): FastifyReply {
  if (replayed) reply.header('Idempotency-Replayed', 'true')
  return reply.code(answer.status).headers(answer.headers ?? {}).send(answer.body)
}

function readKey (request: FastifyRequest, required: boolean): string | undefined {
  const header = request.headers['idempotency-key']
  if (header === undefined && !required) return undefined
  if (typeof header !== 'string' || header.length < 1 || header.length > 255) throw messagingError('E_KEY_MISSING')
  return header
}

/** Keys of different callers and of different operations must not meet. */
function scopeOf (request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? ''} ${callerOf(request)}`
}

/** The subject of a verified token, put there by whoever verified it; services without security have one caller. */
function callerOf (request: FastifyRequest): string {
  const { user } = request as FastifyRequest & { user?: { sub?: unknown } }
  return typeof user?.sub === 'string' ? user.sub : 'anonymous'
}

/** The URL belongs to it: the same key on another order is another request. */
function hashOf (request: FastifyRequest): string {
  return createHash('sha256').update(`${request.url}\n${JSON.stringify(request.body ?? null)}`).digest('hex')
}

/** The span of this request, which began the trace when the caller sent none; outside of a service what came in. */
function traceOf (request: FastifyRequest): string | undefined {
  const context = currentContext()
  if (context !== undefined) return formatTraceParent(context.traceId, context.spanId, context.sampled)
  const { traceparent } = request.headers
  return typeof traceparent === 'string' ? traceparent : undefined
}
