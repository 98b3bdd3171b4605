import { t } from 'tap'
import { QueueLanes } from '../bus/embedded/lanes.ts'
import type { Settlement } from '../bus/embedded/settlement.ts'
import type { BusBook } from '../index.ts'
import { BookRig } from './book-rig.ts'
import { message } from './bus-rig.ts'
import { until } from './until.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const numbers = (bodies: ReadonlyArray<{ body: string }>): number[] =>
  bodies.map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n)

/** Takes the head of each group and says the same of all. */
async function settleAll (book: BusBook, verdict: Settlement['verdict'], delayMs = 0): Promise<number[]> {
  const received = await book.receive('q', 100, 60_000)
  await book.settle('q', received.map(({ group, receipt }) => ({ group, receipt, verdict, delayMs, error: 'no' })))
  return numbers(received)
}

t.test('dead letters go again in the order in which they came, all of them or some', async t => {
  const { book } = new BookRig(t)
  await book.send('q', Array.from({ length: 20 }, (_, n) => message('a', n)))
  for (let n = 0; n < 20; n++) t.same(await settleAll(book, 'dead'), [n])
  const letters = await book.dead('q', 100)
  t.same(numbers(letters), Array.from({ length: 20 }, (_, n) => n), 'though all were buried in the same millisecond')
  const some = [15, 3, 8].map(n => letters[n]!.id)
  t.equal(await book.redrive('q', some), 3)
  for (const n of [3, 8, 15]) t.same(await settleAll(book, 'done'), [n])
  t.equal(await book.redrive('q', 'all'), 17)
  const came: number[] = []
  for (let n = 0; n < 17; n++) came.push(...await settleAll(book, 'done'))
  t.same(came, Array.from({ length: 20 }, (_, n) => n).filter(n => ![3, 8, 15].includes(n)))
  t.match(await book.stats('q'), { waiting: 0, inFlight: 0, dead: 0 })
})

t.test('an answer has no more bytes than said, and what does not fit is free at once, untried', async t => {
  const { book } = new BookRig(t)
  await book.send('q', Array.from({ length: 40 }, (_, n) => ({ ...message(`g${n}`, 1), body: 'x'.repeat(200_000) })))
  const sizes: number[] = []
  for (let left = 40; left > 0;) {
    const received = await book.receive('q', 100, 60_000)
    sizes.push(received.reduce((sum, { body }) => sum + body.length, 0))
    t.ok(received.every(one => one.tries === 1))
    left -= received.length
  }
  t.equal(sizes.length, 2)
  t.ok(sizes.every(size => size <= 4 * 1024 * 1024))
})

t.test('of groups whose surroundings are down a few are tried, until one gets through: then all', async t => {
  const { book, clock } = new BookRig(t)
  const GROUPS = 2000
  for (let n = 0; n < GROUPS; n += 100) {
    await book.send('q', Array.from({ length: 100 }, (_, i) => message(`g${n + i}`, 1)))
  }
  let tried = 0
  for (let n = 0; n < GROUPS / 100; n++) tried += (await settleAll(book, 'wait', 1000)).length
  t.equal(tried, GROUPS)
  t.same(await settleAll(book, 'wait', 1000), [], 'none of them before its time')
  const perSecond: number[] = []
  for (let second = 0; second < 20; second++) {
    await clock.advance(1000)
    perSecond.push((await settleAll(book, 'wait', 1000)).length)
  }
  t.ok(perSecond.every(count => count >= 1 && count <= 11), String(perSecond))
  await book.send('q', [message('fresh', 1)])
  t.equal((await book.receive('q', 100, 60_000))[0]?.group, 'fresh', 'who waits holds up nobody')

  await clock.advance(1000)
  let through = 0
  let rounds = 0
  for (; through < GROUPS && rounds < 40; rounds++) through += (await settleAll(book, 'done')).length
  t.equal(through, GROUPS)
})

