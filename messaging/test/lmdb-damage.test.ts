/** Files that are cut, overwritten or of another time: named, or read as they were written, and nothing between. */
import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync, copyFileSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync
} from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import { t } from 'tap'
import { openLmdb } from '../stores.ts'
import { checkFileNow } from '../store/lmdb/check-file.ts'
import { Pages } from '../store/lmdb/pages.ts'
import { until } from './until.ts'

const PAGE = 4096
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

function random (seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    return state / 0x7fffffff
  }
}

/** Articles of all sizes, changed and removed again, in a file of some depth. */
async function written (file: string, articles: number): Promise<Map<string, string>> {
  const next = random(7)
  const store = await openLmdb({ file })
  const all = new Map<string, string>()
  for (let round = 0; round < 12; round++) {
    await store.tx(async tx => {
      for (let n = 0; n < articles / 4; n++) {
        const key = `sku/${Math.floor(next() * articles)}-${'é'.repeat(Math.floor(next() * 30))}`
        const value = String(round).repeat(Math.floor(next() < 0.05 ? next() * 9000 : next() * 200))
        if (next() < 0.2) {
          tx.remove(key)
          all.delete(key)
        } else {
          tx.put(key, value)
          all.set(key, value)
        }
      }
    })
  }
  await store.close()
  return all
}

/** 'named', 'sound' when all is as it was written, or what is wrong with what is read. */
async function judge (file: string, all: ReadonlyMap<string, string>): Promise<string> {
  try {
    // As at each start, and many times faster.
    checkFileNow(file, Infinity)
  } catch (error) {
    if ((error as Error & { code?: string }).code !== 'E_STORE_CORRUPT') throw error
    return 'named'
  }
  // What lmdb itself makes of it.
  const database = open<string, Buffer>({ path: file, encoding: 'string', keyEncoding: 'binary', noSubdir: true, readOnly: true })
  try {
    const found = [...database.getRange({ start: Buffer.from('state/'), end: Buffer.from('state0') })]
    if (found.length !== all.size) return `${found.length} of ${all.size} articles`
    for (const [key, value] of all) {
      if (database.get(Buffer.from(`state/${key}`))?.slice(8) !== JSON.stringify(value)) return `${key} is another one`
    }
    return 'sound'
  } finally {
    await database.close()
  }
}

function copyOf (file: string): string {
  const copy = `${file}-copy`
  copyFileSync(file, copy)
  return copy
}

t.test('a sound file', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  const all = await written(file, 1000)
  t.ok(statSync(file).size > 100 * PAGE)
  t.equal(await judge(file, all), 'sound')
})

t.test(`bits that are flipped anywhere (SEED=${SEED})`, async t => {
  const file = join(t.testdir(), 'store.lmdb')
  const all = await written(file, 100)
  const next = random(SEED)
  const bytes = readFileSync(file)
  const verdicts = new Map<string, number>()
  const flip = async (at: number, bit: number): Promise<void> => {
    const damaged = Buffer.from(bytes)
    damaged[at] = damaged[at]! ^ (1 << bit)
    const copy = `${file}-copy`
    writeFileSync(copy, damaged)
    const verdict = await judge(copy, all)
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
    if (verdict !== 'named' && verdict !== 'sound') t.fail(`bit ${bit} of byte ${at}: ${verdict}`)
  }
  // The two pages of state, bit by bit, and the heads of all others; then anywhere.
  for (let at = 0; at < 176; at++) await flip((next() < 0.5 ? 0 : PAGE) + at, Math.floor(next() * 8))
  for (let page = 2; page < bytes.length / PAGE; page++) {
    for (let n = 0; n < 1; n++) await flip(page * PAGE + Math.floor(next() * 64), Math.floor(next() * 8))
  }
  for (let n = 0; n < 150; n++) await flip(Math.floor(next() * bytes.length), Math.floor(next() * 8))
  t.ok((verdicts.get('named') ?? 0) > 80, JSON.stringify([...verdicts]))
  t.ok((verdicts.get('sound') ?? 0) > 30, 'room that is free is no matter')
})

t.test('a file that is cut anywhere', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  const all = await written(file, 100)
  const { size } = statSync(file)
  for (let length = 0; length < size; length += length < 3 * PAGE ? 512 : PAGE) {
    const copy = copyOf(file)
    truncateSync(copy, length)
    const verdict = await judge(copy, all)
    if (length < size - 2 * PAGE || verdict !== 'sound') t.equal(verdict, 'named', `${length} of ${size} bytes`)
  }
})

