/** The commands inventory takes and the events it answers with. */
import type { MessageSchema } from '@breakwater/messaging'
import { qty, sku, stock, uuid } from './shapes.ts'

function message ($id: string, properties: Record<string, unknown>, optional: readonly string[] = []): MessageSchema {
  const all = { orderId: uuid, ...properties }
  return { $id, type: 'object', required: Object.keys(all).filter(name => !optional.includes(name)), properties: all }
}

const lines = { type: 'array', minItems: 1, maxItems: 50,
  items: { type: 'object', required: ['sku', 'qty'], properties: { sku, qty } } }
const shortages = { type: 'array', items: { type: 'object', required: ['sku', 'wanted', 'available'],
  properties: { sku, wanted: stock, available: stock } } }

export const MESSAGES: readonly MessageSchema[] = [
  message('inventory.ReserveStock.v1', { lines }),
  message('inventory.ReleaseStock.v1', {}),
  message('inventory.CommitStock.v1', {}),
  message('inventory.StockReserved.v1', { reservationId: uuid }),
  message('inventory.StockRejected.v1',
    { reason: { enum: ['OUT_OF_STOCK', 'UNKNOWN_SKU', 'RELEASED'] }, shortages }, ['shortages']),
  message('inventory.StockReleased.v1', { released: { type: 'boolean' } }),
  message('inventory.StockCommitted.v1', {})
]
