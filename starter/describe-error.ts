/**
 * An error as it may be told: in logs, and wherever else somebody reads it. Libraries hang their request or response
 * onto their errors (Consul's client the header with the token, the AWS SDK the signed call, PostgreSQL's its
 * connection), so only fields that are named here are taken, never those that an error happens to have.
 */

/** What is told of an error; absent fields were not there or not of that type. */
export interface ErrorDescription {
  /** The name of its class, such as `TypeError`. */
  readonly type: string
  /** At most 2,000 characters, as `code` is at most 100 and `stack` at most 6,000. */
  readonly message: string
  readonly code?: string | number
  /** HTTP status of the answer that was a failure. */
  readonly status?: number
  readonly stack?: string
  readonly cause?: ErrorDescription
  /** Those that an AggregateError holds, the first five. */
  readonly errors?: readonly ErrorDescription[]
}

const MAX_MESSAGE = 2_000
const MAX_CODE = 100
const MAX_STACK = 6_000
/** Causes of causes, and errors within errors; one that is its own cause ends here too. */
const MAX_DEPTH = 4
const MAX_ERRORS = 5

/** Describes whatever was thrown; never throws, and its size is bounded. */
export function describeError (failure: unknown, depth = 0): ErrorDescription {
  if (typeof failure !== 'object' || failure === null) return { type: typeof failure, message: cut(String(failure), MAX_MESSAGE) }
  const [code, status, stack] = [codeOf(failure), statusOf(failure), read(failure, 'stack')]
  return {
    type: typeOf(failure),
    message: cut(text(read(failure, 'message')) ?? '', MAX_MESSAGE),
    ...code !== undefined && { code },
    ...status !== undefined && { status },
    ...typeof stack === 'string' && { stack: cut(stack, MAX_STACK) },
    ...depth < MAX_DEPTH && within(failure, depth + 1)
  }
}

function within (failure: object, depth: number): Partial<ErrorDescription> {
  const [cause, errors] = [read(failure, 'cause'), read(failure, 'errors')]
  return {
    ...cause !== undefined && cause !== null && { cause: describeError(cause, depth) },
    ...Array.isArray(errors) && { errors: errors.slice(0, MAX_ERRORS).map(error => describeError(error, depth)) }
  }
}

function typeOf (failure: object): string {
  const name = text(read(failure, 'name'))
  const made = text(read(read(failure, 'constructor'), 'name'))
  // A class of its own says more than the name it inherits; an Error that was given a name says it by that.
  return cut((made === 'Error' || made === 'Object' ? name : made) ?? made ?? 'object', MAX_CODE)
}

function codeOf (failure: object): string | number | undefined {
  const code = read(failure, 'code')
  return typeof code === 'number' ? code : typeof code === 'string' ? cut(code, MAX_CODE) : undefined
}

/** As Consul's client, fastify, undici and the AWS SDK name it. */
function statusOf (failure: object): number | undefined {
  const found = [read(failure, 'statusCode'), read(failure, 'status'), read(read(failure, '$metadata'), 'httpStatusCode')]
  return found.find(status => typeof status === 'number')
}

/** Getters of foreign classes may throw. */
function read (from: unknown, name: string): unknown {
  try {
    return (from as Readonly<Record<string, unknown>> | null | undefined)?.[name]
  } catch {
    return undefined
  }
}

function text (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function cut (value: string, most: number): string {
  return value.length <= most ? value : `${value.slice(0, most)}... (${value.length} characters)`
}
