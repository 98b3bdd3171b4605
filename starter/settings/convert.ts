/** Texts to typed values, as Spring's converters read them; undefined when the text is none. */

const TRUE = new Set(['true', 'on', 'yes', '1'])
const FALSE = new Set(['false', 'off', 'no', '0'])

/** `true/on/yes/1` and `false/off/no/0`, in any case. */
export function toBoolean (text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  if (TRUE.has(word)) return true
  return FALSE.has(word) ? false : undefined
}

/** A whole number, decimal or `0x` (`#` in Java), within what JavaScript counts exactly. */
export function toInteger (text: string): number | undefined {
  const [, sign, digits, hex] = /^([-+])?(?:(\d+)|(?:0[xX]|#)([0-9a-fA-F]+))$/.exec(text.trim()) ?? []
  if (digits === undefined && hex === undefined) return undefined
  const size = hex === undefined ? Number(digits) : Number.parseInt(hex, 16)
  return Number.isSafeInteger(size) ? (sign === '-' ? 0 - size : size) : undefined
}

/** What YAML and JSON have as a number with a fraction or an exponent, where it is whole: `3.0`, `2e2`. */
export function wholeNumber (text: string): number | undefined {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

const DECIMAL = /^([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)[fFdD]?$/
const HEXADECIMAL = /^([-+])?0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([-+]?\d{1,4})[fFdD]?$/

/** A finite number in Java's forms: `0.5`, `2e3`, `2f`, `0x1p2`. */
export function toNumber (text: string): number | undefined {
  const word = text.trim()
  const decimal = DECIMAL.exec(word)?.[1]
  const value = decimal === undefined ? hexadecimal(word) : Number(decimal)
  return Number.isFinite(value) ? value : undefined
}

function hexadecimal (word: string): number {
  const [, sign, whole = '', fraction = '', exponent] = HEXADECIMAL.exec(word) ?? []
  if (exponent === undefined || whole + fraction === '') return Number.NaN
  const size = Number.parseInt(whole + fraction, 16) * 2 ** (Number(exponent) - 4 * fraction.length)
  return sign === '-' ? -size : size
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6, us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000
}

/** Java's ISO form: a sign for all of it, and one for each part. */
const ISO = new RegExp('^([-+])?P(?=.)(?:([-+]?\\d+)D)?' +
  '(?:T(?=.)(?:([-+]?\\d+)H)?(?:([-+]?\\d+)M)?(?:([-+]?\\d+(?:\\.\\d+)?)S)?)?$', 'i')

/** Milliseconds of Spring's durations: `10s`, `500ms`, `1d`, ISO-8601 `PT1M30S`; a bare number is milliseconds. */
export function toDurationMs (text: string): number | undefined {
  const word = text.trim()
  const simple = /^([-+]?\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)?$/i.exec(word)
  if (simple !== null) return Number(simple[1]) * (UNIT_MS[(simple[2] ?? 'ms').toLowerCase()] ?? 1)
  const iso = ISO.exec(word)
  if (iso === null) return undefined
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = iso.slice(2).map(part => Number(part ?? 0))
  const total = ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000
  return iso[1] === '-' ? 0 - total : total
}

const UNIT_BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 }

/** Bytes of Spring's data sizes: `10MB` is 10 x 1024 x 1024; a bare number is bytes. */
export function toBytes (text: string): number | undefined {
  const match = /^([-+]?\d+)\s*(b|kb|mb|gb|tb)?$/i.exec(text.trim())
  if (match === null) return undefined
  const value = Number(match[1]) * (UNIT_BYTES[(match[2] ?? 'b').toLowerCase()] ?? 1)
  return Number.isSafeInteger(value) ? value : undefined
}

/** A comma list; blanks around items are dropped. An empty text is an empty list, a blank one has an empty item. */
export function toList (text: string): string[] {
  return text === '' ? [] : text.split(',').map(item => item.trim())
}
