import type { FastifyInstance, FastifyReply } from 'fastify'
import { isStatus, type Instance } from '../registry/instance.ts'
import type { Registry, Source } from '../registry.ts'
import { badRequest, FULL, isAnswer, NOT_FOUND, OK, REGISTERED, type Answer } from './answers.ts'
import type { Tree } from './body.ts'
import { checkMetadata, decodeRegistration, decodeStatus, decodeTime } from './decode.ts'
import { instanceDocument } from './forms.ts'
import { noteOf } from '../operator/note.ts'
import type { OverrideNote } from '../registry/words.ts'
import { actorOf, authorOf } from '../security/access.ts'
import { appOf, isReplicated, queryOf, readBody, send, type EurekaRequest, type EurekaRoute } from './http.ts'
import { chooseForm } from './negotiation.ts'

/** Where changes go, and how a query that makes no sense is refused. */
export interface Writing {
  readonly registry: Registry
  readonly maxBodyBytes: number
  readonly badQuery: (why: string) => Answer
}

/**
 * The hot path: one in thirty seconds from every instance. No body is read, the answer is a constant, and renewals
 * are counted by the book instead of by request.
 */
export function renewRoute (server: FastifyInstance, writing: Writing): void {
  server.put<EurekaRoute>('/apps/:app/:id', (request, reply) => renew(writing, request, reply))
}

/** What else clients change: register, cancel, override, metadata. */
export function writeRoutes (server: FastifyInstance, writing: Writing): void {
  const { registry, maxBodyBytes } = writing
  server.post<EurekaRoute>('/apps/:app', async (request, reply) => {
    const body = await readBody(request, maxBodyBytes)
    return send(reply, isAnswer(body) ? body : register(registry, request, body.tree))
  })

  server.delete<EurekaRoute>('/apps/:app/:id', (request, reply) => {
    const gone = registry.book.speaker.as(actorOf(request, 'cancel'), () =>
      registry.cancel(appOf(request), request.params.id, sourceOf(request)))
    return send(reply, gone === undefined ? NOT_FOUND : OK)
  })

  server.put<EurekaRoute>('/apps/:app/:id/status', (request, reply) => send(reply, override(writing, request)))

  server.delete<EurekaRoute>('/apps/:app/:id/status', (request, reply) => send(reply, clearOverride(writing, request)))

  server.put<EurekaRoute>('/apps/:app/:id/metadata', (request, reply) => send(reply, addMetadata(registry, request)))

  // Auto-scaling groups exist on AWS alone; elsewhere Eureka refuses, too.
  server.put('/asg/:name/status', (request, reply) => send(reply, badRequest('Not an AWS registry')))
}

function register (registry: Registry, request: EurekaRequest, body: Tree): Answer {
  const instance = decodeRegistration(body, appOf(request))
  if (!isInstance(instance)) return instance
  if (registry.book.isFull && registry.book.lease(instance.app, instance.id) === undefined) return FULL
  const before = registry.book.lease(instance.app, instance.id)?.ignoredAt
  registry.book.speaker.as(actorOf(request, 'register'), () => registry.register(instance, isReplicated(request)))
  const { ignoredAt } = registry.book.lease(instance.app, instance.id)!
  if (ignoredAt !== undefined && before === undefined) sayIgnored(request, instance)
  return REGISTERED
}

/** Once for each instance and each time that this begins: its client does not learn of it until it renews. */
function sayIgnored (request: EurekaRequest, { app, id, lastDirtyAt }: Instance): void {
  request.log.warn({ app, id, lastDirtyAt, address: request.ip }, 'a registration is older than the one known here ' +
    'and changes nothing (was the clock of its client set back?); its next heartbeat is asked to register again')
}

function renew ({ registry, badQuery }: Writing, request: EurekaRequest, reply: FastifyReply): FastifyReply {
  const lastDirtyAt = timeOf(request)
  if (lastDirtyAt === null) return send(reply, badQuery('lastDirtyTimestamp is no number'))
  const overridden = queryOf(request, 'overriddenstatus')
  const renewal = registry.renew(appOf(request), request.params.id, {
    replicated: isReplicated(request),
    lastDirtyAt,
    overriddenStatus: overridden === undefined ? undefined : decodeStatus(overridden)
  })
  if (renewal === 'renewed') return send(reply, OK)
  return send(reply, typeof renewal === 'string' ? NOT_FOUND : conflict(request, renewal))
}

/** The peer's copy is older than ours: it takes ours. */
function conflict (request: EurekaRequest, instance: Instance): Answer {
  const form = chooseForm(request.headers) ?? 'xml'
  const type = form.startsWith('json') ? 'application/json' : 'application/xml'
  return { status: 409, type, body: instanceDocument(form, instance) }
}

function override ({ registry, badQuery }: Writing, request: EurekaRequest): Answer {
  const status = queryOf(request, 'value')
  const lastDirtyAt = timeOf(request)
  if (!isStatus(status)) return badQuery('value must be UP, DOWN, STARTING, OUT_OF_SERVICE or UNKNOWN')
  if (lastDirtyAt === null) return badQuery('lastDirtyTimestamp is no number')
  const note = noteIn(request, registry.book.clock.nowMs)
  if (typeof note === 'string') return badQuery(note)
  const changed = registry.book.speaker.as({ ...actorOf(request, `override ${status}`), reason: note.reason }, () =>
    registry.override(appOf(request), request.params.id, status, sourceOf(request), note))
  return changed === undefined ? NOT_FOUND : OK
}

/** Why, by whom and until when: more than Eureka's clients say, and ignored by its servers. */
function noteIn (request: EurekaRequest, now: number): OverrideNote | string {
  const [reason, duration, until] = ['reason', 'for', 'until'].map(name => queryOf(request, name))
  return noteOf({ reason, for: duration, until }, now, authorOf(request, queryOf(request, 'author')))
}

function clearOverride ({ registry, badQuery }: Writing, request: EurekaRequest): Answer {
  const value = queryOf(request, 'value')
  const lastDirtyAt = timeOf(request)
  if (value !== undefined && !isStatus(value)) return badQuery('value is no status')
  if (lastDirtyAt === null) return badQuery('lastDirtyTimestamp is no number')
  const changed = registry.book.speaker.as(actorOf(request, 'clear override'), () =>
    registry.clearOverride(appOf(request), request.params.id, value, sourceOf(request)))
  return changed === undefined ? NOT_FOUND : OK
}

function addMetadata (registry: Registry, request: EurekaRequest): Answer {
  const lease = registry.book.lease(appOf(request), request.params.id)
  if (lease === undefined) return NOT_FOUND
  const entries = Object.entries(request.query).map(([key, value]) =>
    [key, (Array.isArray(value) ? value[0] : value) ?? ''] as const)
  if (checkMetadata(new Map([...lease.instance.metadata, ...entries])) === undefined) {
    return badRequest('too much metadata')
  }
  registry.book.speaker.as(actorOf(request, 'metadata'), () => registry.addMetadata(appOf(request), request.params.id, entries))
  return OK
}

/** The client's timestamp: undefined when it sent none, null when it is no number. */
function timeOf (request: EurekaRequest): number | undefined | null {
  const text = queryOf(request, 'lastDirtyTimestamp')
  if (text === undefined) return undefined
  return decodeTime(text) ?? null
}

function sourceOf (request: EurekaRequest): Source {
  return { replicated: isReplicated(request) }
}

function isInstance (value: Instance | Answer): value is Instance {
  return 'hostName' in value
}
