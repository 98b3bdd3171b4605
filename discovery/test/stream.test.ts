import t from 'tap'
import type { Discovery } from '../index.ts'
import { Book } from '../registry/book.ts'
import { Payloads } from '../eureka/payloads.ts'
import { Hub } from '../stream/hub.ts'
import { Subscription } from '../stream/subscription.ts'
import { EventReader } from './support/event-reader.ts'
import { Clock, instance, rules, type Raw } from './support/instances.ts'
import { call, getJson, register, startDiscovery, until } from './support/server.ts'

interface Poll {
  index: string
  reset: boolean
  instances?: Raw[]
  changes?: { index: string, action: string, instance: Raw }[]
}

const PATH = '/eureka/apps/ORDERS/h1:orders:8080'

function read (t: { after: (undo: () => unknown) => unknown }, { url }: Discovery, query = '', headers: Record<string, string> = {}): EventReader {
  const reader = new EventReader(url, query, headers)
  t.after(() => reader.close())
  return reader
}

t.test('a reader gets a snapshot first, then every change with its index', async t => {
  const discovery = await startDiscovery(t)
  await register(discovery.url)
  const reader = read(t, discovery)
  const [snapshot] = await reader.received(1)
  t.match(snapshot, { event: 'snapshot', data: { instances: [{ instanceId: 'h1:orders:8080', port: { $: 8080 } }] } })
  t.equal(snapshot!.id, snapshot!.data.index)
  t.match(reader.response!.headers, { 'content-type': /^text\/event-stream/, 'cache-control': 'no-store' })
  await call(discovery.url, `${PATH}/status?value=DOWN`, { method: 'PUT' })
  await reader.received(2)
  await call(discovery.url, PATH, { method: 'DELETE' })
  await reader.received(3)
  await register(discovery.url)
  const events = await reader.received(4)
  t.same(events.slice(1).map(({ event, data }) => [event, data.action, data.instance!.status]),
    [['change', 'MODIFIED', 'DOWN'], ['change', 'DELETED', 'DOWN'], ['change', 'ADDED', 'UP']])
  for (const event of events) t.match(event.id, /^[0-9a-f]+-\d+$/)
})

t.test('the stream cannot be asked for by HEAD', async t => {
  const { url } = await startDiscovery(t)
  t.equal((await call(url, '/eureka/stream', { method: 'HEAD', headers: { accept: 'text/event-stream' } })).status, 404)
})

t.test('a renewal is no change', async t => {
  const discovery = await startDiscovery(t)
  await register(discovery.url)
  const reader = read(t, discovery)
  await reader.received(1)
  await call(discovery.url, PATH, { method: 'PUT' })
  await register(discovery.url, { instanceId: 'second' })
  await reader.received(2)
  t.equal(reader.events[1]!.data.instance!.instanceId, 'second')
})

t.test('a lease that runs out is pushed', async t => {
  const discovery = await startDiscovery(t, { evictionIntervalMs: 50 })
  const reader = read(t, discovery)
  await reader.received(1)
  await register(discovery.url, { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 1 } })
  const events = await reader.received(3)
  t.match(events[2], { event: 'change', data: { action: 'DELETED' } })
})

t.test('who names a known index gets what changed since, by query or by header', async t => {
  const discovery = await startDiscovery(t)
  await register(discovery.url)
  const first = read(t, discovery)
  const { id } = (await first.received(1))[0]!
  first.close()
  await register(discovery.url, { instanceId: 'second' })
  await call(discovery.url, PATH, { method: 'DELETE' })
  for (const reader of [read(t, discovery, `?index=${id}`), read(t, discovery, '', { 'last-event-id': id })]) {
    const events = await reader.received(2)
    t.same(events.map(({ event, data }) => [event, data.action, data.instance!.instanceId]),
      [['change', 'ADDED', 'second'], ['change', 'DELETED', 'h1:orders:8080']])
  }
  for (const index of ['0badc0de-1', 'nonsense', `${id}0000000`, `${id.split('-')[0]}--1`]) {
    const [event] = await read(t, discovery, `?index=${index}`).received(1)
    t.equal(event!.event, 'snapshot', `${index} is of no log that we have`)
  }
})

