/** Inventory over HTTP: count, look, audit. */
import { commandRoute, type Command, type KeyValueReader, type KeyValueTx, type Messaging } from '@breakwater/messaging'
import type { FastifyInstance } from 'fastify'
import { available, type Stock } from '../domain/stock.ts'
import { inventoryError } from '../errors.ts'
import { allReservations, allStocks, findStock, putStock } from '../store/stock-store.ts'

const amount = { type: 'integer', minimum: 0, maximum: 1_000_000_000 } as const
const sku = { type: 'string', minLength: 1, maxLength: 64 } as const
const params = { type: 'object', required: ['sku'], properties: { sku } } as const
const STOCK = {
  type: 'object', properties: { sku, onHand: amount, reserved: amount, available: amount }
} as const
const COUNT = {
  summary: 'Set what is on the shelf, or add to it',
  params,
  body: {
    type: 'object',
    oneOf: [{ required: ['onHand'] }, { required: ['add'] }],
    properties: { onHand: amount, add: { ...amount, minimum: 1 } }
  },
  response: { 200: STOCK }
} as const
const READ = { summary: 'Read the stock of an article', params, response: { 200: STOCK } } as const

export function stockRoutes (app: FastifyInstance, messaging: Messaging<KeyValueTx>, reader: KeyValueReader): void {
  app.put('/inventory/:sku', { schema: COUNT }, commandRoute(() => messaging, count))
  app.get<{ Params: { sku: string } }>('/inventory/:sku', { schema: READ }, async request => {
    const stock = await findStock(reader, request.params.sku)
    if (stock === undefined) throw inventoryError('SKU_UNKNOWN', [request.params.sku])
    return view(stock)
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

const count: Command<KeyValueTx> = async (request, tx) => {
  const { sku: article } = request.params as { sku: string }
  const { onHand, add = 0 } = request.body as { onHand?: number, add?: number }
  const known = await findStock(tx, article) ?? { sku: article, onHand: 0, reserved: 0 }
  const stock: Stock = { ...known, onHand: onHand ?? known.onHand + add }
  if (available(stock) < 0) throw inventoryError('STOCK_RESERVED', [stock.reserved, article, stock.onHand])
  putStock(tx, stock)
  return { status: 200, body: view(stock) }
}

function view (stock: Stock): object {
  return { ...stock, available: available(stock) }
}
