/** What the stores of a platform hold, as plain rows: the checks ask nobody where they come from. */

export interface EventRow { stream: string, version: number, id: string, type: string, data: string, at: number }
export interface SagaRow { subject: string, state: string }
export interface OutboxRow { id: string, kind: string, dest: string, grp: string, type: string, sent_at: number | null }
export interface InboxRow { consumer: string, id: string }
export interface AnswerRow { scope: string, key: string, status: number, body: string }
export interface EntryRow { tx: string, account: string, amount: number }
export interface AccountRow { id: string, kind: string, balance: number }
export interface PaymentRow { order_id: string, state: string, amount: number }
export interface DocumentRow {
  id: string, user_id: string, status: string, version: number, doc: string
}
export interface DeadRow { queue: string, msg_id: string, error: string }
export interface StockEntry { sku: string, onHand: number, reserved: number }
export interface ReservationEntry { orderId: string, state: string, lines: Array<{ sku: string, qty: number }> }

export interface Stores {
  readonly orders: { events: EventRow[], sagas: SagaRow[], outbox: OutboxRow[], inbox: InboxRow[],
    answers: AnswerRow[],
    /** How often sagas asked again, and gave up asking. */
    resends: number, timeouts: number }
  readonly users: { ids: string[], answers: AnswerRow[], outbox: OutboxRow[] }
  readonly payments: { entries: EntryRow[], accounts: AccountRow[], payments: PaymentRow[], outbox: OutboxRow[],
    inbox: InboxRow[] }
  readonly inventory: { stocks: StockEntry[], reservations: ReservationEntry[], inbox: string[], answers: string[],
    sent: OutboxRow[] }
  readonly history: { documents: DocumentRow[] }
  readonly dead: DeadRow[]
  /** What was seen to be wrong right behind a transaction; undefined when nobody looked. */
  readonly stockViolations: string[] | undefined
}
