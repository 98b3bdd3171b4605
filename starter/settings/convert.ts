/** Texts to typed values, as Spring's converters read them; undefined when the text is none. */

const TRUE = new Set(['true', 'on', 'yes', '1'])
const FALSE = new Set(['false', 'off', 'no', '0'])

/** `true/on/yes/1` and `false/off/no/0`, in any case. */
export function toBoolean (text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  if (TRUE.has(word)) return true
  return FALSE.has(word) ? false : undefined
}

/** A whole number, decimal or `0x`, within what JavaScript counts exactly. */
export function toInteger (text: string): number | undefined {
  const word = text.trim()
  if (!/^[-+]?(?:\d+|0x[0-9a-fA-F]+)$/.test(word)) return undefined
  const value = Number(word)
  return Number.isSafeInteger(value) ? value : undefined
}

/** A finite decimal number. */
export function toNumber (text: string): number | undefined {
  const word = text.trim()
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(word) && Number.isFinite(Number(word)) ? Number(word) : undefined
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6, us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000
}

/** Milliseconds of Spring's durations: `10s`, `500ms`, `1d`, ISO-8601 `PT1M30S`; a bare number is milliseconds. */
export function toDurationMs (text: string): number | undefined {
  const word = text.trim()
  const simple = /^([-+]?\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)?$/i.exec(word)
  if (simple !== null) return Number(simple[1]) * (UNIT_MS[(simple[2] ?? 'ms').toLowerCase()] ?? 1)
  const iso = /^([-+])?P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(word)
  if (iso === null) return undefined
  const [, sign, days = '0', hours = '0', minutes = '0', seconds = '0'] = iso
  const total = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000
  return sign === '-' ? -total : total
}

const UNIT_BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 }

/** Bytes of Spring's data sizes: `10MB` is 10 x 1024 x 1024; a bare number is bytes. */
export function toBytes (text: string): number | undefined {
  const match = /^(\d+)\s*(b|kb|mb|gb|tb)?$/i.exec(text.trim())
  if (match === null) return undefined
  const value = Number(match[1]) * (UNIT_BYTES[(match[2] ?? 'b').toLowerCase()] ?? 1)
  return Number.isSafeInteger(value) ? value : undefined
}

/** A comma list; blanks around items are dropped, an empty text is an empty list. */
export function toList (text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map(item => item.trim())
}
