import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { t } from 'tap'
import { postgresError } from '../store/postgres-errors.ts'
import { openPostgres } from '../stores.ts'
import { until } from './until.ts'
import { admin, nameOf, postgresBed, put, readOnly } from './postgres-bed.ts'
import { noPostgres } from './servers.ts'
import { TABLES } from './store-beds.ts'
import { TcpProxy } from './tcp-proxy.ts'

// Twenty databases, and a server that is started anew.
t.setTimeout(240_000)

t.test('PostgreSQL', { skip: noPostgres }, async t => {
  const bed = await postgresBed(t)

  await t.test('a commit whose answer is lost is told as such, and its command is not run again', async t => {
    const url = await bed.database()
    const proxy = await TcpProxy.before(url)
    t.teardown(() => proxy.stop())
    const store = await bed.open(t, proxy.url)
    let runs = 0
    const command = () => store.tx(async tx => {
      runs++
      await tx.run("INSERT INTO things (key, value) VALUES ('lost', 1) ON CONFLICT (key) DO UPDATE SET value = things.value + 1")
    })
    proxy.loseAnswers('COMMIT')
    await t.rejects(command(), { code: 'E_STORE_UNKNOWN', statusCode: 503, canRetry: true })
    t.same([runs, proxy.losses], [1, 0])
    t.match(await store.read.get("SELECT value FROM things WHERE key = 'lost'"), { value: 1 })
    proxy.loseAnswers('INSERT INTO things')
    await t.rejects(command(), { code: 'E_STORE_DOWN' }, 'before the commit nothing has happened')
    t.match(await store.read.get("SELECT value FROM things WHERE key = 'lost'"), { value: 1 })
    await command()
    t.match(await store.read.get("SELECT value FROM things WHERE key = 'lost'"), { value: 2 })
  })

  await t.test('each SQLSTATE means not now or never', async t => {
    const url = await bed.database()
    await admin(url, `CREATE FUNCTION fail_with (state text) RETURNS int LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'made' USING ERRCODE = state; END $$`)
    const store = await bed.open(t, url)
    const fail = (state: string) => store.tx(tx => tx.get('SELECT fail_with(?)', state))
    const table: Array<[code: string, ...states: string[]]> = [
      ['E_STORE_READ_ONLY', '25006'], ['E_STORE_FULL', '53100'], ['E_STORE_BUSY', '55P03', '57014'],
      ['E_STORE_DOWN', '08006', '53200', '53300', '57P01', '57P02', '57P03', '58030', '25P03'],
      ['E_STORE_DENIED', '28000', '28P01', '3D000', '42501'], ['E_STORE_CORRUPT', 'XX001', 'XX002']
    ]
    for (const [code, ...states] of table) {
      for (const state of states) await t.rejects(fail(state), { code, canRetry: true, statusCode: 503 }, state)
    }
    for (const state of ['22P02', '22003', '54000']) await t.rejects(fail(state), { code: 'E_STORE_VALUE', canRetry: false }, state)
    for (const state of ['23505', '23514', '23P01']) await t.rejects(fail(state), { code: 'E_STORE_CONSTRAINT', canRetry: false }, state)
    for (const state of ['40001', '40P01']) await t.rejects(fail(state), { code: 'E_STORE_CONFLICT', canRetry: true }, state)
    for (const state of ['42601', '0A000', 'P0001']) await t.rejects(fail(state), { code: state }, state)
    await t.resolves(put(store, 'after'))
  })

  await t.test('what the server ends is not now, and the next command works', async t => {
    const url = await bed.database()
    const store = await bed.open(t, url)
    await put(store, 'locked')
    const holding = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const holder = store.tx(async tx => {
      await tx.run("UPDATE things SET value = 2 WHERE key = 'locked'")
      holding.resolve()
      await held.promise
    })
    await holding.promise
    const faults: Array<[code: string, fault: () => Promise<unknown>]> = [
      ['E_STORE_BUSY', () => store.tx(async tx => {
        await tx.get('SET LOCAL lock_timeout = 50')
        await tx.run("UPDATE things SET value = 3 WHERE key = 'locked'")
      })],
      ['E_STORE_BUSY', () => store.tx(async tx => {
        await tx.get('SET LOCAL statement_timeout = 50')
        await tx.get('SELECT pg_sleep(10)')
      })],
      ['E_STORE_DOWN', () => store.tx(async tx => {
        await tx.get('SET LOCAL idle_in_transaction_session_timeout = 20')
        await new Promise(resolve => { setTimeout(resolve, 300) })
        await tx.get('SELECT 1')
      })],
      ['E_STORE_DOWN', () => store.tx(tx => tx.get('SELECT pg_terminate_backend(pg_backend_pid())'))]
    ]
    for (const [code, fault] of faults) {
      await t.rejects(fault(), { code, canRetry: true, statusCode: 503 }, fault.toString())
      await t.resolves(put(store, `after-${fault.toString().length}`))
    }
    held.resolve()
    await holder
    t.match(await store.read.get("SELECT value FROM things WHERE key = 'locked'"), { value: 2 })
  })

  await t.test('who cannot begin, because somebody else holds the gate, is told so, and the session is good afterwards', async t => {
    const url = await bed.database()
    await admin(url, `ALTER DATABASE ${nameOf(url)} SET lock_timeout = 50`)
    const store = await bed.open(t, url, { connections: 2 })
    const stranger = new pg.Client(url)
    await stranger.connect()
    await stranger.query('BEGIN; LOCK TABLE gate IN EXCLUSIVE MODE')
    for (let n = 0; n < 4; n++) await t.rejects(put(store, `held-${n}`), { code: 'E_STORE_BUSY', canRetry: true, statusCode: 503 })
    await stranger.query('ROLLBACK')
    await stranger.end()
    for (let n = 0; n < 4; n++) await t.resolves(put(store, `after-${n}`))
    t.match(await store.read.get('SELECT count(*) AS n FROM things'), { n: 4 })
  })

  await t.test('a command that waits for a lock is not slow by itself: the store is busy', async t => {
    const url = await bed.database()
    const store = await bed.open(t, url, { commandMs: 100 })
    const stranger = new pg.Client(url)
    await stranger.connect()
    await stranger.query('BEGIN; LOCK TABLE things IN ACCESS EXCLUSIVE MODE')
    await t.rejects(put(store, 'held'), { code: 'E_STORE_BUSY', canRetry: true, statusCode: 503 })
    await stranger.query('ROLLBACK')
    await stranger.end()
    await t.resolves(put(store, 'after'))
  })

  await t.test('a database that takes no connections for a while is not now, whatever the server calls it', async t => {
    const url = await bed.database()
    const store = await bed.open(t, url)
    const name = new URL(url).pathname.slice(1)
    const server = new URL(url)
    server.pathname = '/postgres'
    await admin(server.href, `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`)
    await admin(server.href, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
    await t.rejects(put(store, 'closed'), { code: 'E_STORE_DOWN', canRetry: true, statusCode: 503, message: /accepting connections/ })
    await admin(server.href, `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`)
    await t.resolves(put(store, 'open'))
  })

  await t.test('a server without transaction ids takes no writes now; the value is not at fault', async t => {
    const worn = Object.assign(new pg.DatabaseError('keine Befehle mehr', 0, 'error'),
      { code: '54000', routine: 'GetNewTransactionId' })
    t.match(postgresError(worn, 'here'), { code: 'E_STORE_READ_ONLY', canRetry: true })
  })

  await t.test('sessions that the server ended while nobody used them are replaced, and no command hears of it', async t => {
    const url = await bed.database()
    const store = await bed.open(t, url)
    const pids = await Promise.all([1, 2, 3, 4].map(() => store.read.get<{ pid: number }>(
      'SELECT pg_backend_pid() AS pid FROM pg_sleep(0.1)')))
    // Nothing is heard of the end before the next command: this thread is held meanwhile.
    for (const row of pids) process.kill(row!.pid, 'SIGTERM')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
    await t.resolves(Promise.all([1, 2, 3, 4, 5, 6].map(n => n % 2 === 0 ? store.read.get('SELECT 1') : put(store, `k-${n}`))))
  })

  await t.test('a role that may have no more connections is not now', async t => {
    const url = await bed.database()
    await admin(url, 'CREATE ROLE few LOGIN CONNECTION LIMIT 1', 'GRANT ALL ON SCHEMA public TO few')
    const few = new URL(url)
    few.username = 'few'
    const store = await bed.open(t, few.href)
    const results = await Promise.allSettled([1, 2].map(() => store.read.get('SELECT pg_sleep(0.2)')))
    const refused = results.filter(result => result.status === 'rejected')
    t.match(refused, [{ reason: { code: 'E_STORE_DOWN', canRetry: true } }])
    t.equal(refused.length, 1)
  })

  await t.test('sessions leave no listener behind, however many commands they serve', async t => {
    const url = await bed.database()
    const store = await bed.open(t, url, { connections: 2 })
    const clients = new Set<pg.Client>()
    const proto = pg.Client.prototype as unknown as { query: (this: pg.Client, ...args: unknown[]) => unknown }
    const { query } = proto
    t.teardown(() => { proto.query = query })
    proto.query = function (...args) {
      clients.add(this)
      return query.apply(this, args)
    }
    const count = () => [...clients].map(client => client.eventNames().map(name => [name, client.listenerCount(name)]))
    await put(store, 'first')
    const before = count()
    for (let n = 0; n < 30; n++) await put(store, `k-${n}`)
    for (let n = 0; n < 30; n++) await store.tx(async () => { throw new Error('undone') }).catch(() => {})
    for (let n = 0; n < 30; n++) await store.read.get('SELECT 1')
    t.equal(clients.size, 1)
    t.same(count(), before)
  })

  await t.test('a server that cannot keep the promise is refused by the setting\'s name', async t => {
    const refused = async (url: string, code: string, message: RegExp) =>
      t.rejects(openPostgres({ url, tables: TABLES }), { code, message }, String(message))
    const asynchronous = await bed.database()
    await admin(asynchronous, `ALTER DATABASE ${nameOf(asynchronous)} SET synchronous_commit = off`)
    await refused(asynchronous, 'E_STORE_NOT_DURABLE', /synchronous_commit is off. Set synchronous_commit = on/)
    for (const encoding of ['LATIN1', 'SQL_ASCII']) {
      const url = await bed.database(`ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
      await refused(url, 'E_STORE_UNFIT', new RegExp(`encoding ${encoding}`))
    }
    const url = await bed.database()
    for (const setting of ['fsync', 'full_page_writes']) {
      await admin(url, `ALTER SYSTEM SET ${setting} = off`, 'SELECT pg_reload_conf()')
      const off = async () => (await admin(url, `SELECT current_setting('${setting}') AS value`))[0]?.value === 'off'
      await until(off, `${setting} is off`)
      await refused(url, 'E_STORE_NOT_DURABLE', new RegExp(`${setting} is off`))
      await admin(url, `ALTER SYSTEM RESET ${setting}`, 'SELECT pg_reload_conf()')
      await until(async () => !await off(), `${setting} is on`)
    }
    const writable = await readOnly(url)
    await refused(url, 'E_STORE_READ_ONLY', /default_transaction_read_only is on/)
    await writable()
    await admin(url, 'CREATE TABLE outbox (seq BIGINT PRIMARY KEY, payload TEXT)')
    await refused(url, 'E_STORE_UNFIT', /outbox is another table than ours/)
    await refused(url.replace(/[^/]+$/, 'nowhere'), 'E_STORE_DENIED', /nowhere/)
  })

  await t.test('a standby is refused at start, read until it is promoted, and written to then', async t => {
    const url = await bed.database()
    const store = await bed.open(t, url)
    await put(store, 'before')
    await bed.server.kill()
    writeFileSync(join(bed.server.dir, 'data', 'standby.signal'), '')
    await bed.server.start()
    await t.rejects(openPostgres({ url, tables: TABLES }), { code: 'E_STORE_READ_ONLY', message: /standby/ })
    await t.rejects(put(store, 'standby'), { code: 'E_STORE_READ_ONLY', canRetry: true, statusCode: 503 })
    t.equal(await store.outbox.lead(), false)
    t.match(await store.read.get('SELECT count(*) AS n FROM things'), { n: 1 })
    await admin(url, 'SELECT pg_promote()')
    await until(() => put(store, 'promoted').then(() => true, () => false), 'it takes writes')
    t.equal(await store.outbox.lead(), true)
    t.match(await store.read.all('SELECT key FROM things ORDER BY key'), [{ key: 'before' }, { key: 'promoted' }])
  })

  await t.test('a full disk is told as such, and what was undone leaves nothing', { skip: smallDiskSkip() }, async t => {
    const url = await bed.database()
    const store = await bed.open(t, url)
    const disk = join(bed.server.dir, 'small')
    execFileSync('mkdir', [disk])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk])
    t.teardown(() => execFileSync('umount', ['-l', disk]))
    execFileSync('chown', ['postgres', disk])
    await admin(url, `CREATE TABLESPACE small LOCATION '${disk}'`, 'ALTER TABLE rules SET TABLESPACE small')
    writeFileSync(join(disk, 'filler'), Buffer.alloc(1_500_000))
    let stored = 0
    const fill = () => store.tx(async tx => {
      await tx.run('INSERT INTO rules (id, amount, note) VALUES (?, 1, ?)', `f-${stored}`, randomBytes(6000).toString('base64'))
      stored++
    })
    await t.rejects((async () => { for (;;) await fill() })(), { code: 'E_STORE_FULL', canRetry: true, statusCode: 503 })
    t.match(await store.read.get('SELECT count(*) AS n FROM rules'), { n: stored })
    rmSync(join(disk, 'filler'))
    await t.resolves(fill())
    await admin(url, 'DROP TABLE rules', 'DROP TABLESPACE small')
  })
})

function smallDiskSkip (): string | false {
  return process.getuid?.() === 0 ? false : 'only root mounts a small file system'
}
