/** The shapes of users' HTTP API; Fastify checks requests by them and the OpenAPI page shows them. */
import { email, name, reason, userId, version } from '../shapes.ts'

export const USER = {
  type: 'object',
  required: ['userId', 'email', 'name', 'status', 'version'],
  properties: { userId, email, name, status: { enum: ['ACTIVE', 'SUSPENDED'] }, version }
} as const

export const PROBLEM = {
  type: 'object',
  properties: {
    type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' },
    code: { type: 'string' }, requestId: { type: 'string' }, traceId: { type: 'string' }
  }
} as const

const params = { type: 'object', required: ['id'], properties: { id: userId } } as const
const problem = (description: string) =>
  ({ description, content: { 'application/problem+json': { schema: PROBLEM } } }) as const

export const REGISTER = {
  summary: 'Register a user',
  body: { type: 'object', required: ['email', 'name'], additionalProperties: false, properties: { email, name } },
  response: {
    201: { type: 'object', properties: { userId, version } },
    400: problem('Malformed'), 409: problem('EMAIL_TAKEN'), 503: problem('No store, or nobody takes writes')
  }
} as const

export const READ = {
  summary: 'Read a user; with minVersion, never an older one, whichever instance answers',
  params,
  querystring: { type: 'object', properties: { minVersion: version } },
  response: {
    200: USER, 304: { type: 'null', description: 'Not changed' }, 404: problem('USER_NOT_FOUND'),
    503: problem('The instance that would know does not answer'), 504: problem('READ_MODEL_BEHIND')
  }
} as const

export const CHANGE_STATUS = {
  params,
  body: {
    type: ['object', 'null'], additionalProperties: false, properties: { reason }
  },
  response: { 200: USER, 404: problem('USER_NOT_FOUND'), 412: problem('VERSION_MISMATCH') }
} as const
