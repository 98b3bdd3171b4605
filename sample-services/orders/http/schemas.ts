/** The shapes of orders' HTTP API. */
const orderId = { type: 'string', format: 'uuid' } as const
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

const params = { type: 'object', required: ['id'], properties: { id: orderId } } as const
const headers = {
  type: 'object',
  properties: { 'idempotency-key': { type: 'string', description: 'Required, 1 to 255 characters' } }
} as const

export const PLACE = {
  summary: 'Place an order; whether it can be fulfilled is decided afterwards',
  headers,
  body: {
    type: 'object',
    required: ['userId', 'currency', 'lines'],
    properties: {
      userId: { type: 'string', format: 'uuid' },
      currency: { type: 'string', pattern: '^[A-Z]{3}$' },
      lines: {
        type: 'array', minItems: 1, maxItems: 50,
        items: {
          type: 'object',
          required: ['sku', 'qty', 'unitPrice'],
          properties: {
            sku: { type: 'string', minLength: 1, maxLength: 64 },
            qty: { type: 'integer', minimum: 1, maximum: 1_000_000 },
            unitPrice: { type: 'integer', minimum: 0, maximum: 1_000_000_000 }
          }
        }
      }
    }
  },
  response: {
    202: { type: 'object', properties: { orderId, status, sagaId: { type: 'string' } } },
    400: problem('Malformed, or KEY_MISSING'), 409: problem('KEY_IN_FLIGHT'),
    422: problem('USER_UNKNOWN, USER_SUSPENDED, KEY_REUSED'), 503: problem('Not now')
  }
} as const

export const CANCEL = {
  summary: 'Cancel an order that is not paid for yet',
  headers,
  params,
  response: {
    202: { type: 'object', properties: { orderId, status } },
    404: problem('ORDER_NOT_FOUND'), 409: problem('ORDER_CONFIRMED')
  }
} as const

export const READ = {
  summary: 'The write side\'s view of an order; for the gateway\'s fallback only',
  params,
  response: {
    200: { type: 'object', properties: { orderId, status, version: { type: 'integer' } } },
    404: problem('ORDER_NOT_FOUND')
  }
} as const
