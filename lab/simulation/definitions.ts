/** The samples as the simulation runs them: what is theirs, and what a fault changes in it between two starts. */
import { Schemas, type MessageRoute, type SqlTx, type Tx } from '@breakwater/messaging'
import type { Host, ServiceDefinition, ServiceParts } from '@breakwater/messaging/testing'
import { MESSAGES as HISTORY_MESSAGES } from '../../sample-services/order-history/messages.ts'
import * as samples from '../../sample-services/test/definitions.ts'

/** What is wrong with a service at the moment. */
export interface Condition {
  /** Each capture takes so long. */
  slowMs: number
  /** Each of its handlers ends in an error. */
  faulty: boolean
  /** It is of the version before: it does not know that orders can be cancelled. */
  older: boolean
}

/** Idle looks are fewer than in production, and sent rows are kept for the checks, whatever clocks do. */
const OPTIONS = { sweepMs: 10_000, deadlineLookMs: 1000, keepSentMs: 48 * 3_600_000 }
const FOLLOW_MS = 10_000
const NEW_TYPE = 'orders.OrderCancelled.v1'

const olderSchemas = new Schemas(HISTORY_MESSAGES.filter(({ $id }) => $id !== NEW_TYPE))

/** `onAsk` is told of each question of one service to another. */
export function definitionsOf (condition: (service: string) => Condition, onAsk: (path: string) => void) {
  const made = <T extends Tx>(name: string, definition: () => ServiceDefinition<T>): ServiceDefinition<T> =>
    async host => {
      const ask: Host['ask'] = (service, request, timeoutMs) => {
        onAsk(request.path)
        return host.ask(service, request, timeoutMs)
      }
      return faultyParts({ options: OPTIONS, ...await definition()({ ...host, ask }) }, () => condition(name).faulty)
    }
  return {
    users: made('users', () => samples.users),
    orders: made('orders', () => samples.orders()),
    inventory: made('inventory', () => samples.inventory),
    payments: made('payments', () => samples.payments(condition('payments').slowMs)),
    'order-history': made('order-history', () => async host => {
      const parts = await samples.orderHistory(FOLLOW_MS)(host)
      return condition('order-history').older ? olderParts(parts) : parts
    })
  }
}

function faultyParts<T extends Tx> (parts: ServiceParts<T>, faulty: () => boolean): ServiceParts<T> {
  const routes = Object.entries(parts.routes ?? {}).map(([type, route]): [string, MessageRoute<T>] => [type, {
    ...route,
    handle: async (...args) => {
      if (faulty()) throw new Error('a fault of this version')
      await route.handle(...args)
    }
  }])
  return { ...parts, routes: Object.fromEntries(routes) }
}

function olderParts ({ routes = {}, subscribe = [], ...parts }: ServiceParts<SqlTx>): ServiceParts<SqlTx> {
  return {
    ...parts,
    schemas: olderSchemas,
    routes: Object.fromEntries(Object.entries(routes).filter(([type]) => type !== NEW_TYPE)),
    subscribe: subscribe.map(({ service, types }) => ({ service, types: types.filter(type => type !== NEW_TYPE) }))
  }
}
