/** Bodies that are sent again, changed or broken off: fallbacks, transformations, aborts, half-close, early answers. */
import t from 'tap'
import { gzipSync } from 'node:zlib'
import { deadPort } from '../../starter/test/ports.ts'
import {
  answerAfter, caughtUp, named, OK, RawClient, RawUpstream, route, startDataPlane, statusOf, until, type UpstreamPeer
} from './raw.ts'

const PLUGIN = new URL('./fixtures/body-plugin.mjs', import.meta.url).href
const { held } = await import(PLUGIN) as { readonly held: Array<() => void> }

const upstream = await new RawUpstream().listen()
const spare = await new RawUpstream().listen()
const breaker = (fallbackUri: string, more: Record<string, string> = {}) => named('CircuitBreaker', { fallbackUri, ...more })
const dead = `http://127.0.0.1:${await deadPort()}`
const one = (id: string, uri: string, ...filters: ReturnType<typeof named>[]) => route(id, uri, `/${id}`, { filters })
const gateway = await startDataPlane([])
await gateway.apply([
  one('dead', dead, breaker('forward:/spare')),
  one('deadlocal', dead, breaker('forward:/local')),
  one('status', upstream.url, breaker('forward:/spare', { 'statusCodes.0': '500' })),
  one('reset', upstream.url, breaker('forward:/spare')),
  one('resetlocal', upstream.url, breaker('forward:/local')),
  one('circle', dead, breaker('forward:/circle2')),
  one('circle2', dead, breaker('forward:/circle')),
  one('forward', 'forward:/spare'),
  one('local', 'forward:/local'),
  one('large', 'forward:/large'),
  one('spare', spare.url),
  one('up', upstream.url, named('UpperRequest'), named('UpperResponse')),
  one('twice', upstream.url, named('UpperResponse'), named('Twice')),
  one('slow', upstream.url, named('SlowRequest')),
  one('failrequest', upstream.url, named('FailingRequest')),
  one('failresponse', upstream.url, named('FailingResponse')),
  one('upretry', upstream.url, named('UpperRequest'), named('Retry', { retries: '2', methods: 'POST,GET', statuses: 'SERVICE_UNAVAILABLE' })),
  one('retry', upstream.url, named('Retry', { retries: '2', methods: 'POST,GET', statuses: 'SERVICE_UNAVAILABLE', maxBodyBytes: '20000' })),
  one('all', upstream.url)
], { plugins: [PLUGIN] })
const opened: RawClient[] = []
t.beforeEach(() => {
  for (const client of opened.splice(0)) client.socket.destroy()
  upstream.reset()
  spare.reset()
})
t.teardown(async () => {
  await gateway.dataPlane.stop(0)
  upstream.close()
  spare.close()
})
const open = (): RawClient => {
  opened.push(new RawClient(gateway.port))
  return opened.at(-1)!
}
const sized = (path: string, body: string): string => `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const chunked = (path: string, ...pieces: string[]): string => `POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n` +
  `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`
/** Answers each request when its body, which ends with `suffix`, is in. */
const after = (suffix: string, answer: string) => (peer: UpstreamPeer) => answerAfter(peer, suffix, answer)

interface ClusterReport { readonly instances: ReadonlyArray<{ readonly active: number }> }
/** Requests that the gateway believes to be under way. */
async function active (): Promise<number> {
  const reports = (await gateway.dataPlane.ask('clusters')).flat() as ClusterReport[]
  return reports.flatMap(({ instances }) => instances).reduce((sum, instance) => sum + instance.active, 0)
}

/** Resolves when the gateway knows of no client any more. */
async function allGone (): Promise<void> {
  await until(async () => (await gateway.dataPlane.metrics()).gauges['breakwater_gateway_connections'] === 0, 'all clients to be gone')
}

async function ask (request: string): Promise<string> {
  const client = open().send(request)
  const [answer = ''] = await client.answers()
  client.socket.destroy()
  return answer
}

t.test('a fallback gets method, query and body of the request that failed', async (t) => {
  spare.onHead = after('body!', OK)
  t.equal(statusOf(await ask(sized('/dead?q=1', 'a body!'))), 200)
  t.match(spare.received, /^POST \/spare\?q=1 HTTP\/1\.1\r\n[^]*content-length: 7\r\n\r\na body!$/)
  spare.reset()
  spare.onHead = after('0\r\n\r\n', OK)
  t.equal(statusOf(await ask(chunked('/dead', 'a ', 'body!'))), 200)
  t.match(spare.received, /transfer-encoding: chunked\r\n\r\n2\r\na \r\n5\r\nbody!\r\n0\r\n\r\n$/)
  t.equal(await active(), 0)
})

t.test('a body larger than anything that is kept still reaches the fallback when nothing of it was sent', async (t) => {
  const body = 'x'.repeat(2_000_000)
  spare.onHead = (peer) => {
    const look = (): void => { if (peer.received.endsWith('\r\n\r\n' + body)) peer.socket.write(OK) }
    peer.socket.on('data', look)
  }
  t.equal(statusOf(await ask(sized('/dead', body))), 200)
  t.ok(spare.received.endsWith(body))
})

t.test('a failure after a part of the body was sent: again while it is kept, 502 when it is not', async (t) => {
  upstream.onHead = (peer) => peer.socket.destroy()
  spare.onHead = after('0123456789', OK)
  t.equal(statusOf(await ask(sized('/reset', '0123456789'))), 200)
  t.ok(spare.received.endsWith('\r\n\r\n0123456789'))
  spare.reset()
  upstream.onHead = (peer) => peer.socket.on('data', () => { if (peer.received.length > 100_000) peer.socket.destroy() })
  t.equal(statusOf(await ask(sized('/reset', 'x'.repeat(500_000)))), 502)
  t.equal(spare.received, '', 'never a part of a body for the whole')
  t.equal(await active(), 0)
})

t.test('a status that counts as failure leads to the fallback, its body is dropped', async (t) => {
  upstream.onHead = after('abc', 'HTTP/1.1 500 Internal Server Error\r\nX-Failed: yes\r\nContent-Length: 5\r\n\r\nwrong')
  spare.onHead = after('abc', OK)
  const answer = await ask(sized('/status', 'abc'))
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  t.notMatch(answer, /wrong|x-failed/i)
})

t.test('fallbacks and forwards inside the gateway are given the body, up to what they want', async (t) => {
  t.match(await ask(sized('/deadlocal', 'abc')), /^HTTP\/1\.1 203 [^]*POST \/local abc connect$/)
  t.match(await ask(chunked('/deadlocal', 'ab', 'c')), /POST \/local abc connect$/)
  upstream.onHead = (peer) => peer.socket.destroy()
  t.match(await ask(chunked('/resetlocal', 'ab', 'c')), /POST \/local abc reset$/, 'after it was sent to the instance')
  t.match(await ask(sized('/local', 'abc')), /POST \/local abc undefined$/)
  t.match(await ask('GET /local HTTP/1.1\r\nHost: h\r\n\r\n'), /GET \/local {2}undefined$/)
  t.equal(statusOf(await ask(sized('/local', 'x'.repeat(101)))), 413)
  const late = open().send('POST /local HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc')
  await caughtUp(gateway.port)
  t.equal(late.received, '', 'it waits for all of it')
  late.send('def')
  t.match((await late.answers())[0], /POST \/local abcdef undefined$/)
  late.socket.destroy()
  spare.onHead = after('abc', OK)
  t.equal(statusOf(await ask(sized('/forward', 'abc'))), 200)
  t.equal(statusOf(await ask(sized('/circle', 'abc'))), 500, 'a circle ends')
})

t.test('a local handler gets what it asks for, also when that is more than what waits for an instance may be', async (t) => {
  const body = 'x'.repeat(400_000)
  t.match(await ask(sized('/large', body)), /\/large 400000$/)
  t.match(await ask(chunked('/large', body)), /\/large 400000$/)
  t.equal(statusOf(await ask(sized('/large', 'x'.repeat(1_000_001)))), 413)
})

t.test('a request body is changed as a whole and gets its new length; without a body the filter gets none', async (t) => {
  for (const request of [sized('/up', 'some body'), chunked('/up', 'some', ' ', 'body')]) {
    upstream.reset()
    upstream.onHead = after('SOME BODY', OK)
    t.match(await ask(request), /\r\n\r\nOK$/)
    t.match(upstream.received, /\r\ncontent-length: 9\r\n\r\nSOME BODY$/)
    t.notMatch(upstream.received, /transfer-encoding/i)
  }
  upstream.reset()
  t.equal(statusOf(await ask('GET /up HTTP/1.1\r\nHost: h\r\n\r\n')), 200)
  t.equal(statusOf(await open().send(sized('/up', 'x'.repeat(1_001))).end()), 413)
  t.equal(statusOf(await open().send(chunked('/up', ...Array.from({ length: 1_001 }, () => 'x'))).end()), 413)
  upstream.reset()
  t.equal(statusOf(await open().send(sized('/failrequest', 'abc')).until((text) => text.includes('\r\n\r\n'))), 400)
  t.equal(upstream.received, '', 'nothing is sent of what could not be changed')
  t.equal(await active(), 0)
})

t.test('a request body that was compressed is changed decoded, and goes on plain', async (t) => {
  const packed = (coding: string, body: Buffer): string =>
    `POST /up HTTP/1.1\r\nHost: h\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n${body.toString('latin1')}`
  upstream.onHead = after('SOME BODY', OK)
  t.match(await ask(packed('gzip', gzipSync('some body'))), /\r\n\r\nOK$/)
  t.match(upstream.received, /\r\ncontent-length: 9\r\n\r\nSOME BODY$/)
  t.notMatch(upstream.received, /content-encoding/i)
  upstream.reset()
  t.equal(statusOf(await ask(packed('nonsense', Buffer.from('abc')))), 415)
  t.equal(statusOf(await ask(packed('gzip', Buffer.from('abc')))), 400)
  t.equal(statusOf(await ask(packed('gzip', gzipSync(Buffer.alloc(1_001))))), 413)
  t.equal(upstream.received, '', 'nothing is sent of what could not be changed')
})

t.test('a changed body is sent again as it was changed', async (t) => {
  upstream.onHead = (peer, nth) => answerAfter(peer, 'ABC', nth === 1 && upstream.peers.length === 1 ? 'HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n' : OK)
  t.equal(statusOf(await ask(sized('/upretry', 'abc'))), 200)
  t.equal(upstream.received.match(/\r\n\r\nABC/g)?.length, 2)
})

t.test('a client that leaves while its body is collected or changed costs the instance nothing', async (t) => {
  const collecting = open().send('POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc')
  await caughtUp(gateway.port)
  collecting.socket.destroy()
  const changing = open().send(sized('/slow', 'abc'))
  const letGo = await until(() => held.pop(), 'the change to be under way')
  // A reset: after a mere end of its side the client might still wait for the answer.
  changing.socket.resetAndDestroy()
  await allGone()
  letGo()
  await caughtUp(gateway.port)
  t.equal(upstream.received, '')
  t.equal(await active(), 0)
  upstream.onHead = after('ABC', OK)
  const answer = ask(sized('/slow', 'abc'))
  ;(await until(() => held.pop(), 'the next change'))()
  t.equal(statusOf(await answer), 200)
})

t.test('an answer is changed as a whole; what cannot be is 502 or 500, never a part', async (t) => {
  upstream.answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: "a"\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-T: u\r\n\r\n')
  const answer = await ask('GET /up HTTP/1.1\r\nHost: h\r\n\r\n')
  t.match(answer, /\r\ncontent-length: 3\r\n[^]*\r\n\r\nABC$/)
  t.notMatch(answer, /transfer-encoding|etag/i)
  t.match(await ask('GET /twice HTTP/1.1\r\nHost: h\r\n\r\n'), /\r\n\r\nABCABC$/)
  upstream.reset()
  const packed = gzipSync('zipped')
  upstream.onHead = (peer) => peer.socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`), packed]))
  const plain = await ask('GET /up HTTP/1.1\r\nHost: h\r\n\r\n')
  t.match(plain, /\r\n\r\nZIPPED$/)
  t.notMatch(plain, /content-encoding/i)
  for (const [bytes, path, status] of [
    [`HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n${'x'.repeat(1_001)}`, '/up', 502],
    ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', '/failresponse', 500],
    ['HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc', '/up', 500]
  ] as const) {
    upstream.reset()
    upstream.answerWith(bytes)
    t.equal(statusOf(await ask(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`)), status, path)
  }
  for (const cut of ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n']) {
    upstream.reset()
    upstream.onHead = (peer) => peer.socket.end(cut)
    t.equal(statusOf(await ask('GET /up HTTP/1.1\r\nHost: h\r\n\r\n')), 502, 'an answer that breaks off before anything of it left')
  }
  upstream.reset()
  upstream.answerWith('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')
  t.equal(statusOf(await ask('GET /up HTTP/1.1\r\nHost: h\r\n\r\n')), 304)
  upstream.reset()
  upstream.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
  const head = open().send('HEAD /up HTTP/1.1\r\nHost: h\r\n\r\n')
  t.equal(statusOf(await head.until((text) => text.endsWith('\r\n\r\n'))), 200)
  head.socket.destroy()
  t.equal(await active(), 0)
})

t.test('a retry sends the body again while it is small enough, and never a part of it', async (t) => {
  for (const [length, tries] of [[10_000, 3], [200_000, 1]] as const) {
    upstream.reset()
    let calls = 0
    const body = 'y'.repeat(length - 1) + '!'
    upstream.onHead = (peer) => {
      calls++
      answerAfter(peer, body, 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
    }
    t.equal(statusOf(await ask(sized('/retry', body))), 503)
    t.equal(calls, tries, `${length} bytes`)
    t.equal(upstream.received.split(body).length - 1, tries)
  }
})

t.test('either side breaks off in the middle of a request: the other is told, nothing is left under way', async (t) => {
  upstream.onHead = () => {}
  const leaving = open().send('POST /all HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  const peer = await until(() => upstream.peers[0]?.received.endsWith('abc\r\n') && upstream.peers[0], 'the beginning')
  t.equal(await active(), 1)
  leaving.socket.destroy()
  await until(() => peer.closed, 'the call to end')
  t.notOk(peer.received.endsWith('0\r\n\r\n'), 'the upstream does not see an end of the body')
  t.equal(await active(), 0)

  upstream.reset()
  upstream.onHead = (one) => { setTimeout(() => one.socket.destroy(), 10) }
  const uploading = open().send('POST /all HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\nabc')
  t.equal(statusOf(await uploading.until((text) => text.includes('\r\n\r\n'))), 502)
  t.match(uploading.received, /connection: close/, 'the rest of the body is not read as a request')
  uploading.send(`${'x'.repeat(1_000)}GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n`)
  t.equal((await uploading.end()).split('HTTP/1.1 ').length - 1, 1)
  t.notMatch(upstream.received, /smuggled/)
  t.equal(await active(), 0)
})

t.test('an upstream that closes its side: before an answer 502, after one the connection is not used again', async (t) => {
  upstream.onHead = (peer) => peer.socket.end()
  t.equal(statusOf(await ask(sized('/all', 'abc'))), 502)
  upstream.reset()
  upstream.onHead = (peer) => peer.socket.end(OK)
  t.equal(statusOf(await ask('GET /all HTTP/1.1\r\nHost: h\r\n\r\n')), 200)
  await until(() => upstream.peers[0]?.closed, 'the end')
  upstream.onHead = (peer) => peer.socket.write(OK)
  t.equal(statusOf(await ask(sized('/all', ''))), 200)
  t.equal(upstream.peers.length, 2)
})

t.test('an early answer to a large upload: the client gets it and is told to close; what it still sends is no request', async (t) => {
  upstream.answerWith('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig')
  const client = open().send('POST /all HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\nabc')
  await client.until((text) => text.endsWith('big'))
  t.match(client.received, /^HTTP\/1\.1 413 [^]*connection: close/)
  client.send('GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n')
  t.equal((await client.end()).split('HTTP/1.1 ').length - 1, 1)
  t.notMatch(upstream.received, /smuggled/)
  t.equal(await active(), 0)
})

t.test('interim answers pass as they come, also in front of a retried answer', async (t) => {
  upstream.onHead = (peer) => {
    peer.socket.write('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    setTimeout(() => peer.socket.write('HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n'), 10)
    setTimeout(() => peer.socket.write(OK), 20)
  }
  const client = open().send('GET /all HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until((text) => text.endsWith('ok'))
  t.same(client.received.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 102', 'HTTP/1.1 103', 'HTTP/1.1 103', 'HTTP/1.1 200'])
  client.socket.destroy()
  upstream.reset()
  let calls = 0
  upstream.onHead = (peer) => {
    peer.socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    peer.socket.write(++calls === 1 ? 'HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n' : OK)
  }
  const retried = open().send('GET /retry HTTP/1.1\r\nHost: h\r\n\r\n')
  await retried.until((text) => text.endsWith('ok'))
  t.equal(retried.received.match(/^HTTP\/1\.1 200/gm)?.length, 1)
  t.notMatch(retried.received, /503/)
  retried.socket.destroy()
})

t.test('answers that may not have a body, with one: it is never taken for the next answer', async (t) => {
  const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
  for (const [request, answer] of [
    ['HEAD /all', `HTTP/1.1 200 OK\r\nContent-Length: ${evil.length}\r\n\r\n${evil}`],
    ['GET /all', `HTTP/1.1 204 No Content\r\nContent-Length: ${evil.length}\r\n\r\n${evil}`],
    ['GET /all', `HTTP/1.1 304 Not Modified\r\n\r\n${evil}`],
    ['HEAD /all', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${evil}`]
  ] as const) {
    upstream.reset()
    upstream.answerWith(answer)
    const client = open().send(`${request} HTTP/1.1\r\nHost: h\r\n\r\n`)
    await client.until((text) => text.includes('\r\n\r\n'))
    await until(() => upstream.peers[0]?.closed, 'the end of the connection that said too much')
    upstream.onHead = (peer) => peer.socket.write(OK)
    client.send('GET /all HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.until((text) => text.endsWith('ok'))
    t.notMatch(client.received, /evil/, request)
    t.equal(upstream.peers.length, 2)
    client.socket.destroy()
  }
})

