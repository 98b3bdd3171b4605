/** Character classes of RFC 9110 and 9112 as tables indexed by latin1 code: one load a character, no branches. */

function table (accepts: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => accepts(code) ? 1 : 0)
}

const TOKEN_MARKS = new Set("!#$%&'*+-.^_`|~")

const isAlphaNumeric = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

/** tchar: methods and field names. */
export const TOKEN = table((code) => isAlphaNumeric(code) || TOKEN_MARKS.has(String.fromCharCode(code)))

/** Field values: VCHAR, obs-text, SP and HTAB. No other control character, so no CR, LF or NUL can hide in one. */
export const FIELD_VALUE = table((code) => code === 9 || (code >= 32 && code !== 127))

/**
 * Request target: printable ASCII without `#` (a fragment is never sent) and without `\`, which some servers read
 * as `/`. Raw UTF-8 is refused as in Node's parser: it must come percent-encoded.
 */
export const TARGET = table((code) => code > 32 && code < 127 && code !== 35 && code !== 92)

/** reg-name and IPv4 of a Host header (unreserved, sub-delims; percent is refused: nobody resolves it alike). */
export const HOST = table((code) => isAlphaNumeric(code) || "-._~!$&'()*+,;=".includes(String.fromCharCode(code)))

/** Hexadecimal digit values; 255 for all else. */
export const HEX = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase())
  return digit < 0 ? 255 : digit
})

/** ASCII capitals as small letters, all else as it is. */
export const LOWER = Uint8Array.from({ length: 256 }, (_, code) => code >= 65 && code <= 90 ? code + 32 : code)

/** True when `text` can stand as a field value: what filters put into headers passes through here. */
export function isFieldValue (text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 255 || FIELD_VALUE[code] === 0) return false
  }
  return true
}

/** True when `text` is a field name. */
export function isToken (text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 255 || TOKEN[code] === 0) return false
  }
  return text.length > 0
}

/**
 * The same text in one piece. What was put together from pieces stays a tree of them, and is copied piece by piece each
 * time it is written: for texts that are kept and written often.
 */
export function flattened (text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** Compares a range of `text` with a lower-case name, ASCII letters without regard to case. */
export function equalsIgnoreCase (text: string, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    let code = text.charCodeAt(start + i)
    if (code >= 65 && code <= 90) code += 32
    if (code !== lower.charCodeAt(i)) return false
  }
  return true
}

/** Do the characters of `text`, as they are, stand in `bytes` from `from` on? */
export function startsWith (bytes: Uint8Array, from: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false
  return true
}
