import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { t, type Test } from 'tap'
import { messagingError, openSqlite, type Delivery, type Envelope, type Store } from '../index.ts'
import { Suspects } from '../suspects.ts'
import { awsRig, DEAD, QUEUE, TOPIC } from './aws-rig.ts'
import { message } from './bus-rig.ts'
import { until } from './until.ts'

const TYPE = 'shop.Thing.v1'

const store = (t: Test): Store => {
  const opened = openSqlite({ file: join(t.testdir(), 's.db'), tables: '' })
  t.teardown(() => opened.close())
  return opened
}
const delivery = (n: number, receives?: number): Delivery => ({
  envelope: JSON.parse(message('g', n).body) as Envelope, tries: 1, ...(receives === undefined ? {} : { receives }) })

/** A life in which whoever is tried ends the process: the handler never comes back. */
const die = (store: Store, deadly: Delivery): Promise<'died' | Error> => new Promise(resolve => {
  new Suspects(store, 'shop', () => new Promise(() => { resolve('died') })).handle(deadly).catch(resolve)
})

t.test('a message that ends each of its consumers is poison after a while', async t => {
  const [kept, deadly] = [store(t), delivery(1, 4)]
  for (let n = 0; n < 5; n++) t.equal(await die(kept, deadly), 'died')
  t.match(await die(kept, deadly), { name: 'Poison', message: /5 tries/ })
})

t.test('tries that ended count nothing, however they ended and however often it was received', async t => {
  const kept = store(t)
  let tries = 0
  const suspects = new Suspects(kept, 'shop', async () => { if (++tries % 2 === 0) throw new Error('no') })
  const one = delivery(1, 900)
  for (let n = 0; n < 10; n++) {
    await t[n % 2 === 0 ? 'resolves' : 'rejects'](suspects.handle(one), n % 2 === 0 ? 'done' : { message: 'no' })
  }
  t.equal(tries, 10)
})

t.test('what is not suspicious costs the store nothing', async t => {
  const kept = store(t)
  const suspects = new Suspects(kept, 'shop', async () => {})
  for (const receives of [undefined, 1, 3]) await suspects.handle(delivery(1, receives))
  t.same(await kept.inbox(10), [])
  await suspects.handle(delivery(1, 4))
  t.match(await kept.inbox(10), [{ consumer: 'shop/tries' }])
})

t.test('suspects are tried one at a time, others beside them', async t => {
  const [kept, releases] = [store(t), new Map<number, () => void>()]
  const suspects = new Suspects(kept, 'shop', ({ envelope }) => new Promise(resolve => {
    releases.set(Number(envelope.data.n), resolve)
  }))
  const both = [delivery(1, 9), delivery(3, 1)].map(one => suspects.handle(one))
  await until(() => releases.has(1) && releases.has(3), 'the first suspect and the other one are at work')
  await t.rejects(suspects.handle(delivery(2, 9)), { name: 'Transient' }, 'it comes again, and holds no slot meanwhile')
  t.notOk(releases.has(2))
  releases.get(3)!()
  releases.get(1)!()
  await Promise.all(both)
  const second = suspects.handle(delivery(2, 9))
  await until(() => releases.has(2), 'then the second')
  releases.get(2)!()
  await second
})

t.test('a store that is away says so, and an end that it did not take is no death', async t => {
  const kept = store(t)
  let down = false
  const flaky: Pick<Store, 'tx'> = { tx: async fn => {
    if (down) throw messagingError('E_STORE_DOWN', ['away'])
    return kept.tx(fn)
  } }
  const one = delivery(1, 9)
  const suspects = new Suspects(flaky, 'shop', async () => { down = true })
  for (let n = 0; n < 8; n++) {
    await suspects.handle(one)
    await t.rejects(suspects.handle(one), { code: 'E_STORE_DOWN' })
    down = false
  }
  t.equal(await die(kept, one), 'died')
})

t.test('on SQS, of messages received with one that kills the process only that one dies', async t => {
  const { account, connect, endpoint } = await awsRig(t)
  await connect().provision(QUEUE, [], TOPIC)
  const [queue, dead, dir] = [account.queue(QUEUE), account.queue(DEAD), t.testdir()]
  await connect().send(QUEUE, [message('deadly', 1, TYPE), message('deadly', 2, TYPE),
    ...Array.from({ length: 8 }, (_, n) => message(`g${n}`, 1, TYPE))])
  // As if some restarts had come before: it takes that many receives until anybody suspects them.
  for (const one of queue.messages) one.receives = 3
  let child: ChildProcess | undefined
  t.teardown(() => child?.kill('SIGKILL'))
  let lives = 0
  for (; dead.messages.length === 0 && lives < 20; lives++) {
    child = spawn(process.execPath, [join(import.meta.dirname, 'deadly-service.ts'), endpoint, dir],
      { stdio: ['ignore', 'ignore', 'inherit'] })
    const living = child
    await until(() => living.signalCode !== null || dead.messages.length > 0, 'it died, or the message did', 60_000)
    // Their time is up.
    for (const one of queue.messages) one.invisibleUntil = 0
  }
  t.equal(lives, 6)
  await until(() => queue.messages.length === 0, 'all others are done')
  t.equal(dead.messages.length, 1)
  t.match(JSON.parse(dead.messages[0]!.body), { subject: 'deadly', data: { n: 1 } })
  t.match(dead.messages[0]!.attributes.error, { StringValue: /5 tries/ })
})
