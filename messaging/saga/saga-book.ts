/** All sagas of a service, of every type, as an operator and the metrics see them. */
import { messagingError } from '../errors.ts'
import type { Emitter } from '../emitter.ts'
import type { SqlReader, SqlTx, SqlValue } from '../store/store.ts'
import type { SagaRow } from './saga-rows.ts'
import { DEFAULT_STUCK_MS, type SagaType } from './sagas.ts'

export interface SagaSummary {
  readonly sagaId: string
  readonly type: string
  readonly state: string
  readonly subject: string
  readonly attempt: number
  readonly deadlineAt: number | null
  readonly startedAt: number
  readonly movedAt: number
  /** It is open and has not moved for too long. */
  readonly stuck: boolean
  /** False: its type or state is in no definition of this version of the service. */
  readonly known: boolean
  /** How often its last deadline could not be handled, and why. */
  readonly failures: number
  readonly error: string | null
}

export interface SagaLogLine {
  readonly n: number
  readonly at: number
  readonly from: string
  readonly to: string
  readonly messageId: string | null
  readonly note: string
}

export interface SagaHistory extends SagaSummary { readonly log: readonly SagaLogLine[] }

/** `open` ones wait for something; `stuck`, `failing` and `unknown` ones need a person. */
export interface SagaCounts {
  readonly open: number
  readonly stuck: number
  readonly failing: number
  readonly unknown: number
}

export interface SagaFilter {
  readonly type?: string | undefined
  readonly state?: string | undefined
  readonly stuck?: boolean | undefined
  readonly limit: number
}

export interface SagaBookParts {
  readonly sagas: readonly SagaType[]
  readonly reader: SqlReader
  readonly inTransaction: <Value>(fn: (tx: SqlTx, emit: Emitter) => Promise<Value>) => Promise<Value>
  readonly now: () => number
}

type Row = SagaRow & { failures: number | null, error: string | null }

/** Open sagas of one type in one state. */
interface Group {
  readonly type: string
  readonly state: string
  readonly count: number
  /** A sum, which PostgreSQL may give as a text. */
  readonly stuck: number | string
}

const ROWS = 'SELECT s.*, f.failures, f.error FROM saga s LEFT JOIN saga_failure f ON f.saga_id = s.id AND f.version = s.version'

export class SagaBook {
  readonly #parts: SagaBookParts

  constructor (parts: SagaBookParts) {
    this.#parts = parts
  }

