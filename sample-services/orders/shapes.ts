/** The values of this service, the same at every door: HTTP and messages. */

/** One spelling: UUIDs compare without regard to case, and keys of stores do not. */
export const uuid = { type: 'string', format: 'uuid', pattern: '^[0-9a-f-]{36}$' } as const
/** Counted in characters of Unicode, as JSON Schema does. */
export const sku = { type: 'string', minLength: 1, maxLength: 64 } as const
export const qty = { type: 'integer', minimum: 1, maximum: 1_000_000 } as const
export const currency = { type: 'string', pattern: '^[A-Z]{3}$' } as const
/** Minor units. A line is at most a million times this, which is exact; their sum is checked where it is made. */
export const unitPrice = { type: 'integer', minimum: 0, maximum: 1_000_000_000 } as const
/** Minor units; up to here whole numbers are exact wherever JSON is read (RFC 8259, 6). */
export const amount = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
export const version = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const

/** The lines of an order, or what others need of them. */
export function lines (properties: Readonly<Record<string, object>>, rules: object = {}): object {
  const items = { type: 'object', required: Object.keys(properties), properties, ...rules }
  return { type: 'array', minItems: 1, maxItems: 50, items }
}
