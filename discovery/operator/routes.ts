import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticator } from '@breakwater/starter'
import type { Checker } from '../checks/checker.ts'
import { isTree, parseTree, type Tree } from '../eureka/body.ts'
import { stateJson } from '../eureka/state-json.ts'
import type { Peers } from '../peers/peers.ts'
import { isStatus, type Instance } from '../registry/instance.ts'
import type { Registry } from '../registry.ts'
import { actorOf, authorOf } from '../security/access.ts'
import { OPERATOR_API } from './openapi.ts'
import { carryOut, orderOf } from './order.ts'
import { rowOf, rowsOf, type RowQuery } from './rows.ts'
import { CONDITION_NAMES, selectionOf } from './selection.ts'

/** What operators ask and order, by the page, by the command line or by themselves. */
export interface OperatorParts {
  readonly registry: Registry
  readonly peers: Peers
  readonly now: () => number
  readonly auth: Authenticator | undefined
  readonly checker: Checker | undefined
}

export type Query = Readonly<Record<string, string | string[] | undefined>>

const MAX_SIZE = 1000
const MAX_SEARCH = 200

/** `GET /registry/...`: who is there, who was taken out by whom and why, and whether the peers agree. */
export function operatorReads (server: FastifyInstance, { registry, peers, now, checker }: OperatorParts): void {
  server.get('/registry/instances', (request, reply) => {
    const query = request.query as Query
    const where = selectionOf(pick(query, CONDITION_NAMES))
    if (typeof where === 'string') return problem(reply, 400, where)
    return rowsOf(registry, { ...pageOf(query, MAX_SIZE), where }, now(), checker)
  })
  server.get<{ Params: { app: string, id: string } }>('/registry/instances/:app/:id', (request, reply) => {
    const { app, id } = request.params
    const lease = registry.book.lease(app.toUpperCase(), id)
    if (lease === undefined) return problem(reply, 404, 'There is no such instance.')
    const state = registry.book.copies.stateOf(app.toUpperCase(), id)
    const facts: unknown = state === undefined ? undefined : JSON.parse(stateJson(state))
    return { ...rowOf(lease, now(), checker), local: lease.local, facts }
  })
  server.get('/registry/agreement', () => ({ instances: registry.book.size, peers: peers.states() }))
  server.get('/registry/openapi.json', () => OPERATOR_API)
}

/** `POST /registry/actions`: answers whom it was done to. */
export function operatorActions (server: FastifyInstance, parts: OperatorParts): void {
  server.post('/registry/actions', (request, reply) => act(parts, request, reply, instances =>
    reply.send({ instances: instances.map(({ app, id }) => ({ app, id })) })))
}

/** Does what a body orders; changing takes another role than reading, so it is asked here. */
export async function act (
  { registry, auth }: OperatorParts, request: FastifyRequest, reply: FastifyReply,
  answer: (instances: readonly Instance[]) => FastifyReply, by = 'operator'
): Promise<FastifyReply> {
  request.principal = await auth?.check(request, 'admin')
  const body = isJson(request) ? parseTree(request.body as Buffer, 'json') : undefined
  if (!isTree(body)) return problem(reply, 400, 'The body must be a JSON object, sent as application/json.')
  const order = orderOf(body, registry.book.clock.nowMs, authorOf(request, body.author))
  if (typeof order === 'string') return problem(reply, 400, order)
  const actor = { ...actorOf(request, order.kind, by), reason: order.note.reason }
  const done = registry.book.speaker.as(actor, () => carryOut(registry, order))
  if (done.length === 0) return problem(reply, 404, 'There is no such instance.')
  return answer(done)
}

/** Which lines of a list are wanted; nonsense is ignored. */
export function pageOf (query: Query, maxSize: number): RowQuery {
  const count = (name: string, fallback: number, max: number): number =>
    Math.min(max, Math.max(1, Math.floor(Number(textIn(query, name)) || fallback)))
  const status = textIn(query, 'status')
  return {
    search: textIn(query, 'search').slice(0, MAX_SEARCH),
    status: isStatus(status) ? status : undefined,
    page: count('page', 1, 1_000_000),
    size: count('size', 50, maxSize)
  }
}

function textIn (query: Query, name: string): string {
  return String(query[name] ?? '')
}

function pick (query: Query, names: readonly string[]): Tree {
  return Object.fromEntries(names.filter(name => query[name] !== undefined).map(name => [name, query[name]]))
}

/** A form of another site cannot send this type without asking first. */
function isJson (request: FastifyRequest): boolean {
  return Buffer.isBuffer(request.body) && /^application\/json\b/i.test(request.headers['content-type'] ?? '')
}

function problem (reply: FastifyReply, status: number, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send(JSON.stringify({ status, detail }))
}
