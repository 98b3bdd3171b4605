export { systemClock, type Cancel, type Clock } from './clock.ts'
export { seal, uuidv7, MAX_MESSAGE_BYTES, type Draft, type Envelope, type NewId } from './envelope.ts'
export { isTransient, messagingError, Poison, Transient } from './errors.ts'
export { NO_FAULTS, readFaults, type Faults, type FaultPoint } from './faults.ts'
export { commandRoute, type Command, type CommandAnswer, type CommandOptions } from './idempotency.ts'
export type { Emitter } from './emitter.ts'
export { Messaging, type MessageHandler, type MessageRoute, type MessagingParts } from './messaging.ts'
export { operatorRoutes } from './operator-routes.ts'
export { DEFAULTS, queueOf, readMessagingOptions, topicOf, type MessagingOptions } from './options.ts'
export { Schemas, type MessageSchema } from './schemas.ts'
export { openSqlite, type SqliteOptions, type SqlStore } from './store/sqlite.ts'
export type {
  Claim, KeyValueReader, KeyValueTx, Outbox, OutboxEntry, OutboxRow, PurgeBefore, SqlReader, SqlTx, SqlValue, Store,
  StoredAnswer, Tx
} from './store/store.ts'
export type {
  Bus, ConsumeOptions, DeadLetter, DeadLetters, Delivery, Handler, Outgoing, QueueStat, Refused, Subscription
} from './bus/bus.ts'
export { embeddedBus, type EmbeddedBusOptions } from './bus/embedded/client.ts'
export { BusBook } from './bus/embedded/book.ts'
export { BUS_TABLES } from './bus/embedded/tables.ts'
export { busServer } from './bus/embedded/server.ts'
export { startBus } from './bus/embedded/start.ts'
export { createMessaging, dataFile, openBus, openKeyValueStore, openSqlStore } from './wiring.ts'
export { watchDeadlines } from './saga/deadlines.ts'
export type { SagaCommand, SagaDefinition, SagaInput, SagaStep, SagaView } from './saga/saga.ts'
export { Sagas, SAGA_TABLES, type SagaResult, type SagaSummary } from './saga/sagas.ts'
export { Projection, CHECKPOINT_TABLES, type FeedEvent, type ProjectionParts } from './projection.ts'
export { gauge, observe, type Observed } from './observe.ts'
