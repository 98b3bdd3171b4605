/** Strictness, framing and streaming on raw bytes: what the upstream saw, what the client saw, what was reused. */
import t from 'tap'
import {
  answerAfter, caughtUp, heldClock, named, OK, pour, RawClient, RawUpstream, route, split, standstill, startDataPlane,
  statusOf, until
} from './raw.ts'

const upstream = await new RawUpstream().listen()
const gateway = await startDataPlane([route('all', upstream.url, '/**')])
t.beforeEach(() => upstream.reset())
t.teardown(async () => {
  await gateway.dataPlane.stop(0)
  upstream.close()
})

const GET = 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n'
const open = (): RawClient => new RawClient(gateway.port)

t.test('A malformed request is answered once, the connection closed, the tail never executed', async (t) => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n'
  const cases: ReadonlyArray<readonly [what: string, bytes: string, status: number]> = [
    ['Content-Length and Transfer-Encoding', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['Transfer-Encoding and Content-Length', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n', 400],
    ['two equal Content-Length', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na', 400],
    ['two different Content-Length', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na', 400],
    ['Content-Length list', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na', 400],
    ['Content-Length +1', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na', 400],
    ['Content-Length 0x1', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\na', 400],
    ['empty Content-Length', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\na', 400],
    ['Content-Length beyond 15 digits', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\na', 400],
    ['a tab behind Content-Length', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\t\r\n\r\na', 400],
    ['a tab behind Transfer-Encoding', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n', 400],
    ['a vertical tab before chunked', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n', 400],
    ['Transfer-Encoding xchunked', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n', 501],
    ['Transfer-Encoding gzip, chunked', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 501],
    ['Transfer-Encoding chunked, identity', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n', 501],
    ['Transfer-Encoding twice', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['Transfer-Encoding on HTTP/1.0', 'POST /x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['space before the colon', 'GET /x HTTP/1.1\r\nHost : h\r\n\r\n', 400],
    ['folded line', 'GET /x HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n', 400],
    ['bare LF between lines', 'GET /x HTTP/1.1\r\nHost: h\nA: b\r\n\r\n', 400],
    ['bare LF only', 'GET /x HTTP/1.1\nHost: h\n\n', 400],
    ['bare CR in a value', 'GET /x HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n', 400],
    ['NUL in a value', 'GET /x HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n', 400],
    ['control character in a value', 'GET /x HTTP/1.1\r\nHost: h\r\nA: b\x01c\r\n\r\n', 400],
    ['space in a name', 'GET /x HTTP/1.1\r\nHost: h\r\nA B: c\r\n\r\n', 400],
    ['empty name', 'GET /x HTTP/1.1\r\nHost: h\r\n: c\r\n\r\n', 400],
    ['line without colon', 'GET /x HTTP/1.1\r\nHost: h\r\nabc\r\n\r\n', 400],
    ['no Host', 'GET /x HTTP/1.1\r\nA: b\r\n\r\n', 400],
    ['two Host', 'GET /x HTTP/1.1\r\nHost: h\r\nHost: g\r\n\r\n', 400],
    ['empty Host', 'GET /x HTTP/1.1\r\nHost:\r\n\r\n', 400],
    ['Host with a path', 'GET /x HTTP/1.1\r\nHost: g/evil?x\r\n\r\n', 400],
    ['Host with userinfo', 'GET /x HTTP/1.1\r\nHost: a@b\r\n\r\n', 400],
    ['Host with a bad port', 'GET /x HTTP/1.1\r\nHost: a:b\r\n\r\n', 400],
    ['absolute form with another Host', 'GET http://g/x HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['absolute form with userinfo', 'GET http://h@g/x HTTP/1.1\r\nHost: g\r\n\r\n', 400],
    ['fragment', 'GET /x#y HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['GET *', 'GET * HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['authority form', 'GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['two spaces', 'GET  /x HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['tab instead of space', 'GET\t/x HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['trailing space in the request line', 'GET /x HTTP/1.1 \r\nHost: h\r\n\r\n', 400],
    ['HTTP/0.9', 'GET /x\r\n\r\n', 400],
    ['HTTP/1.2', 'GET /x HTTP/1.2\r\nHost: h\r\n\r\n', 505],
    ['HTTP/9.9', 'GET /x HTTP/9.9\r\nHost: h\r\n\r\n', 505],
    ['lower-case method', 'get /x HTTP/1.1\r\nHost: h\r\n\r\n', 501],
    ['unknown method', 'BREW /x HTTP/1.1\r\nHost: h\r\n\r\n', 501],
    ['CONNECT', 'CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n', 405],
    ['raw UTF-8 path', 'GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['unknown expectation', 'GET /x HTTP/1.1\r\nHost: h\r\nExpect: foo\r\n\r\n', 417],
    ['head over 16 KiB', `GET /x HTTP/1.1\r\nHost: h\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['501 headers', `GET /x HTTP/1.1\r\nHost: h\r\n${'A: b\r\n'.repeat(500)}\r\n`, 431],
    ['target over 8 KiB', `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
    ['Connection naming Host', 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: host\r\n\r\n', 400],
    ['Connection naming Content-Length', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: content-length\r\n\r\na', 400],
    ['Connection naming Authorization', 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: authorization\r\n\r\n', 400],
    ['Connection naming X-Forwarded-For', 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: close, X-Forwarded-For\r\n\r\n', 400],
    ['Connection with a bad token', 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: a b\r\n\r\n', 400]
  ]
  for (const [what, bytes, status] of cases) {
    const client = open().send(bytes + smuggled)
    const received = await client.end()
    t.equal(statusOf(received), status, what)
    t.equal(received.split('HTTP/1.1 ').length - 1, 1, `${what}: one answer`)
    t.match(received, /\r\nconnection: close\r\n/, what)
  }
  t.equal(upstream.received, '', 'nothing of all this reached the upstream')
})

t.test('Broken chunked framing ends the exchange, and what follows is never a request', async (t) => {
  const head = 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'
  const bad = ['3\nabc\r\n0\r\n\r\n', '0x3\r\nabc\r\n0\r\n\r\n', ' 3\r\nabc\r\n0\r\n\r\n', '3 \r\nabc\r\n0\r\n\r\n', '3\r\nabcX\r\n0\r\n\r\n',
    '\r\nabc\r\n0\r\n\r\n', 'ffffffffff\r\nabc', '-3\r\nabc\r\n0\r\n\r\n', '3;\nx\r\nabc\r\n0\r\n\r\n', `3;${'x'.repeat(300)}\r\nabc\r\n0\r\n\r\n`,
    '0\r\nContent-Length: 5\r\n\r\n', '0\r\nTransfer-Encoding: chunked\r\n\r\n', '0\r\n A: b\r\n\r\n', '0\r\nA: b\r\n c\r\n\r\n', '0\r\nA : b\r\n\r\n', '0\r\nA: b\n\r\n', '0\r\nabc\r\n\r\n']
  for (const framing of bad) {
    const client = open().send(`${head}${framing}GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n`)
    const received = await client.end()
    t.equal(statusOf(received), 400, JSON.stringify(framing))
    t.equal(received.split('HTTP/1.1 ').length - 1, 1, JSON.stringify(framing))
  }
  t.notMatch(upstream.received, /smuggled/)
})

t.test('CVE-2026-29057: a chunked DELETE, OPTIONS, GET or HEAD keeps its body, and the body is no second request', async (t) => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
  for (const method of ['DELETE', 'OPTIONS', 'GET', 'HEAD']) {
    upstream.reset()
    upstream.onHead = (peer, nth) => { if (nth === 1) peer.socket.write('HTTP/1.1 204 No Content\r\n\r\n') }
    const client = open().send(`${method} /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n` +
      `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`)
    await client.until((received) => received.includes('\r\n\r\n'))
    await until(() => upstream.received.endsWith('0\r\n\r\n'), 'the whole body')
    t.equal(upstream.peers.length, 1)
    const [head = ''] = upstream.received.split('\r\n\r\n', 1)
    t.match(head, new RegExp(`^${method} /a HTTP/1\\.1\r\n`))
    t.match(head, /\r\ntransfer-encoding: chunked/)
    t.notMatch(head, /content-length/i)
    t.equal(upstream.received.slice(head.length + 4), `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`)
    client.socket.destroy()
  }
})

t.test('A GET with a body is forwarded with its body, and the next request is the next request', async (t) => {
  upstream.onHead = (peer) => answerAfter(peer, '12345', OK)
  const client = open().send('GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345')
  await client.answers()
  t.match(upstream.received, /^GET \/x HTTP\/1\.1\r\n[^]*content-length: 5\r\n\r\n12345$/)
  upstream.onHead = (peer) => peer.socket.write(OK)
  client.send(GET)
  await client.answers(2)
  client.socket.destroy()
})

t.test('The preface of HTTP/2 where it is switched off is a wrong version', async (t) => {
  const old = await startDataPlane([route('all', upstream.url, '/**')], { http2: false })
  t.teardown(() => old.dataPlane.stop(0))
  t.equal(statusOf(await new RawClient(old.port).send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n').end()), 505)
})

t.test('Hop-by-hop fields stay on their hop, in both directions', async (t) => {
  upstream.answerWith('HTTP/1.1 200 OK\r\nConnection: x-hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: a\r\n' +
    'Trailer: x\r\nUpgrade: y\r\nX-Application-Context: z\r\nX-End: 2\r\nContent-Length: 2\r\n\r\nok')
  const [answer = ''] = await open().send('GET /x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: x\r\n' +
    'TE: trailers\r\nTrailer: a\r\nProxy-Authorization: b\r\nProxy-Connection: c\r\nUpgrade: foo\r\nHTTP2-Settings: d\r\nX-End: 2\r\n\r\n').answers()
  t.equal(statusOf(answer), 200)
  t.notMatch(upstream.received, /x-secret|keep-alive|\r\nte:|trailer|proxy-|upgrade|http2-settings|\r\nconnection/i)
  t.match(upstream.received, /\r\nX-End: 2\r\n/)
  t.notMatch(answer, /x-hop|keep-alive|proxy-|trailer|upgrade|x-application/i)
  t.match(answer, /\r\nX-End: 2\r\n/)
})

t.test('TE: trailers goes through for gRPC only', async (t) => {
  await open().send('POST /x HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n').answers()
  t.match(upstream.received, /\r\nte: trailers\r\n/)
})

t.test('Path tricks are refused, and what is forwarded is what was matched', async (t) => {
  const refused = ['/a/../b', '/a/./b', '/..', '/.', '/%2e%2e/b', '/a/%2E./b', '/a/..;/b', '/a/.;x=y/b', '/a\\b', '/a%5cb', '/a%00b', '/a%c0%ae%c0%ae/b',
    '/a%e0%80%afb', '/a%', '/a%g1', '/a%2', '/a%0d%0ab', '/x%2f..%2fadmin', '/a%7f']
  for (const path of refused) {
    const received = await open().send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).end()
    t.equal(statusOf(received), 400, path)
  }
  t.equal(upstream.received, '')
  for (const path of ['/a%2fb', '/a%252e%252e/b', '/...', '/.well-known/x', '/a.b', '/a;b=c/d', '/%e4%bd%a0', '/?', '/a?x=/../y', '/a?%', '/~a!$&\'()*+,=:@']) {
    upstream.reset()
    const [answer = ''] = await open().send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).answers()
    t.equal(statusOf(answer), 200, path)
    t.ok(upstream.received.startsWith(`GET ${path} HTTP/1.1\r\n`), `${path} is forwarded byte for byte`)
  }
})

t.test('An absolute target that agrees with Host is served in origin form', async (t) => {
  await open().send('GET http://h:1/x?y HTTP/1.1\r\nHost: h:1\r\n\r\n').answers()
  t.ok(upstream.received.startsWith('GET /x?y HTTP/1.1\r\n'))
})

t.test('Any split of the input gives the same request', async (t) => {
  const request = 'POST /p?q=1 HTTP/1.1\r\nHost: h\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nwxyz\r\n1\r\n!\r\n0\r\nX-T: u\r\n\r\n'
  const seen = new Set<string>()
  const gate = (peer: { received: string }) => peer.received.endsWith('0\r\nX-T: u\r\n\r\n')
  for (let cut = 1; cut < request.length; cut++) {
    upstream.reset()
    upstream.onHead = () => {}
    const client = open()
    client.send(request.slice(0, cut))
    await new Promise(setImmediate)
    client.send(request.slice(cut))
    const peer = await until(() => upstream.peers.find(gate), `the request cut at ${cut}; ${JSON.stringify(upstream.received)}`)
    const at = peer.received.indexOf('\r\n\r\n')
    seen.add(peer.received.slice(0, at).replace(/\r\n(?:x-request-id|traceparent|x-forwarded-port):.*/g, '') + decode(peer.received.slice(at + 4)))
    client.socket.destroy()
  }
  t.equal(seen.size, 1, [...seen].join('\n---\n'))
  t.match([...seen][0], /wxyz!\+X-T: u$/)
})

function decode (framed: string): string {
  const [chunks = '', trailers = ''] = framed.split(/(?:^|\r\n)0\r\n/)
  return `${chunks.replace(/[0-9a-f]+\r\n([^\r]*)(\r\n|$)/g, '$1')}+${trailers.trim()}`
}

t.test('Pipelined requests are answered in order', async (t) => {
  upstream.onHead = (peer) => {
    const path = /GET (\S+) HTTP\/1\.1\r\n(?!.*GET )/s.exec(peer.received)?.[1] ?? ''
    setTimeout(() => peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`), path === '/1' ? 30 : 0)
  }
  const client = open().send([1, 2, 3, 4, 5].map((n) => `GET /${n} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''))
  const answers = await client.answers(5)
  t.same(answers.map((answer) => answer.slice(-2)), ['/1', '/2', '/3', '/4', '/5'])
})

t.test('A pipelining client that closes its side still gets all its answers', async (t) => {
  const client = open().send(GET + GET + GET)
  client.socket.end()
  const received = await client.end()
  t.equal(split(received).length, 3)
})

t.test('HTTP/1.0: closed by default, kept with keep-alive, never chunked', async (t) => {
  t.match(await open().send('GET /x HTTP/1.0\r\n\r\n').end(), /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n\r\nok$/)
  const client = open().send('GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  t.match((await client.answers())[0], /\r\nconnection: keep-alive\r\n/)
  client.send('GET /x HTTP/1.0\r\n\r\n')
  await client.answers(2)
  upstream.answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: u\r\n\r\n')
  const received = await open().send('GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n').end()
  t.match(received, /connection: close\r\n\r\nabc$/)
  t.notMatch(received, /transfer-encoding/i)
})

t.test('HEAD, 204 and 304 end with their head', async (t) => {
  upstream.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
  const head = open().send('HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n')
  t.match(await head.until((received) => received.endsWith('\r\n\r\n')), /\r\nContent-Length: 10\r\n/)
  upstream.answerWith('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n')
  const none = open().send(GET)
  t.notMatch(await none.until((received) => received.endsWith('\r\n\r\n')), /content-length/i)
  upstream.answerWith('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n')
  const unchanged = open().send(GET)
  t.match(await unchanged.until((received) => received.endsWith('\r\n\r\n')), /^HTTP\/1\.1 304 Not Modified\r\n/)
})

t.test('An upstream whose framing is ambiguous gives 502, and its connection is not used again', async (t) => {
  const bad = ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n', 'HTTP/1.1 0 X\r\n\r\n', 'HTTP/1.1 99 X\r\n\r\n', 'HTTP/1.1 099 X\r\n\r\n', 'HTTP/1.1 1000 X\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n', 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n', 'hello', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(70_000)}\r\n\r\n`]
  for (const answer of bad) {
    upstream.reset()
    upstream.answerWith(answer)
    const [received = ''] = await open().send(GET).answers()
    t.equal(statusOf(received), 502, JSON.stringify(answer.slice(0, 80)))
    const peer = upstream.peers[0]!
    await until(() => peer.closed, `the end of the connection that sent ${JSON.stringify(answer.slice(0, 80))}`)
  }
})

t.test('A truncated answer reaches the client as a broken one', async (t) => {
  for (const answer of ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n']) {
    upstream.reset()
    upstream.onHead = (peer) => peer.socket.end(answer)
    const received = await open().send(GET).end()
    t.equal(statusOf(received), 200)
    t.notOk(received.endsWith('0\r\n\r\n'), 'no clean end')
    t.ok(split(received).length === 0 || received.includes('chunked'))
  }
})

t.test('An upstream without length ends with its connection; the client gets chunks and keeps its own', async (t) => {
  upstream.onHead = (peer) => peer.socket.end('HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nabc')
  const client = open().send(GET)
  await client.until((received) => received.endsWith('0\r\n\r\n'))
  t.match(client.received, /transfer-encoding: chunked\r\n[^]*\r\n3\r\nabc\r\n0\r\n\r\n$/)
  t.notOk(client.closed)
  client.socket.destroy()
})

t.test('Bytes behind an answer are never the next answer', async (t) => {
  upstream.onHead = (peer) => peer.socket.write(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`)
  const client = open().send(GET)
  await client.answers(1)
  client.send(GET)
  const answers = await client.answers(2)
  t.notMatch(answers.join(''), /evil/)
  t.equal(upstream.peers.length, 2, 'the connection that said too much was not used again')
  client.socket.destroy()
})

t.test('An idle upstream connection that says anything is destroyed', async (t) => {
  const client = open().send(GET)
  await client.answers(1)
  const peer = upstream.peers[0]!
  peer.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
  await until(() => peer.closed, 'the end of the idle connection')
  client.send(GET)
  t.notMatch((await client.answers(2)).join(''), /evil/)
})

t.test('Upstream connections are reused while their answers allow it', async (t) => {
  const client = open()
  for (let n = 1; n <= 3; n++) {
    client.send(GET)
    await client.answers(n)
  }
  t.equal(upstream.peers.length, 1)
  upstream.answerWith('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok')
  client.send(GET)
  await client.answers(4)
  client.send(GET)
  await client.answers(5)
  t.equal(upstream.peers.length, 2, 'after close a new one')
  t.notOk(client.closed, 'the upstream closing does not close the client')
})

t.test('A kept-alive upstream connection that dies unseen costs no client an error', async (t) => {
  const client = open().send(GET)
  await client.answers(1)
  upstream.onHead = (peer, nth) => {
    if (nth === 2) peer.socket.destroy()
    else peer.socket.write(OK)
  }
  client.send(GET)
  t.equal(statusOf((await client.answers(2))[1]!), 200)
})

t.test('1xx: 100 is ours, 103 passes, HTTP/1.0 sees none', async (t) => {
  upstream.answerWith(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`)
  const client = open().send(GET)
  await client.until((received) => received.endsWith('ok'))
  t.match(client.received, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  t.notMatch(await open().send('GET /x HTTP/1.0\r\n\r\n').end(), /103/)
})

t.test('Expect: 100-continue is answered by the gateway once the request is wanted, and not forwarded', async (t) => {
  upstream.onHead = (peer) => peer.socket.on('data', () => { if (peer.received.endsWith('body')) peer.socket.write(OK) })
  const client = open().send('POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  await client.until((received) => received === 'HTTP/1.1 100 Continue\r\n\r\n')
  client.send('body')
  await client.until((received) => received.endsWith('ok'))
  t.notMatch(upstream.received, /expect/i)
  t.match(upstream.received, /\r\n\r\nbody$/)
})

t.test('Trailers pass both ways, forbidden ones do not', async (t) => {
  upstream.onHead = (peer, nth) => {
    if (nth === 1) peer.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nGrpc-Status: 0\r\nSet-Cookie: a\r\n\r\n')
  }
  const client = open().send('POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\nHost: evil\r\nAuthorization: evil\r\n\r\n')
  await client.until((received) => /0\r\n[^]*\r\n\r\n$/.test(received))
  t.match(client.received, /0\r\nGrpc-Status: 0\r\n\r\n$/)
  t.match(upstream.received, /0\r\nX-T: 1\r\n\r\n$/)
})

t.test('An answer before the end of the upload: the client gets it, and the connection goes on in order', async (t) => {
  const client = open().send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345')
  await client.answers(1)
  client.send(`67890${GET}`)
  const answers = await client.answers(2)
  t.same(answers.map(statusOf), [200, 200])
  t.equal(upstream.peers.length, 1, 'the upstream read the rest and was used again')
  t.match(upstream.received, /\r\n\r\n1234567890GET \/x/)
  client.socket.destroy()
})

t.test('An early answer to an endless upload closes the connection after the answer', async (t) => {
  const client = open().send('POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n')
  await client.until((received) => received.endsWith('ok'))
  t.match(client.received, /\r\nconnection: close\r\n/)
  await until(() => client.ended, 'the end')
})

t.test('A client that leaves takes its upstream call with it', async (t) => {
  upstream.onHead = () => {}
  const client = open().send(GET)
  const peer = await until(() => upstream.peers[0]?.heads === 1 && upstream.peers[0], 'the call')
  client.socket.destroy()
  await until(() => peer.closed, 'the end of the call')
  const streaming = open()
  upstream.onHead = (one) => one.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc')
  streaming.send(GET)
  await streaming.until((received) => received.endsWith('abc'))
  streaming.socket.destroy()
  t.ok(await until(() => upstream.peers[1]?.closed, 'the end of the stream'))
})

t.test('A slow reader bounds what the gateway holds', async (t) => {
  let sent = 0
  upstream.onHead = (peer) => {
    peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1_000_000_000}\r\n\r\n`)
    pour(peer.socket, (bytes) => { sent += bytes })
  }
  const client = open()
  client.socket.pause()
  client.send(GET)
  await standstill(() => sent)
  t.ok(sent < 40_000_000, `the upstream could send ${sent} bytes before it was stopped`)
  client.socket.destroy()
})

t.test('Events pass the moment they come', async (t) => {
  upstream.answerWith('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
  const client = open().send(GET)
  await client.until((received) => received.includes('data: 1\n\n'))
  upstream.peers[0]!.socket.write('data: 2\n\n')
  await client.until((received) => received.includes('data: 2\n\n'))
  client.socket.destroy()
  t.pass()
})

t.test('Large bodies come through whole, both ways', async (t) => {
  const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => 97 + at % 26)).toString('latin1')
  upstream.onHead = (peer) => {
    const wait = (): void => {
      if (peer.received.endsWith(body.slice(-100)) && peer.received.length > body.length) {
        peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, 'latin1')
      } else setTimeout(wait, 5)
    }
    wait()
  }
  const client = open().send(`POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  const [answer = ''] = await client.answers()
  t.ok(answer.endsWith(`\r\n\r\n${body}`))
  t.ok(upstream.received.endsWith(`\r\n\r\n${body}`))
})

t.test('X-Forwarded-*: the peer is always told, a stranger\'s are not believed', async (t) => {
  await open().send('GET /x HTTP/1.1\r\nHost: api.example\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Foo: y\r\nForwarded: for=6.6.6.6\r\n\r\n').answers()
  t.match(upstream.received, /\r\nx-forwarded-for: 127\.0\.0\.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: api\.example\r\nx-forwarded-port: 80\r\n/)
  t.notMatch(upstream.received, /6\.6\.6\.6|foo/i)
})

t.test('Request id and trace: kept when well formed, made when not', async (t) => {
  await open().send('GET /x HTTP/1.1\r\nHost: h\r\nX-Request-Id: my-id.1\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n').answers()
  t.match(upstream.received, /\r\nX-Request-Id: my-id\.1\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n/)
  upstream.reset()
  await open().send('GET /x HTTP/1.1\r\nHost: h\r\nX-Request-Id: a b"c\r\nTraceparent: junk\r\n\r\n').answers()
  t.match(upstream.received, /\r\ntraceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\nx-request-id: [0-9a-f]{32}\r\n/)
  t.notMatch(upstream.received, /junk|a b"c/)
})

t.test('The gateway\'s own errors have Spring Boot\'s body', async (t) => {
  const bare = await startDataPlane([route('only', upstream.url, '/only'), route('dead', 'http://127.0.0.1:1', '/dead')])
  t.teardown(() => bare.dataPlane.stop(0))
  const client = new RawClient(bare.port).send('GET /none HTTP/1.1\r\nHost: h\r\n\r\n')
  const [missing = ''] = await client.answers()
  t.equal(statusOf(missing), 404)
  t.match(JSON.parse(missing.split('\r\n\r\n')[1]!), { path: '/none', status: 404, error: 'Not Found', requestId: /^[0-9a-f]{32}$/, timestamp: /^\d{4}-.*\+00:00$/ })
  client.send('GET /dead HTTP/1.1\r\nHost: h\r\n\r\n')
  t.equal(statusOf((await client.answers(2))[1]!), 502)
})

t.test('Timeouts: no answer is 504, the total deadline covers everything', async (t) => {
  const timed = await startDataPlane([route('r', upstream.url, '/r', { metadata: { 'response-timeout': 50 } }),
    route('t', upstream.url, '/t', { metadata: { 'total-timeout': 50 } })])
  t.teardown(() => timed.dataPlane.stop(0))
  upstream.onHead = () => {}
  for (const path of ['/r', '/t']) {
    const [answer = ''] = await new RawClient(timed.port).send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).answers()
    t.equal(statusOf(answer), 504, path)
  }
})

t.test('Slowloris: slow heads and slow bodies get 408, silent connections are closed', async (t) => {
  const clock = heldClock()
  const { dataPlane, port } = await startDataPlane([route('all', upstream.url, '/**')],
    { limits: { headerTimeoutMs: 10_000, bodyTimeoutMs: 5_000, keepAliveTimeoutMs: 30_000 } }, { clock })
  t.teardown(() => dataPlane.stop(0))
  const BODY = 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na'
  upstream.onHead = (peer) => { if (peer.received.startsWith('GET ')) peer.socket.write(OK) }
  for (const [sent, answers, limitMs, end] of [
    ['GET /x HT', 0, 10_000, [408]], [BODY, 0, 5_000, [408]], ['', 0, 10_000, []], [GET, 1, 30_000, [200]]
  ] as const) {
    const client = new RawClient(port).send(sent)
    await caughtUp(port)
    const before = (await client.answers(answers)).length
    await clock.pass(limitMs)
    await caughtUp(port)
    t.same([split(client.received).length, client.ended], [before, false], `${sent.slice(0, 9)}: not before its time`)
    await clock.pass(1)
    t.same(split(await client.end()).map(statusOf), end, sent.slice(0, 9))
  }
})

t.test('Connections per address are limited', async (t) => {
  const narrow = await startDataPlane([route('all', upstream.url, '/**')], { limits: { maxConnectionsPerAddress: 2 } })
  t.teardown(() => narrow.dataPlane.stop(0))
  const first = new RawClient(narrow.port).send(GET)
  const second = new RawClient(narrow.port).send(GET)
  await Promise.all([first.answers(), second.answers()])
  t.equal(await new RawClient(narrow.port).send(GET).end(), '')
  first.socket.destroy()
  await until(() => first.closed, 'the first to leave')
  const retry = async (): Promise<string> => (await new RawClient(narrow.port).send(GET).until((received) => received.endsWith('ok')))
  let served = ''
  for (let n = 0; served === '' && n < 100; n++) served = await retry()
  t.equal(statusOf(served), 200)
})

t.test('A body beyond the route\'s limit is 413, chunked or not', async (t) => {
  const small = await startDataPlane([route('all', upstream.url, '/**', { filters: [named('RequestSize', { maxSize: '10B' })] })])
  t.teardown(() => small.dataPlane.stop(0))
  t.equal(statusOf((await new RawClient(small.port).send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n12345678901').answers())[0]!), 413)
  t.equal(statusOf(await new RawClient(small.port).send('POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n').end()), 413)
})
