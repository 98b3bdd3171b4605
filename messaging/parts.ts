/** What a service's messaging is made of. */
import type { SpanSink } from '@breakwater/starter'
import type { Bus } from './bus/bus.ts'
import type { Clock } from './clock.ts'
import type { Emitter } from './emitter.ts'
import type { Envelope, NewId } from './envelope.ts'
import type { Faults } from './faults.ts'
import type { MessagingOptions } from './options.ts'
import type { SagaType } from './saga/sagas.ts'
import type { Schemas } from './schemas.ts'
import type { SqlTx, Store, Tx } from './store/store.ts'

/** Handles one type of message. Everything it does goes through `tx` and `emit`, or it is not exactly once. */
export type MessageHandler<T extends Tx> =
  (message: Envelope, tx: T, emit: Emitter, prepared: unknown) => Promise<unknown>

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
  /** What the service sees through to an end; their replies are subscribed to and routed. */
  readonly sagas?: T extends SqlTx ? readonly SagaType[] : never
  /** Events of other services; commands and the replies of sagas need no subscription. */
  readonly subscribe?: ReadonlyArray<{ readonly service: string, readonly types: readonly string[] }>
  readonly options: MessagingOptions
  readonly log: Logger
  readonly faults?: Faults
  /** @default the machine's */
  readonly clock?: Clock
  /** @default uuidv7 */
  readonly newId?: NewId
  /** @default Math.random */
  readonly random?: () => number
  /** Where spans of messages go; the service's own. */
  readonly spans?: SpanSink | undefined
}
