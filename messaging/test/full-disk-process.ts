/**
 * An lmdb store on a disk of one mebibyte, in a mount namespace of its own, so that nothing stays mounted: fills it,
 * makes room, and prints what it was told.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { openLmdb } from '../stores.ts'

const dir = process.argv[2]!
spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
const store = await openLmdb({ file: join(dir, 'store.lmdb') })

const put = (n: number): Promise<string> => store.tx(async tx => {
  tx.put(`k${n}`, 'x'.repeat(20_000))
  await tx.outbox.append([{ id: `k${n}`, dedupe: `k${n}`, kind: 'event', dest: 'd', group: 'g', type: 't', body: '{}' }])
}).then(() => 'taken', (error: Error & { code?: string }) => error.code ?? error.message)

let taken = 0
const ends: string[] = []
for (let end = 'taken'; ends.length < 5 && taken < 1000; end = await put(taken)) {
  if (end === 'taken') taken++
  else ends.push(end)
}
const kept = (await store.read.range('k', 1000)).length
const waiting = await store.outbox.count()
spawnSync('mount', ['-o', 'remount,size=8m', dir])
const after = await put(1000)
await store.verify?.()
await store.close()
console.log(JSON.stringify({ taken, ends, kept, waiting, after }))
