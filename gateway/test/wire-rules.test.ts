/** Rules of the wire one by one: what is never sent twice, which fields and paths pass, who may close its side. */
import t from 'tap'
import {
  caughtUp, heldClock, named, OK, pour, RawClient, RawUpstream, route, split, standstill, startDataPlane, statusOf,
  until
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

t.test('empty segments are merged before a route is looked for, or refused, or kept, as is wanted', async (t) => {
  const routes = [route('admin', upstream.url, '/admin/**', { filters: [named('PrefixPath', { prefix: '/by-admin' })] }), route('all', upstream.url, '/**')]
  const start = async (options: object = {}) => {
    const started = await startDataPlane(routes, options)
    t.teardown(() => started.dataPlane.stop(0))
    return async (target: string): Promise<string> => {
      upstream.reset()
      const status = statusOf(await new RawClient(started.port).send(`GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`).end())
      return status === 200 ? upstream.received.split(' ')[1]! : String(status)
    }
  }
  const [merged, refused, kept] = [await start(), await start({ emptySegments: 'reject' }), await start({ emptySegments: 'keep' })]
  for (const [target, to] of [['//admin/x', '/by-admin/admin/x'], ['/a//b', '/a/b'], ['///', '/'], ['/a//?q=//x;', '/a/?q=//x;'],
    ['http://h//admin/x', '/by-admin/admin/x']] as const) {
    t.equal(await merged(target), to)
    t.equal(await refused(target), '400', target)
    t.equal(await kept(target), target.replace('http://h', ''))
  }
  for (const target of ['/;/admin/x', '/;a=b/admin/x', '/x/;']) {
    t.equal(await merged(target), '400', target)
    t.equal(await refused(target), '400', target)
    t.equal(await kept(target), target)
  }
  for (const target of ['/a;x=1/y', '/a%2f%2fb', '/a?/;/', '/a/b/']) t.equal(await merged(target), target)
})

t.test('names that are ours but for underscores are not passed on, and no others are touched', async (t) => {
  const ours = ['X_Forwarded_For', 'x_forwarded-client_cert', 'X-Forwarded_Proto', 'Transfer_Encoding', 'CONTENT_LENGTH',
    'x_request_id', 'Proxy_Authorization', 'X_Real_IP']
  const others = ['x_forwarded', 'user_id', '_', 'a_b-c', 'x_api_key']
  const lines = [...ours, ...others].flatMap((name, n) => [`${name}: v_${n}`, `Cookie: a_b=${n}_`])
  const client = new RawClient(gateway.port).send(`GET /x HTTP/1.1\r\nHost: h\r\nA: _\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`)
  t.equal(statusOf(await client.end()), 200)
  for (const name of ours) t.notMatch(upstream.received.toLowerCase(), `\r\n${name.toLowerCase()}:`, name)
  for (const name of others) t.match(upstream.received, `\r\n${name}: v_`, name)
  t.equal(upstream.received.match(/Cookie: /g)!.length, lines.length / 2)
})

t.test('a target with an authority agrees with a Host that says the same in other letters or with the usual port', async (t) => {
  for (const [target, host, forwarded] of [['http://h:80/x', 'h', 'h:80'], ['http://h/x', 'h:80', 'h'], ['http://H/x', 'h', 'H'],
    ['https://h:443/x', 'h', 'h:443'], ['http://[::1]:80/x', '[::1]', '[::1]:80']] as const) {
    upstream.reset()
    const client = new RawClient(gateway.port).send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    t.equal(statusOf(await client.end()), 200, `${target} ${host}`)
    t.match(upstream.received, `x-forwarded-host: ${forwarded}\r\n`)
  }
  for (const [target, host] of [['http://h:443/x', 'h'], ['https://h:80/x', 'h'], ['http://g/x', 'h'], ['http://h:8080/x', 'h']]) {
    const client = new RawClient(gateway.port).send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    t.equal(statusOf(await client.end()), 400, `${target} ${host}`)
  }
})

t.test('chunk extensions end here, quoted or not; what is no extension is refused', async (t) => {
  const send = async (extension: string): Promise<number> => {
    upstream.reset()
    const client = new RawClient(gateway.port).send('POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n' +
      `Connection: close\r\n\r\n3${extension}\r\nabc\r\n0\r\n\r\n`)
    return statusOf(await client.end())
  }
  for (const extension of ['', ';a', ';a=b', ';a="b;c"', ';a="\\"\\\\"', ';a="";b', ';a="b";c="d"', ';a="\tx"']) {
    t.equal(await send(extension), 200, extension)
    t.match(upstream.received, /\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/)
  }
  for (const extension of [';', ';a=', ';a="', ';a="b', ';a="b"c', ';a="b""', ';"a"', ';a=b"c"', ';a="b\n"', ';a="\\\r\n"', ';a="\x00"', ' ;a']) {
    t.equal(await send(extension), 400, JSON.stringify(extension))
  }
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
