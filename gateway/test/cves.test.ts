/**
 * The published faults of gateways and proxies, each by its name: what led to it is sent as raw bytes, and what the
 * upstream saw, what the client saw, and which connections were used again is looked at.
 */
import { connect as connectHttp2, constants, type OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { codingsOf, decoded } from '../content-coding.ts'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { AS_ADMIN, call, gateway as whole } from './harness.ts'
import { answerAfter, named, OK, RawClient, RawUpstream, route, startDataPlane, statusOf, until } from './raw.ts'

const upstream = await new RawUpstream().listen()
const gateway = await startDataPlane([
  route('framing', upstream.url, '/framing', {
    filters: [
      named('AddRequestHeader', { name: 'Content-Length', value: '5' }),
      named('AddRequestHeader', { name: 'Transfer-Encoding', value: 'chunked' }),
      named('SetRequestHeader', { name: 'Connection', value: 'x-request-id' }),
      named('AddResponseHeader', { name: 'Content-Length', value: '5' }),
      named('AddResponseHeader', { name: 'Transfer-Encoding', value: 'chunked' })
    ]
  }),
  route('admin', upstream.url, '/admin/**', { filters: [named('SetStatus', { status: '403' })] }),
  route('all', upstream.url, '/**', { metadata: { websocket: 'true' } })
])
t.beforeEach(() => upstream.reset())
t.teardown(async () => {
  await gateway.dataPlane.stop(0)
  upstream.close()
})
const open = (): RawClient => new RawClient(gateway.port)
const GET = 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n'
const HANDSHAKE = 'Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

/** The gateway is as it was: it serves, and has lost no connection to the upstream. */
async function serves (t: Test): Promise<void> {
  upstream.reset()
  const client = open().send(GET)
  t.equal(statusOf((await client.answers())[0]!), 200, 'it still serves')
  client.socket.destroy()
}

async function http2 (headers: OutgoingHttpHeaders, body?: string): Promise<{ status: number, body: string }> {
  const session = connectHttp2(gateway.url)
  const stream = session.request(headers, { endStream: body === undefined })
  let status = 0
  let text = ''
  stream.on('response', (fields) => { status = Number(fields[':status']) })
  stream.setEncoding('latin1').on('data', (chunk: string) => { text += chunk }).on('error', () => {})
  if (body !== undefined) stream.end(body)
  await new Promise((resolve) => stream.on('close', resolve))
  session.destroy()
  return { status, body: text }
}

t.test('CVE-2026-29057 (http-proxy): a body that looks like a request never becomes one, however it came', async (t) => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
  for (const method of ['DELETE', 'OPTIONS', 'GET', 'PATCH']) {
    upstream.reset()
    upstream.onHead = (peer, nth) => { if (nth === 1) answerAfter(peer, '0\r\n\r\n', OK) }
    t.match(await http2({ ':method': method, ':path': '/x' }, smuggled), { status: 200, body: 'ok' }, `${method} by HTTP/2`)
    t.match(upstream.received, new RegExp(`^${method} /x HTTP/1\\.1\r\n[^]*transfer-encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n`))
    t.equal(upstream.received.split(/^[A-Z]+ \/\S* HTTP\/1\.1\r$/m).length - 1, 2, 'the second request line lies in the chunk')
    t.ok(upstream.received.endsWith(`${smuggled}\r\n0\r\n\r\n`))
    // The next request on the same upstream connection is answered with its own answer.
    upstream.onHead = (peer) => peer.socket.write(OK)
    const client = open().send(GET)
    t.equal(statusOf((await client.answers())[0]!), 200)
    client.socket.destroy()
  }
})

t.test('CVE-2026-1525 (undici): no way to a second length or to another framing, neither from the client nor by a filter', async (t) => {
  for (const pair of ['Content-Length: 5\r\ncontent-length: 5', 'Content-Length: 5\r\nCONTENT-LENGTH: 6', 'Content-Length: 5\r\nContent-Length: 5\r\nX: y',
    'Content-Length: 5\r\nTransfer-Encoding: chunked', 'content-length: 5\r\nTransfer-encoding: CHUNKED']) {
    const received = await open().send(`POST /x HTTP/1.1\r\nHost: h\r\n${pair}\r\n\r\nhello${GET}`).end()
    t.equal(statusOf(received), 400, pair)
    t.equal(received.split('HTTP/1.1 ').length - 1, 1)
  }
  t.equal(upstream.received, '')
  upstream.onHead = (peer) => answerAfter(peer, 'abc', OK)
  const client = open().send('POST /framing HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc')
  const [answer = ''] = await client.answers()
  t.equal(upstream.received.match(/content-length: 3\r\n/gi)?.length, 1)
  t.equal(upstream.received.match(/content-length|transfer-encoding|^connection/gim)?.length, 1, 'the filters\' fields are not written')
  t.match(upstream.received, /x-request-id: /, 'nor may a filter take fields away by Connection')
  t.equal(answer.match(/content-length|transfer-encoding/gi)?.length, 1)
  upstream.onHead = (peer) => peer.socket.write(OK)
  client.send(GET)
  await client.answers(2)
  client.socket.destroy()
})