t.test('a reader of some applications hears of no other', async t => {
  const discovery = await startDiscovery(t)
  await register(discovery.url, { app: 'USERS', instanceId: 'u1' })
  await register(discovery.url)
  const reader = read(t, discovery, '?apps=users,PAYMENTS')
  const [snapshot] = await reader.received(1)
  t.same(snapshot!.data.instances!.map(({ app }) => app), ['USERS'])
  await register(discovery.url, { instanceId: 'o2' })
  await register(discovery.url, { app: 'PAYMENTS', instanceId: 'p1' })
  const events = await reader.received(2)
  t.equal(events[1]!.data.instance!.app, 'PAYMENTS')
})

t.test('readers of the same place in the log, each with another interest, hear what is theirs', async t => {
  const discovery = await startDiscovery(t)
  const queries = ['', '?apps=users', '?apps=orders', '?apps=users,orders', '?apps=u']
  const readers = queries.map(query => read(t, discovery, query))
  for (const reader of readers) await reader.received(1)
  await register(discovery.url, { app: 'USERS', instanceId: 'u1', vipAddress: 'u' })
  await register(discovery.url, { app: 'ORDERS', instanceId: 'o1', vipAddress: 'o' })
  const expected = [['u1', 'o1'], ['u1'], ['o1'], ['u1', 'o1'], ['u1']]
  for (const [at, reader] of readers.entries()) await reader.received(1 + expected[at]!.length)
  t.same(readers.map(({ events }) => events.slice(1).map(({ data }) => data.instance!.instanceId)), expected)
})

t.test('who follows an address hears that an instance has left it, and that it is there again', async t => {
  const discovery = await startDiscovery(t)
  await register(discovery.url, { instanceId: 'o1', vipAddress: 'blue,green' })
  const readers = ['?apps=blue', '?apps=green'].map(query => read(t, discovery, query))
  for (const reader of readers) await reader.received(1)
  await register(discovery.url, { instanceId: 'o1', vipAddress: 'green' })
  await register(discovery.url, { instanceId: 'o1', vipAddress: 'blue,green' })
  const actions = ({ events }: EventReader): unknown[] => events.slice(1).map(({ data }) => data.action)
  for (const reader of readers) await reader.received(3)
  t.same(readers.map(actions), [['DELETED', 'ADDED'], ['ADDED', 'ADDED']])
  const { index } = await getJson<Poll>(discovery.url, '/eureka/stream?apps=NOBODY')
  await register(discovery.url, { instanceId: 'o1', vipAddress: 'green' })
  const poll = await getJson<Poll>(discovery.url, `/eureka/stream?apps=blue&index=${index}`)
  t.same(poll.changes!.map(({ action }) => action), ['DELETED'], 'and who asks again later')
})

t.test('long poll', async t => {
  const discovery = await startDiscovery(t)
  const { url } = discovery
  await register(url)
  const first = await getJson<Poll>(url, '/eureka/stream')
  t.match(first, { reset: true, instances: [{ instanceId: 'h1:orders:8080' }] })

  t.test('waits for the first change', async t => {
    const waiting = getJson<Poll>(url, `/eureka/stream?index=${first.index}&wait=60s`)
    await until(() => discovery.registry.hub.subscribers === 1, 'the poll waits')
    await register(url, { instanceId: 'second' })
    t.match(await waiting, { reset: false, changes: [{ action: 'ADDED', instance: { instanceId: 'second' } }] })
  })
  t.test('answers at once when something changed already', async t => {
    const { index, changes } = await getJson<Poll>(url, `/eureka/stream?index=${first.index}`)
    t.equal(changes!.length, 1)
    t.equal(index, changes![0]!.index)
  })
  t.test('answers without changes when its time is up', async t => {
    const { index } = await getJson<Poll>(url, '/eureka/stream')
    t.same(await getJson<Poll>(url, `/eureka/stream?index=${index}&wait=50ms`), { index, reset: false, changes: [] })
  })
  t.test('leaves nothing behind when its client goes', async t => {
    const { index } = await getJson<Poll>(url, '/eureka/stream')
    const abort = new AbortController()
    const gone = fetch(`${url}/eureka/stream?index=${index}`, { signal: abort.signal })
    await until(() => discovery.registry.hub.subscribers === 1, 'the poll waits')
    abort.abort()
    await t.rejects(gone)
    await until(() => discovery.registry.hub.subscribers === 0, 'the poll is forgotten')
  })
  t.test('refuses a wait that is none', async t => {
    for (const wait of ['x', '-1', '1h', '99999999s']) {
      t.equal((await call(url, `/eureka/stream?wait=${wait}`)).status, 400, wait)
    }
  })
})

