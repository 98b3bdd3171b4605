/** What the embedded bus takes and gives in one call; its clients divide what is more. */

/** Messages, settlements. */
export const MAX_ITEMS = 100
