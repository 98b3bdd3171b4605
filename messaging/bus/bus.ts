/**
 * The bus port. At least once, in order within a group, each group on its own lane, so that one slow or poisoned
 * aggregate holds up nobody else. Whatever a bus promises beyond that is not used: consumers dedupe and order by
 * themselves (inbox, aggregate versions).
 */
import type { Envelope } from '../envelope.ts'

/** A message ready to go: its text, and what the bus needs to know about it. */
export interface Outgoing {
  readonly id: string
  readonly dedupe: string
  readonly group: string
  readonly type: string
  readonly body: string
}

/** A message as a consumer gets it. */
export interface Delivery {
  readonly envelope: Envelope
  /**
   * 1 on the first try. Counts what a handler ended with an ordinary error; received and given back untried, or because
   * the surroundings were down, counts nothing.
   */
  readonly tries: number
  /**
   * How often the bus has handed it out, where it cannot tell what became of that (SQS). Undefined where the bus bounds
   * by itself what ends each of its consumers.
   */
  readonly receives?: number
}

export interface DeadLetter {
  /** The bus's own handle, for redrive and drop. */
  readonly id: string
  readonly group: string
  readonly type: string
  readonly body: string
  readonly error: string
  readonly at: number
}

export interface QueueStat {
  readonly queue: string
  readonly waiting: number
  readonly inFlight: number
  readonly dead: number
  readonly oldestMs: number
}

export interface DeadLetters {
  list (limit: number): Promise<DeadLetter[]>
  /** Sends them to their queue again, under a new dedupe id; returns how many. */
  redrive (ids: readonly string[] | 'all'): Promise<number>
  drop (ids: readonly string[]): Promise<number>
}

/** Subscribes a queue to the events of a topic. */
export interface Subscription {
  readonly topic: string
  readonly types: readonly string[]
}

/** A try that failed for a reason of the message's own. */
export interface Failure {
  /** Undefined where the body is none. */
  readonly envelope: Envelope | undefined
  readonly tries: number
  readonly error: unknown
  /** It was the last try. */
  readonly dead: boolean
}

export interface ConsumeOptions {
  /** How many groups are handled at the same time. Default 16. */
  readonly lanes?: number
  /** A message not settled by then goes to another consumer; extended while a handler works. Default: the bus's own. */
  readonly visibilityMs?: number
  /** Called with each failure of the consumer's loop: the bus is away, or refuses us. */
  readonly onError?: (error: unknown) => void
  /** Called when the bus has answered, for the first time and after failures. */
  readonly onUp?: () => void
  /** Called with each try that failed; not where the surroundings were down. */
  readonly onFailure?: (failure: Failure) => void
}

/** Handles one message; what it throws decides what becomes of it (see `handling.ts`). */
export type Handler = (delivery: Delivery) => Promise<void>

/**
 * Messages that were not taken, by dedupe id; the others of the call were. An error with `canRetry` speaks of this
 * moment, and none behind it in its group is taken either; any other is for ever: the bus will never take this message.
 */
export type Refused = ReadonlyMap<string, Error>

export interface Bus {
  readonly description: string
  /** How long it may still deliver a message that it has taken; undefined: until it is handled. */
  readonly retentionMs?: number
  /**
   * Makes sure the queue and its subscriptions exist, creating them only where that is allowed. A subscription only
   * grows: in a rolling deploy, and after a rollback, instances that know fewer types must not take away the others'.
   */
  provision (queue: string, subscriptions: readonly Subscription[], topic: string): Promise<void>
  /** Takes types out of a queue's subscription: the word of a person who knows that no instance wants them any more. */
  unsubscribe (queue: string, subscription: Subscription): Promise<void>
  /** To every subscribed queue. Rejects when nothing was taken; else returns what was refused. */
  publish (topic: string, messages: readonly Outgoing[]): Promise<Refused>
  /** To one queue. */
  send (queue: string, messages: readonly Outgoing[]): Promise<Refused>
  /** Starts consuming; the returned function stops it and waits for handlers that are at work. */
  consume (queue: string, handler: Handler, options?: ConsumeOptions): () => Promise<void>
  dlq (queue: string): DeadLetters
  stats (queue: string): Promise<QueueStat>
  /** Calls back when the bus has lost all it knew of its queues and subscriptions, where it can tell. */
  onRenewed? (listener: () => void): void
  close (): Promise<void>
}

/** Tries per message before it is a dead letter. */
export const MAX_TRIES = 5

/** Waits before the second, third, ... try. */
export const RETRY_DELAYS_MS: readonly number[] = [0, 1000, 5000, 15_000]