t.test('a few groups that wait are each tried when their time is over', async t => {
  const { book, clock } = new BookRig(t)
  await book.send('q', Array.from({ length: 10 }, (_, n) => message(`g${n}`, 1)))
  await settleAll(book, 'wait', 1000)
  for (let second = 0; second < 5; second++) {
    await clock.advance(1000)
    t.equal((await settleAll(book, 'wait', 1000)).length, 10)
  }
})

t.test('a group of many messages goes through in a time that grows with their number alone', async t => {
  const through = (length: number): number => {
    const lanes = new QueueLanes()
    const startedAt = performance.now()
    for (let seq = 1; seq <= length; seq++) lanes.add('a', seq)
    for (let seq = 1; seq <= length; seq++) {
      const [lane] = lanes.take(1, 0, 60_000, '')
      if (lane?.seqs.first !== seq || lanes.oldest !== seq) throw new Error(`${seq} did not come in order`)
      lanes.advance(lane)
    }
    return performance.now() - startedAt
  }
  through(10_000)
  const [some, many] = [through(20_000), through(400_000)]
  t.ok(many < some * 20 * 8, `20,000 in ${some} ms, 400,000 in ${many} ms`)
})

t.test('a verdict that the disk does not take now stands, and the others of its call with it', async t => {
  const rig = new BookRig(t)
  const { book, clock, store } = rig
  await book.send('q', [message('a', 1), message('b', 1), message('b', 2), message('c', 1)])
  const received = new Map((await book.receive('q', 10, 60_000)).map(one => [one.group, one.receipt]))
  const whole = { ...store }
  Object.assign(store, { tx: async () => { throw new Error('the disk is full') } })
  const stale = await book.settle('q', [
    { group: 'a', receipt: received.get('a')!, verdict: 'dead', error: 'no' },
    { group: 'b', receipt: received.get('b')!, verdict: 'done' },
    { group: 'c', receipt: received.get('c')!, verdict: 'retry', delayMs: 0 }
  ])
  t.same(stale, [])
  t.match(rig.errors, [{ message: 'the disk is full' }])
  const next = await book.receive('q', 10, 60_000)
  t.same(next.map(one => [one.group, one.tries]), [['b', 1], ['c', 2]])
  Object.assign(store, whole)
  t.same(await book.dead('q', 10), [])
  await clock.advance(1000)
  t.same(await book.receive('q', 10, 60_000), [], 'what is dead is not handed out again')
  t.match(await book.dead('q', 10), [{ group: 'a', error: 'no' }])
})

t.test('another message under an id that was taken is a dead letter and is told, once', async t => {
  const { book, told } = new BookRig(t)
  const first = message('a', 1)
  const other = { ...first, body: message('a', 2).body }
  await book.send('q', [first])
  await book.send('q', [first, other])
  await book.send('q', [other, first])
  t.match(await book.dead('q', 10), [{ body: other.body, error: /dedupe id/ }])
  t.equal(told.length, 1)
  t.same(numbers(await book.receive('q', 10, 100)), [1])
})

t.test('subscriptions grow, and only a person takes types away', async t => {
  const { book } = new BookRig(t)
  const types = async (): Promise<unknown> => (await book.directory.topics()).map(({ topic, subscriptions }) =>
    ({ topic, subscriptions }))
  await book.directory.subscribe('t', 'q', ['a.A.v1', 'a.B.v1'])
  await book.directory.subscribe('t', 'q', ['a.A.v1', 'a.C.v1'])
  t.same(await types(), [{ topic: 't', subscriptions: [{ queue: 'q', types: ['a.A.v1', 'a.B.v1', 'a.C.v1'] }] }])
  await book.publish('t', [message('g', 1, 'a.B.v1')])
  t.same(numbers(await book.receive('q', 10, 100)), [1])
  await book.directory.unsubscribe('t', 'q', ['a.B.v1'])
  await book.publish('t', [message('h', 2, 'a.B.v1'), message('h', 3, 'a.C.v1')])
  t.same(numbers(await book.receive('q', 10, 100)), [3])
  await book.directory.unsubscribe('t', 'q', [])
  t.same(await types(), [])
})

