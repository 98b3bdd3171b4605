/** The values of this service, the same at every door: HTTP and messages. */

/** One spelling: UUIDs compare without regard to case, and keys of stores do not. */
export const uuid = { type: 'string', format: 'uuid', pattern: '^[0-9a-f-]{36}$' } as const
export const currency = { type: 'string', pattern: '^[A-Z]{3}$' } as const
/** Minor units; up to here whole numbers are exact wherever JSON is read (RFC 8259, 6). */
export const amount = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
/** What is paid in at once; all that a user pays in is limited where it is added up. */
export const depositAmount = { type: 'integer', minimum: 1, maximum: 1_000_000_000_000 } as const
/** Why a capture is refused. */
export const refusal = { enum: ['INSUFFICIENT_FUNDS', 'ACCOUNT_FROZEN', 'NO_ACCOUNT', 'VOIDED'] } as const
