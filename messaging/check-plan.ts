/** What a service's messaging must not leave out; asked at its start, when somebody is looking. */
import { checkQueueName, checkTopicName, deadLetterName } from './bus/names.ts'
import { serviceOf } from './envelope.ts'
import { messagingError } from './errors.ts'
import { queueOf, topicOf } from './options.ts'
import type { MessagingParts } from './parts.ts'
import { checkSaga } from './saga/check-saga.ts'
import type { SagaType } from './saga/sagas.ts'
import { isWait, repliesOf } from './saga/states.ts'
import type { Tx } from './store/store.ts'

/**
 * Throws E_BUS_NAME, E_INBOX_SHORT, E_ROUTE_UNFED, E_ROUTE_TWICE, E_SUBSCRIPTION_UNHANDLED, E_SCHEMA_MISSING,
 * E_SCHEMA_CLOSED, E_SAGA_TWICE, E_SAGA_STATES.
 */
export function checkPlan<T extends Tx> (parts: MessagingParts<T>): void {
  const sagas: readonly SagaType[] = parts.sagas ?? []
  checkNames(parts)
  checkRetention(parts)
  checkTypes(sagas)
  for (const saga of sagas) checkSaga(saga)
  checkRoutes(parts, sagas)
  checkSchemas(parts, sagas)
}

function checkNames<T extends Tx> ({ service, options: { prefix } }: MessagingParts<T>): void {
  checkQueueName(queueOf(prefix, service))
  checkQueueName(deadLetterName(queueOf(prefix, service)))
  checkTopicName(topicOf(prefix, service))
}

/** A message that comes back behind its inbox row would be handled again. */
function checkRetention<T extends Tx> ({ bus, options: { keepInboxMs } }: MessagingParts<T>): void {
  const { retentionMs = 0 } = bus
  if (keepInboxMs <= retentionMs) throw messagingError('E_INBOX_SHORT', [keepInboxMs / 1000, retentionMs / 1000])
}

function checkTypes (sagas: readonly SagaType[]): void {
  const types = sagas.map(({ definition }) => definition.type)
  const twice = types.find((type, at) => types.indexOf(type) < at)
  if (twice !== undefined) throw messagingError('E_SAGA_TWICE', [twice])
}

function checkRoutes<T extends Tx> (
  { service, routes = {}, subscribe = [] }: MessagingParts<T>, sagas: readonly SagaType[]
): void {
  const subscribed = new Set(subscribe.flatMap(({ types }) => types))
  const replies = new Set(sagas.flatMap(({ definition }) => repliesOf(definition.states)).map(({ type }) => type))
  for (const [type, { kind }] of Object.entries(routes)) {
    if (replies.has(type)) throw messagingError('E_ROUTE_TWICE', [type])
    const isFed = subscribed.has(type) || (kind === 'command' && serviceOf(type) === service)
    if (!isFed) throw messagingError('E_ROUTE_UNFED', [type, service])
  }
  for (const type of subscribed) {
    if (!Object.hasOwn(routes, type) && !replies.has(type)) throw messagingError('E_SUBSCRIPTION_UNHANDLED', [type])
  }
}

function checkSchemas<T extends Tx> (
  { routes = {}, schemas }: MessagingParts<T>, sagas: readonly SagaType[]
): void {
  const states = sagas.flatMap(({ definition }) => Object.values(definition.states)).filter(isWait)
  const heard = [...Object.keys(routes), ...states.flatMap(({ replies = [] }) => replies)]
  const said = states.flatMap(({ sends }) => sends === undefined ? [] : [sends])
  for (const type of [...heard, ...said]) {
    if (!schemas.has(type)) throw messagingError('E_SCHEMA_MISSING', [type])
  }
  for (const type of heard) {
    if (schemas.isClosed(type)) throw messagingError('E_SCHEMA_CLOSED', [type])
  }
}
