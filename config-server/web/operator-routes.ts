/** `/_config/*` for operators: what is effective and why, what changed when, who has what, pins and rollouts. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { formatOrigin, maskValue, type PropertySource, type Scalar } from '@breakwater/starter/settings'
import type { Backend, Versions } from '../backends/backend.ts'
import type { Ask } from '../environment/ask.ts'
import type { ServerTraits } from '../environment/order.ts'
import type { FileLimits } from '../environment/parse-file.ts'
import { error } from '../errors.ts'
import type { Readers } from '../push/readers.ts'
import type { Watchers } from '../push/watchers.ts'
import { flatten, type FlatProperties } from '../render/flat.ts'
import type { Schemas } from '../safety/schema.ts'
import { validateFiles } from '../safety/validate-files.ts'
import type { Action, CheckAccess } from './access.ts'
import { auditedAsk, type Audit } from './audit.ts'
import { askerOf, type AskDefaults } from './environment-routes.ts'
import { paramsAsk, type AskParams } from './watch-routes.ts'

export interface OperatorParts extends AskDefaults, FileLimits, ServerTraits {
  readonly prefix: string
  readonly backend: Backend
  readonly watchers: Watchers
  readonly readers: Readers
  readonly access: CheckAccess
  readonly audit: Audit
  readonly schemas: Schemas
}

interface Job {
  readonly ask: Ask
  readonly request: FastifyRequest
  readonly query: Readonly<Record<string, string | undefined>>
}

export function operatorRoutes (app: FastifyInstance, parts: OperatorParts): void {
  const route = (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, action: Action, run: (job: Job) => Promise<object>) => {
    for (const suffix of ['', '/:label']) {
      app.route({
        method,
        url: `${parts.prefix}/_config/${path}/:name/:profiles${suffix}`,
        handler: async (request, reply) => {
          const ask = paramsAsk(request.params as AskParams, parts)
          const principal = await parts.access(request, action, ask)
          const body = await run({ ask, request, query: request.query as Job['query'] })
          if (action === 'operate') parts.audit(request, principal, `${method} ${path}`, { ...auditedAsk(ask), result: body })
          return sendJson(reply, body)
        }
      })
    }
  }
  route('GET', 'effective', 'inspect', async job => effective(parts.backend, job))
  route('GET', 'history', 'inspect', async job => history(parts.backend, job))
  route('GET', 'diff', 'inspect', async job => diff(parts, job))
  route('POST', 'validate', 'inspect', async job => validate(parts, job))
  route('PUT', 'pins', 'operate', async job => pin(versionsOf(parts.backend), job))
  route('DELETE', 'pins', 'operate', async job => ({ pinned: await versionsOf(parts.backend).pin(job.ask, undefined) ?? null }))
  route('PUT', 'rollouts', 'operate', async job => rollOut(versionsOf(parts.backend), job))
  route('DELETE', 'rollouts', 'operate', async job =>
    ({ rollout: await versionsOf(parts.backend).rollOut(job.ask, undefined) ?? null }))
  listRoutes(app, parts)
}

function listRoutes (app: FastifyInstance, { prefix, backend, access, watchers, readers }: OperatorParts): void {
  app.get(`${prefix}/_config/rollouts`, async (request, reply) => {
    await access(request, 'operate')
    return sendJson(reply, versionsOf(backend).choices)
  })
  app.get(`${prefix}/_config/clients`, async (request, reply) => {
    await access(request, 'operate')
    const watching = [...watchers].map(({ ask, asker, current }) =>
      ({ ...auditedAsk(ask), instance: asker.instance, etag: current?.etag, version: current?.version }))
    return sendJson(reply, { watching, read: readers.all })
  })
}

async function sendJson (reply: FastifyReply, body: object): Promise<FastifyReply> {
  return reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(body)))
}

function versionsOf ({ versions }: Backend): Versions {
  if (versions === undefined) throw error('E_CONFIG_NO_HISTORY')
  return versions
}

// The values are those before decryption, so that no secret can be on this page.
async function effective (backend: Backend, { ask, request }: Job): Promise<object> {
  const { version, sources } = await backend.find(ask, askerOf(request))
  const properties = [...flatten(sources)].map(([key, value]) => {
    const holders = sources.filter(source => source.properties.has(key))
    const [first, ...overridden] = holders.map(source => holderOf(source, key))
    return { key, ...first, value: shown(key, value), overridden }
  })
  return { ...auditedAsk(ask), version, properties }
}

function holderOf (source: PropertySource, key: string): object {
  const { value, origin } = source.properties.get(key)!
  return { value: shown(key, value), source: source.name, origin: formatOrigin(origin) }
}

function shown (key: string, value: Scalar | undefined): string | null {
  return value === undefined ? null : maskValue(key, value.text)
}

async function history (backend: Backend, { ask, query }: Job): Promise<object> {
  const limit = Math.min(Math.max(Number(query['limit'] ?? 20) || 20, 1), 200)
  const commits = await versionsOf(backend).history(ask, limit)
  return {
    ...auditedAsk(ask),
    commits: commits.map(({ id, timeMs, author, subject }) =>
      ({ commit: id, time: new Date(timeMs).toISOString(), author, subject }))
  }
}

async function diff (parts: OperatorParts, job: Job): Promise<object> {
  const [from, to] = [await flatAt(parts, job, job.query['from']), await flatAt(parts, job, job.query['to'])]
  const keys = [...new Set([...from.flat.keys(), ...to.flat.keys()])].toSorted()
  const changes = keys.filter(key => from.flat.get(key)?.text !== to.flat.get(key)?.text)
    .map(key => ({ key, from: shown(key, from.flat.get(key)), to: shown(key, to.flat.get(key)) }))
  return { ...auditedAsk(job.ask), from: from.version, to: to.version, changes }
}

async function flatAt (
  { backend, access }: OperatorParts, { ask, request }: Job, label: string | undefined
): Promise<{ flat: FlatProperties, version: string | null }> {
  const at = label === undefined ? ask : paramsAsk({ name: ask.name, profiles: ask.profile, label }, PARSED)
  await access(request, 'inspect', at)
  const { sources, version } = await backend.find(at, askerOf(request))
  return { flat: flatten(sources), version }
}

// The parts were checked when the request came in; only the label is new.
const PARSED: AskDefaults = { defaultLabel: null, validateProfiles: false }

async function validate (parts: OperatorParts, { ask, request }: Job): Promise<object> {
  const files = bodyOf(request)['files']
  if (typeof files !== 'object' || files === null) throw error('E_OPERATOR_BODY', ['{"files":{"foo.yml":"..."}}'])
  const texts = Object.entries(files).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const problems = await validateFiles(new Map(texts), ask, parts, parts.schemas)
  return { valid: problems.length === 0, problems }
}

async function pin (versions: Versions, { ask, request }: Job): Promise<object> {
  const { commit } = bodyOf(request)
  if (typeof commit !== 'string') throw error('E_OPERATOR_BODY', ['{"commit":"<id>"}'])
  return { pinned: await versions.pin(ask, commit) }
}

async function rollOut (versions: Versions, { ask, request }: Job): Promise<object> {
  const { to, from, percent } = bodyOf(request)
  const isShare = typeof percent === 'number' && percent >= 0 && percent <= 100
  if (typeof to !== 'string' || !isShare || (from !== undefined && typeof from !== 'string')) {
    throw error('E_OPERATOR_BODY', ['{"to":"<id>","percent":10}'])
  }
  return { rollout: await versions.rollOut(ask, { to, from, percent }) }
}

function bodyOf (request: FastifyRequest): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(Buffer.isBuffer(request.body) ? request.body.toString() : '')
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>
  } catch {
    // The same answer as for JSON that is no object.
  }
  throw error('E_OPERATOR_BODY', ['{}'])
}
