/**
 * Errors in the shape of Spring Boot's own: four fields. Where a person will read it (a bad name, a broken file) the
 * fifth, `message`, says what to do; Spring's client quotes it.
 */
import { STATUS_CODES } from 'node:http'
import { BreakwaterError } from '@breakwater/starter/errors'

/** The status of whatever was thrown; what is not ours is a 500 and tells nothing of itself. */
export function statusOf (failure: unknown): number {
  const status = (failure as { statusCode?: unknown } | null)?.statusCode
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500
}

/** Boot's body for a failed request; `path` is the raw path without its query. */
export function errorBody (failure: unknown, status: number, url: string, now: Date): string {
  const told = failure instanceof BreakwaterError && ([400, 403, 413].includes(status) || status >= 500)
  return JSON.stringify({
    timestamp: now.toISOString(),
    status,
    error: STATUS_CODES[status] ?? 'Error',
    ...(told ? { message: failure.toString() } : {}),
    path: url.split('?', 1)[0]
  })
}
