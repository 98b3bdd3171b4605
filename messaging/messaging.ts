/**
 * The road of a message, top to bottom:
 *
 *   command -> tx             state, inbox or idempotency row, outbox: one commit, so that no crash can part them
 *           -> relay          sends what was committed, in order, until it is taken
 *           -> bus            at least once, in order per group, each group on a lane of its own
 *           -> schema check   what nobody can read is a dead letter at once
 *           -> inbox claim    in the handler's transaction: a second delivery ends here
 *           -> handler        changes state and emits; commits with the claim
 *           -> settle         done, wait, retry with back-off, or dead letter
 *
 * A command's replies are kept with its inbox row: when it comes a second time, because its sender never heard, they
 * are sent again instead of the work being done again.
 */
import type { Bus, DeadLetters, Delivery, QueueStat, Subscription } from './bus/bus.ts'
import type { SpanSink } from '@breakwater/starter'
import { systemClock, type Cancel, type Clock } from './clock.ts'
import { createEmitter, type Emitter, type EmitterContext, type EmitterParts, type Said } from './emitter.ts'
import { uuidv7, type Envelope, type NewId } from './envelope.ts'
import { messagingError } from './errors.ts'
import { NO_FAULTS, type Faults } from './faults.ts'
import { queueOf, topicOf, type MessagingOptions } from './options.ts'
import { Relay } from './relay.ts'
import type { Schemas } from './schemas.ts'
import { probeStore, type Store, type Tx } from './store/store.ts'
import { MessageTrace } from './trace.ts'

/** Handles one type of message. Everything it does goes through `tx` and `emit`, or it is not exactly once. */
export type MessageHandler<T extends Tx> =
  (message: Envelope, tx: T, emit: Emitter, prepared: unknown) => Promise<void>

export interface MessageRoute<T extends Tx> {
  /** `command`: replies are kept and re-emitted when the command comes again. */
  readonly kind: 'event' | 'command'
  /** What must be fetched from elsewhere, before the transaction: inside it nobody waits for a network. */
  readonly prepare?: (message: Envelope) => Promise<unknown>
  readonly handle: MessageHandler<T>
  /** Called behind the commit, also of a delivery that changed nothing; for waking those who wait in this process. */
  readonly committed?: (message: Envelope) => void
}

export interface Logger {
  info (fields: object, text: string): void
  warn (fields: object, text: string): void
  error (fields: object, text: string): void
}

export interface MessagingParts<T extends Tx> {
  readonly service: string
  readonly store: Store<T>
  readonly bus: Bus
  readonly schemas: Schemas
  /** By message type. */
  readonly routes?: Readonly<Record<string, MessageRoute<T>>>
  /** Events of other services; commands need no subscription. */
  readonly subscribe?: ReadonlyArray<{ readonly service: string, readonly types: readonly string[] }>
  readonly options: MessagingOptions
  readonly log: Logger
  readonly faults?: Faults
  /** @default the machine's */
  readonly clock?: Clock
  /** @default uuidv7 */
  readonly newId?: NewId
  /** Where spans of messages go; the service's own. */
  readonly spans?: SpanSink | undefined
}

/** Between two looks for a bus that was not there at the start. */
const PROVISION_MS = 500

/** One service's part in the conversation. */
export class Messaging<T extends Tx> {
  readonly store: Store<T>
  readonly bus: Bus
  readonly queue: string
  readonly #parts: MessagingParts<T>
  readonly #relay: Relay
  readonly #clock: Clock
  readonly #faults: Faults
  readonly #trace: MessageTrace
  readonly #emitting: EmitterParts
  #waiting = 0
  #stopConsuming: (() => Promise<void>) | undefined
  #provisioning: Cancel | undefined
  #timers: Cancel[] = []
  #stopped = false

  constructor (parts: MessagingParts<T>) {
    this.#parts = parts
    this.store = parts.store
    this.bus = parts.bus
    this.queue = queueOf(parts.options.prefix, parts.service)
    this.#clock = parts.clock ?? systemClock
    this.#faults = parts.faults ?? NO_FAULTS
    const now = () => this.#clock.now()
    this.#trace = new MessageTrace(parts.spans, now)
    const { service, schemas, newId = uuidv7, options: { prefix } } = parts
    this.#emitting = { service, schemas, prefix, trace: this.#trace, now, newId }
    const { relayBatch: batch, sweepMs, maxBackOffMs } = parts.options
    this.#relay = new Relay(parts.store, parts.bus, { batch, sweepMs, maxBackOffMs, clock: this.#clock,
      faults: this.#faults, onError: error => { this.#relayFailed(error) } })
  }

  /** Refuses a store that cannot keep its promise, then relays and consumes. A dead bus is no reason not to start. */
  async start (): Promise<void> {
    await probeStore(this.store, this.#clock.now())
    await this.#count()
    this.#relay.start()
    await this.#provision()
    const { purgeMs, sweepMs } = this.#parts.options
    this.#timers = [
      this.#clock.every(sweepMs, () => { this.#inBackground(this.#count()) }),
      this.#clock.every(purgeMs, () => { this.#inBackground(this.#purge()) })
    ]
  }

