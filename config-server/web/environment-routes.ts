/** The configuration endpoints: environments, flat formats and files, behind one wildcard on the raw path. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Asker } from '../backends/backend.ts'
import type { Answer, EnvironmentRoad, Question } from '../environment.ts'
import { readAsk, type Ask } from '../environment/ask.ts'
import { error } from '../errors.ts'
import type { Readers } from '../push/readers.ts'
import type { Form } from '../render/render.ts'
import type { CheckAccess } from './access.ts'
import { auditedAsk, type Audit } from './audit.ts'
import { chooseForm, V1, V2 } from './accept.ts'
import { readRoute, type Format, type Route } from './route.ts'

export interface RouteParts {
  readonly road: EnvironmentRoad
  readonly prefix: string
  readonly defaultLabel: string | null
  readonly validateProfiles: boolean
  readonly files: FileRoute
  readonly access: CheckAccess
  readonly audit: Audit
  readonly readers: Readers
}

/** Answers a request for a plain file. */
export type FileRoute = (
  request: FastifyRequest, reply: FastifyReply, route: Route & { kind: 'file' }
) => Promise<FastifyReply>

const FORMS: Record<Format, Form> = { yml: 'yaml', yaml: 'yaml', json: 'json', properties: 'properties' }
const TYPES: Record<Form, string> = { v1: V1, v2: V2, json: V1, yaml: 'text/plain', properties: 'text/plain' }
const READS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Registers the wildcard; fixed routes of other plugins win over it. */
export function environmentRoutes (app: FastifyInstance, parts: RouteParts): void {
  app.all('/*', async (request, reply) => {
    if (!READS.has(request.method)) throw error('E_ASK_METHOD', [request.method])
    const route = readRoute(request.raw.url ?? '/', parts.prefix)
    if (request.method === 'OPTIONS') return reply.header('allow', 'GET, HEAD, OPTIONS').send()
    if (route.kind === 'file') return parts.files(request, reply, route)
    const form = formOf(route, request)
    if (form === undefined) return notAcceptable(reply)
    const question = { ask: askOf(route, parts), form, resolvePlaceholders: resolves(route) }
    const principal = await parts.access(request, 'read', question.ask)
    const asker = askerOf(request)
    const answer = await parts.road.answer(question, asker)
    parts.readers.note(question.ask, asker.instance ?? '', principal.name, answer.etag)
    if (answer.secrets > 0) {
      parts.audit(request, principal, 'read secrets', { ...auditedAsk(question.ask), secrets: answer.secrets })
    }
    return sendAnswer(request, reply, question, answer)
  })
}

/** Checks a route's parts; the server's default label stands in for none, but the answer echoes what was asked. */
export function askOf (route: { name: string, profiles: string, label: string | null }, parts: AskDefaults): Ask {
  const ask = readAsk(route.name, route.profiles, route.label ?? parts.defaultLabel, parts.validateProfiles)
  return route.label === null ? { ...ask, label: null } : ask
}

export interface AskDefaults {
  readonly defaultLabel: string | null
  readonly validateProfiles: boolean
}

/** Who asks, from the headers that Spring's and our own clients send. */
export function askerOf (request: FastifyRequest): Asker {
  return { token: headerOf(request, 'x-config-token'), instance: headerOf(request, 'x-config-instance') ?? request.ip }
}

function headerOf (request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function formOf (route: Route, request: FastifyRequest): Form | undefined {
  return route.kind === 'flat' ? FORMS[route.format] : chooseForm(request.headers.accept)
}

function resolves (route: Route): boolean {
  return route.kind === 'flat' && route.resolvePlaceholders
}

async function sendAnswer (request: FastifyRequest, reply: FastifyReply, { form }: Question, answer: Answer) {
  reply.header('etag', answer.etag)
  if (matchesTag(request.headers['if-none-match'], answer.etag)) return reply.code(304).send()
  return reply.header('content-type', TYPES[form]).send(answer.body)
}

/** RFC 9110 13.1.2: weak comparison against a list of tags or `*`. */
export function matchesTag (header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.trim() === '*' || header.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag)
}

async function notAcceptable (reply: FastifyReply) {
  return reply.code(406).header('accept', `${V1}, ${V2}`).send()
}
