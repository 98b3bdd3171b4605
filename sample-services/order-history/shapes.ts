/** The values of this service, the same at every door: HTTP and messages. */

/** One spelling: UUIDs compare without regard to case, and keys of stores do not. */
export const uuid = { type: 'string', format: 'uuid', pattern: '^[0-9a-f-]{36}$' } as const
/** Whole numbers are exact up to here, wherever JSON is read (RFC 8259, 6). */
export const amount = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
export const version = { ...amount, minimum: 1 } as const
