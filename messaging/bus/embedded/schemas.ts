/** What the embedded bus's routes take. Whoever reaches the port can send anything. */
import { MAX_ITEMS } from './limits.ts'

const name = { type: 'string', minLength: 1, maxLength: 128 } as const
const place = { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,128}$' } as const
const type = { type: 'string', minLength: 1, maxLength: 200 } as const
const delayMs = { type: 'integer', minimum: 0, maximum: 43_200_000 } as const

const message = {
  type: 'object',
  required: ['id', 'dedupe', 'group', 'type', 'body'],
  properties: { id: name, dedupe: { type: 'string', minLength: 1, maxLength: 300 }, group: name, type,
    // Its bytes are counted by the route. A schema would count its characters, one by one.
    body: { type: 'string' } }
} as const

const settlement = {
  type: 'object',
  required: ['group', 'receipt', 'verdict'],
  properties: { group: name, receipt: name, verdict: { enum: ['done', 'wait', 'retry', 'dead', 'untried'] }, delayMs,
    error: { type: 'string', maxLength: 2000 } }
} as const

export const inQueue = { type: 'object', properties: { queue: place } } as const
export const inTopic = { type: 'object', properties: { topic: place, queue: place } } as const
export const aLimit = {
  type: 'object', properties: { limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 } }
} as const
export const someTypes = {
  type: 'object', properties: { type: { anyOf: [type, { type: 'array', maxItems: 1000, items: type }] } }
} as const
export const types = {
  type: 'object',
  required: ['types'],
  properties: { types: { type: 'array', maxItems: 1000, items: type } }
} as const
export const messages = {
  type: 'object',
  required: ['messages'],
  properties: { messages: { type: 'array', minItems: 1, maxItems: MAX_ITEMS, items: message } }
} as const
export const receive = {
  type: 'object',
  properties: {
    max: { type: 'integer', minimum: 1, maximum: MAX_ITEMS, default: 10 },
    waitMs: { type: 'integer', minimum: 0, maximum: 20_000, default: 0 },
    visibilityMs: { ...delayMs, minimum: 100, default: 30_000 },
    consumer: { type: 'string', maxLength: 128, default: '' }
  }
} as const
export const settle = {
  type: 'object',
  required: ['settlements'],
  properties: { settlements: { type: 'array', maxItems: MAX_ITEMS, items: settlement } }
} as const
export const extend = {
  type: 'object', required: ['group', 'receipt', 'ms'], properties: { group: name, receipt: name, ms: delayMs }
} as const
export const leave = {
  type: 'object',
  required: ['consumer', 'working'],
  properties: { consumer: name, working: { type: 'array', maxItems: 10_000, items: name } }
} as const
const ids = { type: 'array', maxItems: 1000, items: name } as const
export const redrive = {
  type: 'object', required: ['ids'], properties: { ids: { anyOf: [{ const: 'all' }, ids] } }
} as const
export const drop = { type: 'object', required: ['ids'], properties: { ids } } as const
