import { join } from 'node:path'
import { t } from 'tap'
import { openLmdb } from '../stores.ts'
import { keyValueConformance } from './key-value-conformance.ts'
import { CLOCK, keyValueBed, SLOW_MS } from './store-beds.ts'
import { storeConformance } from './store-conformance.ts'

t.test('lmdb passes the suite', async t => {
  const dir = t.testdir()
  await storeConformance(t, keyValueBed(() => openLmdb({ file: join(dir, 'store.lmdb'), clock: CLOCK }), {
    openSlow: () => openLmdb({ file: join(dir, 'slow.lmdb'), commandMs: SLOW_MS })
  }))
})

t.test('lmdb keeps any key and any value', async t => {
  const dir = t.testdir()
  await keyValueConformance(t, (name, clock = CLOCK) => openLmdb({ file: join(dir, `${name}.lmdb`), clock }))
})
