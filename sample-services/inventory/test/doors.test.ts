import { t } from 'tap'
import { startAlone, tryDoors } from '../../test/doors.ts'
import { startInventory } from '../inventory.ts'

t.test('nothing wrong comes in by any door', async t => {
  await tryDoors(t, await startAlone(t, startInventory), {
    'PUT /inventory/{sku}': [{ path: { sku: 'apple' }, body: { add: 5 } }, { path: { sku: 'apple' }, body: { onHand: 5 } }],
    'GET /inventory/{sku}': { path: { sku: 'apple' } }
  })
})