  /** Those that moved last first; stuck ones the other way round. */
  async list ({ type, state, stuck = false, limit }: SagaFilter): Promise<SagaSummary[]> {
    const clauses: Array<[string, SqlValue[]]> = []
    if (type !== undefined) clauses.push(['s.type = ?', [type]])
    if (state !== undefined) clauses.push(['s.state = ?', [state]])
    if (stuck) clauses.push(['s.deadline_at IS NOT NULL', []], this.#unmoved())
    const where = clauses.length === 0 ? '' : ` WHERE ${clauses.map(([sql]) => sql).join(' AND ')}`
    const rows = await this.#parts.reader.all<Row>(`${ROWS}${where} ORDER BY s.moved_at ${stuck ? 'ASC' : 'DESC'} LIMIT ?`,
      ...clauses.flatMap(([, params]) => params), limit)
    return rows.map(row => this.#summary(row))
  }

  /** By the saga's id, or by a subject that one saga is about. Throws E_SAGA_MISSING, E_SAGA_MANY. */
  async find (id: string): Promise<SagaHistory> {
    const row = await this.#find(id)
    const log = await this.#parts.reader.all<SagaLogLine>('SELECT n, at, from_state AS "from", ' +
      'to_state AS "to", msg_id AS "messageId", note FROM saga_log WHERE saga_id = ? ORDER BY n', row.id)
    return { ...this.#summary(row), log }
  }

  async counts (): Promise<SagaCounts> {
    const open = await this.#open()
    const failing = await this.#parts.reader.get<{ count: number }>('SELECT count(*) AS count FROM saga_failure f ' +
      'WHERE EXISTS (SELECT 1 FROM saga s WHERE s.id = f.saga_id AND s.version = f.version AND s.deadline_at IS NOT NULL)')
    return { open: total(open), stuck: open.reduce((sum, { stuck }) => sum + Number(stuck), 0),
      failing: failing?.count ?? 0, unknown: total(open.filter(group => !this.#knows(group))) }
  }

  /** Open sagas of types and states that no definition has: written by another version of the service. */
  async unknown (): Promise<Array<{ type: string, state: string, count: number }>> {
    return (await this.#open()).filter(group => !this.#knows(group))
  }

  /** There may be tens of thousands: it is answered by an index alone. */
  async #open (): Promise<Group[]> {
    const [stuck, params] = this.#unmoved()
    return this.#parts.reader.all<Group>(`SELECT s.type, s.state, count(*) AS count, sum(CASE WHEN ${stuck} THEN 1 ELSE 0 END) ` +
      'AS stuck FROM saga s WHERE s.deadline_at IS NOT NULL GROUP BY s.type, s.state', ...params)
  }

  /** Sends the running command again, now. Throws E_SAGA_MISSING, E_SAGA_IDLE. */
  async resend (id: string): Promise<void> {
    const { id: sagaId, type } = await this.#find(id)
    await this.#parts.inTransaction((tx, emit) => this.#typeOf(type).resend(tx, emit, sagaId))
  }

  /** Asks it to give up. Throws E_SAGA_MISSING, E_SAGA_REASON, and E_SAGA_GOES_ON when it is too late for that. */
  async cancel (id: string, reason: string): Promise<void> {
    const { id: sagaId, type, state } = await this.#find(id)
    const saga = this.#typeOf(type)
    const { cancelReasons = [] } = saga.definition
    if (!cancelReasons.includes(reason)) throw messagingError('E_SAGA_REASON', [type, cancelReasons.join(', ') || 'none'])
    if (!await this.#parts.inTransaction((tx, emit) => saga.giveUp(tx, emit, sagaId, reason))) {
      throw messagingError('E_SAGA_GOES_ON', [state])
    }
  }

  async #find (id: string): Promise<Row> {
    const rows = await this.#parts.reader.all<Row>(`${ROWS} WHERE s.id = ? OR s.subject = ? LIMIT 10`, id, id)
    const row = rows.length === 1 ? rows[0] : rows.find(one => one.id === id)
    if (row !== undefined) return row
    if (rows.length === 0) throw messagingError('E_SAGA_MISSING', [id])
    throw messagingError('E_SAGA_MANY', [id, rows.map(one => `${one.type} ${one.id}`).join(', ')])
  }

  #typeOf (type: string): SagaType {
    const saga = this.#parts.sagas.find(one => one.definition.type === type)
    if (saga === undefined) throw messagingError('E_SAGA_UNKNOWN', [type])
    return saga
  }

  #knows ({ type, state }: { type: string, state: string }): boolean {
    const definition = this.#parts.sagas.find(one => one.definition.type === type)?.definition
    return definition !== undefined && Object.hasOwn(definition.states, state)
  }

  #stuckMsOf (type: string): number {
    return this.#parts.sagas.find(one => one.definition.type === type)?.definition.stuckMs ?? DEFAULT_STUCK_MS
  }

  /** Those that have not moved for as long as makes an open one stuck. */
  #unmoved (): [string, SqlValue[]] {
    const now = this.#parts.now()
    const types = this.#parts.sagas.map(({ definition }) => definition.type)
    const cases = types.map(() => 'WHEN ? THEN ?').join(' ')
    const since = types.flatMap(type => [type, now - this.#stuckMsOf(type)])
    // Of parameters alone PostgreSQL would take it for text.
    return [`s.moved_at < CAST(CASE s.type ${cases} ELSE ? END AS BIGINT)`, [...since, now - DEFAULT_STUCK_MS]]
  }

  #summary (row: Row): SagaSummary {
    return { sagaId: row.id, type: row.type, state: row.state, subject: row.subject, attempt: row.attempt,
      deadlineAt: row.deadline_at, startedAt: row.started_at, movedAt: row.moved_at,
      stuck: row.deadline_at !== null && row.moved_at < this.#parts.now() - this.#stuckMsOf(row.type),
      known: this.#knows(row), failures: row.failures ?? 0, error: row.error }
  }
}

function total (groups: readonly Group[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0)
}