t.test('CVE-2026-22036 (undici): encodings are not undone on the way; where a filter undoes one, its limit holds', async (t) => {
  const chain = Array.from({ length: 1_000 }, () => 'gzip').join(', ')
  const packed = gzipSync(Buffer.alloc(20_000_000)).toString('latin1')
  upstream.onHead = (peer) => peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${chain}\r\nContent-Length: ${packed.length}\r\n\r\n${packed}`, 'latin1')
  const client = open().send(GET)
  await client.answers()
  t.ok(client.received.endsWith(packed), 'byte for byte')
  t.ok(client.received.includes(`Content-Encoding: ${chain}\r\n`))
  client.socket.destroy()

  const body = Buffer.from(packed, 'latin1')
  await t.rejects(decoded(body, codingsOf([chain]), 100_000), /not understood/)
  await t.rejects(decoded(body, codingsOf(['gzip']), 100_000), /too large/)
})

t.test('CVE-2026-2229 (undici): compression parameters and frames of WebSockets pass unread', async (t) => {
  const evil = 'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=999; client_max_window_bits=x\r\n'
  const frames = '\xc1\x05\xff\xff\xff\xff\xff\xc1\x7f\xff\xff\xff\xff\xff\xff\xff\xff'
  upstream.onHead = (peer) => peer.socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n${evil}\r\n${frames}`, 'latin1')
  const client = open().send(`GET /x HTTP/1.1\r\n${HANDSHAKE}${evil}\r\n${frames}`)
  await client.until((received) => received.endsWith(frames))
  t.match(client.received, /server_max_window_bits=999/)
  await until(() => upstream.received.endsWith(frames), 'the frames')
  client.socket.destroy()
  await serves(t)
})

t.test('http-proxy\'s leaks (http-party #1586): handshakes that are given up leave no connection behind', async (t) => {
  upstream.onHead = () => {}
  const clients = Array.from({ length: 20 }, () => open().send(`GET /x HTTP/1.1\r\n${HANDSHAKE}\r\n`))
  await until(() => upstream.peers.filter((peer) => peer.heads === 1).length === 20, 'the handshakes')
  for (const client of clients) client.socket.destroy()
  await until(() => upstream.peers.every((peer) => peer.closed), 'all to be closed')
  await serves(t)
})

t.test('http-proxy #1647: a Trailer field in a request does no harm and goes nowhere', async (t) => {
  for (const request of [`GET /x HTTP/1.1\r\n${HANDSHAKE}Trailer: x\r\n\r\n`, 'GET /x HTTP/1.1\r\nHost: h\r\nTrailer: x\r\n\r\n', 'GET /x HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTrailer: Content-Length\r\n\r\n']) {
    upstream.reset()
    const client = open().send(request)
    t.equal(statusOf(await client.until((received) => received.includes('\r\n\r\n'))), 200)
    t.notMatch(upstream.received, /trailer/i)
    client.socket.destroy()
  }
  await serves(t)
})

