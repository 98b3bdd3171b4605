/**
 * The orchestrator of one type of saga: one row per saga, written in the transaction that writes the aggregate and the
 * outgoing command. A crash between any two lines loses nothing: the row says where the saga stands, the outbox what
 * must be said, and deadlines are rows that are looked for, not timers that die with the process.
 */
import type { Emitter } from '../emitter.ts'
import { serviceOf, type Envelope } from '../envelope.ts'
import { messagingError, Newer } from '../errors.ts'
import type { SqlReader, SqlTx } from '../store/store.ts'
import { dueSagas, findById, findBySubject, insertSaga, saveSaga, writeLog, type SagaRow } from './saga-rows.ts'
import type { SagaDefinition, SagaEnd, SagaInput, SagaStep, SagaView, SagaWait } from './saga.ts'
import { deadlineOf, isWait, stateOf } from './states.ts'

/** Called in the saga's transaction when a step changes the aggregate. */
export type SagaEventWriter = (
  tx: SqlTx, emit: Emitter, saga: { id: string, subject: string }, event: NonNullable<SagaStep<unknown>['event']>
) => Promise<void>

/** What became of an input: the saga's state before and after. */
export interface SagaResult { readonly from: string, readonly to: string, readonly ignored: boolean }

/** What messaging asks of a type of saga, whatever its data. */
export interface SagaType {
  readonly definition: Pick<SagaDefinition<never>, 'type' | 'states' | 'stuckMs' | 'cancelReasons'>
  /**
   * Gives a message to the saga that asked for it; without that, to the one of its subject, if it waits for it. Throws
   * {@link Newer} when another version of the definition has brought the saga where it stands.
   */
  reply (tx: SqlTx, emit: Emitter, message: Envelope, asked: SagaRow | undefined): Promise<void>
  /** The ids of those whose deadline has passed, the oldest first. */
  due (reader: SqlReader, now: number, limit: number): Promise<string[]>
  /** Tells the saga that its deadline has passed, unless it has moved in the meantime. */
  expire (tx: SqlTx, emit: Emitter, id: string): Promise<void>
  /** An operator's: sends the running command again. Throws E_SAGA_IDLE when there is none. */
  resend (tx: SqlTx, emit: Emitter, id: string): Promise<void>
  /** An operator's: asks the saga to give up; false when that means nothing where it stands. */
  giveUp (tx: SqlTx, emit: Emitter, id: string, reason: string): Promise<boolean>
}

/** A saga that has not moved for five minutes, where its definition says nothing else. */
export const DEFAULT_STUCK_MS = 300_000

export class Sagas<Data> implements SagaType {
  readonly definition: SagaDefinition<Data>
  readonly #onEvent: SagaEventWriter | undefined

  /** `onEvent` is needed by definitions whose steps have events. */
  constructor (definition: SagaDefinition<Data>, onEvent?: SagaEventWriter) {
    this.definition = definition
    this.#onEvent = onEvent
  }

  /**
   * Opens the saga in the transaction of the command that needs it; returns its id. Throws E_SAGA_EXISTS when the
   * subject has one of this type.
   */
  async begin (tx: SqlTx, emit: Emitter, subject: string, data: Data): Promise<string> {
    const now = emit.now()
    const row: SagaRow = { id: emit.id(), type: this.definition.type, state: 'NEW', subject, step_no: 0, attempt: 0,
      deadline_at: null, cancel_reason: null, data: JSON.stringify(data), command: null, command_id: null, version: 0,
      started_at: now, moved_at: now }
    await insertSaga(tx, row)
    const { ignored } = await this.#tell(tx, emit, row, { kind: 'start' })
    if (ignored) throw this.#fault('NEW', 'is not answered at its start')
    return row.id
  }

