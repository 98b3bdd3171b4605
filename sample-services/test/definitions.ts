/** The samples as services of a world: all that is theirs, on what a world has in the place of settings and sockets. */
import { operatorRoutes, Projection, projectionRoutes, type FeedEvent, type KeyValueTx, type SqlTx } from '@breakwater/messaging'
import type { Host, ServiceDefinition } from '@breakwater/messaging/testing'
import { inventoryParts } from '../inventory/parts.ts'
import { stockRoutes } from '../inventory/http/routes.ts'
import { Arrivals } from '../order-history/arrivals.ts'
import { historyRoutes } from '../order-history/http/routes.ts'
import { HISTORY_TABLES, historyParts, projectionOf } from '../order-history/parts.ts'
import { SAGA_TIMES, type SagaTimes } from '../orders/domain/place-order-saga.ts'
import { ORDERS_TABLES, ordersHttp, ordersParts } from '../orders/parts.ts'
import { PlaceOrderProcess } from '../orders/place-order-process.ts'
import { paymentRoutes } from '../payments/http/routes.ts'
import { PAYMENTS_TABLES, paymentsParts } from '../payments/parts.ts'
import { userRoutes } from '../users/http/routes.ts'
import { USERS_TABLES, usersParts } from '../users/parts.ts'
import { findUser } from '../users/store/user-store.ts'

const ASK_USERS_MS = 500
const ASK_ORDERS_MS = 2000

export const users: ServiceDefinition<SqlTx> = host => {
  const store = host.openSqlStore(USERS_TABLES)
  return { store, ...usersParts(), http: (app, messaging) => {
    userRoutes(app, { messaging, isOwner: true, find: id => findUser(store.read, id), forward: async () => {} })
    operatorRoutes(app, () => messaging)
  } }
}

export function orders (times: SagaTimes = SAGA_TIMES): ServiceDefinition<SqlTx> {
  return host => {
    const store = host.openSqlStore(ORDERS_TABLES)
    const process = new PlaceOrderProcess(times, host.random)
    return { store, ...ordersParts(process), http: (app, messaging) => {
      ordersHttp(app, { messaging, reader: store.read, process, clock: host.clock, askUsers: id => askUsers(host, id) })
      operatorRoutes(app, () => messaging)
    } }
  }
}

async function askUsers (host: Host, id: string): Promise<{ status: string, version: number } | undefined> {
  const { status, body } = await host.ask('users', { method: 'GET', path: `/users/${id}` }, ASK_USERS_MS)
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`users answered ${status}`)
  return body as { status: string, version: number }
}

export const inventory: ServiceDefinition<KeyValueTx> = host => {
  const store = host.openKeyValueStore()
  return { store, ...inventoryParts(), http: (app, messaging) => {
    stockRoutes(app, messaging, store.read)
    operatorRoutes(app, () => messaging)
  } }
}

/** `slowMs`: how long it takes for each capture. */
export function payments (slowMs = 0): ServiceDefinition<SqlTx> {
  return host => {
    const store = host.openSqlStore(PAYMENTS_TABLES)
    return { store, ...paymentsParts(slowMs, host.clock), http: (app, messaging) => {
      paymentRoutes(app, messaging, store.read)
      operatorRoutes(app, () => messaging)
    } }
  }
}

/** `followMs`: between two looks at the feed of orders. */
export function orderHistory (followMs = 2000): ServiceDefinition<SqlTx> {
  return host => {
    const { clock, log } = host
    const store = host.openSqlStore(HISTORY_TABLES)
    const arrivals = new Arrivals(clock)
    const projection = new Projection({ ...projectionOf(path => readOrders(host, path)), store, log, clock, followMs,
      onApplied: streams => { arrivals.announce(streams) } })
    return { store, ...historyParts(projection), beside: [projection], http: (app, messaging) => {
      historyRoutes(app, store.read, arrivals)
      operatorRoutes(app, () => messaging)
      projectionRoutes(app, [projection])
    } }
  }
}

async function readOrders (host: Host, path: string): Promise<FeedEvent[]> {
  const { status, body } = await host.ask('orders', { method: 'GET', path }, ASK_ORDERS_MS)
  if (status !== 200) throw new Error(`orders answered ${status}`)
  return body.items as FeedEvent[]
}
