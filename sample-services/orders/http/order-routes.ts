/** Orders over HTTP: place, cancel, and the read that the gateway falls back to. */
import { commandRoute, systemClock, type Clock, type Command, type Messaging, type SqlReader, type SqlTx } from '@breakwater/messaging'
import { sendTagged } from '@breakwater/starter'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { place, type Order, type OrderRequest } from '../domain/order.ts'
import { orderError } from '../errors.ts'
import type { PlaceOrderProcess } from '../place-order-process.ts'
import { loadOrder } from '../store/event-store.ts'
import { findKnownUser } from '../store/known-users.ts'
import type { UserLookup } from '../users/user-lookup.ts'
import { CANCEL, PLACE, READ } from './schemas.ts'

/** Between two looks for a version that is not there yet. */
const LOOK_MS = 100

export interface OrderRoutesParts {
  readonly messaging: Messaging<SqlTx>
  readonly reader: SqlReader
  readonly process: PlaceOrderProcess
  readonly lookup: UserLookup
  /** @default the machine's */
  readonly clock?: Clock
}

export function orderRoutes (app: FastifyInstance, parts: OrderRoutesParts): void {
  const current = (): Messaging<SqlTx> => parts.messaging
  // Before the transaction, never inside: nobody else could commit while we wait for another service.
  const preHandler = async (request: FastifyRequest): Promise<void> => {
    await parts.lookup.ensure((request.body as OrderRequest).userId)
  }
  app.post('/orders', { schema: PLACE, preHandler },
    commandRoute(current, placeOrder(parts.process), { keyRequired: true }))
  app.post('/orders/:id/cancel', { schema: CANCEL },
    commandRoute(current, cancelOrder(parts.process), { keyRequired: true }))
  app.get<{ Params: { id: string }, Querystring: Conditions }>(
    '/orders/:id', { schema: READ }, async (request, reply) => {
      const order = await readOrder(parts, request.params.id, request.query)
      // A tag of its own: the order history's document of the same version has more in it.
      return sendTagged(request, reply, `orders-${order.version}`, order)
    })
}

interface Conditions { readonly minVersion?: number, readonly waitMs?: number }

/** The order in the version asked for or a later one: what the order history promises, its stand-in keeps. */
async function readOrder (
  { reader, clock = systemClock }: OrderRoutesParts, id: string, { minVersion = 1, waitMs = 0 }: Conditions
): Promise<Order> {
  const deadline = clock.elapsed() + waitMs
  for (;;) {
    const order = await loadOrder(reader, id)
    if (order === undefined) throw orderError('ORDER_NOT_FOUND', [id])
    if (order.version >= minVersion) return order
    const left = deadline - clock.elapsed()
    if (left <= 0) throw orderError('READ_MODEL_BEHIND', [id, order.version, minVersion])
    await clock.delay(Math.min(left, LOOK_MS))
  }
}

function placeOrder (process: PlaceOrderProcess): Command<SqlTx> {
  return async (request, tx, emit) => {
    const body = request.body as OrderRequest
    const user = await findKnownUser(tx, body.userId)
    if (user === undefined) throw orderError('USER_UNKNOWN', [body.userId])
    if (user.status !== 'ACTIVE') throw orderError('USER_SUSPENDED', [body.userId])
    const orderId = emit.id()
    const sagaId = await process.begin(tx, emit, orderId, place(orderId, body))
    return { status: 202, body: { orderId, status: 'PENDING', sagaId },
      headers: { location: `/order-history/${orderId}` } }
  }
}

function cancelOrder (process: PlaceOrderProcess): Command<SqlTx> {
  return async (request, tx, emit) => {
    const { id } = request.params as { id: string }
    const order = await loadOrder(tx, id)
    if (order === undefined) throw orderError('ORDER_NOT_FOUND', [id])
    if (!await process.cancel(tx, emit, id)) throw orderError('ORDER_CONFIRMED')
    return { status: 202, body: { orderId: id, status: order.status } }
  }
}
