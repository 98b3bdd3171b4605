/**
 * The words of a saga. A saga type is one pure function: where it stands and what came in, to what it does next. All
 * that makes it last (row, history, deadlines, command ids) is {@link Sagas}' work.
 */

/** What a saga is told. */
export type SagaInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'reply', readonly type: string, readonly causationId: string | undefined,
    readonly data: Readonly<Record<string, unknown>> }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'cancel', readonly reason: string }

/** Where a saga stands. */
export interface SagaView<Data> {
  readonly state: string
  readonly data: Data
  /** How often the running step's command was sent again. */
  readonly attempt: number
  /** The id of the running step's command: only its reply counts. */
  readonly commandId: string | undefined
  readonly cancelReason: string | undefined
}

export interface SagaCommand {
  readonly service: string
  readonly type: string
  readonly data: Record<string, unknown>
}

/** What a saga does next. */
export interface SagaStep<Data> {
  readonly to: string
  /** For the history. */
  readonly note: string
  readonly data?: Data
  readonly cancelReason?: string
  /** The next step's command; its reply is waited for. */
  readonly send?: SagaCommand
  /** Send the running step's command again, as the same message. */
  readonly resend?: boolean
  /** For the owner of the saga: what happened to the aggregate. */
  readonly event?: { readonly type: string, readonly data: Record<string, unknown> }
  /** Nothing will follow. */
  readonly end?: boolean
}

export interface SagaDefinition<Data> {
  readonly type: string
  /** Undefined: this input means nothing here (a duplicate, a late reply); it is noted and nothing is done. */
  decide (saga: SagaView<Data>, input: SagaInput): SagaStep<Data> | undefined
  /** How long the step waits for its reply, in milliseconds; asked after each step and resend. */
  deadlineMs (state: string, attempt: number): number
  /** A saga that has not moved for this long is flagged for a person. */
  readonly stuckMs: number
}
