/**
 * The store port: what messaging needs of a place where a service keeps its state. The one rule that cannot bend: the
 * outbox, the inbox and the idempotency row are written in the transaction that changes the state. An adapter that
 * cannot do so loses or doubles messages, and is refused at start (see {@link probeStore}).
 */
import { messagingError } from '../errors.ts'

/** A message on its way out, as the transaction that caused it wrote it. */
export interface OutboxEntry {
  /** The envelope's id. */
  readonly id: string
  /** What the bus dedupes by; differs from the id when the same message is sent again on purpose. */
  readonly dedupe: string
  readonly kind: 'event' | 'command'
  /** The topic or queue. */
  readonly dest: string
  /** Messages of one group leave in order. */
  readonly group: string
  readonly type: string
  /** The envelope as JSON text. */
  readonly body: string
}

export interface OutboxRow extends OutboxEntry {
  readonly seq: number
  readonly at: number
}

/** What an inbox keeps of a message beside its id. */
export interface Arrival {
  /** When it was sent, by the clock of who did. Default: now. */
  readonly sentMs?: number
  /** What tells its content from another's; undefined where nobody asks, or an older version took it. */
  readonly content?: number
}

/** What an inbox said: new, or seen before, with the replies that were given then and the content it had. */
export type Claim = { readonly fresh: true } | Seen

export interface Seen extends Pick<Arrival, 'content'> {
  readonly fresh: false
  readonly replies: readonly OutboxEntry[]
}

export function seen (replies: readonly OutboxEntry[], content: number | undefined): Seen {
  return { fresh: false, replies, ...content === undefined ? {} : { content } }
}

/**
 * When an inbox row counts as written: never before its message was sent, whatever the clock here said then. So
 * {@link Store.forgotten} is behind no message whose row is gone.
 */
export function inboxTime (nowMs: number, sentMs = nowMs): number {
  return Math.max(nowMs, sentMs)
}

/** A stored answer to a request with an Idempotency-Key. */
export interface StoredAnswer {
  readonly hash: string
  readonly status: number
  readonly body: string
  readonly at: number
}

/** The part of a transaction that messaging uses. Nothing in it may wait for anything but the store. */
export interface Tx {
  readonly outbox: { append (entries: readonly OutboxEntry[]): Promise<void> }
  readonly inbox: {
    claim (consumer: string, id: string, arrival?: Arrival): Promise<Claim>
    keepReplies (consumer: string, id: string, replies: readonly OutboxEntry[]): Promise<void>
  }
  readonly idempotency: {
    get (scope: string, key: string): Promise<StoredAnswer | undefined>
    put (scope: string, key: string, answer: StoredAnswer): Promise<void>
  }
}

/**
 * Reading SQL, `?` for parameters, the subset that sqlite and PostgreSQL share. Errors: E_STORE_VALUE for a parameter
 * that no store keeps, or a stored number that JavaScript would round.
 */
export interface SqlReader {
  get<Row> (sql: string, ...params: readonly SqlValue[]): Promise<Row | undefined>
  all<Row> (sql: string, ...params: readonly SqlValue[]): Promise<Row[]>
}

/** Text (well-formed, without U+0000), whole numbers from -(2^53 - 1) to 2^53 - 1, null. */
export type SqlValue = string | number | null

/**
 * A statement that fails fails its transaction, whatever the command makes of the error. On PostgreSQL commands run
 * side by side: no two change the same row from the same state of it, but what a command only reads may be changed by
 * another meanwhile. A query that ends with FOR UPDATE or FOR SHARE keeps the rows that it finds as they are until the
 * command ends; sqlite, with one command at a time, ignores that.
 */
export interface SqlTx extends Tx, SqlReader {
  /** Returns the number of rows changed. E_STORE_CONSTRAINT when a row breaks one. */
  run (sql: string, ...params: readonly SqlValue[]): Promise<number>
  /**
   * The next number of a line (`{{line table.column}}` in the store's tables), larger than all that were given. Two
   * transactions may commit in the other order than they were numbered, and what is undone leaves a hole: whoever
   * follows a line reads no further than {@link SqlCommitted.settled}.
   */
  position (line: string): Promise<number>
}

/** Reading what was committed, outside of any transaction. */
export interface SqlCommitted extends SqlReader {
  /** The number up to which a line is final: whoever has read so far will never find anything new before it. */
  settled (line: string): Promise<number>
}

export interface KeyValueReader {
  get<Value> (key: string): Promise<Value | undefined>
  /** Entries whose key starts with `prefix`, in the order of their keys; at most `limit`. */
  range<Value> (prefix: string, limit: number): Promise<Array<{ key: string, value: Value }>>
}

