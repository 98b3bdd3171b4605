/**
 * Dates of requests as the instants they mean, in the one spelling in which documents are kept and compared: UTC, with
 * milliseconds. As texts, `12:00:00+02:00` would be later than `11:00:00Z`.
 */

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+ -])(\d\d):(\d\d))$/
const FIRST_MS = Date.parse('0000-01-01T00:00:00.000Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * Undefined for what is no instant. A fraction finer than a millisecond is rounded up: nothing lies between, so "from
 * there on" and "before that" select the same documents as the exact instant would.
 */
export function readInstant (text: string): string | undefined {
  const [, date, minute, second, fraction = '', sign, hours, minutes] = RFC_3339.exec(text) ?? []
  if (date === undefined || minute === undefined || second === undefined) return undefined
  // Unix time has no leap seconds (RFC 3339, 5.6 has): 23:59:60 is the instant at which the next day begins.
  const leap = second === '60'
  const local = Date.parse(`${date}T${minute}:${leap ? '59' : second}Z`)
  // What the calendar does not have, as 30 February, would silently be another day.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(`${date}T${minute}`)) return undefined
  const offset = offsetMs(sign, hours, minutes)
  if (offset === undefined) return undefined
  const utc = local - offset
  if (leap && !new Date(utc).toISOString().endsWith('T23:59:59.000Z')) return undefined
  const ms = utc + (leap ? 1000 : 0) + milliseconds(fraction)
  return new Date(Math.min(Math.max(ms, FIRST_MS), LAST_MS)).toISOString()
}

/** A blank is the plus sign of a query that was not percent-encoded. */
function offsetMs (sign = '+', hours = '00', minutes = '00'): number | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

function milliseconds (fraction: string): number {
  const more = /[1-9]/.test(fraction.slice(3)) ? 1 : 0
  return Number(fraction.slice(0, 3).padEnd(3, '0')) + more
}
