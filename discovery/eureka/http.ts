import type { FastifyReply, FastifyRequest } from 'fastify'
import { badRequest, OK, UNSUPPORTED, type Answer } from './answers.ts'
import { parseTree, unpack, UNPARSABLE, type Tree } from './body.ts'
import { chooseForm, acceptsGzip } from './negotiation.ts'
import type { FormName } from './forms.ts'
import { Payload } from './payload.ts'

/** Below this an answer fits a packet or two anyway. */
const WORTH_PACKING = 1024

const XML_TYPE = /^(application|text)\/([a-z0-9.+-]*\+)?xml\b/i
const JSON_TYPE = /^application\/([a-z0-9.+-]*\+)?json\b/i
const NOT_ACCEPTABLE: Answer = Object.freeze({ status: 406 })

/** The parts of a path that Eureka's routes name. */
export interface EurekaRoute {
  Params: { app: string, id: string, vip: string }
  Querystring: Record<string, string | string[] | undefined>
}

export type EurekaRequest = FastifyRequest<EurekaRoute>

/** Sends an answer as it is; without a body it is empty with `Content-Length: 0`. */
export function send (reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer === OK) return reply.send()
  reply.code(answer.status)
  if (answer.type !== undefined) reply.type(answer.type)
  return reply.send(answer.body)
}

/** Sends a list or a document in the form that the client takes, packed if it says so. */
export async function sendForm (
  request: FastifyRequest, reply: FastifyReply, payload: (form: FormName) => Payload | Answer
): Promise<FastifyReply> {
  const form = chooseForm(request.headers)
  if (form === undefined) return send(reply, NOT_ACCEPTABLE)
  const answer = payload(form)
  if (!(answer instanceof Payload)) return send(reply, answer)
  reply.header('vary', 'accept, accept-encoding, x-eureka-accept').type(answer.type)
  if (answer.length < WORTH_PACKING || !acceptsGzip(request.headers)) {
    return reply.header('content-length', answer.length).send(answer.plain())
  }
  return reply.header('content-encoding', 'gzip').send(await answer.packed())
}

/** A body of either encoding as a tree, or the answer to one that is neither. */
export async function readBody (request: EurekaRequest, limitBytes: number): Promise<{ tree: Tree } | Answer> {
  const type = request.headers['content-type'] ?? ''
  const form = JSON_TYPE.test(type) ? 'json' : XML_TYPE.test(type) ? 'xml' : undefined
  if (form === undefined) return UNSUPPORTED
  const packed = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const bytes = await unpack(packed, request.headers['content-encoding'], limitBytes)
  if (!Buffer.isBuffer(bytes)) return bytes
  const tree = parseTree(bytes, form)
  return tree === undefined ? badRequest(UNPARSABLE) : { tree }
}

/** The application of a path: Eureka files them in upper case. */
export function appOf (request: EurekaRequest): string {
  return request.params.app.toUpperCase()
}

/** Whether a peer sends this: such a change is told to nobody else. */
export function isReplicated (request: FastifyRequest): boolean {
  return request.headers['x-netflix-discovery-replication'] === 'true'
}

/** Whether another registry fetches: Netflix's and ours name themselves so. */
export function isFromRegistry (request: FastifyRequest): boolean {
  return request.headers['discoveryidentity-name'] === 'DefaultServer'
}

/** The first value of a query parameter; an absent and an empty one are the same. */
export function queryOf (request: EurekaRequest, name: string): string | undefined {
  const value = request.query[name]
  return (Array.isArray(value) ? value[0] : value) || undefined
}
