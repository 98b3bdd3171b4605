import { STATUSES } from '../registry/instance.ts'
import { MAX_REASON } from './note.ts'
import { CONDITION_NAMES } from './selection.ts'

/**
 * The registry's own API in OpenAPI's words: what operators ask and order, and the push stream. Eureka's REST API is
 * not in it: its clients bring their own description.
 */

const TEXT = { type: 'string' } as const
const STATUS = { type: 'string', enum: STATUSES }
const MS = { type: 'number', description: 'milliseconds since 1970' }
const NAMED = { type: 'object', required: ['app', 'id'], properties: { app: TEXT, id: TEXT } }
const list = (items: object): object => ({ type: 'array', items })
const query = (name: string, schema: object, description: string): object =>
  ({ name, in: 'query', required: false, schema, description })
const json = (schema: object, description: string): object =>
  ({ description, content: { 'application/json': { schema } } })
const problem = (description: string): object => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
})

const SELECTION = Object.fromEntries(CONDITION_NAMES.map(name => [name, TEXT]))
const ORDER_ERRORS = {
  400: problem('it cannot be done like that; `detail` says why'),
  401: problem('the caller did not say who it is'),
  403: problem('the caller may not'),
  404: problem('no instance is meant')
}

const INSTANCE = {
  type: 'object',
  properties: {
    app: TEXT, id: TEXT, host: TEXT, port: { type: 'integer' }, status: STATUS,
    own: { ...STATUS, description: 'what the client itself said last' },
    override: { ...STATUS, description: 'what is set; absent when nothing is' },
    note: { type: 'object', properties: { reason: TEXT, author: TEXT, until: MS } },
    renewedMsAgo: { type: 'number' },
    leaseMs: { type: 'number', nullable: true, description: 'null: a back end vouches for it, and no lease ends' },
    unverified: { type: 'boolean', description: 'from a snapshot, and not heard of since' },
    reason: { ...TEXT, description: 'what the health check found' },
    zone: TEXT, metadata: list(list(TEXT)), links: list(list(TEXT))
  }
}

const PEER = {
  type: 'object',
  properties: {
    url: TEXT, available: { type: 'boolean' }, queued: { type: 'integer' }, lagMs: { type: 'number' },
    sent: { type: 'integer' }, dropped: { type: 'integer' }, failures: { type: 'integer' },
    comparison: {
      type: 'string', enum: ['equal', 'exchanged', 'foreign', 'failed', 'unreached'],
      description: 'how the last comparison ended; `foreign`: the peer knows none; absent before the first'
    },
    equalAt: MS, differing: { type: 'integer' }, differ: list(NAMED),
    instances: { type: 'integer', description: 'how many instances the peer has' }
  }
}

const ORDER = {
  type: 'object',
  required: ['kind', 'where'],
  properties: {
    kind: { type: 'string', enum: ['override', 'clear override', 'deregister'] },
    where: {
      type: 'object', minProperties: 1, additionalProperties: false, properties: SELECTION,
      description: 'whom it is about: all of whom everything holds that is said. `deregister` takes `app` and `id`'
    },
    status: { ...STATUS, description: 'of an override' },
    reason: { type: 'string', maxLength: MAX_REASON },
    author: { type: 'string', description: 'counts only where callers do not prove who they are' },
    for: { type: 'string', example: '2h', description: 'after which an override ends' },
    until: { type: 'string', format: 'date-time', description: 'when it ends; instead of `for`' },
    dryRun: { type: 'boolean', default: false, description: 'only says who is meant' }
  }
}

/** Served at `GET /registry/openapi.json`. */
export const OPERATOR_API = {
  openapi: '3.0.3',
  info: { title: 'Breakwater registry', version: '1' },
  paths: {
    '/registry/instances': {
      get: {
        summary: 'Instances, page by page',
        parameters: [
          ...CONDITION_NAMES.map(name => query(name, TEXT, `only those of this ${name}`)),
          query('search', TEXT, 'words that are part of application, id, host or key=value'),
          query('status', STATUS, 'only those shown with it'),
          query('page', { type: 'integer', minimum: 1, default: 1 }, 'which page'),
          query('size', { type: 'integer', minimum: 1, maximum: 1000, default: 50 }, 'instances a page')
        ],
        responses: {
          200: json({
            type: 'object',
            properties: {
              total: { type: 'integer' }, page: { type: 'integer' }, pages: { type: 'integer' },
              rows: list({ $ref: '#/components/schemas/Instance' })
            }
          }, 'a page'),
          400: problem('a condition that cannot be')
        }
      }
    },
    '/registry/instances/{app}/{id}': {
      get: {
        summary: 'All that is known of one instance, each fact with its stamp',
        parameters: ['app', 'id'].map(name => ({ name, in: 'path', required: true, schema: TEXT })),
        responses: { 200: json({ $ref: '#/components/schemas/Instance' }, 'the instance'), 404: problem('no such') }
      }
    },
    '/registry/agreement': {
      get: {
        summary: 'Whether the peers have the same',
        responses: { 200: json({ type: 'object', properties: {
          instances: { type: 'integer' }, peers: list({ $ref: '#/components/schemas/Peer' })
        } }, 'each peer with what differed at the last comparison, at most a second ago') }
      }
    },
    '/registry/actions': {
      post: {
        summary: 'Sets or clears an override, or deregisters; takes the role admin',
        requestBody: { required: true, content: { 'application/json': { schema: ORDER } } },
        responses: {
          200: json({ type: 'object', properties: { instances: list(NAMED) } }, 'whom it was done to'), ...ORDER_ERRORS
        }
      }
    },
    '/registry/openapi.json': {
      get: { summary: 'This description', responses: { 200: json({ type: 'object' }, 'OpenAPI 3.0.3') } }
    },
    '/eureka/stream': {
      get: {
        summary: 'Every change at once: as server-sent events for who accepts them, else as a long poll',
        parameters: [
          query('apps', TEXT, 'only these applications, or those that have one of these virtual addresses; a comma list'),
          query('index', TEXT, 'go on after this place; Last-Event-ID means the same'),
          query('wait', { type: 'string', default: '30s' }, 'how long a long poll waits at most')
        ],
        responses: {
          200: { description: 'a snapshot or what changed', content: { 'text/event-stream': {}, 'application/json': {} } },
          400: { description: 'a query that cannot be' },
          503: { description: 'too many readers, or the list is not whole yet' }
        }
      }
    }
  },
  components: {
    schemas: {
      Instance: INSTANCE,
      Peer: PEER,
      Problem: { type: 'object', properties: { status: { type: 'integer' }, detail: TEXT } }
    }
  }
} as const
