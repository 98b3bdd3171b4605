/** Every patience towards an instance by itself: to be connected, to shake hands, to be answered; and for all of it. */
import { connect, createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { RouteDefinition } from '../routes/route.ts'
import { call, gateway as whole } from './harness.ts'
import { instance } from './load.ts'
import {
  caughtUp, heldClock, named, OK, RawClient, RawUpstream, route, startDataPlane, statusOf, until, type HeldClock,
  type Started
} from './raw.ts'

const upstream = await new RawUpstream().listen()
t.beforeEach(() => upstream.reset())
t.teardown(() => upstream.close())

type Overrides = Parameters<typeof startDataPlane>[1]

async function started (t: Test, more: Partial<RouteDefinition>, overrides: Overrides = {},
  uri = upstream.url, clock?: HeldClock): Promise<Started> {
  const gateway = await startDataPlane([route('all', uri, '/**', more)], overrides, clock === undefined ? {} : { clock })
  t.teardown(() => gateway.dataPlane.stop(0))
  return gateway
}

const ask = ({ port }: Started): RawClient => new RawClient(port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
const status = async (client: RawClient): Promise<number> => statusOf((await client.answers())[0] ?? '')

t.test('a host that takes no connection is given up after the connect timeout: 504', async (t) => {
  const hole = await instance(t, 'narrow')
  hole.child.kill('SIGSTOP')
  // Fills the queue of those that wait to be accepted: what comes after them is not even refused.
  const filling = Array.from({ length: 6 }, () => connect(hole.port, '127.0.0.1').on('error', () => {}))
  t.teardown(() => filling.forEach((socket) => socket.destroy()))
  await until(() => filling.filter((socket) => !socket.connecting).length >= 2, 'the queue to be full')
  const gateway = await started(t, { metadata: { 'connect-timeout': 100 } }, {}, `http://127.0.0.1:${hole.port}`)
  t.equal(await status(ask(gateway)), 504)
})

t.test('TLS has a time of its own, which begins when the connection is there', async (t) => {
  let connections = 0
  const silent = createServer(() => { connections++ })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const uri = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const patience = (metadata: object, connectMs: number, handshakeTimeoutMs: number, clock?: HeldClock) =>
    started(t, { metadata: { 'connect-timeout': connectMs, ...metadata } }, { upstreamTls: { handshakeTimeoutMs } }, uri, clock)
  const clock = heldClock()
  const gateway = await patience({}, 300, 60_000, clock)
  const patient = ask(gateway)
  await until(() => connections === 1, 'the connection')
  await caughtUp(gateway.port)
  await clock.pass(60_000)
  await caughtUp(gateway.port)
  t.equal(patient.received, '', 'the time to connect was over long ago')
  await clock.pass(1)
  t.equal(await status(patient), 504)
  t.equal(await status(ask(await patience({}, 60_000, 100))), 504)
  t.equal(await status(ask(await patience({ http2: true }, 60_000, 100))), 502)
})

t.test('whoever waits for one of few connections has the time for that, and the instance is not to blame', async (t) => {
  const clock = heldClock()
  const { url, management } = await whole(t, `
spring.cloud.gateway:
  httpclient: { connect-timeout: 300, pool: { type: fixed, max-connections: 1, acquire-timeout: 3000 } }
  routes: [ { id: users, uri: lb://users, predicates: [ "Path=/**" ] } ]
`, { users: [upstream.port] }, {}, clock)
  const port = Number(new URL(url).port)
  upstream.onHead = () => {}
  const first = call(`${url}/first`)
  await until(() => upstream.peers[0]?.heads === 1, 'the first to be under way')
  const second = call(`${url}/second`)
  await caughtUp(port)
  await clock.pass(3_000)
  upstream.peers[0]!.socket.write(OK)
  t.equal((await first).status, 200)
  await until(() => upstream.received.includes('GET /second'), 'the second to have its turn: it waited longer than a connection may take')
  const third = call(`${url}/third`)
  await caughtUp(port)
  await clock.pass(3_001)
  t.equal((await third).status, 504, 'nobody makes room for the third')
  const services = (await call(`${management}/actuator/gateway/instances`)).body
  t.match(JSON.parse(services), [{ instances: [{ active: 1, consecutiveFailures: 0 }] }])
  upstream.peers[0]!.socket.write(OK)
  t.equal((await second).status, 200)
  t.notMatch(upstream.received, /third/)
})

t.test('between two tries nothing runs out, and nobody is blamed twice', async (t) => {
  const retry = named('Retry', { retries: '1', methods: 'GET', exceptions: 'java.util.concurrent.TimeoutException', perTryTimeout: '300ms',
    'backoff.firstBackoff': '500ms', 'backoff.maxBackoff': '500ms' })
  // The pause is a timer of Node's: on a busy machine it may be over before the time has passed that was to pass in it.
  for (let inPause = false; !inPause;) {
    const clock = heldClock()
    const gateway = await started(t, { filters: [retry] }, {}, upstream.url, clock)
    let heads = 0
    upstream.onHead = (peer) => { if (++heads === 2) peer.socket.write(OK) }
    const client = ask(gateway)
    await until(() => heads === 1, 'the first try')
    await clock.pass(301)
    await clock.pass(60_000)
    const counters = async () => (await gateway.dataPlane.metrics()).counters
    inPause = (await counters())['breakwater_gateway_tries_total'] === 1
    if (!inPause) continue
    t.equal(await status(client), 200)
    t.match(await counters(), { breakwater_gateway_retries_total: 1, breakwater_gateway_tries_total: 2 })
  }
})

t.test('the total deadline ends an answer that has begun, and a wait between two tries', async (t) => {
  const [begun, between] = [heldClock(), heldClock()]
  const streaming = await started(t, { metadata: { 'total-timeout': 600 } }, {}, upstream.url, begun)
  upstream.answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  const cut = ask(streaming)
  await cut.until((received) => received.endsWith('abc\r\n'))
  await begun.pass(600)
  await caughtUp(streaming.port)
  t.notOk(cut.ended)
  await begun.pass(1)
  t.match(await cut.end(), /\r\n3\r\nabc\r\n$/, 'without the end of a whole answer')
  await until(() => upstream.peers[0]?.closed, 'the call to be given up')

  const retry = named('Retry', { retries: '1', 'backoff.firstBackoff': '1h', 'backoff.maxBackoff': '1h' })
  const waiting = await started(t, { metadata: { 'total-timeout': 600 }, filters: [retry] }, {}, upstream.url, between)
  upstream.answerWith('HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n')
  const given = ask(waiting)
  const counters = async () => (await waiting.dataPlane.metrics()).counters
  await until(async () => (await counters())['breakwater_gateway_retries_total'] === 1, 'the wait')
  await between.pass(600)
  await caughtUp(waiting.port)
  t.equal(given.received, '')
  await between.pass(1)
  t.equal(await status(given), 504)
  t.match(await counters(), { breakwater_gateway_retries_total: 1, breakwater_gateway_tries_total: 1 })
})

t.test('a connection that lies idle longer than the pool or the instance allows, or is too old, is not used again', async (t) => {
  const keepAlive = 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok'
  for (const [upstreamLimits, answer, mostMs] of [
    [{ maxIdleTimeMs: 4_000 }, OK, 4_000],
    [{ maxIdleTimeMs: 60_000 }, keepAlive, 0],
    [{ maxIdleTimeMs: 60_000, maxLifeTimeMs: 8_000 }, OK, 4_000]
  ] as const) {
    const what = JSON.stringify(upstreamLimits)
    upstream.reset()
    const clock = heldClock()
    const gateway = await started(t, {}, { upstream: upstreamLimits }, upstream.url, clock)
    upstream.answerWith(answer)
    for (let n = 0; n < 3; n++) {
      t.equal(await status(ask(gateway)), 200)
      if (n < 2) await clock.pass(mostMs)
    }
    t.equal(upstream.peers.length, 1, `${what}: as long as it may it is`)
    await clock.pass(4_001)
    await until(() => upstream.peers[0]?.closed, `the gateway to close it: ${what}`)
    t.equal(await status(ask(gateway)), 200)
    t.equal(upstream.peers.length, 2)
  }
})

t.test('a client that takes nothing of its answer is cut off after the write timeout, and its call with it', async (t) => {
  const gateway = await started(t, {}, { limits: { writeTimeoutMs: 200 } })
  upstream.onHead = (peer) => {
    peer.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
    const pour = (): void => { while (!peer.socket.destroyed && peer.socket.write(Buffer.alloc(65_536))); }
    peer.socket.on('drain', pour)
    pour()
  }
  const client = ask(gateway)
  client.socket.pause()
  await until(() => upstream.peers[0]?.closed, 'the call to be given up')
  client.socket.resume()
  t.notMatch(await client.end(), /HTTP\/1\.1 [45]/, 'an answer that has begun is not followed by another')
})
