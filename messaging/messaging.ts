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
import { Loop, Work, type Job, type WorkState } from './background.ts'
import type { Bus, DeadLetters, QueueStat } from './bus/bus.ts'
import type { Span } from '@breakwater/starter'
import { checkPlan } from './check-plan.ts'
import { systemClock, type Clock } from './clock.ts'
import { createEmitter, Said, type Emitter, type EmitterContext, type EmitterParts } from './emitter.ts'
import { uuidv7 } from './envelope.ts'
import { isTransient, messagingError } from './errors.ts'
import { Failures } from './failures.ts'
import { NO_FAULTS, type Faults } from './faults.ts'
import { Forgetting } from './forgetting.ts'
import { Holding } from './holding.ts'
import { Intake } from './intake.ts'
import { queueOf, topicOf } from './options.ts'
import type { MessagingParts } from './parts.ts'
import { planOf, type Plan } from './plan.ts'
import { Relay } from './relay.ts'
import { Deadlines, type DeadlineFailure } from './saga/deadlines.ts'
import { SagaBook, type SagaBookParts } from './saga/saga-book.ts'
import {
  probeStore, type OutboxRow, type SqlReader, type SqlTx, type Store, type Tx, type TxOptions
} from './store/store.ts'
import { Suspects } from './suspects.ts'
import { MessageTrace } from './trace.ts'

/** Between two looks for a bus that was not there at the start. */
const PROVISION_MS = 500

/**
 * Of two versions that widen one subscription at the same moment the second may write over the first, and a queue may
 * be taken away under us: so often it is asked for again.
 */
const SUBSCRIPTIONS_MS = 60_000

export interface WorkOptions extends TxOptions {
  /** The traceparent under which it speaks. */
  readonly trace?: string | undefined
}

/** One service's part in the conversation. */
export class Messaging<T extends Tx> {
  readonly store: Store<T>
  readonly bus: Bus
  readonly queue: string
  /** Undefined in a service without sagas. */
  readonly sagas: SagaBook | undefined
  /** Messages that are left to a newer version of the service. */
  readonly held: Holding
  /** Messages that could not be handled. */
  readonly failures: Failures
  readonly #parts: MessagingParts<T>
  readonly #relay: Relay
  readonly #clock: Clock
  readonly #faults: Faults
  readonly #trace: MessageTrace
  readonly #emitting: EmitterParts
  readonly #plan: Plan<T>
  readonly #intake: Intake<T>
  readonly #joining: Loop
  readonly #staying: Loop
  readonly #consuming: Work
  readonly #loops: readonly Loop[]
  #waiting = 0
  readonly #forgetting: Forgetting
  #failedDeadlines = 0
  #stopConsuming: (() => Promise<void>) | undefined
  /** The bus has lost our subscriptions, and they are not made again yet. */
  #isForgotten = false

