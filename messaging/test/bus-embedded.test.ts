import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Settings } from '@breakwater/starter/settings'
import { t } from 'tap'
import { BUS_TABLES, BusBook, busServer, embeddedBus, openBus, openSqlite, systemClock } from '../index.ts'
import type { Settlement } from '../bus/embedded/settlement.ts'
import { busConformance } from './bus-conformance.ts'
import { message } from './bus-rig.ts'
import { BusProcess } from './bus-process.ts'

t.test('the embedded bus as a process passes the suite', async t => {
  const bus = new BusProcess(t.testdir())
  await bus.start(0)
  t.teardown(() => bus.kill())
  await busConformance(t, {
    prefix: 'conf',
    visibilityMs: 600,
    connect: async () => embeddedBus({ url: bus.url, retryDelaysMs: [0, 20, 20, 20], probeMs: 20 }),
    restart: () => bus.restart()
  })
})

t.test('the book', async t => {
  const open = (t: { testdir (): string }, now: () => number) => {
    const store = openSqlite({ file: join(t.testdir(), 'bus.db'), tables: BUS_TABLES })
    return { store, book: new BusBook(store, { clock: { ...systemClock, now, elapsed: now } }) }
  }

  await t.test('gives a lane to somebody else after its time, and then refuses the first receipt', async t => {
    let now = 1000
    const { store, book } = open(t, () => now)
    t.teardown(() => store.close())
    await book.send('q', [message('a', 1)])
    const [first] = await book.receive('q', 10, 100)
    t.same(await book.receive('q', 10, 100), [])
    now = 1101
    const [second] = await book.receive('q', 10, 100)
    t.equal(second?.tries, 1, 'nobody has tried it to its end')
    t.same(await book.settle('q', [{ group: 'a', receipt: first!.receipt, verdict: 'done' }]), [first!.receipt])
    t.same(await book.settle('q', [{ group: 'a', receipt: second!.receipt, verdict: 'done' }]), [])
    await t.rejects(book.extend('q', 'a', second!.receipt, 100), { code: 'E_STALE_RECEIPT' })
  })

  await t.test('takes a duplicate again after the dedupe window, and a redriven letter within it', async t => {
    let now = 1000
    const { store, book } = open(t, () => now)
    t.teardown(() => store.close())
    const sent = message('a', 1)
    await book.send('q', [sent])
    await book.send('q', [sent])
    t.equal((await book.stats('q')).waiting, 1)
    const [received] = await book.receive('q', 1, 100)
    await book.settle('q', [{ group: 'a', receipt: received!.receipt, verdict: 'dead', error: 'broken' }])
    t.match(await book.stats('q'), { waiting: 0, dead: 1 })
    t.equal(await book.redrive('q', 'all'), 1)
    t.match(await book.stats('q'), { waiting: 1, dead: 0 })
    now += 5 * 60_000 + 1
    await book.send('q', [sent])
    t.equal((await book.stats('q')).waiting, 2)
  })

  await t.test('forgets what it has seen after the window, and nothing else', async t => {
    let now = 1000
    const { store, book } = open(t, () => now)
    t.teardown(() => store.close())
    await book.send('q', [message('a', 1)])
    now += 10 * 60_000
    await book.purge()
    t.equal((await store.read.get<{ n: number }>('SELECT count(*) AS n FROM seen'))?.n, 0)
    t.equal((await book.stats('q')).waiting, 1)
  })
})

t.test('bad requests to the bus are refused with 400, never taken', async t => {
  const store = openSqlite({ file: join(t.testdir(), 'bus.db'), tables: BUS_TABLES })
  const app = busServer(new BusBook(store))
  t.teardown(async () => {
    await app.close()
    await store.close()
  })
  for (const payload of [{}, { messages: [] }, { messages: [{ id: 'x' }] }, { messages: [{ ...message('g', 1), group: '' }] }]) {
    const response = await app.inject({ method: 'POST', url: '/queues/q', payload })
    t.equal(response.statusCode, 400)
  }
  t.equal((await app.inject({ method: 'POST', url: '/queues/q/receive', payload: { max: 1e6 } })).statusCode, 400)
})

t.test('a wall clock that is set neither frees a message that somebody has, nor keeps one', async t => {
  let [now, elapsed] = [1_000_000, 0]
  const store = openSqlite({ file: join(t.testdir(), 'bus.db'), tables: BUS_TABLES })
  t.teardown(() => store.close())
  const book = new BusBook(store, { clock: { ...systemClock, now: () => now, elapsed: () => elapsed } })
  await book.send('q', [message('a', 1)])
  t.equal((await book.receive('q', 1, 100)).length, 1)
  now += 3_600_000
  t.same(await book.receive('q', 1, 100), [])
  now -= 7_200_000
  elapsed += 101
  t.equal((await book.receive('q', 1, 100)).length, 1)
})