t.test('CVE-2025-41235 (Spring Cloud Gateway), CVE-2026-3635 (fastify): who is not trusted cannot forge where it comes from', async (t) => {
  const forged = 'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 666\r\nX-Forwarded-Prefix: /evil\r\n' +
    'X-Forwarded-Ssl: on\r\nForwarded: for=6.6.6.6;host=evil;proto=https\r\nx-forwarded-for: 7.7.7.7\r\n'
  const client = open().send(`GET /x HTTP/1.1\r\nHost: h\r\n${forged}\r\n`)
  await client.answers()
  t.notMatch(upstream.received, /6\.6\.6\.6|7\.7\.7\.7|evil|666|https|forwarded-ssl/i)
  t.match(upstream.received, /\r\nx-forwarded-for: 127\.0\.0\.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h\r\nx-forwarded-port: 80\r\n/)
  client.socket.destroy()
  upstream.reset()
  await http2({ ':path': '/x', 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https', forwarded: 'for=6.6.6.6' })
  t.notMatch(upstream.received, /6\.6\.6\.6|https/)
  // A rule that trusts some addresses trusts no others.
  const restrictive = await startDataPlane([route('all', upstream.url, '/**')], {
    forwarded: { ...DATA_PLANE_DEFAULTS.forwarded, trustedProxies: ['10.0.0.0/8', '127\\.0\\.0\\.2'] }
  })
  t.teardown(() => restrictive.dataPlane.stop(0))
  upstream.reset()
  const other = new RawClient(restrictive.port).send(`GET /x HTTP/1.1\r\nHost: h\r\n${forged}\r\n`)
  await other.answers()
  t.notMatch(upstream.received, /6\.6\.6\.6|7\.7\.7\.7|evil|666|https/i)
  other.socket.destroy()
})

t.test('CVE-2022-39288, CVE-2026-3419 (fastify): no Content-Type does harm, and it goes on as it came', async (t) => {
  for (const type of ['', ' ', ';', '/', 'application/json garbage; x', 'constructor', '__proto__', 'toString', 'application/grpc;;;', '\xff\xfe', `${'a/'.repeat(2_000)}`]) {
    upstream.reset()
    upstream.onHead = (peer) => answerAfter(peer, '{}', OK)
    const client = open().send(`POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: ${type}\r\nContent-Length: 2\r\n\r\n{}`)
    t.equal(statusOf((await client.answers())[0]!), 200, JSON.stringify(type.slice(0, 40)))
    t.ok(upstream.received.includes(`Content-Type: ${type}\r\n`))
    client.socket.destroy()
  }
  const running = await whole(t, '')
  for (const type of ['', 'constructor', '__proto__', 'application/json garbage; x', 'text/']) {
    const answer = await call(`${running.management}/actuator/gateway/routes/x`, { method: 'POST', headers: { ...AS_ADMIN, 'content-type': type }, body: '{' })
    t.ok(answer.status >= 400 && answer.status < 500, `the management port answers ${answer.status} to ${JSON.stringify(type)}`)
  }
  t.equal((await call(`${running.management}/actuator/health`)).status, 200)
})

t.test('GHSA-g6q3-96cp-5r5m, CVE-2026-22031 (fastify): an encoded path meets the same route and filters', async (t) => {
  for (const path of ['/admin/x', '/%61dmin/x', '/%61%64%6d%69%6e/x', '/admin/%78']) {
    upstream.reset()
    const client = open().send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`)
    t.equal(statusOf((await client.answers())[0]!), 403, path)
    client.socket.destroy()
  }
  for (const path of ['/x/../admin/x', '/x/%2e%2e/admin/x', '/x/..;/admin/x', '/.;/admin/x']) {
    t.equal(statusOf(await open().send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).end()), 400, path)
  }
})

t.test('CVE-2022-22947, CVE-2025-41243, CVE-2025-41253 (Spring Cloud Gateway): expressions are refused, not evaluated', async (t) => {
  const { management, url } = await whole(t, '')
  const routes = `${management}/actuator/gateway/routes/x`
  for (const value of ['#{T(java.lang.Runtime).getRuntime().exec("id")}', '#{new java.lang.String("x")}', ' #{ @systemProperties[\'user.home\'] } ', '#{@environment.getProperty("x")}',
    '#{@systemEnvironment[\'PATH\']}', '#{process.env}', '#{1+1}']) {
    const items = [{ filters: [{ name: 'AddResponseHeader', args: { name: 'X', value } }] }, { filters: [{ name: 'AddResponseHeader', args: { _genkey_0: 'X', _genkey_1: value } }] },
      { predicates: [{ name: 'Path', args: { _genkey_0: value } }] }]
    for (const item of items) {
      const answer = await call(routes, { method: 'POST', headers: { ...AS_ADMIN, 'content-type': 'application/json' }, body: JSON.stringify({ uri: 'no://op', predicates: ['Path=/x'], ...item }) })
      t.equal(answer.status, 400, value)
      t.match(answer.body, /expression/)
    }
  }
  t.equal((await call(`${url}/x`)).status, 404, 'nothing of it is served')
})

t.test('CVE-2026-22750 (Spring Cloud Gateway): TLS that is configured but would not be used stops the start', async (t) => {
  for (const yaml of ['server.ssl.bundle: web', 'spring.cloud.gateway.httpclient.ssl.ssl-bundle: web',
    'spring.cloud.gateway.server.webflux.httpclient.ssl.key-store: a.p12']) {
    await t.rejects(whole(t, yaml), { message: /is not used here/ }, yaml)
  }
})

t.test('CVE-2023-44487 (HTTP/2 rapid reset): streams opened and reset by the thousand end the session, not the gateway', async (t) => {
  upstream.onHead = () => {}
  const session = connectHttp2(gateway.url)
  let over = false
  session.on('error', () => {}).on('close', () => { over = true })
  for (let n = 0; !over && n < 200; n++) {
    for (let m = 0; !session.destroyed && m < 50; m++) {
      const stream = session.request({ ':path': '/x' })
      stream.on('error', () => {})
      stream.close(constants.NGHTTP2_CANCEL)
    }
    await new Promise(setImmediate)
  }
  session.destroy()
  await until(() => upstream.peers.every((peer) => peer.closed), 'all calls to be given up')
  await serves(t)
})

t.test('CVE-2024-27983, CVE-2024-28182 (HTTP/2 CONTINUATION flood): a head without end ends the session', async (t) => {
  const socket = connect(gateway.port, '127.0.0.1')
  socket.on('error', () => {})
  let closed = false
  socket.on('close', () => { closed = true })
  socket.resume()
  const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = type
    head[4] = flags
    head.writeUInt32BE(stream, 5)
    return Buffer.concat([head, payload])
  }
  // Literal fields without indexing: 00, name, value.
  const field = Buffer.concat([Buffer.from([0, 3]), Buffer.from('x-a'), Buffer.from([100]), Buffer.alloc(100, 0x61)])
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0)), frame(1, 0, 1, Buffer.from([0x82, 0x84, 0x86]))]))
  for (let n = 0; !closed && n < 2_000; n++) {
    socket.write(frame(9, 0, 1, Buffer.concat(Array.from({ length: 100 }, () => field))))
    if (n % 20 === 0) await new Promise(setImmediate)
  }
  await until(() => closed, 'the end of the session')
  t.equal(upstream.received, '')
  await serves(t)
})

t.test('HTTP/2 downgrade (CVE-2021-32777 and its kin): what HTTP/1.1 would read differently does not get through', async (t) => {
  const attempts: OutgoingHttpHeaders[] = [
    { ':path': '/x HTTP/1.1\r\nX: y' }, { ':path': '/x y' }, { ':path': 'x' }, { ':path': '/x', ':method': 'GET /smuggled HTTP/1.1' },
    { ':path': '/x', ':authority': 'h/evil' }, { ':path': '/x', ':authority': 'a@b' }, { ':path': '/x', host: 'a', ':authority': 'b' }
  ]
  for (const headers of attempts) {
    let status = 0
    try {
      ;({ status } = await http2(headers))
    } catch {
      // The client itself refuses to send it.
    }
    t.ok(status === 0 || status === 400, `${JSON.stringify(headers)}: ${status}`)
  }
  t.notMatch(upstream.received, /smuggled|evil/)
  await serves(t)
})

t.test('HTTP/2 downgrade: a body without a length is framed, whatever its fields say', async (t) => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
  for (const fields of [{ 'x-a': 'content-length' }, { 'x-a': 'transfer-encoding', te: 'trailers' }, { 'content-type': 'content-length' }, { 'content-length': String(smuggled.length) }]) {
    upstream.reset()
    upstream.onHead = (peer, nth) => { if (nth === 1) setTimeout(() => peer.socket.write(OK), 20) }
    t.equal((await http2({ ':method': 'POST', ':path': '/x', ...fields }, smuggled)).status, 200)
    const [head = ''] = upstream.received.split('\r\n\r\n', 1)
    t.match(head, /^POST \/x /)
    t.equal(head.match(/\r\n(?:content-length: \d+|transfer-encoding: chunked)(?=\r\n|$)/gi)?.length, 1)
    t.equal(upstream.peers.length, 1, 'one request')
    t.equal(upstream.received.match(/x-request-id: /g)?.length, 1, 'written by the gateway once')
  }
})

t.test('Repeated single fields in an answer (Node\'s HTTP/2 would throw): passed on, the gateway goes on', async (t) => {
  upstream.answerWith('HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nETag: "1"\r\nETag: "2"\r\nContent-Length: 2\r\n\r\nok')
  t.match(await http2({ ':path': '/x' }), { status: 200, body: 'ok' })
  upstream.reset()
  await serves(t)
})
