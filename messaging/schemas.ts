/**
 * The messages a service knows, compiled once. Producers check before the outbox insert, consumers before the
 * handler: a bad message is stopped where its author can still see it.
 *
 * Each service keeps its own copy of the schemas it consumes (tolerant reader): unknown fields are let through, so a
 * producer may add one without asking anybody.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { findBadText } from '@breakwater/starter/text'
import { ENVELOPE_SCHEMA, MAX_MESSAGE_BYTES, type Envelope } from './envelope.ts'
import { messagingError, Newer, Poison } from './errors.ts'

export interface MessageSchema {
  /** The message type: `orders.OrderPlaced.v1`. */
  readonly $id: string
  readonly [keyword: string]: unknown
}

const UNKNOWN = { at: '/type', why: 'no schema is known for it' }

export class Schemas {
  readonly #envelope: ValidateFunction
  readonly #data = new Map<string, ValidateFunction>()
  readonly #closed = new Set<string>()

  constructor (schemas: readonly MessageSchema[]) {
    // No coercion: a producer that sends "1" for 1 is wrong, and every consumer would have to guess the same way.
    const ajv = new Ajv2020({ strict: true, allErrors: false, coerceTypes: false })
    // The package's types describe its CommonJS shape, where the function is the `default` of itself.
    const addFormats = formats as unknown as typeof formats.default
    addFormats(ajv)
    this.#envelope = ajv.compile(ENVELOPE_SCHEMA)
    for (const schema of schemas) {
      this.#data.set(schema.$id, ajv.compile(schema))
      if (isClosed(schema)) this.#closed.add(schema.$id)
    }
  }

  has (type: string): boolean {
    return this.#data.has(type)
  }

  /** True when the type's schema refuses members that it does not name. */
  isClosed (type: string): boolean {
    return this.#closed.has(type)
  }

  /** Returns the text to send, or throws what rolls the producer's transaction back. */
  encode (envelope: Envelope): string {
    const fault = this.#fault(envelope)
    if (fault !== undefined) throw messagingError('E_EVENT_SCHEMA', [envelope.type, fault.at, fault.why])
    const text = toWireText(envelope)
    const bytes = Buffer.byteLength(text)
    if (bytes > MAX_MESSAGE_BYTES) throw messagingError('E_MESSAGE_TOO_LARGE', [envelope.type, bytes])
    return text
  }

  /** Throws {@link Newer} for a type or an envelope of another version, and Poison for what nobody can read. */
  check (envelope: Envelope): void {
    const fault = this.#fault(envelope)
    if (fault === undefined) return
    if (fault === UNKNOWN || fault.at === '/specversion') throw new Newer(fault.why)
    const cause = messagingError('E_MESSAGE_INVALID', [envelope.type, fault.at, fault.why])
    throw new Poison(cause.toString(), { cause })
  }

  #fault (envelope: Envelope): { at: string, why: string } | undefined {
    if (!this.#envelope(envelope)) return firstError(this.#envelope, '')
    // RFC 3339 knows the 60th second, which is no instant here.
    if (Number.isNaN(Date.parse(envelope.time))) return { at: '/time', why: 'is no instant' }
    const validate = this.#data.get(envelope.type)
    if (validate === undefined) return UNKNOWN
    // Before the data's own schema: whoever keeps this text would fail, and know less about why.
    return findBadText(envelope) ?? (validate(envelope.data) ? undefined : firstError(validate, '/data'))
  }
}

/**
 * JSON without characters that some bus refuses (SQS takes XML's characters only, emulators not even all of those):
 * as \\u escapes they pass everywhere. A name with an emoji must not stop an outbox.
 */
export function toWireText (envelope: Envelope): string {
  return JSON.stringify(envelope).replace(/[\ud800-\udfff\ufffe\uffff]/g, char =>
    `\\u${char.charCodeAt(0).toString(16)}`)
}

function isClosed (schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false
  return Object.entries(schema).some(([keyword, value]) =>
    (value === false && /^(additional|unevaluated)Properties$/.test(keyword)) || isClosed(value))
}

function firstError (validate: ValidateFunction, prefix: string): { at: string, why: string } {
  const error = validate.errors?.[0]
  return { at: `${prefix}${error?.instancePath ?? ''}` || '/', why: error?.message ?? 'is invalid' }
}
