/** What failures are called: towards fallback targets, and in Resilience4j's and Retry's lists of exceptions. */
import type { FailureKind } from '../exchange.ts'

/** The name sent in `Execution-Exception-Type`. */
export const FAILURE_NAMES: Readonly<Record<FailureKind, string>> = {
  connect: 'ConnectError',
  reset: 'ResetError',
  timeout: 'TimeoutError',
  status: 'StatusError',
  'no-instance': 'NoInstanceError',
  'breaker-open': 'BreakerOpenError',
  bulkhead: 'BulkheadFullError',
  protocol: 'ProtocolError',
  'client-abort': 'ClientAbortError'
}

/** Java's simple class names and ours, lower-case, to the failures they cover; IOException is the mother of most. */
export const FAILURE_KINDS: Readonly<Record<string, readonly FailureKind[]>> = {
  ioexception: ['connect', 'reset'],
  connectexception: ['connect'],
  timeoutexception: ['timeout'],
  notfoundexception: ['no-instance'],
  responsestatusexception: ['status'],
  exception: ['connect', 'reset', 'timeout', 'status', 'no-instance', 'protocol'],
  throwable: ['connect', 'reset', 'timeout', 'status', 'no-instance', 'protocol'],
  ...Object.fromEntries(Object.entries(FAILURE_NAMES)
    .map(([kind, name]) => [name.toLowerCase(), [kind as FailureKind]]))
}
