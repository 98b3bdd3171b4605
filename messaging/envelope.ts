/**
 * The envelope every message travels in: CloudEvents 1.0 field names, extension names in lower case as the
 * specification demands. Consumers ignore fields they do not know, so that producers can grow.
 */
import { randomFillSync } from 'node:crypto'
import { crc32 } from 'node:zlib'

export interface Envelope<Data = Record<string, unknown>> {
  readonly specversion: '1.0'
  /** UUIDv7; the key of every dedupe. */
  readonly id: string
  /** `/orders` */
  readonly source: string
  /** `orders.OrderPlaced.v1` */
  readonly type: string
  /** The aggregate's id, which is also the group: messages of one subject keep their order. */
  readonly subject: string
  /** RFC 3339, UTC. */
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly aggregatetype: string
  /** 1 for the aggregate's first event; a hole tells a reader that it missed one. */
  readonly aggregateversion: number
  readonly traceparent?: string
  /** The saga this message belongs to. */
  readonly correlationid?: string
  /** The id of the message that caused this one. */
  readonly causationid?: string
  readonly data: Data
}

/** What a command knows when it emits; the rest of the envelope is filled in. */
export interface Draft {
  readonly type: string
  readonly subject: string
  readonly aggregateType: string
  readonly aggregateVersion: number
  readonly data: Record<string, unknown>
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  readonly traceparent?: string | undefined
}

/**
 * Of the envelope as text. SNS takes 262,144 bytes and counts attributes, which need some of the room; one limit for
 * every bus, or a message would travel in development and fail in production.
 */
export const MAX_MESSAGE_BYTES = 256_000

/** JSON Schema 2020-12 of the envelope. */
export const ENVELOPE_SCHEMA = {
  $id: 'breakwater.envelope.v1',
  type: 'object',
  required: ['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'aggregatetype',
    'aggregateversion', 'data'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', format: 'uuid' },
    source: { type: 'string', minLength: 1, maxLength: 200 },
    type: { type: 'string', pattern: '^[a-z][a-z0-9-]*\\.[A-Za-z0-9]+\\.v[0-9]+$', maxLength: 200 },
    subject: { type: 'string', minLength: 1, maxLength: 128 },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    aggregatetype: { type: 'string', minLength: 1, maxLength: 64 },
    aggregateversion: { type: 'integer', minimum: 1 },
    traceparent: { type: 'string', maxLength: 128 },
    correlationid: { type: 'string', maxLength: 128 },
    causationid: { type: 'string', maxLength: 128 },
    data: { type: 'object' }
  }
} as const

/**
 * Tells apart what two messages under one id say, whoever carried them and how often. Not part of it: what a sending
 * adds (trace, time), and members that an older version would not know.
 */
export function contentOf ({ type, subject, aggregateversion, data }: Envelope): number {
  return crc32(JSON.stringify([type, subject, aggregateversion, data]))
}

/** The service whose message it is: who publishes the event, who carries out the command. */
export function serviceOf (type: string): string {
  return type.slice(0, type.indexOf('.'))
}

const ID_BYTES = 16
/** Random bytes ahead: asking for those of one id costs more than all the rest of it. */
const ahead = Buffer.alloc(256 * ID_BYTES)
let used = ahead.length

function randomId (): Buffer {
  if (used === ahead.length) {
    randomFillSync(ahead)
    used = 0
  }
  used += ID_BYTES
  return ahead.subarray(used - ID_BYTES, used)
}

/** A UUIDv7 (RFC 9562, 5.7): sorts by time, so that primary keys grow at one end. */
export function uuidv7 (nowMs: number = Date.now()): string {
  const bytes = randomId()
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Makes ids that sort by time; {@link uuidv7} but in a simulation, which must give the same ones each time. */
export type NewId = (nowMs: number) => string

/** Fills the envelope around a draft. */
export function seal (draft: Draft, service: string, nowMs: number, newId: NewId = uuidv7): Envelope {
  return {
    specversion: '1.0',
    id: newId(nowMs),
    source: `/${service}`,
    type: draft.type,
    subject: draft.subject,
    time: new Date(nowMs).toISOString(),
    datacontenttype: 'application/json',
    aggregatetype: draft.aggregateType,
    aggregateversion: draft.aggregateVersion,
    ...optional('traceparent', draft.traceparent),
    ...optional('correlationid', draft.correlationId),
    ...optional('causationid', draft.causationId),
    data: draft.data
  }
}

function optional (name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value }
}
