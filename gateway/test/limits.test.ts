/** What one client may take: pipelined requests, connections, slow bodies, bodies of a route; each limit by itself. */
import { connect as connectHttp2 } from 'node:http2'
import t from 'tap'
import { loadSettings } from '@breakwater/starter/settings'
import { Clock } from '../clock.ts'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { Loop } from '../loop.ts'
import { readOptions } from '../settings/read-options.ts'
import type { LocalHandler } from '../workers/contract.ts'
import { clientOf, routeTo } from './fuzzing/loopback.ts'
import { ask } from './http2-client.ts'
import { named, OK, RawClient, RawUpstream, route, split, startDataPlane, statusOf, until } from './raw.ts'

/** One client of a loop whose time the test moves, in front of a handler inside the gateway. */
function client (changed: Partial<typeof DATA_PLANE_DEFAULTS.limits> = {}) {
  const limits = { ...DATA_PLANE_DEFAULTS.limits, ...changed }
  const time = { nowMs: 1_000 }
  const clock = new Clock(() => time.nowMs, () => 0)
  const loop = new Loop({ ...DATA_PLANE_DEFAULTS, limits }, () => {}, clock)
  let calls = 0
  const handle: LocalHandler['handle'] = () => ({ status: 200, headers: [], body: String(++calls) })
  const inside = routeTo({ kind: 'forward', path: '/x' })
  loop.gateway.swap({ routes: [inside], match: () => inside })
  loop.compiler = { compile: () => loop.gateway.table!, local: () => ({ maxBodyBytes: 1e9, handle }) }
  const { client: connection, socket } = clientOf(loop)
  return {
    connection,
    socket,
    calls: () => calls,
    answer: () => {
      connection.outlet.flushNow()
      return socket.written.toString('latin1')
    },
    /** Lets time pass as the sweeps see it. */
    pass: (ms: number): void => {
      for (const end = time.nowMs + ms; time.nowMs < end;) {
        time.nowMs = Math.min(end, time.nowMs + 500)
        loop.sweep()
      }
    }
  }
}

