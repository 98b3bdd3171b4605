/** What orders is made of, wherever it runs: as a process of its own (`orders.ts`), or in a world of a test. */
import {
  SAGA_TABLES, Schemas, type Clock, type Messaging, type MessageRoute, type MessagingParts, type SqlCommitted,
  type SqlTx
} from '@breakwater/messaging'
import type { FastifyInstance } from 'fastify'
import { internalRoutes } from './http/internal-routes.ts'
import { orderRoutes } from './http/order-routes.ts'
import { MESSAGES, USER_EVENTS } from './messages.ts'
import type { PlaceOrderProcess } from './place-order-process.ts'
import { EVENT_TABLES } from './store/event-store.ts'
import { keepUser, USER_TABLES, userOf } from './store/known-users.ts'
import { UserLookup, type AskUsers } from './users/user-lookup.ts'

export const ORDERS_TABLES = EVENT_TABLES + SAGA_TABLES + USER_TABLES

const schemas = new Schemas(MESSAGES)

export function ordersParts (
  { sagas }: PlaceOrderProcess
): Pick<MessagingParts<SqlTx>, 'schemas' | 'sagas' | 'subscribe' | 'routes'> {
  const onUser: MessageRoute<SqlTx> = { kind: 'event', handle: (message, tx) => keepUser(tx, userOf(message)) }
  return {
    schemas,
    sagas: [sagas],
    subscribe: [{ service: 'users', types: USER_EVENTS }],
    routes: Object.fromEntries(USER_EVENTS.map(type => [type, onUser]))
  }
}

export interface OrdersHttpParts {
  readonly messaging: Messaging<SqlTx>
  readonly reader: SqlCommitted
  readonly process: PlaceOrderProcess
  readonly askUsers: AskUsers
  /** @default the machine's */
  readonly clock?: Clock
}

export function ordersHttp (app: FastifyInstance, { askUsers, ...parts }: OrdersHttpParts): void {
  orderRoutes(app, { ...parts, lookup: new UserLookup(askUsers, parts.reader, parts.messaging) })
  internalRoutes(app, parts.reader)
}
