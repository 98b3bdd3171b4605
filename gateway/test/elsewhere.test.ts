/** Nothing sent is no retry: what could not even begin with one instance begins with another, whatever the request. */
import { createServer as createTlsServer } from 'node:https'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { instance } from './exchange.ts'
import { named, OK, RawClient, RawUpstream, route, startDataPlane, statusOf, until, type Started } from './raw.ts'
import { selfSigned, skip } from './self-signed.ts'

const files = mkdtempSync(join(tmpdir(), 'gateway-elsewhere-'))
t.teardown(() => rmSync(files, { recursive: true }))
const raw = await new RawUpstream().listen()
t.beforeEach(() => raw.reset())
t.teardown(() => raw.close())

/** A port that nobody listens on: somebody did, a moment ago. */
async function deadPort (): Promise<number> {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function listening (server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function tell (gateway: Started, service: string, ports: readonly number[], secure = false): Promise<unknown> {
  const instances = ports.map((port) => instance(`${service}-${port}`, port, { serviceId: service, secure }))
  return gateway.dataPlane.ask('instances', { service, instances })
}

async function answerTo (port: number, request: string): Promise<number> {
  const client = new RawClient(port).send(request)
  const answer = (await client.answers())[0]!
  client.socket.destroy()
  return statusOf(answer)
}

const HANDSHAKE = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi',
  'PATCH / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: h\r\n${HANDSHAKE}\r\n`
]

t.test('a refused connection costs no request, whatever its method, and no budget of retries', async (t) => {
  const dead = await deadPort()
  const services = REQUESTS.flatMap((request, kind) => Array.from({ length: 8 }, (_, nth) => ({ request, name: `s${kind}x${nth}` })))
  const gateway = await startDataPlane([])
  t.teardown(() => gateway.dataPlane.stop(0))
  await gateway.apply(services.map(({ name }) => route(name, `lb:ws://${name}`, `/${name}`)), { retryBudget: { ratio: 0, floor: 0, workers: 1 } })
  for (const { name, request } of services) {
    await tell(gateway, name, [dead, raw.port])
    t.equal(await answerTo(gateway.port, request.replace(' / ', ` /${name} `)), 200, `${request.split(' ')[0]} ${name}`)
  }
  t.equal(raw.peers.reduce((sum, peer) => sum + peer.heads - (peer.received.match(/\r\n0\r\n\r\n/g)?.length ?? 0), 0), services.length, 'each once')
  const { counters } = await gateway.dataPlane.metrics()
  t.equal(counters['breakwater_gateway_retries_total'], 0)
})

t.test('each instance is asked once: when all refuse it is 502', async (t) => {
  const ports = [await deadPort(), await deadPort(), await deadPort()]
  const gateway = await startDataPlane([route('svc', 'lb://svc', '/**')])
  t.teardown(() => gateway.dataPlane.stop(0))
  await tell(gateway, 'svc', ports)
  t.equal(await answerTo(gateway.port, REQUESTS[1]!), 502)
  const { counters } = await gateway.dataPlane.metrics()
  t.equal(counters['breakwater_gateway_tries_total'], 3)
})

t.test('with Retry its retries are still all there behind instances that refuse', async (t) => {
  const gateway = await startDataPlane([
    route('svc', 'lb://svc', '/**', { filters: [named('Retry', { retries: '1', statuses: 'SERVICE_UNAVAILABLE' })] })
  ])
  t.teardown(() => gateway.dataPlane.stop(0))
  await tell(gateway, 'svc', [await deadPort(), await deadPort(), raw.port])
  let calls = 0
  raw.onHead = (peer) => peer.socket.write(++calls === 1 ? 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n' : OK)
  t.equal(await answerTo(gateway.port, REQUESTS[0]!), 200)
  t.equal(calls, 2)
})

/** A service over TLS of which one instance is well and the other does not shake hands in some way. */
async function overTls (t: Test, http2: boolean, ill: Server): Promise<Started> {
  const pair = selfSigned('well', 'IP:127.0.0.1', join(files, 'well.key'), join(files, 'well.pem'))
  const https = createTlsServer(pair, (_request, response) => response.end('ok'))
  t.teardown(() => {
    https.closeAllConnections()
    https.close()
    ill.close()
  })
  const gateway = await startDataPlane([route('svc', 'lb://svc', '/**', { metadata: { http2 } })],
    { upstreamTls: { insecure: true, handshakeTimeoutMs: 100 } })
  t.teardown(() => gateway.dataPlane.stop(0))
  await tell(gateway, 'svc', [await listening(https), await listening(ill)], true)
  return gateway
}

for (const http2 of [false, true]) {
  t.test(`a TLS handshake that fails, or does not end, is another instance's request, HTTP/${http2 ? 2 : 1}`, { skip }, async (t) => {
    const sockets: Array<{ destroy (): void }> = []
    const deaf = createServer((socket) => sockets.push(socket.on('error', () => {})))
    t.teardown(() => { for (const socket of sockets) socket.destroy() })
    const plain = createServer((socket) => socket.on('error', () => {}).end('no TLS here'))
    for (const ill of [plain, deaf]) {
      const gateway = await overTls(t, http2, ill)
      for (let nth = 0; nth < 6; nth++) t.equal(await answerTo(gateway.port, REQUESTS[1]!), 200)
    }
  })
}

t.test('a full pool is another instance\'s request', async (t) => {
  const other = await new RawUpstream().listen()
  t.teardown(() => other.close())
  const gateway = await startDataPlane([route('svc', 'lb://svc', '/**')], { upstream: { maxConnections: 1, maxPending: 0 } })
  t.teardown(() => gateway.dataPlane.stop(0))
  // The heavy one is picked again while it is busy.
  const weighed = [[raw, '1000'], [other, '1']] as const
  await gateway.dataPlane.ask('instances', {
    service: 'svc', instances: weighed.map(([{ port }, weight]) => instance(`svc-${port}`, port, { serviceId: 'svc', metadata: { weight } }))
  })
  for (const one of [raw, other]) one.onHead = () => {}
  const clients = [1, 2].map(() => new RawClient(gateway.port).send(REQUESTS[1]!))
  await until(() => raw.peers.length === 1 && other.peers.length === 1, 'both to be busy')
  t.equal(await answerTo(gateway.port, REQUESTS[1]!), 502, 'nobody has room')
  raw.peers[0]!.socket.write(OK)
  other.peers[0]!.socket.write(OK)
  for (const client of clients) {
    await client.answers()
    client.socket.destroy()
  }
})
