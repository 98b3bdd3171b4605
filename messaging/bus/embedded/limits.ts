/** What the embedded bus takes and gives in one call; its clients divide what is more. */

/** Messages, settlements, ids of dead letters. */
export const MAX_ITEMS = 100
/**
 * Bytes of a call, and of the bodies in an answer. One message of 256 KiB is 1.5 MiB in JSON's worst spelling, so each
 * fits; bodies that JSON spells at double length double an answer.
 */
export const MAX_CALL_BYTES = 4 * 1024 * 1024
/** Nobody answers more. */
export const MAX_ANSWER_BYTES = 8 * MAX_CALL_BYTES
