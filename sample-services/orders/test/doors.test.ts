import { t } from 'tap'
import { httpDouble } from '../../../starter/test/support.ts'
import { startAlone, tryDoors } from '../../test/doors.ts'
import { startOrders } from '../orders.ts'

const userId = '01a210cb-5f0d-7dad-80e3-ae92ef314987'

t.test('nothing wrong comes in by any door', async t => {
  const users = await httpDouble((_request, response) =>
    response.setHeader('content-type', 'application/json').end('{"status":"ACTIVE","version":1}'))
  t.teardown(() => users.close())
  const url = await startAlone(t, startOrders, { 'spring.cloud.discovery.client.simple.instances.users[0].uri': users.url })
  const body = { userId, currency: 'EUR', lines: [{ sku: 'apple 😀', qty: 1, unitPrice: 1 }] }
  const placed = await fetch(`${url}/orders`, { method: 'POST', body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'idempotency-key': 'first' } })
  const { orderId } = await placed.json() as { orderId: string }
  const path = { id: orderId }
  await tryDoors(t, url, {
    'POST /orders': { body },
    'POST /orders/{id}/cancel': { path, body: {} },
    'GET /orders/{id}': { path, query: { minVersion: '1', waitMs: '0' } },
    'GET /internal/streams/order/{id}': { path, query: { from: '1' } },
    'GET /internal/streams/order': { query: { after: '0', limit: '10' } }
  })
})