  /** Asks the saga of a subject to give up; undefined when there is none. */
  async cancel (tx: SqlTx, emit: Emitter, subject: string, reason: string): Promise<SagaResult | undefined> {
    const row = await findBySubject(tx, this.definition.type, subject)
    if (row === undefined) return undefined
    if (stateOf(this.definition.states, row.state) === undefined) throw messagingError('E_SAGA_NEWER', [row.state])
    return this.#tell(tx, emit, row, { kind: 'cancel', reason })
  }

  async reply (tx: SqlTx, emit: Emitter, message: Envelope, asked: SagaRow | undefined): Promise<void> {
    const { type, id, data } = message
    const row = asked ?? await findBySubject(tx, this.definition.type, message.subject)
    if (row === undefined) return
    const state = stateOf(this.definition.states, row.state)
    if (state === undefined) throw new Newer(`a saga in the state ${row.state} waits for it`)
    const isAwaited = isWait(state) && state.replies?.includes(type) === true &&
      (state.sends === undefined || message.causationid === row.command_id)
    if (isAwaited) await this.#tell(tx, emit, row, { kind: 'reply', type, data }, id)
    else if (asked !== undefined) await this.#note(tx, emit, row, row.state, `ignored ${type}`, id)
  }

  due (reader: SqlReader, now: number, limit: number): Promise<string[]> {
    const { type, states } = this.definition
    return dueSagas(reader, type, Object.keys(states), now, limit)
  }

  async expire (tx: SqlTx, emit: Emitter, id: string): Promise<void> {
    const row = await findById(tx, id)
    if (row === undefined || row.deadline_at === null || row.deadline_at > emit.now()) return
    const { ignored } = await this.#tell(tx, emit, row, { kind: 'timeout' })
    // Its deadline would stay in the past, and it would be told so at each look for ever.
    if (ignored) throw this.#fault(row.state, 'is not left or prolonged at its deadline')
  }

  async resend (tx: SqlTx, emit: Emitter, id: string): Promise<void> {
    const row = await findById(tx, id)
    const state = row === undefined ? undefined : stateOf(this.definition.states, row.state)
    const command = row === undefined || !isWait(state) || state.sends === undefined ? undefined : commandOf(row)
    if (command === undefined) throw messagingError('E_SAGA_IDLE', [row?.state])
    await emit.resend(command, `o${emit.id()}`)
    await this.#note(tx, emit, row!, row!.state, 'sent again by an operator')
  }

  async giveUp (tx: SqlTx, emit: Emitter, id: string, reason: string): Promise<boolean> {
    const row = await findById(tx, id)
    if (row === undefined) return false
    await this.#note(tx, emit, row, row.state, `to be cancelled by an operator: ${reason}`)
    return !(await this.#tell(tx, emit, row, { kind: 'cancel', reason })).ignored
  }

  async #tell (
    tx: SqlTx, emit: Emitter, row: SagaRow, input: SagaInput, messageId?: string
  ): Promise<SagaResult> {
    const step = this.definition.decide(viewOf<Data>(row), input)
    if (step === undefined) {
      await this.#note(tx, emit, row, row.state, `ignored ${input.kind}`, messageId)
      return { from: row.state, to: row.state, ignored: true }
    }
    const state = this.#stateOf(row, step)
    if (step.event !== undefined) await this.#write(tx, emit, row, step.event)
    const sent = await this.#send(emit, row, step, state, input)
    await saveSaga(tx, this.#move(emit, row, step, state, sent, input))
    await this.#note(tx, emit, row, step.to, step.note, messageId)
    return { from: row.state, to: step.to, ignored: false }
  }

  /** Where the step leads; throws E_SAGA_STEP when the definition's states know no such step. */
  #stateOf (row: SagaRow, step: SagaStep<Data>): SagaWait | SagaEnd {
    const state = stateOf(this.definition.states, step.to)
    if (state === undefined) throw this.#fault(row.state, `leads to ${step.to}, which is no state`)
    const sends = isWait(state) && state.sends !== undefined
    if (step.send !== undefined && !sends) throw this.#fault(step.to, 'sends no command, but is given one')
    if (sends && step.to !== row.state && step.send === undefined) {
      throw this.#fault(step.to, 'sends a command, but is not given its data')
    }
    if (step.resend === true && (step.to !== row.state || step.send !== undefined || !sends)) {
      throw this.#fault(row.state, `has no command to be sent again in ${step.to}`)
    }
    return state
  }

