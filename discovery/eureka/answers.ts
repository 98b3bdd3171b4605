/**
 * What a route of Eureka's API answers, apart from HTTP. Most of it is a constant: Netflix's client takes a 404 with
 * a body for a decoding failure and then never registers again, so an empty answer is really empty.
 */
export interface Answer {
  readonly status: number
  readonly type?: string
  readonly body?: string | Buffer
}

export const OK: Answer = Object.freeze({ status: 200 })
export const REGISTERED: Answer = Object.freeze({ status: 204 })
export const NOT_FOUND: Answer = Object.freeze({ status: 404 })
export const UNSUPPORTED: Answer = Object.freeze({ status: 415 })
export const FORBIDDEN: Answer = Object.freeze({ status: 403 })
const BROKEN: Answer = Object.freeze({ status: 500 })
export const FULL: Answer = Object.freeze({ status: 503 })

/** A refusal that says why, as Eureka's own does on 400. */
export function badRequest (why: string): Answer {
  return { status: 400, type: why.startsWith('{') ? 'application/json' : 'text/plain', body: why }
}

/** How a query that makes no sense is refused: the original breaks on it, which `strict` keeps. */
export function queryRefusal (strict: boolean): (why: string) => Answer {
  return strict ? () => BROKEN : badRequest
}

/** Whether a value is an answer and not what was asked for. */
export function isAnswer (value: object): value is Answer {
  return 'status' in value && typeof value.status === 'number'
}