t.test('more readers than allowed are sent away', async t => {
  const discovery = await startDiscovery(t, { maxSubscribers: 1 })
  await read(t, discovery).received(1)
  const refused = await call(discovery.url, '/eureka/stream', { headers: { accept: 'text/event-stream' } })
  t.equal(refused.status, 503)
  t.ok(refused.headers['retry-after'])
})

t.test('a stopping registry ends its streams and its polls', async t => {
  const discovery = await startDiscovery(t)
  const reader = read(t, discovery)
  const { id } = (await reader.received(1))[0]!
  const poll = getJson<Poll>(discovery.url, `/eureka/stream?index=${id}`)
  await until(() => discovery.registry.hub.subscribers === 2, 'both are connected')
  await discovery.stop()
  t.match(await poll, { reset: false, changes: [] })
  await until(() => reader.ended, 'the stream has ended')
})

t.test('a burst costs each reader few writes, and all of them arrive', async t => {
  const discovery = await startDiscovery(t, { pushGapMs: 50 })
  const readers = Array.from({ length: 20 }, () => read(t, discovery))
  for (const reader of readers) await reader.received(1)
  await Promise.all(Array.from({ length: 100 }, (_, i) => register(discovery.url, { instanceId: `i${i}` })))
  for (const reader of readers) await until(() => reader.known.size === 100, 'all hundred')
  t.pass()
})

t.test('a reader that does not read costs no memory and gets what is true when it reads again', async t => {
  const writes: Buffer[] = []
  let accepting = false
  const response = {
    write (bytes: Buffer) {
      writes.push(bytes)
      return accepting
    },
    end () {},
    destroy () { destroyed = true }
  }
  let destroyed = false
  const clock = new Clock(0)
  const book = new Book(rules(clock))
  const due: (() => void)[] = []
  const hub = new Hub(book, new Payloads(book, clock.now), {
    now: clock.now,
    schedule (callback, ms) {
      if (ms < 1000) due.push(callback)
      else ping = callback
      return () => {}
    },
    pingMs: 15_000,
    stallMs: 30_000,
    gapMs: 0
  })
  let ping = (): void => {}
  const rounds = (): void => { for (const round of due.splice(0)) round() }
  book.onChange = () => hub.wake()
  hub.start('e')
  const slow = new Subscription(response, undefined, 0, clock.now)
  book.register(instance({ instanceId: 'first' }), false)
  hub.subscribe(slow, undefined)
  t.equal(writes.length, 1, 'of the snapshot it takes the first piece')
  for (let i = 0; i < 50; i++) {
    for (let times = 0; times < 10; times++) book.register(instance({ instanceId: `i${i}` }), false)
    rounds()
  }
  t.equal(writes.length, 1, 'nothing is queued for it')
  t.equal(hub.lag, 500)
  accepting = true
  hub.drained(slow)
  rounds()
  const text = Buffer.concat(writes).toString()
  t.equal(text.match(/event: snapshot/g)!.length, 1)
  t.equal(text.match(/event: change/g)!.length, 50, 'of 500 changes the last of each instance')
  t.equal(hub.lag, 0)

  accepting = false
  for (let i = 0; i < 900; i++) {
    book.register(instance({ instanceId: `n${i}` }), false)
    if (i === 0) rounds()
  }
  for (let i = 0; i < 949; i++) book.cancel('ORDERS', i < 900 ? `n${i}` : `i${i - 900}`)
  accepting = true
  writes.length = 0
  hub.drained(slow)
  rounds()
  const after = Buffer.concat(writes).toString()
  t.match(after, /^event: snapshot/, 'when the changes are more than there is, a snapshot is shorter')
  t.equal((JSON.parse(/data: (.*)\n\n/.exec(after)![1]!) as { instances: unknown[] }).instances.length, 2)

  accepting = false
  book.register(instance({ instanceId: 'x' }), false)
  rounds()
  ping()
  t.notOk(destroyed)
  clock.advance(30_001)
  ping()
  t.ok(destroyed, 'who takes nothing for half a minute is gone')
})
