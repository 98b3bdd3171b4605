/** Instances that speak HTTP/2: gRPC through, from HTTP/2 and HTTP/1.1 clients, with every rule of the other road. */
import { writeFileSync } from 'node:fs'
import {
  connect as connectHttp2, constants, createSecureServer, createServer, type ClientHttp2Session, type Http2Server,
  type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream
} from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { connect as connectTcp, createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { deadPort } from '../../starter/test/ports.ts'
import { loadSettings } from '@breakwater/starter/settings'
import { readOptions } from '../settings/read-options.ts'
import { gateway as startWhole } from './harness.ts'
import { ask } from './http2-client.ts'
import {
  named, pour, RawClient, RawUpstream, route, standstill, startDataPlane, statusOf, until, type Started
} from './raw.ts'
import { selfSigned, skip } from './self-signed.ts'

type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, server: Instance) => void

interface Instance {
  readonly url: string
  readonly port: number
  readonly sessions: ServerHttp2Session[]
  readonly headers: IncomingHttpHeaders[]
  handler: Handler
}

/** An instance that ends with the test. */
async function instance (t: Test, handler: Handler, made?: Http2Server): Promise<Instance> {
  const server = made ?? createServer()
  const sessions: ServerHttp2Session[] = []
  const headers: IncomingHttpHeaders[] = []
  const self = { url: '', port: 0, sessions, headers, handler }
  server.on('session', (session) => sessions.push(session))
  server.on('sessionError', () => {})
  server.on('stream', (stream, fields) => {
    headers.push(fields)
    stream.on('error', () => {})
    self.handler(stream as ServerHttp2Stream, fields, self)
  })
  const port = await listen(server)
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return Object.assign(self, { port, url: `http://127.0.0.1:${port}` })
}

async function listen (server: Server | Http2Server): Promise<number> {
  await new Promise<void>((resolve) => { (server as Server).listen(0, '127.0.0.1', resolve) })
  return ((server as Server).address() as AddressInfo).port
}

function h2 (id: string, uri: string, more: Parameters<typeof route>[3] = {}): ReturnType<typeof route> {
  return route(id, uri, `/${id}/**`, { metadata: { http2: true }, ...more })
}

async function plane (t: Test, ...args: Parameters<typeof startDataPlane>): Promise<Started> {
  const started = await startDataPlane(...args)
  t.teardown(() => started.dataPlane.stop(0))
  return started
}

function session (t: Test, port: number): ClientHttp2Session {
  const made = connectHttp2(`http://127.0.0.1:${port}`)
  made.on('error', () => {})
  t.teardown(() => made.destroy())
  return made
}

/** A gRPC message: not compressed, length, content. */
function message (text: string): string {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(Buffer.byteLength(text), 1)
  return head.toString('latin1') + text
}

const GRPC = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

function grpcEcho (stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }))
  stream.on('data', (chunk: Buffer) => stream.write(chunk))
  stream.on('end', () => stream.end())
}

