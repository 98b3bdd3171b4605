/** The values of this service, the same at every door: HTTP and messages. */
import { MAX_STOCK } from './domain/stock.ts'

/** One spelling: UUIDs compare without regard to case, and keys of stores do not. */
export const uuid = { type: 'string', format: 'uuid', pattern: '^[0-9a-f-]{36}$' } as const
/** Counted in characters of Unicode, as JSON Schema does. */
export const sku = { type: 'string', minLength: 1, maxLength: 64 } as const
/** What one line wants of an article. */
export const qty = { type: 'integer', minimum: 1, maximum: 1_000_000 } as const
/** What there is of an article. */
export const stock = { type: 'integer', minimum: 0, maximum: MAX_STOCK } as const
