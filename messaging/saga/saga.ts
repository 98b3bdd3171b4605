/**
 * The words of a saga. A saga type says which states there are, what each of them sends and waits for, and is one pure
 * function: where it stands and what came in, to what it does next. All that makes it last (row, history, deadlines,
 * command ids, subscriptions) is done by messaging.
 */

/** What a saga is told. A reply is one that the running state waits for; any other is noted and told to nobody. */
export type SagaInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'reply', readonly type: string, readonly data: Readonly<Record<string, unknown>> }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'cancel', readonly reason: string }

/** Where a saga stands; `NEW` before its first step. */
export interface SagaView<Data> {
  readonly state: string
  readonly data: Data
  /** How often the running state's deadline has passed without taking it to another one. */
  readonly attempt: number
  readonly cancelReason: string | undefined
}

/** What a saga does next. */
export interface SagaStep<Data> {
  readonly to: string
  /** For the history. */
  readonly note: string
  readonly data?: Data
  readonly cancelReason?: string
  /** The data of the command that the state `to` sends. */
  readonly send?: Record<string, unknown>
  /** Send the running state's command again, as the same message. */
  readonly resend?: boolean
  /** For the owner of the saga: what happened to the aggregate. */
  readonly event?: { readonly type: string, readonly data: Record<string, unknown> }
}

/** A state in which something is waited for. */
export interface SagaWait {
  /** The command's type. `inventory.ReserveStock.v1` goes to the service `inventory`. */
  readonly sends?: string
  /** The replies, which the command's service publishes: those to this very command, under any subject. Without a
   * command: events of the saga's subject, from the service that the type begins with. */
  readonly replies?: readonly string[]
  /** How long, in milliseconds: 1 to ten years, rounded. Asked with the number of deadlines that have passed. */
  readonly deadlineMs: number | ((attempt: number) => number)
}

/** A state behind which nothing follows. */
export interface SagaEnd { readonly ends: true }

export interface SagaDefinition<Data> {
  /** Stored with each row: a new name is a new type. */
  readonly type: string
  readonly states: Readonly<Record<string, SagaWait | SagaEnd>>
  /** Undefined: this input means nothing here; it is noted and nothing is done. A timeout must be answered. */
  decide (saga: SagaView<Data>, input: SagaInput): SagaStep<Data> | undefined
  /** What an operator may cancel it for. @default nothing: it is not cancelled by operators */
  readonly cancelReasons?: readonly string[]
  /** A saga that has not moved for this long is flagged for a person. @default 5 min */
  readonly stuckMs?: number
}
