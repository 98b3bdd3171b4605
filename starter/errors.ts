/**
 * Errors a user can act on: a code, what, where, why and the next step.
 *
 * Every package lists its own in one table (`errors.ts`) made by {@link errorTable}; one place per protocol turns
 * them into an answer. Foreign errors become the `cause`, never the message.
 */

/** What a table says of one error. `%s` in `text` and `next` is filled in order from the arguments. */
export interface ErrorSpec {
  /** One sentence: what is wrong and why. */
  readonly text: string
  /** What to do about it. */
  readonly next?: string
  /** HTTP status when this error reaches a client of our own APIs. Default 500. */
  readonly status?: number
  /** Whether the same call may succeed when repeated. Default false. */
  readonly canRetry?: boolean
}

export interface ErrorDetails {
  /** Where: `application.yml:14`, a setting's name, a URL without credentials. */
  readonly where?: string | undefined
  readonly cause?: unknown
}

/** An error with a stable code. Its `message` is the whole line a user reads, without the code. */
export class BreakwaterError extends Error {
  readonly code: string
  readonly where: string | undefined
  readonly next: string | undefined
  readonly statusCode: number
  readonly canRetry: boolean

  constructor (code: string, spec: ErrorSpec, args: readonly unknown[], details: ErrorDetails = {}) {
    const values = args.map(String)
    const text = fill(spec.text, values)
    const next = spec.next === undefined ? undefined : fill(spec.next, values)
    super([details.where, text].filter(Boolean).join(': ') + (next === undefined ? '' : ` ${next}`),
      details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'BreakwaterError'
    this.code = code
    this.where = details.where
    this.next = next
    this.statusCode = spec.status ?? 500
    this.canRetry = spec.canRetry ?? false
  }

  /** The line shown to a person: `E_PORT_IN_USE 127.0.0.1:8080: ... Stop it, or set ...`. */
  override toString (): string {
    return `${this.code} ${this.message}`
  }
}

function fill (text: string, values: string[]): string {
  return text.replace(/%s/g, () => values.shift() ?? '')
}

/**
 * Makes the constructor of a package's errors from its table.
 * @example
 * const error = errorTable({ E_PORT_IN_USE: { text: '%s is taken', next: 'Set server.port to another one.' } })
 * throw error('E_PORT_IN_USE', ['127.0.0.1:8080'], { where: 'gateway' })
 */
export function errorTable<Code extends string> (table: Readonly<Record<Code, ErrorSpec>>) {
  return (code: Code, args: readonly unknown[] = [], details: ErrorDetails = {}): BreakwaterError =>
    new BreakwaterError(code, table[code], args, details)
}
