/** What becomes an identifier on AWS: every subject and every dedupe id maps to a legal one. */
import { createHash } from 'node:crypto'

/** "Amazon SQS message quotas": 1 to 128 of ASCII letters, digits and punctuation. */
const LEGAL_ID = /^[!-~]{1,128}$/
/** Begins what stands for a text that is no legal id, or that begins with it itself. */
const MARK = '~'

/**
 * The MessageGroupId or MessageDeduplicationId of any text: itself where it is legal, else a digest. Different texts
 * never meet, and the same one is always the same, in every version: what is in a queue must keep its group.
 */
export function idOf (text: string): string {
  if (LEGAL_ID.test(text) && !text.startsWith(MARK)) return text
  // Not as UTF-8, in which all lone surrogates are one.
  return MARK + createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('base64url')
}