t.test('gRPC, from a client that speaks HTTP/2 to a server that speaks nothing else', async (t) => {
  const server = await instance(t, grpcEcho)
  const { port, dataPlane } = await plane(t, [h2('greet', server.url)])
  const client = session(t, port)

  await t.test('a unary call, with its trailers', async (t) => {
    const answer = await ask(client, { ...GRPC, ':path': '/greet/Hello', 'grpc-timeout': '1S', 'x-bin': 'AAE' }, message('hi'))
    t.match(answer, { headers: { ':status': 200, 'content-type': 'application/grpc' }, body: message('hi'), trailers: { 'grpc-status': '0', 'grpc-message': 'fine' } })
    t.match(server.headers[0], { ':method': 'POST', ':path': '/greet/Hello', te: 'trailers', 'grpc-timeout': '1S', 'x-bin': 'AAE', 'x-forwarded-for': '127.0.0.1' })
    t.match(server.headers[0], { ':authority': `127.0.0.1:${server.port}`, traceparent: /^00-/, 'x-request-id': /./ })
    t.notOk('connection' in server.headers[0]! || 'transfer-encoding' in server.headers[0]!)
  })

  await t.test('a stream both ways: each message passes before the next is sent', async (t) => {
    const stream = client.request({ ...GRPC, ':path': '/greet/Chat' })
    let received = ''
    let trailers: IncomingHttpHeaders = {}
    stream.setEncoding('latin1').on('data', (chunk: string) => { received += chunk })
    stream.on('trailers', (fields) => { trailers = fields })
    for (const word of ['one', 'two', 'three']) {
      stream.write(message(word))
      await until(() => received.endsWith(message(word)), `${word} to come back`)
    }
    stream.end()
    await until(() => trailers['grpc-status'] === '0', 'the trailers')
    t.equal(received, ['one', 'two', 'three'].map(message).join(''))
  })

  await t.test('an answer of trailers only', async (t) => {
    server.handler = (stream) => stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'not there' }, { endStream: true })
    t.match(await ask(client, { ...GRPC, ':path': '/greet/Hello' }, message('hi')), { headers: { ':status': 200, 'grpc-status': '5', 'grpc-message': 'not there' }, body: '' })
    server.handler = grpcEcho
  })

  await t.test('a hundred calls at once share one session, and are counted as any others', async (t) => {
    const calls = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(client, { ...GRPC, ':path': '/greet/Hello' }, message(String(n)))))
    t.same(calls.map(({ body }) => body), Array.from({ length: 100 }, (_, n) => message(String(n))))
    t.same(calls.map(({ trailers }) => trailers['grpc-status']), Array.from({ length: 100 }, () => '0'))
    t.equal(server.sessions.length, 1)
    const { requests, counters } = await dataPlane.metrics()
    t.equal(requests.find((cell) => cell.routeId === 'greet' && cell.status === 200)?.count, 103)
    t.equal(counters['breakwater_gateway_upstream_connections_total'], 1)
  })
})

