/**
 * The orchestrator: one row per saga, written in the transaction that writes the aggregate and the outgoing command.
 * A crash between any two lines loses nothing: the row says where the saga stands, the outbox what must be said, and
 * deadlines are rows that are looked for, not timers that die with the process.
 */
import type { Envelope } from '../envelope.ts'
import type { Emitter } from '../emitter.ts'
import type { SqlReader, SqlTx } from '../store/store.ts'
import type { SagaCommand, SagaDefinition, SagaInput, SagaStep, SagaView } from './saga.ts'

export const SAGA_TABLES = `
CREATE TABLE IF NOT EXISTS saga (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, state TEXT NOT NULL, subject TEXT NOT NULL UNIQUE, step_no {{int}} NOT NULL,
  attempt {{int}} NOT NULL, deadline_at {{int}}, cancel_reason TEXT, data TEXT NOT NULL, command TEXT, command_id TEXT,
  version {{int}} NOT NULL, started_at {{int}} NOT NULL, moved_at {{int}} NOT NULL
) {{strict}};
CREATE INDEX IF NOT EXISTS saga_deadline ON saga (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS saga_state ON saga (state, moved_at);
CREATE TABLE IF NOT EXISTS saga_log (
  saga_id TEXT NOT NULL, n {{int}} NOT NULL, at {{int}} NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL,
  msg_id TEXT, note TEXT NOT NULL, PRIMARY KEY (saga_id, n)
) {{strict}};
`

interface SagaRow { id: string, type: string, state: string, subject: string, step_no: number, attempt: number,
  deadline_at: number | null, cancel_reason: string | null, data: string, command: string | null,
  command_id: string | null, version: number, started_at: number, moved_at: number }

/** Called in the saga's transaction when a step changes the aggregate. */
export type SagaEventWriter = (
  tx: SqlTx, emit: Emitter, saga: { id: string, subject: string }, event: NonNullable<SagaStep<unknown>['event']>
) => Promise<void>

export interface SagaSummary {
  readonly sagaId: string
  readonly type: string
  readonly state: string
  readonly subject: string
  readonly attempt: number
  readonly deadlineAt: number | null
  readonly startedAt: number
  readonly movedAt: number
  readonly stuck: boolean
}

/** What became of an input: the saga's state before and after, or nothing known of it. */
export interface SagaResult { readonly from: string, readonly to: string, readonly ignored: boolean }

/** A history does not grow with a participant that stays away for a week. */
const MAX_LOG = 500

export class Sagas<Data> {
  readonly #definition: SagaDefinition<Data>
  readonly #onEvent: SagaEventWriter
  readonly #now: () => number

  constructor (definition: SagaDefinition<Data>, onEvent: SagaEventWriter, now: () => number = Date.now) {
    this.#definition = definition
    this.#onEvent = onEvent
    this.#now = now
  }

