import { t } from 'tap'
import { startAlone, tryDoors } from '../../test/doors.ts'
import { startOrderHistory } from '../order-history.ts'

const id = '01a210cb-5f0d-7dad-80e3-ae92ef314987'

t.test('nothing wrong comes in by any door', async t => {
  await tryDoors(t, await startAlone(t, startOrderHistory), {
    'GET /order-history/{id}': { path: { id }, query: { minVersion: '1', waitMs: '0' }, status: 504 },
    'GET /order-history': { query: { userId: id, status: 'PENDING', from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z',
      limit: '10', cursor: Buffer.from(`2026-01-01T00:00:00.000Z ${id}`).toString('base64url') } },
    'POST /internal/projections/{name}/rebuild': { path: { name: 'orders' } },
    'POST /internal/projections/{name}/retry': { path: { name: 'orders' } }
  })
})
