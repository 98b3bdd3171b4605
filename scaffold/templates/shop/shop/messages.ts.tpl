/** What shop and payments say to each other, checked where it is sent and where it is received. */
import { Schemas } from '@breakwater/messaging'

export const schemas = new Schemas([
  { $id: 'payments.TakeMoney.v1', type: 'object', required: ['amount'],
    properties: { amount: { type: 'integer', minimum: 1, maximum: 1_000_000 } } },
  { $id: 'payments.MoneyTaken.v1', type: 'object' },
  { $id: 'payments.MoneyRefused.v1', type: 'object' },
  { $id: 'payments.GiveBack.v1', type: 'object' },
  { $id: 'payments.MoneyReturned.v1', type: 'object' }
])