  #write (tx: SqlTx, emit: Emitter, row: SagaRow, event: NonNullable<SagaStep<Data>['event']>): Promise<void> {
    if (this.#onEvent === undefined) throw this.#fault(row.state, `writes ${event.type}, and nobody was given to write it`)
    return this.#onEvent(tx, emit, row, event)
  }

  /** Before the row is saved: the command's id belongs into it. */
  async #send (
    emit: Emitter, row: SagaRow, step: SagaStep<Data>, state: SagaWait | SagaEnd, input: SagaInput
  ): Promise<Envelope | undefined> {
    const running = commandOf(row)
    if (step.resend === true) await emit.resend(running!, `a${row.attempt + 1}`)
    if (step.send === undefined || !isWait(state)) return undefined
    // A deadline has no trace of its own: it goes on with that of the command it waited for.
    const traceparent = input.kind === 'timeout' ? running?.traceparent : undefined
    return emit.command({ type: state.sends!, subject: row.subject, aggregateType: 'saga',
      aggregateVersion: row.step_no + 1, data: step.send, correlationId: row.id,
      ...(traceparent === undefined ? {} : { traceparent }) })
  }

  #move (
    emit: Emitter, row: SagaRow, step: SagaStep<Data>, state: SagaWait | SagaEnd, sent: Envelope | undefined,
    input: SagaInput
  ): SagaRow {
    const moved = step.to !== row.state
    const attempt = moved || sent !== undefined ? 0 : input.kind === 'timeout' ? row.attempt + 1 : row.attempt
    const waits = moved || sent !== undefined || input.kind === 'timeout' || step.resend === true
    const deadline = isWait(state) && waits ? emit.now() + this.#deadlineMs(step.to, state, attempt) : row.deadline_at
    return {
      ...row,
      state: step.to,
      attempt,
      step_no: row.step_no + (sent === undefined ? 0 : 1),
      deadline_at: isWait(state) ? deadline : null,
      cancel_reason: step.cancelReason ?? row.cancel_reason,
      data: step.data === undefined ? row.data : JSON.stringify(step.data),
      command: sent === undefined ? row.command : JSON.stringify({ service: serviceOf(sent.type), envelope: sent }),
      command_id: sent?.id ?? row.command_id,
      version: row.version + 1,
      // Not at a resend: who is asked again and again without an answer is stuck.
      moved_at: moved ? emit.now() : row.moved_at
    }
  }

  #deadlineMs (name: string, state: SagaWait, attempt: number): number {
    const { ms, fault } = deadlineOf(state, attempt)
    if (fault !== undefined) throw this.#fault(name, fault)
    return ms
  }

  #note (tx: SqlTx, emit: Emitter, row: SagaRow, to: string, note: string, messageId?: string): Promise<void> {
    return writeLog(tx, row.id, { at: emit.now(), from: row.state, to, messageId, note })
  }

  #fault (state: string, why: string): Error {
    return messagingError('E_SAGA_STEP', [state, why], { where: `saga ${this.definition.type}` })
  }
}

function commandOf (row: SagaRow): Envelope | undefined {
  return row.command === null ? undefined : (JSON.parse(row.command) as { envelope: Envelope }).envelope
}

function viewOf<Data> (row: SagaRow): SagaView<Data> {
  return { state: row.state, data: JSON.parse(row.data) as Data, attempt: row.attempt,
    cancelReason: row.cancel_reason ?? undefined }
}