t.test('a message that ends each of its consumers is a dead letter in the end, and its group goes on', async t => {
  let elapsed = 0
  const store = openSqlite({ file: join(t.testdir(), 'bus.db'), tables: BUS_TABLES })
  t.teardown(() => store.close())
  const book = new BusBook(store, { clock: { ...systemClock, elapsed: () => elapsed } })
  await book.send('q', [message('a', 1), message('a', 2)])
  for (let n = 1; n <= 20; n++, elapsed += 101) t.equal((await book.receive('q', 1, 100))[0]?.group, 'a')
  t.same(await book.receive('q', 1, 100), [])
  t.match((await book.dead('q', 10)).map(letter => letter.error), ['received too often without an answer'])
  t.equal((await book.receive('q', 1, 100))[0]?.tries, 1)
})

t.test('a message that ends each of its consumers and the bus with them is a dead letter in the end, too', async t => {
  const file = join(t.testdir(), 'bus.db')
  const inOneLife = async <Value>(use: (book: BusBook) => Promise<Value>): Promise<Value> => {
    const store = openSqlite({ file, tables: BUS_TABLES })
    // Closed without a word to the book: what it had not written is lost, as by a kill.
    return use(new BusBook(store)).finally(() => store.close())
  }
  await inOneLife(book => book.send('q', [message('a', 1), message('a', 2)]))
  for (let n = 1; n <= 20; n++) {
    t.equal((await inOneLife(book => book.receive('q', 1, 100)))[0]?.group, 'a', `${n} times`)
  }
  await inOneLife(async book => {
    const [next] = await book.receive('q', 1, 100)
    t.same(next, undefined)
    t.equal((await book.dead('q', 10)).length, 1)
    t.match(await book.receive('q', 1, 100), [{ body: /"n":2/ }])
  })
})

t.test('what a handler has failed is counted, and what was given back untried is not, also behind a restart', async t => {
  const file = join(t.testdir(), 'bus.db')
  const inOneLife = async <Value>(use: (book: BusBook) => Promise<Value>): Promise<Value> => {
    const store = openSqlite({ file, tables: BUS_TABLES })
    const book = new BusBook(store)
    return use(book).finally(async () => {
      await book.close()
      await store.close()
    })
  }
  const once = (verdict: Settlement['verdict']) => inOneLife(async book => {
    const [head] = await book.receive('q', 1, 60_000)
    await book.settle('q', [{ group: 'a', receipt: head!.receipt, verdict, delayMs: 0 }])
    return head!.tries
  })
  await inOneLife(book => book.send('q', [message('a', 1)]))
  for (let n = 1; n <= 25; n++) t.equal(await once(n % 2 === 0 ? 'wait' : 'untried'), 1)
  t.same([await once('retry'), await once('wait'), await once('retry'), await once('done')], [1, 2, 2, 3])
})

t.test('what was handled and what failed for good is not there after a restart, what was not settled is, in order', async t => {
  const open = () => openSqlite({ file: join(t.testdirName, 'bus.db'), tables: BUS_TABLES })
  t.testdir()
  const store = open()
  const book = new BusBook(store)
  await book.send('q', [message('a', 1), message('a', 2), message('b', 1), message('c', 1)])
  const taken = new Map((await book.receive('q', 10, 60_000)).map(one => [one.group, one.receipt]))
  await book.settle('q', [{ group: 'a', receipt: taken.get('a')!, verdict: 'done' },
    { group: 'b', receipt: taken.get('b')!, verdict: 'dead', error: 'no' }])
  t.same(await book.settle('q', [{ group: 'b', receipt: taken.get('b')!, verdict: 'dead' }]), [taken.get('b')])
  await book.close()
  await store.close()
  const again = open()
  t.teardown(() => again.close())
  const reopened = new BusBook(again)
  const bodies = (await reopened.receive('q', 10, 60_000)).map(one => JSON.parse(one.body) as { subject: string, data: { n: number } })
  t.same(bodies.map(({ subject, data }) => `${subject}${data.n}`).sort(), ['a2', 'c1'])
  t.match(await reopened.stats('q'), { waiting: 0, inFlight: 2, dead: 1 })
})

t.test('a bus behind an address with a path and in IPv6 is found, one that nobody speaks is refused by name', async t => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end('{}')
  })
  await new Promise<void>(resolve => { server.listen(0, '::1', resolve) })
  t.teardown(() => server.close())
  const bus = embeddedBus({ url: `http://[::1]:${(server.address() as AddressInfo).port}/bus` })
  await bus.send('q', [message('a', 1)])
  t.same(asked, ['/bus/queues/q'])
  await bus.close()
  const settings = { string: () => 'amqp://localhost' } as unknown as Settings
  await t.rejects(openBus(settings), { code: 'E_BUS_URL' })
})
