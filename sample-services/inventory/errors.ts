/** What a caller of inventory can do wrong. */
import { errorTable } from '@breakwater/starter/errors'

export const inventoryError = errorTable({
  SKU_UNKNOWN: { text: 'there is no article %s.', status: 404 },
  STOCK_LIMIT: { text: 'there can be at most %s of %s.', status: 422 },
  STOCK_RESERVED: {
    text: '%s of %s are reserved for orders, there cannot be only %s.',
    next: 'Wait until the orders are settled, or count again.',
    status: 409
  }
})