export interface KeyValueTx extends Tx, Pick<KeyValueReader, 'get'> {
  put (key: string, value: unknown): void
  remove (key: string): void
}

/** A message that the bus will never take, and what it said. */
export interface RefusedRow extends OutboxRow {
  readonly reason: string
  readonly refusedAt: number
}

/** Messages set aside: they wait for a person, and nothing waits for them. */
export interface RefusedRows {
  /** Takes rows out of those that were not sent. */
  add (refusals: ReadonlyArray<{ readonly seq: number, readonly reason: string }>, nowMs: number): Promise<void>
  /** The oldest. */
  list (limit: number): Promise<RefusedRow[]>
  /** Puts them behind all that waits to be sent; returns how many there were. */
  retry (seqs: readonly number[] | 'all', nowMs: number): Promise<number>
  drop (seqs: readonly number[] | 'all'): Promise<number>
  count (): Promise<number>
}

/** The relay's side of the outbox. */
export interface Outbox {
  /** One process writes: no row ever appears before one that was read. */
  readonly ordered: boolean
  /** The oldest rows that were not sent, with a `seq` beyond `after`, in the order in which they were written. */
  unsent (limit: number, after?: number): Promise<OutboxRow[]>
  markSent (seqs: readonly number[], nowMs: number): Promise<void>
  readonly refused: RefusedRows
  count (): Promise<number>
  /**
   * Takes the right to relay, or keeps it for some seconds more; false while another instance on the same store holds
   * it. True also says that no failover of the store takes back what was read before.
   */
  lead (): Promise<boolean>
}

export interface Store<T extends Tx = Tx, Reader = unknown> {
  /** For logs and health: `sqlite data/orders/orders.db`. */
  readonly description: string
  /**
   * Runs `fn` atomically and resolves once the result would survive a SIGKILL. It may run more than once, when another
   * command has changed what it saw; all but the last are undone.
   */
  tx<Value> (fn: (tx: T) => Promise<Value>, how?: TxOptions): Promise<Value>
  /** Reads what was committed, never what a running transaction is about to write. */
  readonly read: Reader
  readonly outbox: Outbox
  /** Messages handled, newest first, for the operator's page. */
  inbox (limit: number): Promise<Array<{ consumer: string, id: string, at: number }>>
  /** Called after each commit that put something into the outbox. */
  onOutbox (listener: () => void): void
  /** Forgets sent rows, inbox rows and answers older than the given instants. */
  purge (before: PurgeBefore): Promise<void>
  /** The newest inbox row that was ever forgotten: milliseconds since 1970, 0 when none was. */
  forgotten (): Promise<number>
  /** Rejects when the store cannot take a write right now. */
  check (): Promise<void>
  /** Looks through all that it keeps; rejects with E_STORE_CORRUPT when something is not as it was written. */
  readonly verify?: () => Promise<void>
  close (): Promise<void>
}

export interface TxOptions {
  /**
   * For the rare command that decides by many rows which it does not change: it begins when all others have ended, and
   * they wait for it. Only PostgreSQL runs commands side by side without watching what they read; elsewhere it is
   * always so.
   */
  readonly alone?: boolean
}

export interface PurgeBefore {
  readonly sentMs: number
  readonly inboxMs: number
  readonly answersMs: number
}

/**
 * Proves that a rolled back transaction leaves nothing in the outbox. A flag would only repeat what the adapter's
 * author believes; this asks the store.
 */
export async function probeStore (store: Store, nowMs: number): Promise<void> {
  const scope = 'probe'
  const key = `probe-${nowMs}`
  const rollback = new Error('rolled back on purpose')
  const before = await store.outbox.count()
  await store.tx(async tx => {
    await tx.outbox.append([probeEntry(key)])
    await tx.idempotency.put(scope, key, { hash: '', status: 200, body: '', at: nowMs })
    throw rollback
  }).catch((error: unknown) => { if (error !== rollback) throw error })
  const answer = await store.tx(tx => tx.idempotency.get(scope, key))
  const leaked = await store.outbox.count() > before && (await store.outbox.unsent(1000)).some(row => row.id === key)
  if (leaked || answer !== undefined) throw messagingError('E_STORE_NOT_TRANSACTIONAL', [], { where: store.description })
}

function probeEntry (id: string): OutboxEntry {
  return { id, dedupe: id, kind: 'event', dest: 'probe', group: 'probe', type: 'probe.Probe.v1', body: '{}' }
}
