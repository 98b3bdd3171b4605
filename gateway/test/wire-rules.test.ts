/** Rules of the wire one by one: what is never sent twice, which fields and paths pass, who may close its side. */
import t from 'tap'
import {
  caughtUp, heldClock, OK, pour, RawClient, RawUpstream, route, split, standstill, startDataPlane, statusOf, until
} from './raw.ts'

const upstream = await new RawUpstream().listen()
const gateway = await startDataPlane([route('all', upstream.url, '/**')])
t.beforeEach(() => upstream.reset())
t.teardown(async () => {
  await gateway.dataPlane.stop(0)
  upstream.close()
})

const GET = 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n'

t.test('a request that may have been carried out is not sent again, however the connection ended', async (t) => {
  const post = (body: string): string => `POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  for (const [request, answer] of [[post(''), ''], [post('abc'), ''], [GET, 'HTTP/1.1 200 OK\r\nContent-Le'], [GET, 'H']] as const) {
    upstream.reset()
    const client = new RawClient(gateway.port).send(GET)
    await client.answers(1)
    let requests = 0
    upstream.onHead = (peer) => {
      requests++
      peer.socket.end(answer)
    }
    client.send(request)
    t.equal(statusOf((await client.answers(2))[1]!), 502, JSON.stringify([request, answer]))
    t.equal(requests, 1)
    t.equal(upstream.peers.length, 1, 'it went on the connection that was there, and on no other')
    client.socket.destroy()
  }
})

t.test('blanks and tabs around a value are no part of it', async (t) => {
  const client = new RawClient(gateway.port).send('GET /x HTTP/1.1\r\nHost:\th\r\nX-A:\t a b\t \r\nX-B:\r\nConnection:\tclose \t\r\n\r\n')
  t.match(await client.end(), /^HTTP\/1\.1 200 OK\r\n[^]*connection: close/)
  t.match(upstream.received, /\r\nX-A:\s+a b\s*\r\n/)
  t.match(upstream.received, /\r\nx-forwarded-host: h\r\n/)
})

t.test('an encoded slash passes as it came, or is refused where that is wanted', async (t) => {
  const strict = await startDataPlane([route('all', upstream.url, '/**')], { rejectEncodedSlash: true })
  t.teardown(() => strict.dataPlane.stop(0))
  const ask = (port: number, target: string): Promise<string> =>
    new RawClient(port).send(`GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`).end()
  for (const target of ['/a%2fb', '/a%2Fb/c', '/%2f']) {
    t.equal(statusOf(await ask(strict.port, target)), 400, target)
    t.equal(upstream.received, '')
    t.equal(statusOf(await ask(gateway.port, target)), 200, target)
    t.ok(upstream.received.startsWith(`GET ${target} `))
    upstream.reset()
  }
  t.equal(statusOf(await ask(strict.port, '/a%252fb?x=%2f')), 200, 'twice encoded it is none, and a query may hold any')
})

t.test('an answer with more fields than anybody needs is refused: 502', async (t) => {
  for (const [fields, status] of [[249, 200], [250, 502]] as const) {
    upstream.reset()
    upstream.answerWith(`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(fields)}Content-Length: 2\r\n\r\nok`)
    const client = new RawClient(gateway.port).send(GET)
    t.equal(statusOf((await client.answers())[0]!), status, `${fields} and the length`)
    client.socket.destroy()
  }
})

t.test('a client that closes its side while it waits gets its answer, then the end; it may wait for a second of silence', async (t) => {
  const clock = heldClock()
  const { dataPlane, port } = await startDataPlane([route('all', upstream.url, '/**')], {}, { clock })
  t.teardown(() => dataPlane.stop(0))
  for (const silentMs of [1_000, 1_001]) {
    upstream.reset()
    upstream.onHead = () => {}
    const client = new RawClient(port).send(GET)
    const peer = await until(() => upstream.peers[0]?.heads === 1 && upstream.peers[0], 'the call')
    client.socket.end()
    await caughtUp(port)
    await clock.pass(silentMs)
    if (silentMs === 1_000) peer.socket.write(OK)
    t.same(split(await client.end()).map(statusOf), silentMs === 1_000 ? [200] : [], `${silentMs} ms`)
    if (silentMs > 1_000) await until(() => peer.closed, 'the call to be given up')
  }
})

t.test('a client that closes its side in the middle of a body has broken its request: the upstream sees no end of it', async (t) => {
  upstream.onHead = () => {}
  const client = new RawClient(gateway.port).send('POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  const peer = await until(() => upstream.peers[0]?.received.endsWith('abc\r\n') && upstream.peers[0], 'the beginning')
  client.socket.end()
  await until(() => peer.closed, 'the call to be given up')
  t.notOk(peer.received.endsWith('0\r\n\r\n'))
  t.equal(await client.end(), '')
})

t.test('an upstream that does not read stops the client that sends', async (t) => {
  upstream.onHead = (peer) => { peer.socket.pause() }
  let sent = 0
  const client = new RawClient(gateway.port).send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n')
  // Paused with the head alone, before any of the body.
  await until(() => upstream.peers[0]?.heads === 1, 'the call')
  pour(client.socket, (bytes) => {
    sent += bytes
    if (sent > 200_000_000) client.socket.destroy()
  })
  await standstill(() => sent)
  t.ok(sent < 40_000_000, `the client could send ${sent} bytes before it was stopped`)
  client.socket.destroy()
})
