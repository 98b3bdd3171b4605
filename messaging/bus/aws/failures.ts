/**
 * What an error of AWS means: nobody answers, too many calls, a right or a key that is missing, a place that is
 * missing, or a message that will never be taken. The first two are to be repeated; the others are to be told.
 */
import { messagingError } from '../../errors.ts'

export type FailureKind = 'away' | 'throttled' | 'denied' | 'missing' | 'tooLarge' | 'invalid' | 'unknown'

/** By the error's code, with and without the suffix that the two protocols put behind it. "Common errors". */
const KINDS: ReadonlyArray<readonly [FailureKind, RegExp]> = [
  ['throttled', /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|OverLimit|BandwidthLimitExceeded/],
  ['denied', /AccessDenied|AuthorizationError|NotAuthorized|UnauthorizedOperation|OptInRequired|InvalidSecurity/],
  ['denied', /InvalidClientTokenId|UnrecognizedClient|ExpiredToken|InvalidAccessKeyId|MissingAuthenticationToken/],
  ['denied', /SignatureDoesNotMatch|InvalidSignature|IncompleteSignature|CredentialsProvider|InvalidToken/],
  ['missing', /NonExistentQueue|QueueDoesNotExist|^NotFound/],
  ['tooLarge', /BatchRequestTooLong|MessageTooLong/],
  ['invalid', /InvalidMessageContents|InvalidParameter|MissingParameter|InvalidAttributeValue|^Validation/],
  ['away', /QueueDeletedRecently|ConcurrentAccess|Timeout|InternalError|InternalFailure|ServiceUnavailable/]
]

/** The kind of an entry's code, or of an error's name. */
export function kindOfCode (code: string): FailureKind {
  return KINDS.find(([, pattern]) => pattern.test(code))?.[0] ?? 'unknown'
}

interface SdkError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number, readonly clockSkewCorrected?: boolean }
}

export function kindOf (error: SdkError): FailureKind {
  // The SDK has set its clock by the answer: the next call is signed with the right time.
  if (error.$metadata?.clockSkewCorrected === true) return 'away'
  const status = error.$metadata?.httpStatusCode
  const kind = kindOfCode(error.name)
  if (kind !== 'unknown') return kind
  if (status === 403) return 'denied'
  return status === undefined || status >= 500 || status === 429 ? 'away' : 'unknown'
}

/** What was asked for, in the words of IAM: `sns:Publish`, `topic x-events.fifo`. */
export interface Asked {
  readonly right: string
  readonly on: string
}

/** The error of messaging for one of the SDK; an error that it has no word for stays as it is. */
export function failureOf (error: unknown, { right, on }: Asked, where: string): unknown {
  if (!(error instanceof Error) || 'canRetry' in error) return error
  switch (isFull(error, right) ? 'unknown' : kindOf(error)) {
    case 'away': return messagingError('E_BUS_DOWN', [where, textOf(error)], { cause: error })
    case 'throttled': return messagingError('E_BUS_THROTTLED', [where, textOf(error)], { cause: error })
    // Without a cause: what AWS says of a signature repeats the request with its session token.
    case 'denied': return messagingError('E_BUS_DENIED', [`${right} on ${on}`, error.name])
    case 'missing': return messagingError('E_BUS_PROVISION', [on], { cause: error })
    default: return error
  }
}

/** `OverLimit` of a receive means too many in flight, which passes; of a queue's policy, that it is full for good. */
function isFull ({ name }: Error, right: string): boolean {
  return name.includes('OverLimit') && right !== 'sqs:ReceiveMessage'
}

/** One line: what stands behind the first may be the whole request. */
function textOf (error: Error): string {
  return (error.message || error.name).split('\n')[0]!.slice(0, 200)
}
