import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { t } from 'tap'
import { openSqlite } from '../index.ts'
import { WalFlush, type Sync } from '../store/wal-flush.ts'
import { sqlConformance } from './sql-conformance.ts'
import { CLOCK, SLOW_MS, sqlBed, TABLES } from './store-beds.ts'
import { storeConformance } from './store-conformance.ts'

t.test('node:sqlite passes the suite', async t => {
  const file = join(t.testdir(), 'store.db')
  let writer: DatabaseSync | undefined
  const connect = (path: string): DatabaseSync => {
    const database = new DatabaseSync(path)
    writer ??= database
    return database
  }
  const pragma = async (on: string, off: string) => {
    writer!.exec(`PRAGMA ${on}`)
    return async () => { writer!.exec(`PRAGMA ${off}`) }
  }
  const bed = sqlBed(async () => openSqlite({ file, tables: TABLES, clock: CLOCK, files: { connect } }), {
    openSlow: async () => openSqlite({ file: `${file}-slow`, tables: TABLES, commandMs: SLOW_MS }),
    readOnly: () => pragma('query_only = 1', 'query_only = 0'),
    full: () => pragma('max_page_count = 1', 'max_page_count = 1000000')
  })
  await storeConformance(t, bed)
})

t.test('node:sqlite passes the relational suite', async t => {
  const file = join(t.testdir(), 'store.db')
  await sqlConformance(t, sqlBed(async () => openSqlite({ file, tables: TABLES, clock: CLOCK })))
})

t.test('sqlite', async t => {
  await t.test('a second process, or a second store, is refused while the first lives', async t => {
    const file = join(t.testdir(), 'store.db')
    const first = openSqlite({ file, tables: '' })
    t.throws(() => openSqlite({ file, tables: '' }), { code: 'E_STORE_OWNED' })
    await first.close()
    await openSqlite({ file, tables: '' }).close()
  })

  await t.test('a foreign lock delays commands and never the event loop', async t => {
    const file = join(t.testdir(), 'store.db')
    const store = openSqlite({ file, tables: TABLES, lockWaitMs: 30_000 })
    t.teardown(() => store.close())
    const stranger = new DatabaseSync(file)
    stranger.exec('BEGIN IMMEDIATE')
    let [last, worst] = [performance.now(), 0]
    const probe = setInterval(() => {
      worst = Math.max(worst, performance.now() - last)
      last = performance.now()
    }, 5)
    const command = store.tx(tx => tx.run('INSERT INTO things (key, value) VALUES (?, ?)', 'a', 1))
    await new Promise(resolve => { setTimeout(resolve, 1500) })
    clearInterval(probe)
    stranger.exec('COMMIT')
    stranger.close()
    t.equal(await command, 1)
    t.ok(worst < 1000, `the event loop was held for ${worst} ms`)
  })

  await t.test('a lock that stays is told as E_STORE_BUSY, and the next command works', async t => {
    const file = join(t.testdir(), 'store.db')
    const store = openSqlite({ file, tables: TABLES, lockWaitMs: 50 })
    t.teardown(() => store.close())
    const stranger = new DatabaseSync(file)
    stranger.exec('BEGIN IMMEDIATE')
    await t.rejects(store.tx(async () => {}), { code: 'E_STORE_BUSY', canRetry: true, statusCode: 503 })
    stranger.exec('COMMIT')
    stranger.close()
    await t.resolves(store.tx(async () => {}))
  })

  await t.test('a full disk fails commands with E_STORE_FULL, and nothing of them stays', async t => {
    const file = join(t.testdir(), 'store.db')
    const store = openSqlite({ file, tables: 'CREATE TABLE blobs (data TEXT) {{strict}};' })
    t.teardown(() => store.close())
    await store.tx(async tx => { await tx.get('PRAGMA max_page_count = 60') })
    const fill = () => store.tx(tx => tx.run('INSERT INTO blobs (data) VALUES (?)', 'x'.repeat(100_000)))
    await t.rejects((async () => { for (let n = 0; n < 20; n++) await fill() })(), { code: 'E_STORE_FULL' })
    const kept = await store.read.get<{ n: number }>('SELECT count(*) AS n FROM blobs')
    t.ok(kept!.n < 20)
    await store.tx(async tx => { await tx.get('PRAGMA max_page_count = 100000') })
    await t.resolves(fill())
  })

  await t.test('nobody is told of what is not flushed: not its caller, no reader, not the relay', async t => {
    let held: Array<(error: Error | null) => void> | undefined
    const sync: Sync = (_fd, done) => {
      if (held === undefined) done(null)
      else held.push(done)
    }
    const store = openSqlite({ file: join(t.testdir(), 'store.db'), tables: TABLES,
      files: { flush: name => new WalFlush(name, sync) } })
    t.teardown(() => store.close())
    let woken = 0
    store.onOutbox(() => { woken++ })
    held = []
    const told: string[] = []
    const tell = (name: string) => () => { told.push(name) }
    const done = store.tx(async tx => {
      await tx.run('INSERT INTO things (key, value) VALUES (?, ?)', 'a', 1)
      await tx.outbox.append([{ id: 'm', dedupe: 'm', kind: 'event', dest: 'd', group: 'g', type: 't', body: '{}' }])
    }).then(tell('caller'))
    while (held.length === 0) await new Promise(setImmediate)
    const reads = [store.read.get('SELECT * FROM things').then(tell('reader')), store.outbox.unsent(1).then(tell('relay'))]
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    t.same([told, woken], [[], 0])
    for (const release of held) release(null)
    held = undefined
    await Promise.all([done, ...reads])
    t.same([told.sort(), woken], [['caller', 'reader', 'relay'], 1])
  })

  await t.test('after a flush that failed nothing is taken until the file is opened anew', async t => {
    let failing = false
    const file = join(t.testdir(), 'store.db')
    const store = openSqlite({ file, tables: TABLES, lockWaitMs: 10,
      files: { flush: name => new WalFlush(name, (_fd, done) => { done(failing ? new Error('EIO') : null) }) } })
    const put = (key: string) => store.tx(tx => tx.run('INSERT INTO things (key, value) VALUES (?, ?)', key, 1))
    failing = true
    await t.rejects(put('a'), { code: 'E_STORE_FLUSH', canRetry: true, statusCode: 503 })
    failing = false
    await t.rejects(put('b'), { code: 'E_STORE_FLUSH' })
    await t.rejects(store.check(), { code: 'E_STORE_FLUSH' })
    // Nor is anything told of what the disk may have lost: the relay would send it.
    await t.rejects(store.read.get('SELECT * FROM things'), { code: 'E_STORE_FLUSH' })
    await t.rejects(store.outbox.unsent(1), { code: 'E_STORE_FLUSH' })
    await store.close()
    const again = openSqlite({ file, tables: TABLES })
    t.teardown(() => again.close())
    t.equal(await again.read.get("SELECT * FROM things WHERE key = 'b'"), undefined)
    await t.resolves(again.check())
  })
})