t.test('pipelined requests are taken a few at a time: others get their turn, all are answered, in order', async (t) => {
  const { connection, calls, answer } = client()
  connection.read(Buffer.from('GET /x HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(1_000)))
  t.equal(calls(), 16, 'no more in one go')
  let turns = 0
  while (calls() < 1_000 && turns < 1_000) {
    await new Promise(setImmediate)
    turns++
  }
  t.equal(calls(), 1_000)
  t.ok(turns >= 60, `the event loop went round ${turns} times meanwhile`)
  await until(() => split(answer()).length === 1_000, 'all answers')
  t.same(split(answer()).map((one) => Number(one.split('\r\n\r\n')[1])), Array.from({ length: 1_000 }, (_, n) => n + 1))
})

t.test('a client that pipelines and closes its side gets them all, and the end', async (t) => {
  const gateway = await startDataPlane([route('only', 'http://127.0.0.1:1', '/only')])
  t.teardown(() => gateway.dataPlane.stop(0))
  const raw = new RawClient(gateway.port).send('GET /none HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(200))
  raw.socket.end()
  t.equal(split(await raw.end()).length, 200)
})

t.test('what waits behind a request is bounded in bytes: the socket is not read then', async (t) => {
  const upstream = await new RawUpstream().listen()
  const gateway = await startDataPlane([route('all', upstream.url, '/**')], { limits: { maxPipelinedBytes: 10_000 } })
  t.teardown(async () => {
    await gateway.dataPlane.stop(0)
    upstream.close()
  })
  upstream.onHead = () => {}
  const request = `GET /x HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(1_000)}\r\n\r\n`
  const raw = new RawClient(gateway.port)
  let sent = 0
  const pour = (): void => {
    while (!raw.closed && sent < 100_000_000) {
      sent += request.length * 50
      if (!raw.socket.write(request.repeat(50))) return
    }
  }
  raw.socket.on('drain', pour)
  pour()
  await until(() => upstream.peers[0]?.heads === 1, 'the first')
  let last = -1
  await until(() => {
    if (sent === last) return true
    last = sent
    return undefined
  }, 'the client to stand still')
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.ok(sent < 20_000_000, `${sent} bytes were sent before the gateway stopped reading`)
  t.equal(upstream.peers.length, 1, 'one request at a time')
  raw.socket.destroy()
})

t.test('a body that trickles is cut off once its average is known: 408, with a length and in chunks', async (t) => {
  for (const [head, piece] of [['Content-Length: 100000', 'x'], ['Transfer-Encoding: chunked', '1\r\nx\r\n']] as const) {
    const { connection, pass, answer } = client({ minBodyBytesPerSecond: 100 })
    connection.read(Buffer.from(`POST /x HTTP/1.1\r\nHost: h\r\n${head}\r\n\r\n`))
    for (let second = 0; second < 9; second++) {
      connection.read(Buffer.from(piece))
      pass(1_000)
    }
    t.equal(answer(), '', `${head}: ten seconds of grace`)
    connection.read(Buffer.from(piece))
    pass(2_000)
    t.equal(statusOf(answer()), 408, head)
    t.match(answer(), /connection: close/)
  }
})

t.test('a body at the minimum rate may take as long as it likes; silence may not, not even inside a chunk', async (t) => {
  const slow = client({ minBodyBytesPerSecond: 100, bodyTimeoutMs: 30_000 })
  slow.connection.read(Buffer.from('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 6100\r\n\r\n'))
  for (let second = 0; second < 60; second++) {
    slow.connection.read(Buffer.alloc(101, 0x61))
    slow.pass(1_000)
  }
  t.equal(slow.answer(), '')
  slow.connection.read(Buffer.alloc(100, 0x61))
  t.equal(statusOf(slow.answer()), 200)
  const silent = client({ minBodyBytesPerSecond: 0, bodyTimeoutMs: 30_000 })
  silent.connection.read(Buffer.from('POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'))
  silent.pass(29_000)
  t.equal(silent.answer(), '')
  silent.pass(2_000)
  t.equal(statusOf(silent.answer()), 408)
})

t.test('a stream of messages (gRPC) may trickle and be silent, but not for ever', async (t) => {
  const { connection, pass, answer } = client({ streamIdleTimeoutMs: 300_000 })
  connection.read(Buffer.from('POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc+proto\r\nTransfer-Encoding: chunked\r\n\r\n'))
  for (let message = 0; message < 10; message++) {
    connection.read(Buffer.from('1\r\nx\r\n'))
    pass(299_000)
  }
  t.equal(answer(), '')
  pass(2_000)
  t.equal(statusOf(answer()), 408)
})

t.test('a head that does not end is 408; a connection without a request is closed without a word', async (t) => {
  const slow = client({ headerTimeoutMs: 10_000 })
  for (let second = 0; second < 9; second++) {
    slow.connection.read(Buffer.from(second === 0 ? 'GET /x HT' : 'P'))
    slow.pass(1_000)
  }
  t.equal(slow.answer(), '')
  slow.pass(2_000)
  t.equal(statusOf(slow.answer()), 408, 'each byte does not begin the time anew')
  const quiet = client({ headerTimeoutMs: 10_000 })
  quiet.pass(11_000)
  t.equal(quiet.answer(), '')
  t.ok(quiet.socket.writableEnded)
})

t.test('connections: so many of one address, so many of all; whoever is refused is not answered', async (t) => {
  const upstream = await new RawUpstream().listen()
  t.teardown(() => upstream.close())
  for (const limits of [{ maxConnectionsPerAddress: 3 }, { maxConnections: 3 }]) {
    const gateway = await startDataPlane([route('all', upstream.url, '/**')], { limits })
    t.teardown(() => gateway.dataPlane.stop(0))
    const clients = Array.from({ length: 3 }, () => new RawClient(gateway.port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n'))
    for (const one of clients) await one.answers()
    t.equal(await new RawClient(gateway.port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n').end(), '')
    const { counters } = await gateway.dataPlane.metrics()
    t.equal(counters['breakwater_gateway_connections_refused_total'], 1)
    for (const one of clients) one.socket.destroy()
  }
})

t.test('connections that speak HTTP/2 count too, also when nothing is asked on them', async (t) => {
  const gateway = await startDataPlane([route('all', 'http://127.0.0.1:1', '/**')], { limits: { maxConnections: 2 } })
  t.teardown(() => gateway.dataPlane.stop(0))
  const sessions = [connectHttp2(gateway.url), connectHttp2(gateway.url)] as const
  await Promise.all(sessions.map((session) => new Promise((resolve) => { session.once('remoteSettings', resolve) })))
  t.equal(await new RawClient(gateway.port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n').end(), '')
  sessions[0].destroy()
  let answered = ''
  while (answered === '') answered = await new RawClient(gateway.port).send('GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n').end()
  t.equal(statusOf(answered), 502, 'the place of one that left is free')
  sessions[1].destroy()
})

t.test('larger heads allow larger targets; each limit has its setting', async (t) => {
  const read = async (args: Record<string, string>) =>
    readOptions(await loadSettings({ name: 'gateway', folder: '/nonexistent', args })).dataPlane.limits
  t.match(await read({ 'server.max-http-request-header-size': '64KB' }), { maxHeadBytes: 65_536, maxTargetBytes: 32_768 })
  t.match(await read({ 'server.max-http-request-header-size': '4KB' }), { maxHeadBytes: 4096, maxTargetBytes: 8192 })
  t.match(await read({ 'server.netty.max-initial-line-length': '4KB' }), { maxTargetBytes: 4096 })
  t.match(await read({
    'breakwater.gateway.max-headers': '150', 'breakwater.gateway.body-timeout': '1s', 'breakwater.gateway.write-timeout': '2s',
    'breakwater.gateway.stream-idle-timeout': '0'
  }), { maxHeaders: 150, bodyTimeoutMs: 1000, writeTimeoutMs: 2000, streamIdleTimeoutMs: 0 })
  await t.rejects(read({ 'breakwater.gateway.empty-segments': 'drop' }), { message: /empty-segments.*merge, reject, keep/s })
})

t.test('what nobody changes', async (t) => {
  t.match(DATA_PLANE_DEFAULTS.limits, {
    maxHeadBytes: 16_384, maxHeaders: 500, maxTargetBytes: 8_192, headerTimeoutMs: 10_000, keepAliveTimeoutMs: 75_000,
    bodyTimeoutMs: 30_000, minBodyBytesPerSecond: 100, writeTimeoutMs: 60_000, streamIdleTimeoutMs: 300_000,
    maxConnections: 20_000, maxConnectionsPerAddress: 8_000, maxPipelinedBytes: 65_536
  })
})

t.test('a body beyond its route\'s limit: 413, nothing behind it is a request, and the upstream never sees a whole one', async (t) => {
  const upstream = await new RawUpstream().listen()
  const gateway = await startDataPlane([
    route('small', upstream.url, '/small', { filters: [named('RequestSize', { maxSize: '10B' })] }),
    route('large', upstream.url, '/large', { filters: [named('RequestSize', { maxSize: '1000B' })] })
  ])
  t.teardown(async () => {
    await gateway.dataPlane.stop(0)
    upstream.close()
  })
  upstream.onHead = () => {}
  const chunks = (length: number): string => `1\r\nx\r\n`.repeat(length)
  const tail = 'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n'
  for (const [path, limit] of [['/small', 10], ['/large', 1_000]] as const) {
    const sized = await new RawClient(gateway.port).send(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${limit + 1}\r\nConnection: close\r\n\r\n${'x'.repeat(limit + 1)}`).end()
    t.equal(statusOf(sized), 413, `${path} with a length`)
    const chunked = await new RawClient(gateway.port).send(`POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunks(limit + 1)}0\r\n\r\n${tail}`).end()
    t.equal(statusOf(chunked), 413, `${path} in chunks`)
    t.equal(chunked.split('HTTP/1.1 ').length - 1, 1)
    upstream.onHead = (peer) => { setTimeout(() => peer.socket.write(OK), 20) }
    const fits = new RawClient(gateway.port).send(`POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunks(limit)}0\r\n\r\n`)
    t.equal(statusOf((await fits.answers())[0]!), 200, `${path}: exactly the limit`)
    fits.socket.destroy()
    upstream.onHead = () => {}
  }
  const session = connectHttp2(gateway.url)
  for (const headers of [{}, { 'content-length': 11 }]) {
    const answer = await ask(session, { ':path': '/small', ':method': 'POST', ...headers }, 'x'.repeat(11))
    t.equal(answer.status, 413, `by HTTP/2 ${JSON.stringify(headers)}`)
  }
  session.destroy()
  // Slowly, so that the upstream has a part of it already: its connection ends instead of an end of the body.
  upstream.reset()
  upstream.onHead = () => {}
  const slow = new RawClient(gateway.port).send('POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n')
  const peer = await until(() => upstream.peers[0]?.heads === 1 && upstream.peers[0], 'the first part')
  slow.send('6\r\nfghijk\r\n0\r\n\r\n')
  t.equal(statusOf(await slow.end()), 413)
  await until(() => peer.closed, 'the call to be given up')
  t.notOk(peer.received.endsWith('0\r\n\r\n'))
  t.notMatch(upstream.received, /smuggled/)
})

t.test('Expect: 100-continue: no go-ahead for a body that is too large, whatever its route', async (t) => {
  const gateway = await startDataPlane([route('small', 'http://127.0.0.1:1', '/small', { filters: [named('RequestSize', { maxSize: '10B' })] })])
  t.teardown(() => gateway.dataPlane.stop(0))
  const raw = new RawClient(gateway.port).send('POST /small HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n')
  const received = await raw.until((text) => text.includes('\r\n\r\n'))
  t.equal(statusOf(received), 413)
  t.notMatch(received, /100 Continue/)
  raw.socket.destroy()
  const missing = new RawClient(gateway.port).send('POST /none HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n')
  t.equal(statusOf(await missing.until((text) => text.includes('\r\n\r\n'))), 404)
  missing.socket.destroy()
})

t.test('a target of a megabyte and ten thousand fields end at their limits', async (t) => {
  const gateway = await startDataPlane([route('all', 'http://127.0.0.1:1', '/**')])
  t.teardown(() => gateway.dataPlane.stop(0))
  t.equal(statusOf(await new RawClient(gateway.port).send(`GET /${'a'.repeat(1_000_000)} HTTP/1.1\r\nHost: h\r\n\r\n`).end()), 431)
  t.equal(statusOf(await new RawClient(gateway.port).send(`GET / HTTP/1.1\r\nHost: h\r\n${'A: b\r\n'.repeat(10_000)}\r\n`).end()), 431)
})
