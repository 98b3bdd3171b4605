/** Inventory over HTTP: count, look, audit. */
import { commandRoute, type Command, type KeyValueReader, type KeyValueTx, type Messaging } from '@breakwater/messaging'
import type { FastifyInstance } from 'fastify'
import { available, count, type Stock } from '../domain/stock.ts'
import { inventoryError } from '../errors.ts'
import { sku, stock } from '../shapes.ts'
import { allReservations, allStocks, findStock, putStock } from '../store/stock-store.ts'

const params = { type: 'object', required: ['sku'], properties: { sku } } as const
const STOCK = {
  type: 'object', properties: { sku, onHand: stock, reserved: stock, available: stock }
} as const
const COUNT = {
  summary: 'Set what is on the shelf (onHand), or add to it (add): one of both',
  params,
  body: {
    type: 'object',
    // Exactly one, said in words that a problem can repeat; `oneOf` names no field.
    additionalProperties: false, minProperties: 1, maxProperties: 1,
    properties: { onHand: stock, add: { ...stock, minimum: 1 } }
  },
  response: { 200: STOCK }
} as const
const READ = { summary: 'Read the stock of an article', params, response: { 200: STOCK } } as const

export function stockRoutes (app: FastifyInstance, messaging: Messaging<KeyValueTx>, reader: KeyValueReader): void {
  app.put('/inventory/:sku', { schema: COUNT }, commandRoute(() => messaging, countStock))
  app.get<{ Params: { sku: string } }>('/inventory/:sku', { schema: READ }, async request => {
    const known = await findStock(reader, request.params.sku)
    if (known === undefined) throw inventoryError('SKU_UNKNOWN', [request.params.sku])
    return view(known)
  })
  app.get<{ Querystring: { limit: number } }>('/internal/audit', { schema: AUDIT }, async request => ({
    stocks: await allStocks(reader, request.query.limit),
    reservations: await allReservations(reader, request.query.limit)
  }))
}

const AUDIT = {
  hide: true,
  querystring: {
    type: 'object', properties: { limit: { type: 'integer', minimum: 1, maximum: 100_000, default: 1000 } }
  }
} as const

const countStock: Command<KeyValueTx> = async (request, tx) => {
  const { sku: article } = request.params as { sku: string }
  const known = await findStock(tx, article) ?? { sku: article, onHand: 0, reserved: 0 }
  const counted = count(known, request.body as { onHand?: number, add?: number })
  putStock(tx, counted)
  return { status: 200, body: view(counted) }
}

function view (known: Stock): object {
  return { ...known, available: available(known) }
}