t.test('An HTTP/1.1 client and an instance that speaks HTTP/2', async (t) => {
  const server = await instance(t, () => {})
  const { port } = await plane(t, [h2('all', server.url)])
  const ask1 = async (request: string): Promise<string> => new RawClient(port).send(request).end()
  const GET = 'GET /all/x?y=z HTTP/1.1\r\nHost: h\r\nConnection: close\r\n'

  server.handler = (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a>' })
    stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'], 'content-length': 2 })
    stream.end('ok')
  }
  const sized = await ask1(`${GET}User-Agent: one\r\nUser-Agent: two\r\nCookie: a=1\r\nX-Up: \xe4\r\n\r\n`)
  t.match(sized, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  t.match(sized, /\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n[^]*content-length: 2\r\n[^]*\r\n\r\nok$/)
  t.match(server.headers[0], { ':path': '/all/x?y=z', cookie: 'a=1', 'x-up': '\xe4' })

  server.handler = (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc', 'set-cookie': 'never=1' }))
    stream.resume().on('end', () => stream.end('text'))
  }
  const chunked = await ask1('POST /all/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
  t.match(chunked, /transfer-encoding: chunked\r\n[^]*\r\n\r\n4\r\ntext\r\n0\r\nx-sum: abc\r\n\r\n$/)

  for (const [status, method] of [[204, 'GET'], [304, 'GET'], [200, 'HEAD'], [200, 'GET']] as const) {
    server.handler = (stream) => stream.respond({ ':status': status, ...(method === 'HEAD' ? { 'content-length': 7 } : {}) }, { endStream: true })
    const answer = await ask1(`${method} /all/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
    t.equal(statusOf(answer), status)
    t.ok(answer.endsWith('\r\n\r\n'), `${status} for ${method} ends with its head`)
    t.notMatch(answer, /transfer-encoding/i)
    if (method === 'HEAD') t.match(answer, /content-length: 7\r\n/)
  }
})

t.test('Trailers of a request, from clients of both versions, by the rules of HTTP/1.1', async (t) => {
  const seen: Array<[string, string]> = []
  let ends = 0
  let refusals = 0
  const server = await instance(t, (stream) => {
    if (refusals-- > 0) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    stream.on('trailers', (fields) => { seen.push(...Object.entries(fields) as Array<[string, string]>) })
    stream.resume().on('end', () => {
      ends++
      stream.respond({ ':status': 200, 'content-length': 2 })
      stream.end('ok')
    })
  })
  const { port } = await plane(t, [h2('all', server.url)])
  const post = (trailers: string): Promise<string> => new RawClient(port).send('POST /all/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n' +
    `Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n${trailers}\r\n`).end()
  const forbidden = 'Host: evil\r\nAuthorization: evil\r\nHTTP2-Settings: evil\r\nTE: evil\r\nKeep-Alive: evil\r\nX-Forwarded-For: evil\r\n'

  t.equal(statusOf(await post(`X-Sum: 1\r\nX-Sum: 2\r\n${forbidden}X-Raw: \xe4\r\n`)), 200)
  t.same(seen.splice(0), [['x-sum', '1, 2'], ['x-raw', '\xe4']])
  for (const framing of ['Content-Length: 3', 'Transfer-Encoding: chunked', 'Connection: close', 'X Y: 1']) t.equal(statusOf(await post(`${framing}\r\n`)), 400, framing)
  t.same([ends, seen], [1, []], 'no such request was ended')
  t.equal(statusOf(await post('')), 200)
  t.equal(statusOf(await post(forbidden)), 200)
  t.same(seen, [], 'none are none')

  refusals = 1
  const stream = session(t, port).request({ ':path': '/all/x', ':method': 'POST' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc', authorization: 'evil' }))
  stream.end('body')
  let status: unknown
  stream.resume().on('response', (fields) => { status = fields[':status'] })
  await until(() => stream.destroyed, 'the answer')
  t.equal(status, 200, 'also when it is sent again')
  t.same(seen, [['x-sum', 'abc']])
})

t.test('Large bodies both ways; a client that does not read stops the instance', async (t) => {
  const body = 'abcdefghij'.repeat(300_000)
  const server = await instance(t, grpcEcho)
  const { port } = await plane(t, [h2('all', server.url)])
  const answer = await ask(session(t, port), { ':method': 'POST', ':path': '/all/x' }, body)
  t.equal(answer.body.length, body.length)
  t.ok(answer.body === body)
  let sent = 0
  server.handler = (stream) => {
    stream.respond({ ':status': 200 })
    pour(stream, (bytes) => { sent += bytes })
  }
  const client = new RawClient(port)
  client.socket.pause()
  client.send('GET /all/x HTTP/1.1\r\nHost: h\r\n\r\n')
  await standstill(() => sent)
  t.ok(sent < 40_000_000, `the instance could send ${sent} bytes before it was stopped`)
  client.socket.destroy()
})

t.test('What fails: resets, deadlines, refusals, sessions that end', async (t) => {
  const server = await instance(t, () => {})
  const spare = await instance(t, (stream) => { stream.respond({ ':status': 200 }); stream.end('spare') })
  const { port } = await plane(t, [
    h2('all', server.url),
    h2('slow', server.url, { metadata: { http2: true, 'response-timeout': 60 } }),
    h2('retry', server.url, { filters: [named('Retry', { retries: '1', methods: 'GET', statuses: 'SERVICE_UNAVAILABLE' })] }),
    h2('back', server.url, { filters: [named('CircuitBreaker', { name: 'b', fallbackUri: 'forward:/spare/x' })] }),
    h2('spare', spare.url),
    h2('dead', `http://127.0.0.1:${await deadPort()}`)
  ])
  const client = session(t, port)

  await t.test('reset before the answer: 502; after its head: broken', async (t) => {
    server.handler = (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    t.equal((await ask(client, { ':path': '/all/x' })).headers[':status'], 502)
    server.handler = (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('abc', () => stream.destroy(new Error('broken')))
    }
    t.equal((await ask(client, { ':path': '/all/x' })).rstCode, constants.NGHTTP2_INTERNAL_ERROR)
    const text = await new RawClient(port).send('GET /all/x HTTP/1.1\r\nHost: h\r\n\r\n').end()
    t.notOk(text.endsWith('0\r\n\r\n'), 'no clean end')
  })

  await t.test('no answer in time: 504, and the instance is told to stop', async (t) => {
    let code: number | undefined
    server.handler = (stream) => stream.on('close', () => { code = stream.rstCode })
    t.equal((await ask(client, { ':path': '/slow/x' })).headers[':status'], 504)
    t.equal(await until(() => code, 'the reset'), constants.NGHTTP2_CANCEL)
  })

  await t.test('a client that leaves takes its stream with it, not the session', async (t) => {
    let code: number | undefined
    let seen = false
    server.handler = (stream) => {
      seen = true
      stream.on('close', () => { code = stream.rstCode })
    }
    const stream = client.request({ ':path': '/all/x' })
    stream.on('error', () => {})
    await until(() => seen, 'the call')
    stream.close(constants.NGHTTP2_CANCEL)
    t.equal(await until(() => code, 'the reset'), constants.NGHTTP2_CANCEL)
    t.equal(server.sessions.filter((one) => !one.destroyed).length, 1)
  })

  await t.test('a stream that was refused is sent again, whatever its method', async (t) => {
    let calls = 0
    server.handler = (stream) => {
      if (++calls === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
      stream.respond({ ':status': 200 })
      stream.end('second')
    }
    t.match(await ask(client, { ':path': '/all/x', ':method': 'POST' }, 'body'), { headers: { ':status': 200 }, body: 'second' })
  })

  await t.test('Retry and fallback work as everywhere', async (t) => {
    let calls = 0
    server.handler = (stream) => {
      stream.respond({ ':status': ++calls === 1 ? 503 : 200 })
      stream.end('again')
    }
    t.match(await ask(client, { ':path': '/retry/x' }), { headers: { ':status': 200 }, body: 'again' })
    server.handler = (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    t.match(await ask(client, { ':path': '/back/x', ':method': 'POST' }, 'body'), { body: 'spare' })
  })

  await t.test('a session that ends costs the next call nothing', async (t) => {
    server.handler = (stream) => { stream.respond({ ':status': 200 }); stream.end('ok') }
    t.equal((await ask(client, { ':path': '/all/x' })).body, 'ok')
    const before = server.sessions.length
    for (const one of server.sessions) one.close()
    t.equal((await ask(client, { ':path': '/all/x' })).body, 'ok')
    t.equal(server.sessions.length, before + 1)
  })

  await t.test('nobody there, or nobody who speaks HTTP/2: 502', async (t) => {
    t.equal((await ask(client, { ':path': '/dead/x' })).headers[':status'], 502)
    const raw = await new RawUpstream().listen()
    t.teardown(() => raw.close())
    const other = await plane(t, [h2('raw', raw.url)])
    t.equal(statusOf(await new RawClient(other.port).send('GET /raw/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n').end()), 502)
  })
})

t.test('A session on which nothing comes any more, as when a network swallows it', async (t) => {
  const server = await instance(t, (stream) => { stream.respond({ ':status': 200 }); stream.end('ok') })
  let swallow = false
  const inner: Socket[] = []
  const between = createTcp((outside) => {
    const inside = connectTcp(server.port, '127.0.0.1')
    inner.push(inside)
    for (const [from, to] of [[outside, inside], [inside, outside]] as const) {
      from.on('data', (bytes) => { if (!swallow || inner.length > 1) to.write(bytes) })
      from.on('error', () => {}).on('close', () => to.destroy())
    }
  })
  const url = `http://127.0.0.1:${await listen(between)}`
  t.teardown(() => between.close())
  const routes = [h2('all', url), h2('late', url, { metadata: { http2: true, 'response-timeout': 60 } })]
  const { port } = await plane(t, routes, { upstream: { maxIdleTimeMs: 2_000 } })
  const client = session(t, port)
  t.equal((await ask(client, { ':path': '/all/x' })).body, 'ok')
  swallow = true
  t.equal((await ask(client, { ':path': '/late/x' })).status, 504)
  t.equal((await ask(client, { ':path': '/all/x' })).body, 'ok', 'the next call goes over another')
  t.equal(inner.length, 2)
  await until(() => inner[0]!.destroyed, 'the end of the first')
})

t.test('Calls that are given up by the hundred do not cost the others their session', async (t) => {
  const server = await instance(t, (stream, fields) => { if (fields[':path'] === '/all/chat') grpcEcho(stream) })
  const { port } = await plane(t, [h2('all', server.url), h2('late', server.url, { metadata: { http2: true, 'response-timeout': 20 } })])
  const client = session(t, port)
  const chat = client.request({ ...GRPC, ':path': '/all/chat' })
  let received = ''
  chat.on('error', () => {}).setEncoding('latin1').on('data', (chunk: string) => { received += chunk })
  chat.write('one')
  await until(() => received === 'one', 'the first message')
  // A server of Node's ends a session with its thousandth reset.
  for (let n = 0; n < 20; n++) {
    const late = await Promise.all(Array.from({ length: 75 }, () => ask(client, { ':path': '/late/x' })))
    t.ok(late.every(({ status }) => status === 504))
  }
  t.ok(server.sessions.length > 2, `${server.sessions.length} sessions carried 1,500 calls`)
  chat.write('two')
  await until(() => received === 'onetwo' || chat.closed, 'the second message')
  t.equal(received, 'onetwo')
  chat.close()
})

t.test('An instance that takes long is no reason for another session', async (t) => {
  const server = await instance(t, (stream, fields) => {
    if (fields[':path'] === '/late/x') return
    stream.respond({ ':status': 200 })
    stream.end('ok')
  })
  const { port } = await plane(t, [h2('all', server.url), h2('late', server.url, { metadata: { http2: true, 'response-timeout': 60 } })])
  const client = session(t, port)
  for (let n = 0; n < 8; n++) {
    t.equal((await ask(client, { ':path': '/late/x' })).status, 504)
    t.equal((await ask(client, { ':path': '/all/x' })).body, 'ok')
  }
  t.ok(server.sessions.length <= 2, 'one more at most, while the answer to the question is on its way')
})

t.test('Who speaks HTTP/2 is said by the route, by the instance, or by the settings', async (t) => {
  const server = await instance(t, (stream, headers) => { stream.respond({ ':status': 200 }); stream.end(headers[':path']) })
  const yaml = 'spring.cloud.gateway.routes:\n  - { id: lb, uri: lb://greeter, predicates: [ Path=/lb/** ], filters: [ StripPrefix=1 ] }\n'
  const whole = await startWhole(t, yaml)
  whole.discovery.set('greeter', [server.port], { metadata: { http2: 'true' } })
  const client = session(t, Number(new URL(whole.url).port))
  await until(() => whole.discovery.instances('greeter').length === 1, 'the instance')
  t.match(await ask(client, { ':path': '/lb/hello' }), { headers: { ':status': 200 }, body: '/hello' })
  // As in Spring: `server.http2.enabled`, when it is written, is about both sides.
  for (const [text, expected] of [['server.http2.enabled: true', true], ['server.http2.enabled: false', false], ['server.port: 0', false]] as const) {
    const file = path.join(t.testdir({}), 'application.yml')
    writeFileSync(file, `${text}\n`)
    const settings = await loadSettings({ name: 'gateway', file, env: {} })
    t.equal(readOptions(settings).dataPlane.upstream.http2, expected, text)
    settings.close()
  }
  const started = await plane(t, [])
  await t.rejects(started.apply([h2('bad', server.url, { metadata: { http2: 'maybe' } })]), /metadata\.http2 must be true or false/)
})

t.test('TLS: what the instance chooses in the handshake is spoken', { skip }, async (t) => {
  const folder = t.testdir({})
  const file = (name: string): string => path.join(folder, name)
  const tls = selfSigned('up.example', 'IP:127.0.0.1', file('up.key'), file('up.pem'))
  const server = await instance(t, (stream) => { stream.respond({ ':status': 200 }); stream.end('two') }, createSecureServer(tls) as unknown as Http2Server)
  let connections = 0
  const old = createHttps(tls, (request, response) => response.end(request.httpVersion))
  old.on('secureConnection', () => connections++)
  const oldPort = await listen(old as unknown as Server)
  t.teardown(() => {
    old.closeAllConnections()
    old.close()
  })
  const trusted = { trustedCertificates: [tls.cert.toString('latin1')] }
  const routes = [route('new', `https://127.0.0.1:${server.port}`, '/new'), route('old', `https://127.0.0.1:${oldPort}`, '/old')]
  const { port } = await plane(t, routes, { upstreamTls: trusted, upstream: { http2: true } })
  const client = session(t, port)
  t.equal((await ask(client, { ':path': '/new' })).body, 'two')
  t.equal(server.headers[0]?.[':scheme'], 'https')
  for (let n = 0; n < 3; n++) t.equal((await ask(client, { ':path': '/old' })).body, '1.1')
  t.equal(connections, 1, 'what speaks HTTP/1.1 is kept alive')
  const at = await Promise.all(Array.from({ length: 5 }, () => ask(client, { ':path': '/old' })))
  t.same(at.map(({ body }) => body), Array.from({ length: 5 }, () => '1.1'))
  const untrusting = await plane(t, routes, { upstream: { http2: true } })
  t.equal((await ask(session(t, untrusting.port), { ':path': '/new' })).headers[':status'], 502, 'verified as everywhere')
})
