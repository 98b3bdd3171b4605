/** Handshakes of WebSockets that come to nothing: for everybody concerned they are requests like all others. */
import t, { type Test } from 'tap'
import { FILTERS } from '../filters/filter-factories.ts'
import type { NamedArgs } from '../routes/route.ts'
import { named, RawClient, RawUpstream, route, split, startDataPlane, statusOf, until, type UpstreamPeer } from './raw.ts'

const raw = await new RawUpstream().listen()
t.beforeEach(() => raw.reset())
t.teardown(() => raw.close())

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const HANDSHAKE = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n`
const OFFERED = { websocket: 'true' }

/** Every filter that has a word on answers, each with something to do here. */
const FILTERS_OF_ANSWERS: readonly NamedArgs[] = [
  named('AddResponseHeader', { name: 'X-A', value: 'added' }),
  named('SetResponseHeader', { name: 'X-D', value: 'set' }),
  named('RemoveResponseHeader', { name: 'X-D' }),
  named('DedupeResponseHeader', { name: 'X-D' }),
  named('RewriteResponseHeader', { name: 'X-D', regexp: 'one', replacement: 'two' }),
  named('RewriteLocationResponseHeader', { hostValue: 'other.example' }),
  named('RemoveJsonAttributesResponseBody', { 'fieldList.0': 'secret', deleteRecursively: 'true' }),
  named('LocalResponseCache', { timeToLive: '1m', size: '1MB' }),
  named('SecureHeaders'),
  named('SetStatus', { status: '418' }),
  named('RequestRateLimiter', { 'redis-rate-limiter.replenishRate': '100', 'redis-rate-limiter.burstCapacity': '1000' })
]

const JSON_BODY = '{"id":1,"secret":"S3CR3T"}'
const FIELDS = 'Content-Type: application/json\r\nX-D: one\r\nX-D: one\r\nLocation: http://h/x\r\n'

/** What an instance may say to a handshake that it does not take, whatever its framing. */
const ANSWERS: Readonly<Record<string, string>> = {
  whole: `HTTP/1.1 200 OK\r\n${FIELDS}Content-Length: ${JSON_BODY.length}\r\n\r\n${JSON_BODY}`,
  chunked: `HTTP/1.1 200 OK\r\n${FIELDS}Transfer-Encoding: chunked\r\n\r\n${JSON_BODY.length.toString(16)}\r\n${JSON_BODY}\r\n0\r\n\r\n`,
  refusal: `HTTP/1.1 403 Forbidden\r\n${FIELDS}Content-Length: ${JSON_BODY.length}\r\n\r\n${JSON_BODY}`,
  version: `HTTP/1.1 426 Upgrade Required\r\nX-D: one\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n`,
  empty: `HTTP/1.1 204 No Content\r\nX-D: one\r\n\r\n`,
  interim: `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n${FIELDS}Content-Length: ${JSON_BODY.length}\r\n\r\n${JSON_BODY}`
}

function answerByPath (peer: UpstreamPeer): void {
  const asked = peer.received.split('GET /').at(-1)!.split(' ')[0]!.split('/').at(-1)!.split('?')[0]!
  peer.socket.write(ANSWERS[asked] ?? ANSWERS['whole']!, 'latin1')
}

/** What differs between any two answers. */
function comparable (answer: string): string {
  return answer.replaceAll(/\r\n(?:date|x-request-id|x-ratelimit-remaining|cache-control): [^\r]*/gi, '')
}

/** The bytes of an answer, chunked ones too: the one behind it has come as well. */
async function ask (client: RawClient, path: string, lines: string): Promise<string> {
  const before = client.received.length
  client.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\nGET /end HTTP/1.1\r\nHost: h\r\n\r\n`)
  await client.until((received) => received.slice(before).endsWith('END'), `the answers to ${path}`)
  const answers = client.received.slice(before)
  return answers.slice(0, answers.lastIndexOf('HTTP/1.1 '))
}

const END = route('end', 'forward:/nowhere', '/end')
const LOCALS = { fallbacks: [{ path: '/nowhere', status: 200, contentType: 'text/plain', body: 'END' }] }

t.test('every filter of answers that there is is tried', (t) => {
  const tried = new Set(FILTERS_OF_ANSWERS.map(({ name }) => name))
  t.same([...FILTERS.keys()].filter((name) => name.includes('Response') && !tried.has(name)), [])
  t.end()
})

t.test('a handshake that is not taken goes through every filter of answers, and its connection lives on', async (t) => {
  const routes = FILTERS_OF_ANSWERS.flatMap((filter) => [
    route(`${filter.name}-plain`, raw.url, `/plain/${filter.name}/**`, { filters: [filter] }),
    route(`${filter.name}-offered`, raw.url, `/offered/${filter.name}/**`, { filters: [filter], metadata: OFFERED })
  ])
  const gateway = await startDataPlane([])
  t.teardown(() => gateway.dataPlane.stop(0))
  await gateway.apply([...routes, END], LOCALS)
  raw.onHead = answerByPath
  for (const { name } of FILTERS_OF_ANSWERS) await triedWith(t, gateway.port, name)
})

