import { t } from 'tap'
import { startAlone, tryDoors } from '../../test/doors.ts'
import { startUsers } from '../users.ts'

t.test('nothing wrong comes in by any door', async t => {
  const url = await startAlone(t, startUsers)
  const ann = { email: 'Ann@example.org', name: 'Ann 😀' }
  const made = await fetch(`${url}/users`, { method: 'POST', body: JSON.stringify(ann),
    headers: { 'content-type': 'application/json' } })
  const { userId } = await made.json() as { userId: string }
  const path = { id: userId }
  await tryDoors(t, url, {
    'POST /users': { body: { ...ann, email: 'bob@example.org' } },
    'GET /users/{id}': { path, query: { minVersion: '1' } },
    'POST /users/{id}/suspend': { path, body: { reason: 'late' } },
    'POST /users/{id}/reactivate': { path, body: { reason: 'paid' } }
  })
})
