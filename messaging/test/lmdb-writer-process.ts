/** Writes into an lmdb store for ever, and prints each number that was acknowledged; to be killed. */
import { writeSync } from 'node:fs'
import { openLmdb } from '../stores.ts'

const store = await openLmdb({ file: process.argv[2]! })
const known = await store.read.range<number>('n', 1_000_000)
for (let n = known.length; ; n++) {
  await store.tx(async tx => {
    tx.put(`n${String(n).padStart(9, '0')}`, n)
    tx.put(`big${n % 7}`, 'x'.repeat(n * 997 % 20_000))
    tx.remove(`big${(n + 3) % 7}`)
  })
  writeSync(1, `${n}\n`)
}