async function triedWith (t: Test, port: number, filter: string): Promise<void> {
  const client = new RawClient(port)
  for (const kind of Object.keys(ANSWERS)) {
    // Of their own, or the first would leave its answer in the cache for the others.
    const plain = comparable(await ask(client, `/plain/${filter}/1/${kind}`, ''))
    t.ok(statusOf(plain) > 0, `${filter}, ${kind}: ${plain.slice(0, 20)}`)
    t.equal(comparable(await ask(client, `/plain/${filter}/2/${kind}`, HANDSHAKE)), plain, `${filter}, ${kind}, not offered`)
    t.equal(comparable(await ask(client, `/offered/${filter}/3/${kind}`, HANDSHAKE)), plain, `${filter}, ${kind}, offered`)
    if (filter === 'RemoveJsonAttributesResponseBody') t.notMatch(client.received, /S3CR3T/)
  }
  client.socket.destroy()
}

t.test('an upgrade is offered only where the route is meant for it, and whoever expects more is told once', async (t) => {
  const gateway = await startDataPlane([
    route('plain', raw.url, '/plain'), route('said', raw.url, '/said', { metadata: { webSocket: true } }),
    route('ws', raw.url.replace('http', 'ws'), '/ws')
  ])
  t.teardown(() => gateway.dataPlane.stop(0))
  for (const [path, offered] of [['/plain', false], ['/said', true], ['/ws', true], ['/plain', false]] as const) {
    raw.reset()
    const client = new RawClient(gateway.port).send(`GET ${path} HTTP/1.1\r\nHost: h\r\n${HANDSHAKE}\r\n`)
    t.equal(statusOf((await client.answers())[0]!), 200)
    t.equal(/\r\nupgrade: websocket\r\n/i.test(raw.received), offered, path)
    client.socket.destroy()
  }
  t.equal(gateway.logged.filter((line) => line.includes('metadata websocket: true')).length, 1)
  const open = await startDataPlane([route('plain', raw.url, '/plain')], { webSocketsOnAnyRoute: true })
  t.teardown(() => open.dataPlane.stop(0))
  raw.reset()
  const client = new RawClient(open.port).send(`GET /plain HTTP/1.1\r\nHost: h\r\n${HANDSHAKE}\r\n`)
  await client.answers()
  t.match(raw.received, /\r\nupgrade: websocket\r\n/i, 'a setting says so for all')
  client.socket.destroy()
})

t.test('a 101 that is not the answer to this handshake is 502, and its connection lives on', async (t) => {
  const gateway = await startDataPlane([route('ws', raw.url, '/ws', { metadata: OFFERED })])
  t.teardown(() => gateway.dataPlane.stop(0))
  const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  const wrong = [
    `${head}\r\n`,
    `${head}Sec-WebSocket-Accept: x\r\n\r\n`,
    `${head}Sec-WebSocket-Accept: ${ACCEPT.toLowerCase()}\r\n\r\n`,
    `${head}Sec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Accept: x\r\n\r\n`,
    `${head.replace('websocket', 'h2c')}Sec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    `${head.replace('Connection: Upgrade\r\n', '')}Sec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`
  ]
  for (const answer of wrong) {
    raw.reset()
    raw.answerWith(`${answer}secret bytes`)
    const client = new RawClient(gateway.port).send(`GET /ws HTTP/1.1\r\nHost: h\r\n${HANDSHAKE}\r\n`)
    t.equal(statusOf((await client.answers())[0]!), 502, answer)
    t.notMatch(client.received, /secret/)
    await until(() => raw.peers[0]!.closed, 'the connection of the liar to be closed')
    raw.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    client.send('GET /ws HTTP/1.1\r\nHost: h\r\n\r\n')
    t.equal(statusOf((await client.answers(2))[1]!), 200)
    client.socket.destroy()
  }
  raw.reset()
  raw.answerWith(`${head}Sec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`)
  const plain = new RawClient(gateway.port).send(`GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`)
  t.equal(statusOf((await plain.answers())[0]!), 502, 'nobody asked for it')
  plain.socket.destroy()
})

t.test('breaker, retries, fallback, deadline, cache and metrics know handshakes', async (t) => {
  const fallback = { ...OFFERED, 'response-timeout': 60 }
  const gateway = await startDataPlane([])
  t.teardown(() => gateway.dataPlane.stop(0))
  await gateway.apply([
    route('fallback', raw.url, '/fallback', {
      metadata: fallback, filters: [named('CircuitBreaker', { name: 'b', fallbackUri: 'forward:/nowhere', 'statusCodes.0': '500' })]
    }),
    route('retry', raw.url, '/retry', { metadata: OFFERED, filters: [named('Retry', { retries: '1', statuses: 'SERVICE_UNAVAILABLE' })] })
  ], LOCALS)
  const client = new RawClient(gateway.port)
  const handshake = async (path: string): Promise<string> => {
    const before = split(client.received).length
    client.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n${HANDSHAKE}\r\n`)
    return (await client.answers(before + 1))[before]!
  }
  raw.answerWith('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n')
  t.match(await handshake('/fallback'), /END$/, 'a status that the breaker counts')
  raw.onHead = () => {}
  t.match(await handshake('/fallback'), /END$/, 'no answer in time')
  raw.onHead = (peer) => peer.socket.destroy()
  t.match(await handshake('/fallback'), /END$/, 'a connection that breaks')
  let calls = 0
  raw.onHead = (peer) => {
    const status = ++calls === 1 ? '503 Busy' : '403 No'
    peer.socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`)
  }
  t.equal(statusOf(await handshake('/retry')), 403, 'asked again')
  const { requests } = await gateway.dataPlane.metrics()
  t.ok(requests.some(({ routeId, status }) => routeId === 'retry' && status === 403), 'counted as what it was')
  client.socket.destroy()
})
