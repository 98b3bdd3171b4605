import { Redis } from 'ioredis'
import { t } from 'tap'
import { openRedis, type KeyValueStore } from '../stores.ts'
import { until } from './until.ts'
import { keyValueConformance } from './key-value-conformance.ts'
import { noRedis, startRedis } from './servers.ts'
import { CLOCK, keyValueBed, SLOW_MS } from './store-beds.ts'
import { storeConformance } from './store-conformance.ts'

t.test('Redis passes the suite', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  const admin = new Redis(server.url)
  t.teardown(async () => {
    admin.disconnect()
    await server.stop()
  })
  let store: KeyValueStore | undefined
  // Reads go on at a server that takes no writes, until it is asked what it is.
  const open = async () => store = await openRedis({ url: server.url, name: 'test', clock: CLOCK, recheckMs: 1e9 })
  await storeConformance(t, keyValueBed(open, {
    openSlow: () => openRedis({ url: server.url, name: 'slow', commandMs: SLOW_MS }),
    readOnly: async () => {
      await admin.replicaof('127.0.0.1', 1)
      return async () => {
        await admin.replicaof('NO', 'ONE')
        // It asks again within a second.
        await until(() => store!.check().then(() => true, () => false), 'it takes writes')
      }
    },
    full: async () => {
      await admin.config('SET', 'maxmemory', '1mb')
      return async () => { await admin.config('SET', 'maxmemory', '0') }
    }
  }))
})

t.test('Redis keeps any key and any value', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  t.teardown(() => server.stop())
  await keyValueConformance(t, (name, clock = CLOCK) => openRedis({ url: server.url, name, clock }))
})

t.test('two instances on one Redis, each with 40 commands at a time', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  const stores = await Promise.all([0, 1].map(() => openRedis({ url: server.url, name: 'test' })))
  t.teardown(async () => {
    for (const store of stores) await store.close()
    await server.stop()
  })
  let tries = 0
  const reserve = (article: (n: number) => string) => Promise.all(stores.flatMap((store, instance) =>
    Array.from({ length: 40 }, (_, n) => store.tx(async tx => {
      tries++
      const id = `${article(n)}-${instance}-${n}`
      if (await tx.idempotency.get('s', id) !== undefined) throw new Error('twice')
      await tx.inbox.claim('c', id)
      tx.put(article(n), (await tx.get<number>(article(n)) ?? 0) + 1)
      await tx.outbox.append([{ id, dedupe: id, kind: 'event', dest: 'd', group: article(n), type: 't', body: '{}' }])
      await tx.idempotency.put('s', id, { hash: '', status: 200, body: '', at: 1 })
    }))))

  await t.test('different articles: nobody gets in another\'s way', async t => {
    await Promise.all([stores[0]!, stores[1]!].map(async (store, instance) => {
      await Promise.all(Array.from({ length: 40 }, (_, n) => store.tx(async tx => {
        tries++
        tx.put(`own-${instance}-${n}`, (await tx.get<number>(`own-${instance}-${n}`) ?? 0) + 1)
        const id = `own-${instance}-${n}`
        await tx.outbox.append([{ id, dedupe: id, kind: 'event', dest: 'd', group: id, type: 't', body: '{}' }])
      })))
    }))
    t.equal(tries, 80)
    const rows = await stores[0]!.outbox.unsent(1000)
    t.same(rows.map(row => row.seq), Array.from({ length: 80 }, (_, n) => n + 1), 'numbered without a hole')
  })

  await t.test('the same article: none is refused, no update is lost, and each goes on after few tries', async t => {
    tries = 0
    await reserve(() => 'apple')
    t.equal(await stores[0]!.read.get('apple'), 80)
    t.ok(tries < 80 * 5, `${tries} tries`)
    t.equal(await stores[0]!.outbox.count(), 160)
  })
})

t.test('a Redis that does not flush is refused by name', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'no'])
  t.teardown(() => server.stop())
  await t.rejects(openRedis({ url: server.url, name: 'test' }), { code: 'E_STORE_NOT_DURABLE' })
})