  /** Opens the saga in the transaction of the command that needs it. */
  async begin (tx: SqlTx, emit: Emitter, subject: string, data: Data): Promise<string> {
    const id = emit.id()
    const row: SagaRow = { id, type: this.#definition.type, state: 'NEW', subject, step_no: 0, attempt: 0,
      deadline_at: null, cancel_reason: null, data: JSON.stringify(data), command: null, command_id: null, version: 0,
      started_at: this.#now(), moved_at: this.#now() }
    await tx.run('INSERT INTO saga (id, type, state, subject, step_no, attempt, data, version, started_at, moved_at) ' +
      'VALUES (?, ?, ?, ?, 0, 0, ?, 0, ?, ?)', id, row.type, row.state, subject, row.data, row.started_at, row.moved_at)
    await this.#step(tx, emit, row, { kind: 'start' }, undefined)
    return id
  }

  /** Gives an input to the saga of a subject; undefined when there is none. */
  async handle (
    tx: SqlTx, emit: Emitter, subject: string, input: SagaInput, messageId?: string
  ): Promise<SagaResult | undefined> {
    const row = await tx.get<SagaRow>('SELECT * FROM saga WHERE subject = ?', subject)
    return row === undefined ? undefined : this.#step(tx, emit, row, input, messageId)
  }

  /** A message as a reply. */
  reply (tx: SqlTx, emit: Emitter, message: Envelope): Promise<SagaResult | undefined> {
    return this.handle(tx, emit, message.subject,
      { kind: 'reply', type: message.type, causationId: message.causationid, data: message.data }, message.id)
  }

  /** The subjects whose deadline has passed, the oldest first. */
  async due (reader: SqlReader, limit: number): Promise<string[]> {
    const rows = await reader.all<{ subject: string }>(
      'SELECT subject FROM saga WHERE deadline_at <= ? ORDER BY deadline_at LIMIT ?', this.#now(), limit)
    return rows.map(row => row.subject)
  }

  /** Tells the saga that its deadline has passed, unless it has moved in the meantime. */
  async expire (tx: SqlTx, emit: Emitter, subject: string): Promise<void> {
    const row = await tx.get<SagaRow>('SELECT * FROM saga WHERE subject = ?', subject)
    if (row === undefined || row.deadline_at === null || row.deadline_at > this.#now()) return
    await this.#step(tx, emit, row, { kind: 'timeout' }, undefined)
  }

  async list (reader: SqlReader, state: string | undefined, limit: number): Promise<SagaSummary[]> {
    const rows = state === undefined
      ? await reader.all<SagaRow>('SELECT * FROM saga ORDER BY moved_at DESC LIMIT ?', limit)
      : await reader.all<SagaRow>('SELECT * FROM saga WHERE state = ? ORDER BY moved_at DESC LIMIT ?', state, limit)
    return rows.map(row => this.#summary(row))
  }

  async find (reader: SqlReader, id: string): Promise<(SagaSummary & { log: unknown[] }) | undefined> {
    const row = await reader.get<SagaRow>('SELECT * FROM saga WHERE id = ? OR subject = ?', id, id)
    if (row === undefined) return undefined
    const log = await reader.all('SELECT n, at, from_state AS "from", to_state AS "to", msg_id AS "messageId", note ' +
      'FROM saga_log WHERE saga_id = ? ORDER BY n', row.id)
    return { ...this.#summary(row), log }
  }

  /** How many are open, and how many of them need a person. */
  async counts (reader: SqlReader): Promise<{ open: number, stuck: number }> {
    const row = await reader.get<{ open: number, stuck: number }>('SELECT count(*) AS open, ' +
      'coalesce(sum(CASE WHEN moved_at < ? THEN 1 ELSE 0 END), 0) AS stuck FROM saga WHERE deadline_at IS NOT NULL',
    this.#now() - this.#definition.stuckMs)
    return { open: row?.open ?? 0, stuck: Number(row?.stuck ?? 0) }
  }

  async #step (
    tx: SqlTx, emit: Emitter, row: SagaRow, input: SagaInput, messageId: string | undefined
  ): Promise<SagaResult> {
    const step = this.#definition.decide(viewOf<Data>(row), input)
    if (step === undefined) {
      await this.#write(tx, row, messageId, `ignored ${describe(input)}`)
      return { from: row.state, to: row.state, ignored: true }
    }
    const sent = await this.#speak(tx, emit, row, step, input)
    const moved = this.#move(row, step, sent)
    await this.#save(tx, moved, row.version)
    await this.#write(tx, { ...moved, state: row.state }, messageId, step.note, step.to)
    return { from: row.state, to: step.to, ignored: false }
  }

  /** Says what the step says, before the row is saved: the command's id belongs into the row. */
  async #speak (tx: SqlTx, emit: Emitter, row: SagaRow, step: SagaStep<Data>,
    input: SagaInput): Promise<Envelope | undefined> {
    if (step.event !== undefined) await this.#onEvent(tx, emit, row, step.event)
    const running = step.resend === true ? commandOf(row) : undefined
    if (running !== undefined) {
      const { service, envelope } = running
      await emit.resend(service, envelope, row.attempt + 1)
      return undefined
    }
    if (step.send === undefined) return undefined
    const draft = commandDraft(row, step.send)
    // A deadline has no trace of its own: it goes on with that of the command it waited for.
    const traceparent = input.kind === 'timeout' ? commandOf(row)?.envelope.traceparent : undefined
    return emit.command(step.send.service, traceparent === undefined ? draft : { ...draft, traceparent })
  }

  #move (row: SagaRow, step: SagaStep<Data>, sent: Envelope | undefined): SagaRow {
    const attempt = step.resend === true ? row.attempt + 1 : sent === undefined ? row.attempt : 0
    const waits = step.resend === true || sent !== undefined
    const now = this.#now()
    const deadline = waits ? now + this.#definition.deadlineMs(step.to, attempt) : row.deadline_at
    return {
      ...row,
      state: step.to,
      attempt,
      step_no: row.step_no + (sent === undefined ? 0 : 1),
      deadline_at: step.end === true ? null : deadline,
      cancel_reason: step.cancelReason ?? row.cancel_reason,
      data: step.data === undefined ? row.data : JSON.stringify(step.data),
      command: sent === undefined ? row.command : JSON.stringify({ service: step.send!.service, envelope: sent }),
      command_id: sent?.id ?? row.command_id,
      version: row.version + 1,
      moved_at: step.to === row.state ? row.moved_at : now
    }
  }

  async #save (tx: SqlTx, row: SagaRow, version: number): Promise<void> {
    const changed = await tx.run('UPDATE saga SET state = ?, step_no = ?, attempt = ?, deadline_at = ?, ' +
      'cancel_reason = ?, data = ?, command = ?, command_id = ?, version = ?, moved_at = ? WHERE id = ? AND version = ?',
    row.state, row.step_no, row.attempt, row.deadline_at, row.cancel_reason, row.data, row.command, row.command_id,
    row.version, row.moved_at, row.id, version)
    if (changed !== 1) throw new Error(`saga ${row.id} was changed by another transaction`)
  }

  async #write (tx: SqlTx, row: SagaRow, messageId: string | undefined, note: string, to = row.state): Promise<void> {
    const last = await tx.get<{ n: number }>('SELECT count(*) AS n FROM saga_log WHERE saga_id = ?', row.id)
    const n = (last?.n ?? 0) + 1
    if (n > MAX_LOG) return
    await tx.run('INSERT INTO saga_log (saga_id, n, at, from_state, to_state, msg_id, note) VALUES (?, ?, ?, ?, ?, ?, ?)',
      row.id, n, this.#now(), row.state, to, messageId ?? null, note)
  }

  #summary (row: SagaRow): SagaSummary {
    return { sagaId: row.id, type: row.type, state: row.state, subject: row.subject, attempt: row.attempt,
      deadlineAt: row.deadline_at, startedAt: row.started_at, movedAt: row.moved_at,
      stuck: row.deadline_at !== null && row.moved_at < this.#now() - this.#definition.stuckMs }
  }
}

function viewOf<Data> (row: SagaRow): SagaView<Data> {
  return { state: row.state, data: JSON.parse(row.data) as Data, attempt: row.attempt,
    commandId: row.command_id ?? undefined, cancelReason: row.cancel_reason ?? undefined }
}

function commandOf (row: SagaRow): { service: string, envelope: Envelope } | undefined {
  return row.command === null ? undefined : JSON.parse(row.command) as { service: string, envelope: Envelope }
}

function commandDraft (row: SagaRow, command: SagaCommand) {
  return { type: command.type, subject: row.subject, aggregateType: 'saga', aggregateVersion: row.step_no + 1,
    data: command.data, correlationId: row.id }
}

function describe (input: SagaInput): string {
  return input.kind === 'reply' ? input.type : input.kind
}
