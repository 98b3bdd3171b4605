import { join } from 'node:path'
import { t } from 'tap'
import { openLmdb } from '../stores.ts'
import { CLOCK, keyValueBed } from './store-beds.ts'
import { storeConformance } from './store-conformance.ts'

t.test('lmdb passes the suite', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  await storeConformance(t, keyValueBed(async () => openLmdb({ file, clock: CLOCK })))
})
