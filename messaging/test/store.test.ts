import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { t } from 'tap'
import { openSqlite, systemClock, type KeyValueReader, type KeyValueTx, type SqlReader, type SqlTx, type Store } from '../index.ts'
import { GroupCommit, type Batch } from '../store/group-commit.ts'
import { openLmdb, openPostgres, openRedis } from '../stores.ts'
import { probeStore, type Tx } from '../store/store.ts'
import { noPostgres, noRedis, startPostgres, startRedis } from './servers.ts'
import { storeConformance, type StoreBed } from './store-conformance.ts'

const NOW = 1_700_000_000_000
const CLOCK = { ...systemClock, now: () => NOW }
const TABLES = 'CREATE TABLE IF NOT EXISTS things (key TEXT PRIMARY KEY, value {{int}} NOT NULL) {{strict}};'

function sqlBed (open: () => Promise<Store<SqlTx, SqlReader>>): StoreBed<SqlTx> {
  const get = async (reader: SqlReader, key: string) =>
    (await reader.get<{ value: number }>('SELECT value FROM things WHERE key = ?', key))?.value
  return {
    open,
    now: () => NOW,
    get,
    put: async (tx, key, value) => {
      await tx.run('INSERT INTO things (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
        key, value)
    },
    read: (store, key) => get(store.read as SqlReader, key)
  }
}

function keyValueBed (open: () => Promise<Store<KeyValueTx, KeyValueReader>>): StoreBed<KeyValueTx> {
  return {
    open,
    now: () => NOW,
    get: (tx, key) => tx.get<number>(key),
    put: async (tx, key, value) => { tx.put(key, value) },
    read: (store, key) => (store.read as KeyValueReader).get<number>(key)
  }
}

t.test('node:sqlite passes the suite', async t => {
  const file = join(t.testdir(), 'store.db')
  await storeConformance(t, sqlBed(async () => openSqlite({ file, tables: TABLES, clock: CLOCK })))
})

t.test('lmdb passes the suite', async t => {
  const file = join(t.testdir(), 'store.lmdb')
  await storeConformance(t, keyValueBed(async () => openLmdb({ file, clock: CLOCK })))
})

t.test('PostgreSQL passes the suite', { skip: noPostgres }, async t => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  await storeConformance(t, sqlBed(() => openPostgres({ url: server.url, tables: TABLES, clock: CLOCK })))

  await t.test('one of two instances relays; the other takes over when it ends', async t => {
    const open = () => openPostgres({ url: server.url, tables: TABLES })
    const [one, two] = [await open(), await open()]
    t.teardown(() => two.close())
    // The suite's own store may still hold the lock until its teardown; ask until exactly one of both leads.
    const first = await one.outbox.lead()
    const second = await two.outbox.lead()
    t.notOk(first && second)
    await one.close()
  })
})

t.test('Redis passes the suite', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  t.teardown(() => server.stop())
  await storeConformance(t, keyValueBed(() => openRedis({ url: server.url, name: 'test', clock: CLOCK })))
})

t.test('a Redis that does not flush is refused by name', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'no'])
  t.teardown(() => server.stop())
  await t.rejects(openRedis({ url: server.url, name: 'test' }), { code: 'E_STORE_NOT_DURABLE' })
})

t.test('servers that are away: E_STORE_DOWN, and no password in it', async t => {
  const failures = await Promise.allSettled([
    openPostgres({ url: 'postgres://me:secret@127.0.0.1:1/db', tables: '' }),
    openRedis({ url: 'redis://:secret@127.0.0.1:1/0', name: 'x' })
  ])
  for (const failure of failures) {
    const { code, message } = (failure as PromiseRejectedResult).reason as Error & { code: string }
    t.equal(code, 'E_STORE_DOWN')
    t.notMatch(message, /secret/)
  }
})

t.test('the probe refuses a store that keeps outbox rows of a rolled back transaction', async t => {
  const store = openSqlite({ file: join(t.testdir(), 'store.db'), tables: '' })
  t.teardown(() => store.close())
  // An adapter that writes the outbox at once, beside the transaction.
  const outbox: Tx['outbox'] = { append: async entries => { void store.tx(own => own.outbox.append(entries)) } }
  const leaky: Store = { ...store, tx: fn => store.tx(tx => fn({ ...tx, outbox } as Tx)) }
  await t.rejects(probeStore(leaky, 1), { code: 'E_STORE_NOT_TRANSACTIONAL' })
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
    const sync = (_fd: number, done: (error: Error | null) => void) => {
      if (held === undefined) done(null)
      else held.push(done)
    }
    const store = openSqlite({ file: join(t.testdir(), 'store.db'), tables: TABLES, sync })
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
      sync: (_fd, done) => { done(failing ? new Error('EIO') : null) } })
    const put = (key: string) => store.tx(tx => tx.run('INSERT INTO things (key, value) VALUES (?, ?)', key, 1))
    failing = true
    await t.rejects(put('a'), { code: 'E_STORE_FLUSH', canRetry: true, statusCode: 503 })
    failing = false
    await t.rejects(put('b'), { code: 'E_STORE_FLUSH' })
    await t.rejects(store.check(), { code: 'E_STORE_FLUSH' })
    await store.close()
    const again = openSqlite({ file, tables: TABLES })
    t.teardown(() => again.close())
    t.equal(await again.read.get("SELECT * FROM things WHERE key = 'b'"), undefined)
    await t.resolves(again.check())
  })

  await t.test('a transaction used after its end is refused, not written into another one', async t => {
    const store = openSqlite({ file: join(t.testdir(), 'store.db'), tables: TABLES })
    t.teardown(() => store.close())
    const late = await store.tx(async tx => tx)
    await t.rejects(late.run('INSERT INTO things (key, value) VALUES (?, ?)', 'late', 1), { code: 'E_TX_CLOSED' })
  })
})

t.test('group commit', async t => {
  const counting = (commits: { n: number }): Batch<object> => ({
    begin: () => {}, open: () => ({}), keep: () => {}, undo: () => {}, alive: () => true, rollback: () => {},
    commit: () => { commits.n++ }
  })
  const options = { maxCommands: 50, lockWaitMs: 100, commandMs: 20 }

  await t.test('commands of one turn share a commit', async t => {
    const commits = { n: 0 }
    const group = new GroupCommit(counting(commits), options)
    await Promise.all(Array.from({ length: 120 }, () => group.run(async () => {})))
    t.equal(commits.n, 3)
  })

  await t.test('a command that waits for something else is ended, the store goes on', async t => {
    const group = new GroupCommit(counting({ n: 0 }), options)
    await t.rejects(group.run(() => new Promise(() => {})), { code: 'E_TX_SLOW' })
    t.equal(await group.run(async () => 5), 5)
  })

  await t.test('a failed commit fails all of its commands', async t => {
    const group = new GroupCommit({ ...counting({ n: 0 }), commit: () => { throw new Error('disk') } }, options)
    const results = await Promise.allSettled([group.run(async () => 1), group.run(async () => 2)])
    t.same(results.map(result => result.status), ['rejected', 'rejected'])
  })
})
