/** What a service's messaging comes to: who handles which type, and what its queue is subscribed to. */
import type { Subscription } from './bus/bus.ts'
import { serviceOf } from './envelope.ts'
import type { MessageRoute, MessagingParts } from './messaging.ts'
import { topicOf } from './options.ts'
import { isWait, type SagaType } from './saga/sagas.ts'
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
    ...sagas.flatMap(repliesOf)]
  const byService = Map.groupBy(wanted, ({ service }) => service)
  return {
    routes: new Map([...replyRoutes<T>(sagas), ...Object.entries(routes)]),
    subscriptions: [...byService].map(([service, entries]) =>
      ({ topic: topicOf(prefix, service), types: [...new Set(entries.map(({ type }) => type))] }))
  }
}

/** The types that a saga's states wait for, and who publishes them. */
function repliesOf ({ definition }: SagaType): Array<{ service: string, type: string }> {
  return Object.values(definition.states).filter(isWait).flatMap(({ sends, replies = [] }) =>
    replies.map(type => ({ service: serviceOf(sends ?? type), type })))
}

function replyRoutes<T extends Tx> (sagas: readonly SagaType[]): Map<string, MessageRoute<T>> {
  const entries = sagas.flatMap(saga => repliesOf(saga).map(({ type }) => ({ saga, type })))
  return new Map([...Map.groupBy(entries, ({ type }) => type)].map(([type, askers]) => {
    const waiting = [...new Set(askers.map(({ saga }) => saga))]
    return [type, { kind: 'event', handle: async (message, tx, emit) => {
      // Sagas can only be given where transactions are SQL.
      for (const saga of waiting) await saga.reply(tx as Tx as SqlTx, emit, message)
    } }]
  }))
}
