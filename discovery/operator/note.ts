import { toDurationMs } from '@breakwater/starter/settings'
import type { OverrideNote } from '../registry/words.ts'

/** What somebody says with an override, as it came from a body or a query. */
export interface RawNote {
  readonly reason?: unknown
  readonly for?: unknown
  readonly until?: unknown
}

/** As much as a registry keeps and tells its peers. */
export const MAX_REASON = 500
/** Who means longer means for ever. */
const MAX_MS = 366 * 86_400_000

/** The note, or a text that says what is wrong with it. `now` is the cluster's time, by which it ends. */
export function noteOf (
  { reason, for: duration, until }: RawNote, now: number, author?: string
): OverrideNote | string {
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > MAX_REASON)) {
    return `"reason" must be a text of at most ${MAX_REASON} characters.`
  }
  if (duration !== undefined && until !== undefined) return 'Give "for" or "until", not both.'
  const end = duration === undefined ? endAt(until) : endAfter(duration, now)
  if (end === null) return '"for" must be a duration such as 30m or 2h, "until" a time such as 2030-01-31T18:00:00Z.'
  if (end !== undefined && (end <= now || end > now + MAX_MS)) return 'The end must be later than now and within a year.'
  return { author: author?.slice(0, MAX_REASON), reason: reason === '' ? undefined : reason, until: end }
}

function endAfter (duration: unknown, now: number): number | null {
  const ms = typeof duration === 'string' ? toDurationMs(duration) : undefined
  return ms === undefined ? null : Math.round(now + ms)
}

/** undefined: it has no end; null: that is no time. */
function endAt (until: unknown): number | undefined | null {
  if (until === undefined) return undefined
  const ms = typeof until === 'number' ? until : typeof until === 'string' ? Date.parse(until) : NaN
  return Number.isFinite(ms) ? Math.round(ms) : null
}
