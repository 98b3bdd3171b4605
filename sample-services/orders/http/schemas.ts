/** The shapes of orders' HTTP API. */
import { currency, lines, qty, sku, unitPrice, uuid, version } from '../shapes.ts'

const orderId = uuid
const status = { enum: ['PENDING', 'CONFIRMED', 'CANCELLED'] } as const

const PROBLEM = {
  type: 'object',
  properties: {
    type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' },
    code: { type: 'string' }, requestId: { type: 'string' }, traceId: { type: 'string' }
  }
} as const

const problem = (description: string) =>
  ({ description, content: { 'application/problem+json': { schema: PROBLEM } } }) as const

/** A misspelt member is told to its client; messages let through what a newer sender may add. */
const closed = { additionalProperties: false } as const

const params = { type: 'object', required: ['id'], properties: { id: orderId } } as const
const headers = {
  type: 'object',
  properties: { 'idempotency-key': { type: 'string', description: 'Required: 1 to 255 printable ASCII characters' } }
} as const

export const PLACE = {
  summary: 'Place an order; whether it can be fulfilled is decided afterwards',
  headers,
  body: {
    type: 'object',
    required: ['userId', 'currency', 'lines'],
    ...closed,
    properties: { userId: uuid, currency, lines: lines({ sku, qty, unitPrice }, closed) }
  },
  response: {
    202: { type: 'object', properties: { orderId, status, sagaId: { type: 'string' } } },
    400: problem('Malformed, SKU_TWICE, TOTAL_TOO_LARGE, E_KEY_MISSING'), 409: problem('E_KEY_IN_FLIGHT'),
    422: problem('USER_UNKNOWN, USER_SUSPENDED, E_KEY_REUSED'), 503: problem('Not now')
  }
} as const

export const CANCEL = {
  summary: 'Cancel an order that is not paid for yet',
  headers,
  params,
  body: { type: ['object', 'null'], ...closed },
  response: {
    202: { type: 'object', properties: { orderId, status } },
    404: problem('ORDER_NOT_FOUND'), 409: problem('ORDER_CONFIRMED')
  }
} as const

export const READ = {
  summary: 'The write side\'s view of an order; for the gateway\'s fallback only, under the same conditions',
  params,
  querystring: {
    type: 'object', properties: { minVersion: version, waitMs: { type: 'integer', minimum: 0, maximum: 2000 } }
  },
  response: {
    200: { type: 'object', properties: { orderId, status, version } },
    304: { type: 'null', description: 'Not changed' },
    404: problem('ORDER_NOT_FOUND'), 504: problem('READ_MODEL_BEHIND')
  }
} as const