t.test('a block that is overwritten, by zeros, noise, an older or another block', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  await written(file, 120)
  const older = readFileSync(file)
  const store = await openLmdb({ file })
  const all = new Map((await store.read.range<string>('', 10_000)).map(({ key, value }) => [key, value]))
  // The same keys and sizes once more and once more, so that old pages are used again for what they were used for.
  for (let round = 0; round < 6; round++) {
    await store.tx(async tx => {
      for (const [key, value] of all) {
        const changed = value.replaceAll(/./g, String(round))
        tx.put(key, changed)
        all.set(key, changed)
      }
    })
  }
  await store.close()
  const bytes = readFileSync(file)
  const next = random(SEED)
  const blocks = [Buffer.alloc(PAGE), Buffer.from(Array.from({ length: PAGE }, () => Math.floor(next() * 256)))]
  let named = 0
  for (let page = 0; page < bytes.length / PAGE; page++) {
    const neighbour = bytes.subarray(((page + 1) % (bytes.length / PAGE)) * PAGE).subarray(0, PAGE)
    for (const block of [[...blocks, neighbour][page % 3]!, older.subarray(page * PAGE, (page + 1) * PAGE)]) {
      const copy = copyOf(file)
      const damaged = Buffer.from(bytes)
      block.copy(damaged, page * PAGE)
      writeFileSync(copy, damaged)
      const verdict = await judge(copy, all)
      if (verdict === 'named') named++
      else if (verdict !== 'sound') t.fail(`page ${page}: ${verdict}`)
    }
  }
  t.ok(named > bytes.length / PAGE / 2, `${named} named`)
})

t.test('a list of free pages with one that is in use: the next commits would overwrite it', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  await written(file, 100)
  const bytes = readFileSync(file)
  const { free, main } = new Pages((offset, length) => bytes.subarray(offset, offset + length), bytes.length).meta
  // The value of the tree's first node: a count, and the pages.
  const page = free.root * PAGE + 24
  const list = page + bytes.readUInt16LE(page) + 16
  const count = Number(bytes.readBigUInt64LE(list))
  const slot = Array.from({ length: count }, (_, n) => list + 8 * (n + 1))
    .find((at, n) => bytes.readBigInt64LE(at) > 0n && (n === 0 || bytes.readBigInt64LE(at - 8) >= 0n))!
  bytes.writeBigInt64LE(BigInt(main.root), slot)
  writeFileSync(file, bytes)
  t.throws(() => { checkFileNow(file, Infinity) },
    { code: 'E_STORE_CORRUPT', message: new RegExp(`page ${main.root} is free, and is not`) })
})

t.test('a value that is changed by somebody who knows lmdb', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  const all = await written(file, 100)
  const connect = (path: string) => open<string, Buffer>({ path, encoding: 'string', keyEncoding: 'binary', noSubdir: true })
  const meddle = async (use: (database: ReturnType<typeof connect>) => Promise<unknown>): Promise<string> => {
    const copy = copyOf(file)
    const database = connect(copy)
    await use(database)
    await database.close()
    return judge(copy, all)
  }
  const original = connect(file)
  const [{ key, value: sealed }] = [...original.getRange({ start: Buffer.from('state/'), limit: 1 })] as [{ key: Buffer, value: string }]
  await original.close()
  t.equal(await meddle(async () => {}), 'sound')
  t.equal(await meddle(database => database.put(key, `${sealed.slice(0, -1)}_`)), 'named', 'another text')
  t.equal(await meddle(database => database.put(Buffer.from('state/sku/forged'), sealed)), 'named', 'another key')
  t.equal(await meddle(database => database.remove(key)), 'named', 'none')
  t.equal(await meddle(database => database.remove(Buffer.from('sums'))), 'named', 'no sums')
})

t.test('an empty file, and one of something else', async t => {
  const dir = t.testdir()
  for (const [name, content] of [['empty', ''], ['short', 'x'], ['text', 'a'.repeat(20_000)], ['zeros', '\0'.repeat(8192)]] as const) {
    const file = join(dir, `${name}.lmdb`)
    writeFileSync(file, content)
    await t.rejects(openLmdb({ file }), { code: 'E_STORE_CORRUPT', message: new RegExp(`${name}\\.lmdb is damaged.*move the file aside`, 's') })
    t.equal(readFileSync(file, 'utf8'), content, 'it is left as it is')
    rmSync(file)
    await (await openLmdb({ file })).close()
  }
})

t.test('a start that was killed while it made the file leaves nothing in the way', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  writeFileSync(`${file}-new`, '')
  writeFileSync(`${file}-new-lock`, 'x')
  const store = await openLmdb({ file })
  await store.tx(async tx => { tx.put('k', 1) })
  await store.close()
  t.equal(await judge(file, new Map()), '1 of 0 articles')
})

