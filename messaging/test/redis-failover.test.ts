/** A primary and its replica: what was acknowledged survives the primary, and who was told of trouble knows which. */
import { Redis } from 'ioredis'
import { t, type Test } from 'tap'
import type { KeyValueReader, KeyValueTx, Store } from '../index.ts'
import { openRedis, type RedisOptions } from '../stores.ts'
import { until } from './until.ts'
import { noRedis, startRedis, type TestServer } from './servers.ts'
import { TcpProxy } from './tcp-proxy.ts'

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--repl-ping-replica-period', '1',
  '--repl-diskless-sync-delay', '0', '--shutdown-timeout', '0']

interface Pair {
  readonly primary: TestServer
  readonly replica: TestServer
  /** Leads to the primary. */
  readonly proxy: TcpProxy
  /** The replica, asked directly. */
  readonly admin: Redis
  readonly open: (options?: Partial<RedisOptions>) => Promise<Store<KeyValueTx, KeyValueReader>>
  /** The primary dies, and the replica takes its place. */
  readonly failover: () => Promise<void>
}

async function pair (t: Test): Promise<Pair> {
  const primary = await startRedis(DURABLE)
  const replica = await startRedis([...DURABLE, '--replicaof', '127.0.0.1', new URL(primary.url).port])
  const proxy = await TcpProxy.before(primary.url)
  const admin = new Redis(replica.url).on('error', () => {})
  const asked = new Redis(primary.url)
  await until(async () => {
    await asked.set('{test}:done:rig', '', 'PX', 1000)
    return await asked.wait(1, 100) === 1
  }, 'the replica follows')
  asked.disconnect()
  const stores: Array<Store<KeyValueTx, KeyValueReader>> = []
  t.teardown(async () => {
    for (const store of stores) await store.close()
    admin.disconnect()
    await proxy.stop()
    await Promise.all([primary.stop(), replica.stop()])
  })
  return { primary, replica, proxy, admin,
    open: async (options = {}) => {
      const store = await openRedis({ url: proxy.url, name: 'test', ...options })
      stores.push(store)
      return store
    },
    failover: async () => {
      await primary.kill()
      proxy.cut()
      await admin.replicaof('NO', 'ONE')
      proxy.target = replica.url
    } }
}

const add = (store: Store<KeyValueTx, KeyValueReader>, n = 1) => store.tx(async tx => {
  tx.put('count', (await tx.get<number>('count') ?? 0) + n)
})
const count = (store: Store<KeyValueTx, KeyValueReader>) => store.read.get<number>('count')

t.test('what was acknowledged survives a failover', { skip: noRedis }, async t => {
  const { open, failover, admin } = await pair(t)
  const store = await open()
  const written = await Promise.all(Array.from({ length: 40 }, (_, n) => store.tx(async tx => {
    tx.put(`k${n}`, n)
    await tx.outbox.append([entry(`m${n}`)])
  }).then(() => `state/k${n}`)))
  // Not a moment later: it is there when it is acknowledged.
  t.equal((await admin.hmget('{test}:data', ...written)).filter(text => text === null).length, 0)
  await failover()
  await until(() => count(store).then(() => true, () => false), 'the store is back')
  t.equal((await store.read.range('k', 100)).length, 40)
  t.equal(await store.outbox.count(), 40)
})

