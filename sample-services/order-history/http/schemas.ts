/** The shapes of the order history's HTTP API. */
import { amount, uuid, version } from '../shapes.ts'

const text = { type: 'string' } as const
const status = { enum: ['PENDING', 'CONFIRMED', 'CANCELLED'] } as const
/** Read by `instant.ts`, which knows more of them than a format does. */
const time = { type: 'string', maxLength: 64, description: 'An instant: RFC 3339, in any offset' } as const

const PROBLEM = {
  type: 'object',
  properties: {
    type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' },
    code: { type: 'string' }, requestId: { type: 'string' }, traceId: { type: 'string' }
  }
} as const
const problem = (description: string) =>
  ({ description, content: { 'application/problem+json': { schema: PROBLEM } } }) as const

export const DOCUMENT = {
  type: 'object',
  properties: {
    orderId: uuid, userId: uuid, currency: text, total: amount, status, paymentId: text, reason: text, placedAt: text,
    updatedAt: text, version,
    lines: { type: 'array', items: { type: 'object', properties: { sku: text, qty: amount, unitPrice: amount } } }
  }
} as const

export const READ = {
  summary: 'Read an order; with minVersion and waitMs, wait until the read model has it',
  params: { type: 'object', required: ['id'], properties: { id: uuid } },
  querystring: {
    type: 'object',
    properties: {
      minVersion: version,
      waitMs: { type: 'integer', minimum: 0, maximum: 2000 }
    }
  },
  response: {
    200: DOCUMENT, 304: { type: 'null', description: 'Not changed' },
    404: problem('ORDER_NOT_FOUND'), 504: problem('READ_MODEL_BEHIND')
  }
} as const

export const LIST = {
  summary: 'Search orders, the newest first',
  querystring: {
    type: 'object',
    properties: {
      userId: uuid, status, from: time, to: time, limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
      cursor: { type: 'string', maxLength: 200 }
    }
  },
  response: {
    200: {
      type: 'object',
      properties: { items: { type: 'array', items: DOCUMENT }, nextCursor: { type: ['string', 'null'] }, asOf: text }
    },
    400: problem('INSTANT, CURSOR')
  }
} as const
