/** The shapes of the order history's HTTP API. */
const uuid = { type: 'string', format: 'uuid' } as const
const integer = { type: 'integer' } as const
const text = { type: 'string' } as const
const status = { enum: ['PENDING', 'CONFIRMED', 'CANCELLED'] } as const
const time = { type: 'string', format: 'date-time' } as const

export const DOCUMENT = {
  type: 'object',
  properties: {
    orderId: uuid, userId: uuid, currency: text, total: integer, status, paymentId: text, reason: text, placedAt: text,
    updatedAt: text, version: integer,
    lines: { type: 'array', items: { type: 'object', properties: { sku: text, qty: integer, unitPrice: integer } } }
  }
} as const

export const READ = {
  summary: 'Read an order; with minVersion and waitMs, wait until the read model has it',
  params: { type: 'object', required: ['id'], properties: { id: uuid } },
  querystring: {
    type: 'object',
    properties: {
      minVersion: { type: 'integer', minimum: 1 },
      waitMs: { type: 'integer', minimum: 0, maximum: 2000 }
    }
  },
  response: { 200: DOCUMENT }
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
    }
  }
} as const