  async stop (): Promise<void> {
    this.#stopped = true
    this.#provisioning?.()
    for (const cancel of this.#timers) cancel()
    await this.#stopConsuming?.()
    await this.#relay.stop()
    await this.bus.close()
  }

  /**
   * Runs a command: `fn` changes state and emits; all of it is committed, or nothing. Throws E_OUTBOX_FULL before
   * anything is done when the bus has been away for too long.
   */
  async tx<Value> (fn: (tx: T, emit: Emitter) => Promise<Value>, trace?: string): Promise<Value> {
    if (this.#waiting > this.#parts.options.maxOutbox) throw messagingError('E_OUTBOX_FULL', [this.#waiting])
    return this.inTransaction(fn, trace)
  }

  /** The same for work that must go on whatever waits in the outbox: deadlines, rebuilds. */
  async inTransaction<Value> (fn: (tx: T, emit: Emitter) => Promise<Value>, trace?: string): Promise<Value> {
    const value = await this.#write((tx, said) => fn(tx, this.#emitter(tx, { traceparent: trace }, said)))
    this.#faults.at('afterCommit')
    return value
  }

  /** Unsent messages, as of the last sweep. */
  get outboxDepth (): number {
    return this.#waiting
  }

  /** False while the bus refuses what the relay brings. */
  get busUp (): boolean {
    return this.#relay.failures === 0
  }

  get dlq (): DeadLetters {
    return this.bus.dlq(this.queue)
  }

  stats (): Promise<QueueStat> {
    return this.bus.stats(this.queue)
  }

  /** One transaction; what it said is told to the trace once it is committed, for the try that was. */
  async #write<Value> (fn: (tx: T, said: Said) => Promise<Value>): Promise<Value> {
    let said: Said = { entries: [], spans: [] }
    const value = await this.store.tx(tx => {
      said = { entries: [], spans: [] }
      return fn(tx, said)
    })
    this.#trace.sent(said.spans)
    return value
  }

  #emitter (tx: T, context: EmitterContext, said: Said): Emitter {
    return createEmitter(this.#emitting, tx, context, said)
  }

  async #consume (delivery: Delivery): Promise<void> {
    const { schemas, service, routes = {}, log } = this.#parts
    const message = delivery.envelope
    schemas.check(message)
    const route = Object.hasOwn(routes, message.type) ? routes[message.type] : undefined
    if (route === undefined) return log.warn({ type: message.type }, 'no handler for this message')
    const { traceparent, run } = this.#trace.handle(message, service, delivery.tries)
    await run(async () => {
      const prepared = await route.prepare?.(message)
      await this.#write((tx, said) => this.#handleOnce(delivery, route, tx, said, { prepared, traceparent }))
    })
    route.committed?.(message)
    this.#faults.at('beforeAck')
  }

  async #handleOnce (
    { envelope: message, tries }: Delivery, route: MessageRoute<T>, tx: T, said: Said,
    { prepared, traceparent }: { prepared: unknown, traceparent: string | undefined }
  ): Promise<void> {
    const claim = await tx.inbox.claim(this.#parts.service, message.id)
    if (!claim.fresh) {
      // A dedupe id of its own: the bus may still remember the first sending and would swallow this one.
      const again = claim.replies.map(reply => ({ ...reply, dedupe: `${reply.id}:r${this.#clock.now()}-${tries}` }))
      await tx.outbox.append(again)
      return
    }
    const { correlationid } = message
    await route.handle(message, tx, this.#emitter(tx,
      { traceparent, correlationId: correlationid, causationId: message.id }, said), prepared)
    if (route.kind === 'command' && said.entries.length > 0) {
      await tx.inbox.keepReplies(this.#parts.service, message.id, said.entries)
    }
  }

  /** Tries until the bus is there: a service must start, and take commands, without it. */
  async #provision (): Promise<void> {
    const { routes = {}, subscribe = [], options, service, log } = this.#parts
    const subscriptions: Subscription[] = subscribe.map(entry =>
      ({ topic: topicOf(options.prefix, entry.service), types: entry.types }))
    try {
      await this.bus.provision(this.queue, subscriptions, topicOf(options.prefix, service))
    } catch (error) {
      if (!(error instanceof Error && 'canRetry' in error && error.canRetry === true)) throw error
      if (this.#provisioning === undefined) log.warn({ err: String(error) }, 'the bus is not there yet')
      if (this.#stopped) return
      this.#provisioning = this.#clock.after(PROVISION_MS, () => { this.#inBackground(this.#provision()) })
      return
    }
    if (Object.keys(routes).length === 0 || this.#stopped) return
    this.#stopConsuming = this.bus.consume(this.queue, delivery => this.#consume(delivery), { lanes: options.lanes })
  }

  async #count (): Promise<void> {
    this.#waiting = await this.store.outbox.count()
  }

  async #purge (): Promise<void> {
    const { keepSentMs, keepInboxMs, keepAnswersMs } = this.#parts.options
    const now = this.#clock.now()
    await this.store.purge({ sentMs: now - keepSentMs, inboxMs: now - keepInboxMs, answersMs: now - keepAnswersMs })
  }

  #inBackground (work: Promise<void>): void {
    work.catch((error: unknown) => { this.#parts.log.warn({ err: String(error) }, 'messaging housekeeping failed') })
  }

  /** The first failure in a row is news, the hundredth is not. */
  #relayFailed (error: unknown): void {
    if (this.#relay.failures === 1) this.#parts.log.warn({ err: String(error) }, 'the relay waits for the bus')
  }
}
