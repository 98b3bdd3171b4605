import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { t, type Test } from 'tap'
import { REQUEST_TIMEOUT_MS } from '@breakwater/starter/http'
import { createLogger } from '@breakwater/starter/logger'
import { loadSettings } from '@breakwater/starter/settings'
import { startBus } from '../bus/embedded/start.ts'
import { httpBroker } from '../bus/embedded/http-broker.ts'
import { BUS_TABLES, BusBook, busServer, embeddedBus, openSqlite, type Bus } from '../index.ts'
import { message } from './bus-rig.ts'
import { until } from './until.ts'

interface Rig { readonly app: FastifyInstance, readonly book: BusBook, readonly url: string }

async function start (t: Test): Promise<Rig> {
  const store = openSqlite({ file: join(t.testdir(), 'bus.db'), tables: BUS_TABLES })
  const book = new BusBook(store)
  const app = busServer(book)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    await app.close()
    await store.close()
  })
  return { app, book, url }
}

t.test('a call that never arrives whole is given up', async t => {
  const { app } = await start(t)
  t.equal(app.server.requestTimeout, REQUEST_TIMEOUT_MS)
})

t.test('whatever is sent to a route is refused with 4xx or taken, and nothing odd is kept', async t => {
  const { app, book } = await start(t)
  const good = message('g', 1)
  const bodies: unknown[] = [undefined, null, 1, 'x', [], {}, { messages: [] }, { messages: 'x' }, { messages: [{}] },
    { messages: Array.from({ length: 101 }, () => good) }, { types: 'x' }, { types: [1] }, { types: [''] }, { ids: 'some' },
    { ids: [1] }, { ids: Array.from({ length: 1001 }, () => 'x') }, { max: '1' }, { max: 1e9 }, { max: null }, { waitMs: -1 },
    { settlements: [{ group: 'g', receipt: 'r', verdict: 'perhaps' }] }, { settlements: [{ group: 'g', verdict: 'done' }] },
    { group: 'g', receipt: 'r', ms: 'x' }, { group: 'g', receipt: 'r', ms: 1e12 }, { consumer: 1, working: [] },
    ...[{ group: '' }, { group: 7 }, { group: 'x'.repeat(129) }, { id: '' }, { dedupe: 'x'.repeat(301) }, { type: null },
      { body: {} }, { body: 'é'.repeat(200_000) }, { body: '\ud800' }, { group: '\ud800' }].map(odd =>
      ({ messages: [good, { ...good, ...odd }] }))]
  const routes = [['PUT', '/queues/q'], ['POST', '/queues/q'], ['POST', '/queues/q/receive'], ['POST', '/queues/q/settle'],
    ['POST', '/queues/q/extend'], ['POST', '/queues/q/leave'], ['GET', '/queues/q/dead'], ['POST', '/queues/q/dead/redrive'],
    ['POST', '/queues/q/dead/drop'], ['POST', '/topics/t'], ['PUT', '/topics/t/subscriptions/q'],
    ['DELETE', '/topics/t/subscriptions/q'], ['GET', '/queues'], ['GET', '/topics'],
    ['POST', '/check']] as const
  for (const [method, url] of routes) {
    const answers = new Set<number>()
    for (const body of bodies) {
      const response = await app.inject({ method, url, headers: { 'content-type': 'application/json' },
        ...(method === 'GET' ? {} : { payload: JSON.stringify(body) ?? '' }) })
      answers.add(response.statusCode)
    }
    t.same([...answers].filter(status => status >= 500), [], `${method} ${url}: ${[...answers].join(' ')}`)
  }
  t.match(await book.stats('q'), { waiting: 0, inFlight: 0, dead: 0 })
  for (const url of ['/queues/a b', '/queues/%00', `/queues/${'x'.repeat(129)}`, '/queues/..%2f..', '/queues/é']) {
    const response = await app.inject({ method: 'POST', url, payload: { messages: [good] } })
    t.ok([400, 404, 414].includes(response.statusCode), `${url}: ${response.statusCode}`)
  }
  t.same(await book.queues(), ['q'], 'which was asked for by its route')
  for (const query of ['limit=0', 'limit=x', 'limit=1001', 'limit=-1']) {
    t.equal((await app.inject(`/queues/q/dead?${query}`)).statusCode, 400)
  }
})