t.test('a process that is killed at any moment leaves a sound file with all that it acknowledged', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  const next = random(SEED)
  let acknowledged = -1
  for (let round = 0; round < 6; round++) {
    const from = acknowledged
    const writer = spawn(process.execPath, [join(import.meta.dirname, 'lmdb-writer-process.ts'), file],
      { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    writer.stdout.on('data', (chunk: Buffer) => { text += String(chunk) })
    const closed = new Promise(resolve => { writer.on('close', resolve) })
    await until(() => text.includes('\n'), 'it writes')
    await new Promise(resolve => { setTimeout(resolve, next() * 100) })
    writer.kill('SIGKILL')
    await closed
    acknowledged = Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1))
    t.ok(acknowledged > from)
    t.doesNotThrow(() => { checkFileNow(file, Infinity) })
    const store = await openLmdb({ file })
    const kept = await store.read.range<number>('n', 1_000_000)
    t.ok(kept.length > acknowledged, `${acknowledged} were acknowledged, ${kept.length} are there`)
    t.ok(kept.every(({ value }, n) => value === n))
    await store.close()
  }
})

t.test('a file of the time before checksums is taken over whole', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  const old = open<string, string>({ path: file, encoding: 'string', noSubdir: true, overlappingSync: false })
  const all = new Map(Array.from({ length: 300 }, (_, n) => [`sku/${n}`, `${n}`.repeat(50)]))
  await old.batch(() => { for (const [key, value] of all) void old.put(`state/${key}`, JSON.stringify(value)) })
  const row = { id: 'm', dedupe: 'm', kind: 'event', dest: 'd', group: 'g', type: 't', body: '{}', seq: 7, at: 5 }
  await old.put('outbox/new/0000000000000007', JSON.stringify(row))
  await old.put('outbox/seq', '7')
  await old.close()
  const store = await openLmdb({ file })
  for (const [key, value] of all) t.equal(await store.read.get(key), value)
  await store.tx(tx => tx.outbox.append([{ ...row, id: 'n', dedupe: 'n', kind: 'event' }]))
  t.match(await store.outbox.unsent(10), [row, { seq: 8, id: 'n' }])
  await store.close()
  t.equal(await judge(file, all), 'sound', 'and is as good as any afterwards')
  overwrite(file, '"299299', '"299298')
  t.equal(await judge(file, all), 'named')
})

t.test('damage under a running store', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  await written(file, 300)
  const store = await openLmdb({ file })
  t.teardown(() => store.close())
  await store.tx(async tx => { tx.put('victim', 'x'.repeat(100)) })
  await t.resolves(store.verify!())
  // Others write while it looks.
  const writes = Promise.all(Array.from({ length: 50 }, (_, n) => store.tx(async tx => { tx.put(`w${n}`, 'y'.repeat(5000)) })))
  await Promise.all([store.verify!(), writes, store.verify!()])
  overwrite(file, '"xxxxxxxxxx', '"xxxxzxxxxx')
  const refusal = { code: 'E_STORE_CORRUPT', statusCode: 503, canRetry: true, message: /victim/ }
  await t.rejects(store.verify!(), refusal)
  await t.rejects(store.read.get('victim'), refusal)
  await t.rejects(store.read.range('v', 10), refusal)
  await t.rejects(store.tx(async tx => tx.get('victim')), refusal)
  t.ok(await store.read.get('w1'), 'others are read')
  await store.tx(async tx => { tx.put('victim', 1) })
  t.equal(await store.read.get('victim'), 1, 'what is put anew owes nothing to what was there')
  await store.tx(async tx => { for (let n = 0; n < 9000; n++) tx.put(`many${n}`, n) })
  await t.resolves(store.verify!())
  const looking = store.verify!()
  await store.close()
  await t.rejects(looking, { code: 'E_STORE_DOWN' })
  await t.rejects(store.verify!(), { code: 'E_STORE_DOWN' })
})

t.test('a large file is looked at for what is cut off, at least', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  await written(file, 400)
  t.doesNotThrow(() => { checkFileNow(file, 1000) })
  truncateSync(file, statSync(file).size - 20 * PAGE)
  t.throws(() => { checkFileNow(file, 1000) }, { code: 'E_STORE_CORRUPT', message: /it is cut/ })
})

const UNSHARE = ['-r', '-m']
const noNamespace = spawnSync('unshare', [...UNSHARE, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
  ? false
  : 'a small disk cannot be mounted here'

t.test('a disk that is full takes no command, keeps what it has, and goes on when there is room', { skip: noNamespace }, async t => {
  const { stdout } = spawnSync('unshare', [...UNSHARE, process.execPath,
    join(import.meta.dirname, 'full-disk-process.ts'), t.testdir()], { encoding: 'utf8' })
  const { taken, ...rest } = JSON.parse(stdout) as { taken: number, kept: number, waiting: number }
  t.ok(taken > 10)
  t.same(rest, { ends: Array(5).fill('E_STORE_FULL'), kept: taken - 1, waiting: taken - 1, after: 'taken' })
})

/** Changes what there is, and leaves the file where it is: somebody may have it open. */
function overwrite (file: string, text: string, other: string): void {
  const bytes = readFileSync(file)
  const fd = openSync(file, 'r+')
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) writeSync(fd, other, at)
  closeSync(fd)
}
