/**
 * Idempotency-Key for HTTP commands: the answer is stored in the command's own transaction, so a client that got no
 * answer may ask again and gets the one effect's answer. Refusals (4xx) are not stored: what was wrong may be put
 * right under the same key.
 *
 * A key belongs to its caller, method and path: the same key elsewhere is another request. Under one key the same
 * values are the same request, however they are spelled; other values are refused. The answer is stored as it was
 * sent: one that an older version of the service gave is repeated to the letter.
 */
import { createHash } from 'node:crypto'
import { currentContext, formatTraceParent } from '@breakwater/starter'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { callerOf } from './caller.ts'
import { hasCode, isTransient, messagingError } from './errors.ts'
import type { Emitter } from './emitter.ts'
import type { Messaging } from './messaging.ts'
import type { StoredAnswer, Tx } from './store/store.ts'

export interface CommandAnswer {
  readonly status: number
  /** Sent as JSON, by the route's response schema; undefined for none. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer as it goes out. */
interface Sent {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string | undefined
}

/** Decides and writes; runs at most once per key. */
export type Command<T extends Tx> = (request: FastifyRequest, tx: T, emit: Emitter) => Promise<CommandAnswer>

export interface CommandOptions {
  /** Whether a request without a key is refused. Default false. */
  readonly keyRequired?: boolean
  /** Whether it runs alone in its store, see `TxOptions`. Default false. */
  readonly alone?: boolean
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
    const how = { trace: traceOf(request), ...options.alone === true ? { alone: true } : {} }
    const answer: Answer<T> = async (tx, emit) => written(reply, await command(request, tx, emit))
    if (key === undefined) return send(reply, await messaging.tx(answer, how), false)
    const scope = scopeOf(request)
    const lock = `${scope} ${key}`
    // Another instance on the same store is not seen here: there the later commit fails, looks again and repeats.
    if (running.has(lock)) throw messagingError('E_KEY_IN_FLIGHT')
    running.add(lock)
    try {
      const [sent, replayed] = await messaging.tx((tx, emit) => once(request, tx, emit, { scope, key }, answer), how)
      return await send(reply, sent, replayed)
    } finally {
      running.delete(lock)
    }
  }
  return (request, reply) => run(request, reply).catch((error: unknown) => {
    // RFC 9110, 10.2.3: who is told "not now" is told when; not who may have been heard and has no key to ask again.
    const again = request.headers['idempotency-key'] !== undefined || !mayBeDone(error)
    if (isTransient(error) && again) reply.header('retry-after', '1')
    throw error
  })
}

/** The answer to the commit was lost, or a failover may take it back. */
function mayBeDone (error: unknown): boolean {
  return hasCode(error, 'E_STORE_UNKNOWN', 'E_STORE_REPLICAS')
}

type Answer<T extends Tx> = (tx: T, emit: Emitter) => Promise<Sent>

async function once<T extends Tx> (
  request: FastifyRequest, tx: T, emit: Emitter, { scope, key }: { scope: string, key: string }, answer: Answer<T>
): Promise<[sent: Sent, replayed: boolean]> {
  const hash = digest(request.query, request.body)
  const stored = await tx.idempotency.get(scope, key)
  if (stored !== undefined) return [replay(stored, hash), true]
  const sent = await answer(tx, emit)
  const { status, ...rest } = sent
  await tx.idempotency.put(scope, key, { hash, status, body: JSON.stringify(rest), at: emit.now() })
  return [sent, false]
}

function replay (stored: StoredAnswer, hash: string): Sent {
  if (stored.hash !== hash) throw messagingError('E_KEY_REUSED')
  return { status: stored.status, ...JSON.parse(stored.body) as Omit<Sent, 'status'> }
}

/** In the transaction: an answer that cannot be written undoes what it would have told of. */
function written (reply: FastifyReply, { status, body, headers = {} }: CommandAnswer): Sent {
  const text = body === undefined ? undefined : reply.code(status).serialize(body) as string
  return { status, headers, text }
}

function send (reply: FastifyReply, { status, headers, text }: Sent, replayed: boolean): FastifyReply {
  if (replayed) reply.header('Idempotency-Replayed', 'true')
  if (text !== undefined) reply.type('application/json; charset=utf-8')
  return reply.code(status).headers(headers).send(text)
}

/** Printable ASCII: other bytes of a header have no character set (RFC 9110, 5.5) that stores could agree on. */
const KEY = /^[\x20-\x7e]{1,255}$/

function readKey (request: FastifyRequest, required: boolean): string | undefined {
  const header = request.headers['idempotency-key']
  if (header === undefined && !required) return undefined
  if (header === undefined || header === '') throw messagingError('E_KEY_MISSING')
  if (typeof header !== 'string' || !KEY.test(header)) throw messagingError('E_KEY_INVALID')
  return header
}

/** Keys of different callers and operations must not meet. A digest of what callers choose: stores limit their keys. */
function scopeOf (request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? ''} ${digest(request.params, callerOf(request))}`
}

/** Of values, not of their spelling: the order of members, white space and how a number is written do not matter. */
function digest (...values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values, sorted)).digest('base64url')
}

function sorted (_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
}

/** The span of this request, which began the trace when the caller sent none; outside of a service what came in. */
function traceOf (request: FastifyRequest): string | undefined {
  const context = currentContext()
  if (context !== undefined) return formatTraceParent(context.traceId, context.spanId, context.sampled)
  const { traceparent } = request.headers
  return typeof traceparent === 'string' ? traceparent : undefined
}
