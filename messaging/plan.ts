/** What a service's messaging comes to: who handles which type, and what its queue is subscribed to. */
import type { Subscription } from './bus/bus.ts'
import type { Emitter } from './emitter.ts'
import type { Envelope } from './envelope.ts'
import { Newer } from './errors.ts'
import { topicOf } from './options.ts'
import type { MessageRoute, MessagingParts } from './parts.ts'
import { findById } from './saga/saga-rows.ts'
import type { SagaType } from './saga/sagas.ts'
import { repliesOf } from './saga/states.ts'
import type { SqlTx, Tx } from './store/store.ts'

export interface Plan<T extends Tx> {
  readonly routes: ReadonlyMap<string, MessageRoute<T>>
  readonly subscriptions: readonly Subscription[]
}

/** Adds to the routes and subscriptions that a service names itself those of its sagas' replies. */
export function planOf<T extends Tx> (parts: MessagingParts<T>): Plan<T> {
  const { routes = {}, subscribe = [], options: { prefix } } = parts
  const sagas: readonly SagaType[] = parts.sagas ?? []
  const wanted = [...subscribe.flatMap(({ service, types }) => types.map(type => ({ service, type }))),
    ...sagas.flatMap(({ definition }) => repliesOf(definition.states))]
  const byService = Map.groupBy(wanted, ({ service }) => service)
  return {
    routes: new Map([...replyRoutes<T>(sagas), ...Object.entries(routes)]),
    subscriptions: [...byService].map(([service, entries]) =>
      ({ topic: topicOf(prefix, service), types: [...new Set(entries.map(({ type }) => type))] }))
  }
}

function replyRoutes<T extends Tx> (sagas: readonly SagaType[]): Map<string, MessageRoute<T>> {
  const entries = sagas.flatMap(saga => repliesOf(saga.definition.states).map(({ type }) => ({ saga, type })))
  return new Map([...Map.groupBy(entries, ({ type }) => type)].map(([type, askers]) => {
    const waiting = [...new Set(askers.map(({ saga }) => saga))]
    // Sagas can only be given where transactions are SQL.
    return [type, { kind: 'event', handle: (message, tx, emit) => tellSagas(sagas, waiting, message, tx as Tx as SqlTx, emit) }]
  }))
}

/** To the one whose command it answers, and to those that wait for such an event of their subject. */
async function tellSagas (
  sagas: readonly SagaType[], waiting: readonly SagaType[], message: Envelope, tx: SqlTx, emit: Emitter
): Promise<void> {
  const asked = message.correlationid === undefined ? undefined : await findById(tx, message.correlationid)
  const asker = sagas.find(({ definition }) => definition.type === asked?.type)
  const isAnswer = asked !== undefined && asked.deadline_at !== null && asked.command_id === message.causationid
  if (isAnswer && asker === undefined) throw new Newer(`a saga of the type ${asked.type} waits for it`)
  for (const saga of waiting) await saga.reply(tx, emit, message, saga === asker ? asked : undefined)
}