t.test('a web page gets nothing from the bus and sends nothing to it', async t => {
  const { url, book } = await start(t)
  const { port } = new URL(url)
  const ask = (
    method: string, path: string, headers: Record<string, string>
  ) => new Promise<number>((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers: { 'content-type': 'application/json', ...headers } })
    sent.once('response', response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.once('error', reject)
    sent.end(method === 'POST' ? JSON.stringify({ messages: [message('g', 1)] }) : undefined)
  })
  for (const headers of [{ host: 'evil.example' }, { host: `evil.example:${port}` }, { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
    t.equal(await ask('POST', '/queues/q', headers as Record<string, string>), 403)
    t.equal(await ask('GET', '/queues', headers as Record<string, string>), 403)
  }
  t.match(await book.stats('q'), { waiting: 0 })
  for (const headers of [{}, { host: `localhost:${port}` }, { host: `127.0.0.1:${port}` }, { host: '[::1]:7070' }]) {
    t.equal(await ask('POST', '/queues/q', headers as Record<string, string>), 200)
  }
})

async function startWith (t: Test, values: Record<string, string>) {
  return startBus({
    settings: await loadSettings({ name: 'bus', folder: '/nonexistent', args: {
      'server.port': '0', 'breakwater.data.dir': t.testdir(), ...values
    } }),
    log: createLogger({ name: 'bus', level: 'silent' })
  })
}

t.test('a bus that others can reach must be told who may use it, and asks each of them', async t => {
  const start = (values: Record<string, string>) => startWith(t, values)
  await t.rejects(start({ 'server.address': '0.0.0.0' }), { code: 'E_SECURITY_CHOICE' })
  const user = (at: number, name: string) => ({
    [`breakwater.security.users[${at}].name`]: name, [`breakwater.security.users[${at}].password`]: 'p@ss',
    [`breakwater.security.users[${at}].roles`]: name
  })
  const bus = await start({ 'breakwater.security.mode': 'basic', ...user(0, 'read'), ...user(1, 'write') })
  t.teardown(() => bus.stop())
  const as = (name: string) => bus.url.replace('//', `//${name}:p%40ss@`)
  const looking = embeddedBus({ url: as('read') })
  const working = embeddedBus({ url: as('write') })
  t.teardown(() => Promise.all([looking.close(), working.close()]))
  t.notMatch(looking.description, /p%40ss|read/)
  await working.provision('q', [], 't')
  await working.send('q', [message('a', 1)])
  t.match(await looking.stats('q'), { waiting: 1 })
  await t.rejects(looking.send('q', [message('a', 2)]), { message: /403/ })
  for (const [path, status] of [['/queues', 401], ['/queues/q', 401], ['/actuator/health', 200],
    ['/actuator/prometheus', 200], ['/actuator/env', 401]] as const) {
    t.equal((await fetch(bus.url + path)).status, status, path)
  }
  t.equal((await fetch(`${bus.url}/queues/q/dead/redrive`, { method: 'POST' })).status, 401)
})

t.test('what the bus has is told to Prometheus', async t => {
  const server = await startWith(t, {})
  const { url } = server
  t.teardown(() => server.stop())
  const bus = embeddedBus({ url })
  t.teardown(() => bus.close())
  await bus.provision('q', [], 't')
  await bus.send('q', [message('a', 1), message('a', 2)])
  await bus.publish('nobody', [message('a', 1)])
  const text = await (await fetch(`${url}/actuator/prometheus`)).text()
  t.match(await (await fetch(`${url}/actuator/health`)).json(), { status: 'UP' })
  for (const line of ['breakwater_bus_queue_waiting{queue="q"} 2', 'breakwater_bus_queue_provisioned{queue="q"} 1',
    'breakwater_bus_queue_dead{queue="q"} 0', 'breakwater_bus_topic_unrouted{topic="nobody"} 1']) {
    t.ok(text.includes(line), line)
  }
  t.match(text, /breakwater_bus_bytes \d{4,}/)
})

t.test('a type is taken out of a subscription by one call', async t => {
  const { app, book } = await start(t)
  await app.inject({ method: 'PUT', url: '/topics/t/subscriptions/q', payload: { types: ['a.A.v1', 'a.B.v1', 'a.C.v1'] } })
  const remove = (query: string) => app.inject({ method: 'DELETE', url: `/topics/t/subscriptions/q${query}` })
  t.equal((await remove('?type=a.A.v1')).statusCode, 200)
  t.match(await book.directory.topics(), [{ subscriptions: [{ types: ['a.B.v1', 'a.C.v1'] }] }])
  await remove('?type=a.A.v1&type=a.B.v1')
  t.match(await book.directory.topics(), [{ subscriptions: [{ types: ['a.C.v1'] }] }])
  await remove('')
  t.same(await book.directory.topics(), [])
})

/** A bus that answers each call with messages as a test says. */
async function fake (
  t: Test, answer: (ids: string[]) => number
): Promise<{ readonly bus: Bus, readonly calls: string[][], readonly server: Server }> {
  const calls: string[][] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', chunk => { text += String(chunk) })
    request.on('end', () => {
      const { messages } = JSON.parse(text) as { messages: Array<{ id: string }> }
      const ids = messages.map(one => one.id)
      calls.push(ids)
      response.writeHead(answer(ids), { 'content-type': 'application/json' }).end('{"wanted":true}')
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const bus = embeddedBus({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  t.teardown(async () => {
    await bus.close()
    server.close()
  })
  return { bus, calls, server }
}

const named = (group: string, id: string) => ({ ...message(group, 1), id, dedupe: id })

t.test('a call that is refused is halved, down to the one message that is at fault, and the others are sent once', async t => {
  const taken: string[] = []
  const { bus } = await fake(t, ids => {
    if (ids.length > 3) return 413
    if (ids.includes('m5')) return 400
    taken.push(...ids)
    return 200
  })
  const all = Array.from({ length: 16 }, (_, n) => named('g', `m${n}`))
  const refused = await bus.send('q', all)
  t.same([...refused.keys()], ['m5'])
  t.match(refused.get('m5'), { code: 'E_BUS_REFUSED', canRetry: false })
  t.same(taken, all.map(one => one.id).filter(id => id !== 'm5'), 'in their order')
})

t.test('behind a message that the bus fails at its group waits, other groups do not', async t => {
  const taken: string[] = []
  const { bus } = await fake(t, ids => {
    if (ids.includes('a2')) return 500
    taken.push(...ids)
    return 200
  })
  const refused = await bus.send('q', ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'].map(id => named(id[0]!, id)))
  t.same([...refused.keys()].sort(), ['a2', 'a3'])
  t.ok([...refused.values()].every(error => 'canRetry' in error && error.canRetry === true))
  t.same(taken.sort(), ['a1', 'b1', 'b2', 'b3'])
})

t.test('a bus that goes away between two calls has taken the first, and the rest is to be sent again', async t => {
  let times = 0
  const { bus } = await fake(t, () => ++times === 1 ? 200 : 503)
  const refused = await bus.send('q', Array.from({ length: 150 }, (_, n) => named(`g${n}`, `m${n}`)))
  t.equal(refused.size, 50)
  t.match(refused.get('m100'), { code: 'E_BUS_DOWN', canRetry: true })
  await t.rejects(bus.send('q', [named('g', 'x')]), { code: 'E_BUS_DOWN' })
})

t.test('no call has more bytes or messages than said', async t => {
  const { bus, calls } = await fake(t, () => 200)
  await bus.send('q', Array.from({ length: 50 }, (_, n) => ({ ...named(`g${n}`, `m${n}`), body: '"'.repeat(250_000) })))
  t.ok(calls.length >= 50 / 8, `${calls.length} calls`)
  t.ok(calls.every(ids => ids.length <= 8))
  calls.length = 0
  await bus.send('q', Array.from({ length: 250 }, (_, n) => named(`g${n}`, `m${n}`)))
  t.same(calls.map(ids => ids.length), [100, 100, 50])
})

t.test('an answer without an end ends the call', async t => {
  const server = createServer((_request, response) => {
    response.writeHead(200)
    const more = (): void => { while (response.writable && response.write('x'.repeat(1_000_000))); }
    response.on('drain', more)
    more()
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { broker, close } = httpBroker(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 20_000)
  t.teardown(() => {
    close()
    server.close()
    server.closeAllConnections()
  })
  await t.rejects(broker.stats('q'), { code: 'E_BUS_DOWN', message: /has no end/ })
})

t.test('a consumer that hangs up while it waits gets nothing, and nobody waits for it', async t => {
  const { url, book } = await start(t)
  const { broker, close } = httpBroker(url, 2000)
  t.teardown(close)
  const gone = new AbortController()
  const waiting = broker.receive('q', { max: 10, waitMs: 10_000, visibilityMs: 600_000, consumer: 'one' }, gone.signal)
  await until(async () => (await fetch(`${url}/queues`)).ok, 'the bus has it')
  gone.abort()
  await t.rejects(waiting, { code: 'E_BUS_DOWN' })
  await book.send('q', [message('a', 1)])
  await until(async () => (await book.receive('q', 1, 600_000)).length === 1, 'another one gets it')
})
