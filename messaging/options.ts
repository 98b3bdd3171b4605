/** What a service says to take part in messaging, and the defaults. */
import type { Settings } from '@breakwater/starter/settings'

export interface MessagingOptions {
  /** Prefix of topic and queue names, so that several platforms share one AWS account. @default breakwater */
  readonly prefix: string
  /** Unsent rows beyond which commands answer 503. @default 100000 */
  readonly maxOutbox: number
  /** Rows a relay reads at once. @default 100 */
  readonly relayBatch: number
  /** How often the relay looks without being woken. @default 500 */
  readonly sweepMs: number
  /** The relay's longest wait between two tries on a dead bus. @default 2000 */
  readonly maxBackOffMs: number
  /** Groups handled at the same time; their transactions share flushes, so more of them cost little. @default 96 */
  readonly lanes: number
  /** Sent rows are kept this long, for the operator's eye. @default 1 h */
  readonly keepSentMs: number
  /** Inbox rows: longer than the bus may deliver a message that it has taken. @default 15 days */
  readonly keepInboxMs: number
  /** Stored answers to Idempotency-Keys. @default 24 h */
  readonly keepAnswersMs: number
  /** How often old rows are removed. @default 60 s */
  readonly purgeMs: number
  /** How long a message of a type that is not known here is left to newer instances. @default 1 h */
  readonly holdUnknownMs: number
  /** How often sagas whose deadline has passed are looked for. @default 250 */
  readonly deadlineLookMs: number
}

export const DEFAULTS: MessagingOptions = Object.freeze({
  prefix: 'breakwater',
  maxOutbox: 100_000,
  relayBatch: 100,
  sweepMs: 500,
  maxBackOffMs: 2000,
  lanes: 96,
  keepSentMs: 3_600_000,
  keepInboxMs: 15 * 24 * 3_600_000,
  keepAnswersMs: 24 * 3_600_000,
  purgeMs: 60_000,
  holdUnknownMs: 3_600_000,
  deadlineLookMs: 250
})

/** Reads `breakwater.messaging.*`. */
export function readMessagingOptions (settings: Pick<Settings, 'string' | 'integer' | 'durationMs'>): MessagingOptions {
  const key = (name: string) => `breakwater.messaging.${name}`
  return Object.freeze({
    prefix: settings.string(key('prefix'), DEFAULTS.prefix),
    maxOutbox: settings.integer(key('max-outbox'), DEFAULTS.maxOutbox),
    relayBatch: settings.integer(key('relay-batch'), DEFAULTS.relayBatch),
    sweepMs: settings.durationMs(key('sweep'), DEFAULTS.sweepMs),
    maxBackOffMs: settings.durationMs(key('max-back-off'), DEFAULTS.maxBackOffMs),
    lanes: settings.integer(key('lanes'), DEFAULTS.lanes),
    keepSentMs: settings.durationMs(key('keep-sent'), DEFAULTS.keepSentMs),
    keepInboxMs: settings.durationMs(key('keep-inbox'), DEFAULTS.keepInboxMs),
    keepAnswersMs: settings.durationMs(key('keep-answers'), DEFAULTS.keepAnswersMs),
    purgeMs: settings.durationMs(key('purge'), DEFAULTS.purgeMs),
    holdUnknownMs: settings.durationMs(key('hold-unknown'), DEFAULTS.holdUnknownMs),
    deadlineLookMs: settings.durationMs(key('deadline-look'), DEFAULTS.deadlineLookMs)
  })
}

/** The names of a service's places on the bus; `.fifo` because SQS demands it and one naming serves every bus. */
export function topicOf (prefix: string, service: string): string {
  return `${prefix}-${service}-events.fifo`
}

export function queueOf (prefix: string, service: string): string {
  return `${prefix}-${service}-in.fifo`
}
