/** The values of this service, the same at every door: HTTP and messages. */

/** One spelling: UUIDs compare without regard to case, and keys of stores do not. */
export const userId = { type: 'string', format: 'uuid', pattern: '^[0-9a-f-]{36}$' } as const
export const email = { type: 'string', format: 'email', maxLength: 254 } as const
export const name = { type: 'string', minLength: 1, maxLength: 200 } as const
export const reason = { type: 'string', maxLength: 500 } as const
export const version = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const
