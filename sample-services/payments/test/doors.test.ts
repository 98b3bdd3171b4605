import { t } from 'tap'
import { startAlone, tryDoors } from '../../test/doors.ts'
import { startPayments } from '../payments.ts'

const path = { userId: '01a210cb-5f0d-7dad-80e3-ae92ef314987' }

t.test('nothing wrong comes in by any door', async t => {
  await tryDoors(t, await startAlone(t, startPayments), {
    'POST /accounts/{userId}/deposits': { path, body: { amount: 1, currency: 'EUR' } },
    'GET /accounts/{userId}': { path },
    'GET /payments': { query: { orderId: path.userId } }
  })
})