t.test('a replica that says nothing', { skip: noRedis }, async t => {
  const { open, replica, proxy } = await pair(t)
  const store = await open()
  const answer = { hash: 'h', status: 201, body: '{}', at: 1 }
  const once = () => store.tx(async tx => {
    const known = await tx.idempotency.get('s', 'k')
    if (known === undefined) {
      tx.put('count', 1)
      await tx.outbox.append([entry('once')])
      await tx.idempotency.put('s', 'k', answer)
    }
    return known
  })
  const refusal = { code: 'E_STORE_REPLICAS', statusCode: 503, canRetry: true, message: /it is written, but 0 of 1/ }
  await add(store, 0)
  replica.pause()

  await t.test('a write is told to be here, and not to be safe', async t => {
    await t.rejects(once(), refusal)
    t.equal(await count(store), 1)
  })

  await t.test('its answer is nobody\'s either, when it is asked for again', async t => {
    await t.rejects(once(), refusal)
  })

  await t.test('nor is its message sent', async t => {
    t.equal((await store.outbox.unsent(10)).length, 1)
    await t.rejects(store.outbox.lead(), refusal)
  })

  await t.test('reads do not wait for it', async t => {
    const waiting = t.rejects(add(store), refusal)
    const begun = performance.now()
    for (let n = 0; n < 20; n++) await count(store)
    t.ok(performance.now() - begun < 900, 'twenty reads are over before one wait for the replica is')
    await waiting
  })

  await t.test('many writes wait together', async t => {
    const begun = performance.now()
    const ends = await Promise.allSettled(Array.from({ length: 40 }, (_, n) =>
      store.tx(async tx => { tx.put(`w${n}`, n) })))
    t.ok(ends.every(end => end.status === 'rejected'))
    t.ok(performance.now() - begun < 10_000, 'and not one behind the other, which would be 40 s')
  })

  await t.test('a lost answer is no way around it', async t => {
    proxy.loseAnswers('local function settle')
    await t.rejects(add(store), refusal)
    t.equal(proxy.losses, 0)
  })

  await t.test('all goes on when it is back', async t => {
    replica.resume()
    await until(() => add(store).then(() => true, () => false), 'writes are taken')
    t.same(await once(), answer)
    t.equal(await store.outbox.lead(), true)
  })
})

t.test('a commit on a primary that dies before the replica has it', { skip: noRedis }, async t => {
  const { open, replica, failover } = await pair(t)
  const store = await open()
  await add(store, 5)
  replica.pause()
  const lost = add(store, 10)
  lost.catch(() => {})
  await until(async () => await count(store) === 15, 'the primary has it')
  // From here on the replica knows nothing of it, and the same command is asked of the replica.
  const replicaBack = failoverWhilePaused(replica, failover)
  const outcome = await lost.then(() => 'done', (error: Error & { code: string }) => error.code)
  await replicaBack
  await until(() => add(store, 100).then(() => true, () => false), 'the store is back')
  // Once, if it was acknowledged; if it was not, then not, or once.
  const total = await count(store)
  if (outcome === 'done') t.equal(total, 115)
  else {
    t.ok(['E_STORE_REPLICAS', 'E_STORE_UNKNOWN'].includes(outcome), outcome)
    t.ok(total === 105 || total === 115, String(total))
  }
})

async function failoverWhilePaused (replica: TestServer, failover: () => Promise<void>): Promise<void> {
  const promoted = failover()
  await new Promise(resolve => { setTimeout(resolve, 50) })
  replica.resume()
  await promoted
}

t.test('a failover between a commit and its lost answer', { skip: noRedis }, async t => {
  const { open, proxy, failover } = await pair(t)
  const store = await open()
  await add(store, 5)
  await count(store)
  proxy.loseAnswers('local function settle')
  proxy.onConnection = async () => {
    proxy.onConnection = async () => {}
    await failover()
  }
  await add(store, 10)
  t.equal(proxy.losses, 0)
  await until(() => count(store).then(() => true, () => false), 'the store is back')
  t.equal(await count(store), 15)
})

t.test('how many replicas must acknowledge', { skip: noRedis }, async t => {
  const { open, replica, primary } = await pair(t)

  await t.test('more than there are: refused at start, by the setting', async t => {
    await t.rejects(open({ replicas: 2 }),
      { code: 'E_STORE_UNFIT', message: /1 replicas follow, 2 .*breakwater.store.replicas/ })
  })

  await t.test('none: nobody waits', async t => {
    const store = await open({ replicas: 0 })
    replica.pause()
    await t.resolves(add(store))
    replica.resume()
  })

  await t.test('one was there once: it is missed, however long it is away', async t => {
    const store = await open({ recheckMs: 50 })
    await replica.kill()
    const admin = new Redis(primary.url)
    t.teardown(() => { admin.disconnect() })
    await until(async () => (await admin.info('replication')).includes('connected_slaves:0'), 'the primary is alone')
    // In between the server is asked again how many it has.
    for (let n = 0; n < 3; n++) await t.rejects(add(store), { code: 'E_STORE_REPLICAS' })
    await replica.start()
    await until(() => add(store).then(() => true, () => false), 'writes are taken')
  })
})

function entry (id: string) {
  return { id, dedupe: id, kind: 'event' as const, dest: 'topic', group: 'g', type: 'test.Thing.v1', body: '{}' }
}