t.test('a stream of events may be as long as it likes while something comes; one that falls silent is cut', async (t) => {
  const patient = await startDataPlane([route('all', upstream.url, '/**', { metadata: { 'response-timeout': 100 } })], { limits: { streamIdleTimeoutMs: 300 } })
  t.teardown(() => patient.dataPlane.stop(0))
  upstream.answerWith('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n')
  const client = new RawClient(patient.port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until((text) => text.includes(': hello\n\n'))
  const startedMs = performance.now()
  for (let n = 0; n < 12; n++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    upstream.peers[0]!.socket.write(`data: ${n}\n\n`)
    await client.until((text) => text.includes(`data: ${n}\n\n`))
  }
  t.ok(performance.now() - startedMs > 500, 'longer than any timeout of the route')
  await client.end()
  t.notOk(client.received.endsWith('0\r\n\r\n'), 'the end of silence is no clean end')
  await until(() => upstream.peers[0]!.closed, 'the upstream side to end')
})

t.test('an upstream that takes no more of a request: 504 after the write timeout, and nothing is held any longer', async (t) => {
  const impatient = await startDataPlane([route('all', upstream.url, '/**')], { limits: { writeTimeoutMs: 200 } })
  t.teardown(() => impatient.dataPlane.stop(0))
  upstream.onHead = (peer) => peer.socket.pause()
  const client = new RawClient(impatient.port).send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n')
  const pour = (): void => { while (!client.socket.destroyed && client.socket.write(Buffer.alloc(65_536))); }
  client.socket.on('drain', pour)
  pour()
  t.equal(statusOf(await client.until((text) => text.includes('\r\n\r\n'))), 504)
  client.socket.destroy()
  const peer = upstream.peers[0]!
  peer.socket.resume()
  await until(() => peer.closed, 'the call to be given up')
})
