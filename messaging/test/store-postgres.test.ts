import { t } from 'tap'
import { openPostgres } from '../stores.ts'
import { admin, postgresBed, put, readOnly, TERMINATE } from './postgres-bed.ts'
import { until } from './until.ts'
import { noPostgres } from './servers.ts'
import { follow, sqlConformance } from './sql-conformance.ts'
import { CLOCK, SLOW_MS, sqlBed, TABLES } from './store-beds.ts'
import { storeConformance } from './store-conformance.ts'

// Twenty databases, and a server that is started anew.
t.setTimeout(240_000)

t.test('PostgreSQL', { skip: noPostgres }, async t => {
  const bed = await postgresBed(t)

  await t.test('passes the suite', async t => {
    const url = await bed.database()
    await storeConformance(t, sqlBed(() => openPostgres({ url, tables: TABLES, clock: CLOCK }), {
      openSlow: () => openPostgres({ url, tables: TABLES, commandMs: SLOW_MS }),
      readOnly: () => readOnly(url)
    }))
  })

  await t.test('passes the relational suite', async t => {
    const url = await bed.database()
    await sqlConformance(t, sqlBed(() => openPostgres({ url, tables: TABLES, clock: CLOCK })))
  })

  await t.test('one of two instances relays; the other takes over when it ends', async t => {
    const url = await bed.database()
    const one = await openPostgres({ url, tables: TABLES })
    const two = await bed.open(t, url)
    t.same([await one.outbox.lead(), await two.outbox.lead(), await one.outbox.lead()], [true, false, true])
    await one.close()
    await until(() => two.outbox.lead(), 'the other one leads')
  })

  await t.test('a leader whose session has ended knows that it leads no more', async t => {
    const url = await bed.database()
    const [one, two] = [await bed.open(t, url), await bed.open(t, url)]
    t.equal(await one.outbox.lead(), true)
    await admin(url, TERMINATE)
    await until(() => two.outbox.lead(), 'the other one leads')
    t.equal(await one.outbox.lead(), false)
  })

  await t.test('forty at a time from two instances: none is refused, and a follower sees each event once', async t => {
    const url = await bed.database()
    const stores = [await bed.open(t, url), await bed.open(t, url)]
    const following = follow(stores[0]!)
    let runs = 0
    const order = (n: number) => stores[n % 2]!.tx(async tx => {
      runs++
      const id = `order-${n}`
      const message = { id, dedupe: id, kind: 'event', dest: 'd', group: id, type: 't', body: '{}' } as const
      t.equal(await tx.idempotency.get('POST /orders', id), undefined)
      t.ok((await tx.inbox.claim('orders', id)).fresh)
      await tx.outbox.append([message])
      await tx.run('INSERT INTO events (id, pos) VALUES (?, ?)', id, await tx.position('events'))
      // As a saga does: a row, its next step, and a line of its history behind the last one.
      await tx.run('INSERT INTO rules (id, amount) VALUES (?, 0)', id)
      const row = await tx.get<{ amount: number }>('SELECT amount FROM rules WHERE id = ?', id)
      await tx.run('UPDATE rules SET amount = ? WHERE id = ? AND amount = ?', row!.amount + 1, id, row!.amount)
      const last = await tx.get<{ n: number }>('SELECT count(*) AS n FROM things WHERE key LIKE ?', `${id}/%`)
      await tx.run('INSERT INTO things (key, value) VALUES (?, 1)', `${id}/${last!.n + 1}`)
      await tx.idempotency.put('POST /orders', id, { hash: 'h', status: 202, body: '{}', at: 1 })
    })
    let next = 0
    await Promise.all(Array.from({ length: 40 }, async () => { while (next < 400) await order(next++) }))
    const seen = await following.end()
    t.equal(runs, 400, 'and none had to run again')
    const rows = await stores[1]!.read.all<{ pos: number }>('SELECT pos FROM events ORDER BY pos')
    t.same([rows.length, await stores[1]!.outbox.count()], [400, 400])
    t.same(seen, rows.map(row => row.pos))
  })

  await t.test('forty at a time on one row from two instances: none is refused, and no update is lost', async t => {
    const url = await bed.database()
    const stores = [await bed.open(t, url), await bed.open(t, url)]
    await put(stores[0]!, 'hot')
    const add = (n: number) => stores[n % 2]!.tx(async tx => {
      const row = await tx.get<{ value: number }>("SELECT value FROM things WHERE key = 'hot'")
      await tx.run("UPDATE things SET value = ? WHERE key = 'hot'", row!.value + 1)
    })
    let next = 0
    await Promise.all(Array.from({ length: 40 }, async () => { while (next < 200) await add(next++) }))
    t.match(await stores[0]!.read.get("SELECT value FROM things WHERE key = 'hot'"), { value: 201 })
  })

  await t.test('of two that looked at the same time the second to insert looks again, and neither fails', async t => {
    const url = await bed.database()
    const store = await bed.open(t, url)
    let looks = 0
    const both = Promise.withResolvers<void>()
    const insert = () => store.tx(async tx => {
      const row = await tx.get("SELECT value FROM things WHERE key = 'raced'")
      if (++looks === 2) both.resolve()
      await both.promise
      return row === undefined ? tx.run("INSERT INTO things (key, value) VALUES ('raced', 1)") : 0
    })
    t.same((await Promise.all([insert(), insert()])).toSorted(), [0, 1])
    t.equal(looks, 3)
  })

  await t.test('a line goes on behind what a table was numbered with before', async t => {
    const url = await bed.database()
    await admin(url, 'CREATE TABLE events (id TEXT PRIMARY KEY, pos BIGINT NOT NULL UNIQUE)',
      "INSERT INTO events VALUES ('old', 41)")
    const store = await bed.open(t, url)
    t.equal(await store.read.settled('events'), 41)
    t.equal(await store.tx(tx => tx.position('events')), 42)
    const again = await bed.open(t, url)
    t.equal(await again.tx(tx => tx.position('events')), 43)
  })

  await t.test('the tables of an older version get what came later, and keep their rows', async t => {
    const url = await bed.database()
    await bed.open(t, url)
    await admin(url, 'ALTER TABLE inbox DROP COLUMN content', "INSERT INTO inbox (consumer, id, at) VALUES ('c', 'old', 1)")
    const store = await bed.open(t, url)
    t.same(await store.tx(tx => tx.inbox.claim('c', 'old', { content: 1 })), { fresh: false, replies: [] })
    t.same(await store.tx(tx => tx.inbox.claim('c', 'new', { content: 1 })), { fresh: true })
    const again = await bed.open(t, url)
    t.match(await again.tx(tx => tx.inbox.claim('c', 'new')), { content: 1 }, 'a further start leaves it as it is')
  })

  await t.test('an instance starts beside commands of another that are open', async t => {
    const url = await bed.database()
    const one = await bed.open(t, url)
    const written = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const command = one.tx(async tx => {
      await tx.outbox.append([{ id: 'a', dedupe: 'a', kind: 'event', dest: 'd', group: 'g', type: 't', body: '{}' }])
      await tx.inbox.claim('orders', 'a')
      await tx.idempotency.put('POST /orders', 'a', { hash: 'h', status: 202, body: '{}', at: 1 })
      written.resolve()
      await started.promise
    })
    await written.promise
    const two = await bed.open(t, url, { commandMs: 60_000 })
    started.resolve()
    await command
    t.equal(await two.outbox.count(), 1)
  })

  await t.test('two instances that purge at the same time take nothing from each other but work', async t => {
    const url = await bed.database()
    const stores = [await bed.open(t, url), await bed.open(t, url)]
    await admin(url, "INSERT INTO inbox SELECT 'c', n::text, 1 FROM generate_series(1, 5000) AS n",
      "INSERT INTO inbox VALUES ('c', 'new', 10)")
    await Promise.all(stores.map(store => store.purge({ sentMs: 0.5, inboxMs: 5.5, answersMs: 0 })))
    t.match(await stores[0]!.inbox(10), [{ id: 'new' }])
    t.match(await stores[0]!.read.get('SELECT count(*) AS n FROM inbox'), { n: 1 })
  })
})