  constructor (parts: MessagingParts<T>) {
    this.#parts = parts
    this.store = parts.store
    this.bus = parts.bus
    this.queue = queueOf(parts.options.prefix, parts.service)
    this.#clock = parts.clock ?? systemClock
    this.#faults = parts.faults ?? NO_FAULTS
    this.#plan = planOf(parts)
    const now = () => this.#clock.now()
    this.#forgetting = new Forgetting(parts.store, parts.options, this.#clock)
    this.#trace = new MessageTrace(parts.spans, now)
    const { service, schemas, newId = uuidv7, random = Math.random, options: { prefix } } = parts
    this.#emitting = { service, schemas, prefix, trace: this.#trace, now, newId }
    this.failures = new Failures({ clock: this.#clock, log: parts.log, handles: type => this.#plan.routes.has(type) })
    this.held = new Holding({ holdMs: parts.options.holdUnknownMs, clock: this.#clock,
      random, log: parts.log })
    this.#intake = new Intake({ service, schemas, routes: this.#plan.routes, trace: this.#trace, faults: this.#faults,
      holding: this.held, forgottenMs: () => this.#forgetting.upTo, write: (context, fn) => this.#write(context, fn) })
    const { relayBatch: batch, sweepMs, maxBackOffMs, purgeMs, deadlineLookMs } = parts.options
    this.#relay = new Relay(parts.store, parts.bus, { batch, sweepMs, maxBackOffMs, clock: this.#clock, random,
      faults: this.#faults, onError: (error, failures, where) => { this.#relayFailed(error, failures, where) },
      onRefused: (row, reason) => { this.#refused(row, reason) } })
    const sagas = this.#sagaBook()
    if (sagas !== undefined) this.sagas = new SagaBook(sagas)
    this.#consuming = this.#work('consume')
    this.#joining = this.#loop('provision', PROVISION_MS, () => this.#join())
    this.#staying = this.#loop('subscriptions', SUBSCRIPTIONS_MS, () => this.#provision())
    parts.bus.onRenewed?.(() => { this.#forgotten() })
    this.#loops = [
      this.#loop('count', sweepMs, () => this.#count()),
      this.#loop('purge', purgeMs, () => this.#forgetting.purge()),
      ...(sagas === undefined ? [] : [this.#loop('deadlines', deadlineLookMs, this.#deadlineLook(sagas))])
    ]
  }

  /** Refuses a store that cannot keep its promise, then relays and consumes. A dead bus is no reason not to start. */
  async start (): Promise<void> {
    try {
      checkPlan(this.#parts)
      await probeStore(this.store, this.#clock.now())
      await this.#count()
      await this.#forgetting.read()
      await this.#tellUnknown()
      await this.#join().catch((error: unknown) => {
        if (!isTransient(error)) throw error
        this.#joining.work.failed(error)
        this.#joining.start()
      })
    } catch (error) {
      await this.stop()
      throw error
    }
    for (const loop of this.#loops) loop.start()
  }

  async stop (): Promise<void> {
    await Promise.all([this.#joining, this.#staying, ...this.#loops].map(loop => loop.stop()))
    await this.#stopConsuming?.()
    await this.#relay.stop()
    await this.bus.close()
  }

  /** How the work goes that nobody waits for. */
  get work (): readonly WorkState[] {
    const loops = [this.#staying, ...this.#loops].map(loop => loop.work)
    return [this.#joining.work, this.#consuming, ...loops].map(work => work.state)
  }

  /**
   * Runs a command: `fn` changes state and emits; all of it is committed, or nothing. Throws E_OUTBOX_FULL before
   * anything is done when the bus has been away for too long.
   */
  async tx<Value> (fn: (tx: T, emit: Emitter) => Promise<Value>, how: WorkOptions = {}): Promise<Value> {
    if (this.#waiting > this.#parts.options.maxOutbox) throw messagingError('E_OUTBOX_FULL', [this.#waiting])
    return this.inTransaction(fn, how)
  }

  /** The same for work that must go on whatever waits in the outbox: deadlines, rebuilds. */
  async inTransaction<Value> (fn: (tx: T, emit: Emitter) => Promise<Value>, how: WorkOptions = {}): Promise<Value> {
    const value = await this.#write({ traceparent: how.trace }, fn, how)
    this.#faults.at('afterCommit')
    return value
  }

  /** Milliseconds since 1970. */
  get now (): () => number {
    return this.#emitting.now
  }

  /** Looks at a saga's deadline that ended in an error, since the start. */
  get deadlineFailures (): number {
    return this.#failedDeadlines
  }

  /** Unsent messages, as of the last sweep. */
  get outboxDepth (): number {
    return this.#waiting
  }

  /** False while the bus refuses what the relay brings, has not let the service join, or has forgotten it. */
  get busUp (): boolean {
    return this.#relay.troubles.size === 0 && this.#joining.work.state.failures === 0 && !this.#isForgotten
  }

  /** What the bus does not take at present: a destination, or one group of it. At most a hundred. */
  get troubles (): ReadonlyArray<{ where: string, failures: number, error: string }> {
    return [...this.#relay.troubles].slice(0, 100).map(([where, { failures, error }]) =>
      ({ where, failures, error: String(error) }))
  }

  get dlq (): DeadLetters {
    return this.bus.dlq(this.queue)
  }

  /** Ends the delivery of a type of another service's events: a person's word that no instance handles it any more. */
  async unsubscribe (service: string, type: string): Promise<void> {
    const topic = topicOf(this.#parts.options.prefix, service)
    const used = this.#plan.subscriptions.some(one => one.topic === topic && one.types.includes(type))
    if (used) throw messagingError('E_SUBSCRIPTION_USED', [type])
    await this.bus.unsubscribe(this.queue, { topic, types: [type] })
  }

  stats (): Promise<QueueStat> {
    return this.bus.stats(this.queue)
  }

  /** One transaction; what it said is told to the trace once it is committed, for the try that was. */
  async #write<Value> (
    context: EmitterContext, fn: (tx: T, emit: Emitter, said: Said) => Promise<Value>, how?: TxOptions
  ): Promise<Value> {
    let spans: readonly Span[] = []
    const value = await this.store.tx(async tx => {
      const said = new Said()
      try {
        const result = await fn(tx, createEmitter(this.#emitting, tx, context, said), said)
        await said.end()
        spans = said.spans
        return result
      } finally {
        said.close()
      }
    }, how)
    this.#trace.sent(spans)
    return value
  }

  /** Finds or makes the places on the bus, then consumes. */
  async #join (): Promise<'done'> {
    const { options, service } = this.#parts
    await this.#provision()
    if (this.#joining.stopped) return 'done'
    // Not before: whoever is asked may answer at once, and an answer nobody has subscribed to is gone.
    this.#relay.start()
    if (this.#plan.routes.size > 0) {
      const suspects = new Suspects(this.store, service, delivery => this.#intake.handle(delivery))
      this.#stopConsuming = this.bus.consume(this.queue, delivery => suspects.handle(delivery), {
        lanes: options.lanes,
        onError: error => { this.#consuming.failed(error) },
        onUp: () => { this.#consuming.succeeded() },
        onFailure: failure => { this.failures.failed(failure) }
      })
    }
    this.#staying.start()
    return 'done'
  }

  async #provision (): Promise<void> {
    const { options, service } = this.#parts
    await this.bus.provision(this.queue, this.#plan.subscriptions, topicOf(options.prefix, service))
    this.#isForgotten = false
  }

  #forgotten (): void {
    this.#isForgotten = true
    this.#parts.log.error({ bus: this.bus.description },
      'the bus began anew: what it had taken is lost, and its queues and subscriptions are made again')
    this.#staying.soon()
  }

  /** Sagas of another version of the service: nobody here sees them through, so a person must know. */
  async #tellUnknown (): Promise<void> {
    for (const { type, state, count } of await this.sagas?.unknown() ?? []) {
      this.#parts.log.error({ type, state, count }, 'open sagas are in a state that this version of the service does not know')
    }
  }

  #sagaBook (): SagaBookParts | undefined {
    const { store, sagas = [] } = this.#parts
    if (sagas.length === 0) return undefined
    return {
      sagas,
      // `parts.sagas` can only be given where transactions are SQL.
      reader: (store as Store<Tx, unknown> as Store<SqlTx, SqlReader>).read,
      inTransaction: fn => this.inTransaction((tx, emit) => fn(tx as Tx as SqlTx, emit)),
      now: () => this.#clock.now()
    }
  }

  #deadlineLook (sagas: SagaBookParts): Job {
    const deadlines = new Deadlines({ ...sagas, onFailure: failure => { this.#deadlineFailed(failure) },
      onRedated: count => { this.#parts.log.warn({ count }, 'sagas were dated by a clock that was ahead, and are brought back') } })
    return stopped => deadlines.look(stopped)
  }

  #deadlineFailed ({ sagaId, type, failures, error }: DeadlineFailure): void {
    this.#failedDeadlines++
    if (failures === 1) this.#parts.log.error({ saga: sagaId, type, err: String(error) }, 'the deadline of a saga could not be handled')
  }

  async #count (): Promise<void> {
    this.#waiting = await this.store.outbox.count()
  }

  #loop (name: string, everyMs: number, job: Job): Loop {
    return new Loop(this.#work(name), this.#clock, everyMs, job)
  }

  #work (name: string): Work {
    return new Work(name, this.#parts.log, this.#clock)
  }

  /** The first failure in a row is news, the hundredth is not. */
  #relayFailed (error: unknown, failures: number, where: string): void {
    if (failures > 1) return
    const waitsFor = where === '' ? 'its store' : 'the bus'
    const fields = { err: String(error), ...(where === '' ? {} : { where }) }
    this.#parts.log[isTransient(error) ? 'warn' : 'error'](fields, `the relay waits for ${waitsFor}`)
  }

  #refused ({ id, type, dest, group }: OutboxRow, reason: string): void {
    this.#parts.log.error({ id, type, dest, group, reason },
      'the bus will never take this message: it is set aside, see /internal/outbox')
  }
}
