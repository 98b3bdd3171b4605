/** Java's ZonedDateTime text, `[Zone/Id]` included, or epoch milliseconds. */

/** Throws when it is neither. */
export function parseInstantMs (text: string): number {
  if (/^-?\d+$/.test(text.trim())) return Number(text)
  const found = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:?\d{2})(?:\[[\w/+-]+\])?$/.exec(text.trim())
  // The offset decides; the zone's name in brackets only says where it comes from.
  const ms = found === null ? Number.NaN : Date.parse(`${found[1]}${found[2]}`)
  if (Number.isNaN(ms)) throw new Error('expected 2026-01-20T17:42:47.789-07:00[America/Denver] or epoch milliseconds')
  return ms
}