t.test('what nobody wants is told after a minute, counted, and not kept for ever', async t => {
  const { book, clock, told } = new BookRig(t)
  for (const waitMs of [0, 30_000, 31_000, 1000]) {
    await clock.advance(waitMs)
    t.same(await book.publish('t', [message('a', 1)]), { queues: [], wanted: false })
    await book.send('typo', [message('a', waitMs)])
    await book.purge()
  }
  t.equal(told.filter(text => text.includes('subscribed')).length, 1)
  t.equal(told.filter(text => text.includes('asked for')).length, 1)
  t.match(await book.directory.topics(), [{ topic: 't', unrouted: 4, subscriptions: [] }])
  t.match(await book.stats('typo'), { waiting: 4, provisioned: false })
  await book.send('known', [message('a', 1)])
  await book.provision('known')
  await clock.advance(14 * DAY + 1000)
  await book.purge()
  t.match(await book.stats('typo'), { waiting: 0, dead: 4 })
  t.match(await book.stats('known'), { waiting: 1, dead: 0, provisioned: true })
  t.match(told.at(-1), /4 messages are dead letters/)
})

t.test('a queue that was asked for is known behind a restart', async t => {
  const rig = new BookRig(t)
  await rig.book.provision('q')
  t.match(await rig.book.send('q', [message('a', 1)]), { wanted: true })
  await rig.again()
  t.match(await rig.book.send('q', [message('a', 2)]), { wanted: true })
})

t.test('dead letters are forgotten only with a word', async t => {
  const { book, clock, told } = new BookRig(t)
  await book.send('q', [message('a', 1), message('b', 1), message('c', 1, 'test.Other.v1')])
  await settleAll(book, 'dead')
  await clock.advance(14 * DAY)
  await book.purge()
  t.match(await book.stats('q'), { dead: 3 })
  await clock.advance(1)
  await book.purge()
  t.match(await book.stats('q'), { dead: 0 })
  t.same(told.filter(text => text.includes('forgotten')).map(text => text.slice(0, 1)).sort(), ['1', '2'])
})

t.test('a bus that has no room takes nothing, and takes again when it has', async t => {
  const rig = new BookRig(t)
  await rig.again({ maxBytes: 3_000_000 })
  const { book, clock } = rig
  const large = (n: number) => ({ ...message(`g${n}`, n), body: `"${'x'.repeat(200_000)}"` })
  let sent = 0
  await t.rejects((async () => {
    for (; sent < 100; sent++) {
      await clock.advance(1000)
      await book.send('q', [large(sent)])
    }
  })(), { code: 'E_BUS_FULL', canRetry: true, statusCode: 507 })
  t.ok(sent > 5 && sent < 20, String(sent))
  const received = await book.receive('q', 100, 60_000)
  await book.settle('q', received.map(({ group, receipt }) => ({ group, receipt, verdict: 'done' })))
  await clock.advance(1000)
  await until(async () => (await rig.store.read.get<{ n: number }>('SELECT count(*) AS n FROM msg'))?.n === 0, 'it is erased')
  await clock.advance(1000)
  t.match(await book.send('q', [message('small', 1)]), { queues: ['q'] })
})

t.test('one event that reached nobody is told, too', async t => {
  const { book, clock, told } = new BookRig(t)
  await book.publish('t', [message('a', 1)])
  await book.publish('late', [message('a', 1)])
  await book.purge()
  await book.directory.subscribe('late', 'q', ['a.A.v1'])
  await clock.advance(61_000)
  await book.purge()
  await book.purge()
  t.equal(told.filter(text => text.includes('subscribed')).length, 1)
})
