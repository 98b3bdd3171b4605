/** Durations and sizes as Spring Boot writes them: `5s`, `10ms`, `PT1M`, bare = milliseconds; `5MB`, bare = bytes. */

const MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 }
const BYTES: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 }

/** Milliseconds, or undefined when it is no duration. */
export function parseDurationMs (text: string): number | undefined {
  const simple = /^([+-]?\d+)(ns|us|ms|s|m|h|d)?$/i.exec(text.trim())
  if (simple !== null) return Number(simple[1]) * (MS[(simple[2] ?? 'ms').toLowerCase()] ?? 1)
  const iso = /^([+-])?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(text.trim())
  if (iso === null || /[PT]$/i.test(text.trim())) return undefined
  const [, sign, d, h, m, s] = iso
  const ms = Number(d ?? 0) * 8.64e7 + Number(h ?? 0) * 3.6e6 + Number(m ?? 0) * 6e4 + Number(s ?? 0) * 1e3
  return sign === '-' ? -ms : ms
}

/** Bytes, or undefined when it is no size. */
export function parseBytes (text: string): number | undefined {
  const found = /^(\d+)(B|KB|MB|GB|TB)?$/i.exec(text.trim())
  if (found === null) return undefined
  return Number(found[1]) * (BYTES[(found[2] ?? 'B').toUpperCase()] ?? 1)
}
