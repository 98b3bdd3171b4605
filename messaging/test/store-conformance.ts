/** What every store must do, whatever is under it, as one suite. */
import type { Test } from 'tap'
import { probeStore, type OutboxEntry, type Store, type Tx } from '../store/store.ts'
import { until } from './bus-conformance.ts'

export interface StoreBed<T extends Tx> {
  open (): Promise<Store<T>>
  /** The service's own state, in the words of the engine. */
  put (tx: T, key: string, value: number): Promise<void>
  get (tx: T, key: string): Promise<number | undefined>
  /** As committed, outside of any transaction. */
  read (store: Store<T>, key: string): Promise<number | undefined>
  now: () => number
}

let ids = 0

function entry (group: string): OutboxEntry {
  const id = `id-${++ids}`
  return { id, dedupe: id, kind: 'event', dest: 'topic', group, type: 'test.Thing.v1', body: `{"n":${ids}}` }
}

export async function storeConformance<T extends Tx> (t: Test, bed: StoreBed<T>): Promise<void> {
  const store = await bed.open()
  t.teardown(() => store.close())

  await t.test('state, outbox, inbox and answer are committed together', async t => {
    const sent = entry('a')
    await store.tx(async tx => {
      await bed.put(tx, 'together', 1)
      await tx.outbox.append([sent])
      t.same(await tx.inbox.claim('c', 'm1'), { fresh: true })
      await tx.idempotency.put('s', 'k1', { hash: 'h', status: 201, body: '{}', at: 5 })
    })
    t.equal(await bed.read(store, 'together'), 1)
    t.match((await store.outbox.unsent(10)).at(-1), { ...sent, at: bed.now() })
    await store.tx(async tx => {
      t.same(await tx.inbox.claim('c', 'm1'), { fresh: false, replies: [] })
      t.match(await tx.idempotency.get('s', 'k1'), { hash: 'h', status: 201, body: '{}', at: 5 })
    })
  })

  await t.test('a command that fails leaves nothing behind', async t => {
    const before = await store.outbox.count()
    await t.rejects(store.tx(async tx => {
      await bed.put(tx, 'undone', 1)
      await tx.outbox.append([entry('a')])
      await tx.inbox.claim('c', 'm2')
      await tx.idempotency.put('s', 'k2', { hash: 'h', status: 201, body: '{}', at: 5 })
      throw new Error('on second thoughts')
    }), { message: 'on second thoughts' })
    t.equal(await bed.read(store, 'undone'), undefined)
    t.equal(await store.outbox.count(), before)
    await store.tx(async tx => {
      t.same(await tx.inbox.claim('c', 'm2'), { fresh: true })
      t.equal(await tx.idempotency.get('s', 'k2'), undefined)
    })
  })

  await t.test('a command that fails undoes nobody else\'s work', async t => {
    const results = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => store.tx(async tx => {
      await bed.put(tx, `many-${n}`, n)
      if (n % 4 === 0) throw new Error('every fourth')
    })))
    t.equal(results.filter(result => result.status === 'rejected').length, 10)
    t.equal(await bed.read(store, 'many-4'), undefined)
    t.equal(await bed.read(store, 'many-5'), 5)
    t.equal(await bed.read(store, 'many-39'), 39)
  })

  await t.test('commands that run at the same time lose no update', async t => {
    await store.tx(tx => bed.put(tx, 'counter', 0))
    await Promise.all(Array.from({ length: 20 }, () => store.tx(async tx => {
      await bed.put(tx, 'counter', (await bed.get(tx, 'counter') ?? 0) + 1)
    })))
    t.equal(await bed.read(store, 'counter'), 20)
  })

  await t.test('a transaction sees its own writes', async t => {
    await store.tx(async tx => {
      await bed.put(tx, 'own', 7)
      t.equal(await bed.get(tx, 'own'), 7)
    })
  })

  await t.test('nobody reads what is not committed', async t => {
    await store.tx(async tx => {
      await bed.put(tx, 'dirty', 1)
      t.equal(await bed.read(store, 'dirty'), undefined)
    })
    t.equal(await bed.read(store, 'dirty'), 1)
  })

  await t.test('the outbox keeps the order of writing and gives each row once it is asked, until it is marked', async t => {
    await drain(store, bed.now())
    const entries = Array.from({ length: 12 }, () => entry('o'))
    for (const one of entries) await store.tx(tx => tx.outbox.append([one]))
    const rows = await store.outbox.unsent(5)
    t.same(rows.map(row => row.id), entries.slice(0, 5).map(one => one.id))
    await store.outbox.markSent(rows.map(row => row.seq), bed.now())
    t.same((await store.outbox.unsent(100)).map(row => row.id), entries.slice(5).map(one => one.id))
    t.equal(await store.outbox.count(), 7)
    t.equal(await store.outbox.lead(), true)
  })

  await t.test('replies are kept with the message that caused them', async t => {
    const reply = entry('r')
    await store.tx(async tx => {
      await tx.inbox.claim('c', 'm3')
      await tx.inbox.keepReplies('c', 'm3', [reply])
    })
    t.same(await store.tx(tx => tx.inbox.claim('c', 'm3')), { fresh: false, replies: [reply] })
    t.same(await store.tx(tx => tx.inbox.claim('other', 'm3')), { fresh: true })
    t.match((await store.inbox(50)).find(row => row.id === 'm3' && row.consumer === 'c'), { at: bed.now() })
  })

  await t.test('a client\'s key may be any text', async t => {
    const key = `%2F/'"; DROP TABLE outbox; -- __proto__ ${'é'.repeat(200)}`
    await store.tx(tx => tx.idempotency.put('POST /x anonymous', key, { hash: 'h', status: 200, body: '1', at: 9 }))
    t.match(await store.tx(tx => tx.idempotency.get('POST /x anonymous', key)), { body: '1' })
    t.equal(await store.tx(tx => tx.idempotency.get('POST /x', `anonymous ${key}`)), undefined)
  })

  await t.test('each commit with a message wakes the relay, others do not', async t => {
    let woken = 0
    store.onOutbox(() => { woken++ })
    await store.tx(tx => bed.put(tx, 'silent', 1))
    t.equal(woken, 0)
    await store.tx(tx => tx.outbox.append([entry('w')]))
    await until(() => woken === 1, 'the relay was woken')
  })

  await t.test('the purge takes what is old and nothing that was not sent', async t => {
    await drain(store, bed.now())
    await store.tx(tx => tx.outbox.append([entry('p')]))
    const later = bed.now() + 1
    await store.purge({ sentMs: later, inboxMs: later, answersMs: 8 })
    t.equal(await store.outbox.count(), 1)
    await store.tx(async tx => {
      t.same(await tx.inbox.claim('c', 'm1'), { fresh: true })
      t.equal(await tx.idempotency.get('s', 'k1'), undefined)
      t.ok(await tx.idempotency.get('POST /x anonymous', `%2F/'"; DROP TABLE outbox; -- __proto__ ${'é'.repeat(200)}`))
    })
  })

  await t.test('it passes the probe that refuses stores whose outbox is not part of the transaction', async t => {
    await t.resolves(probeStore(store, Date.now()))
    await t.resolves(store.check())
  })
}

async function drain (store: Store, now: number): Promise<void> {
  const rows = await store.outbox.unsent(1000)
  if (rows.length > 0) await store.outbox.markSent(rows.map(row => row.seq), now)
}
