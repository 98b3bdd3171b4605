/** The WebSocket leg: tunnelled after the upstream agreed, and open to nothing but WebSocket handshakes. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { caughtUp, heldClock, named, RawClient, RawUpstream, route, startDataPlane, statusOf, until } from './raw.ts'

const raw = await new RawUpstream().listen()
const http: Server = createServer((_request, response) => response.writeHead(403).end('no'))
const echo = new WebSocketServer({ server: http, path: '/chat' })
echo.on('connection', (socket, request) => {
  socket.send(`hello ${request.url} ${String(request.headers['x-forwarded-for'])} ${request.headers.host}`)
  socket.on('message', (data, binary) => socket.send(data, { binary }))
})
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
const port = (http.address() as AddressInfo).port

const gateway = await startDataPlane([
  route('ws', `ws://127.0.0.1:${port}`, '/ws/**', { filters: [named('StripPrefix', { parts: '1' })] }),
  route('raw', raw.url, '/raw/**', { metadata: { websocket: 'true' } }),
  route('plain', raw.url, '/plain/**'),
  route('dead', 'ws://127.0.0.1:1', '/dead')
])
t.beforeEach(() => raw.reset())
t.teardown(async () => {
  await gateway.dataPlane.stop(0)
  for (const socket of echo.clients) socket.terminate()
  http.close()
  raw.close()
})

const HANDSHAKE = 'Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n'
const AGREED = `${SWITCHING}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`

t.test('A WebSocket goes through routes and filters, messages of any size both ways, and is closed by either side', async (t) => {
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws/chat`)
  const messages: string[] = []
  socket.on('message', (data) => messages.push((data as Buffer).toString()))
  await until(() => messages[0], 'the greeting')
  t.equal(messages[0], `hello /chat 127.0.0.1 127.0.0.1:${port}`)
  const large = 'x'.repeat(1_000_000)
  socket.send(large)
  await until(() => messages[1], 'the echo')
  t.equal(messages[1], large)
  socket.close(1000)
  await until(() => socket.readyState === WebSocket.CLOSED, 'the close')
  await until(() => echo.clients.size === 0, 'the upstream to notice')
  const metrics = await gateway.dataPlane.metrics()
  t.ok(metrics.requests.some((cell) => cell.routeId === 'ws' && cell.status === 101))
})

t.test('101 comes only after the upstream agreed; its refusal is passed on', async (t) => {
  raw.onHead = () => {}
  const client = new RawClient(gateway.port).send(`GET /raw/x HTTP/1.1\r\n${HANDSHAKE}\r\n`)
  await until(() => raw.received.includes('\r\n\r\n'), 'the handshake upstream')
  t.equal(client.received, '', 'not a byte before the upstream spoke')
  raw.peers[0]!.socket.write(AGREED)
  await client.until((received) => received.startsWith('HTTP/1.1 101'))
  client.send('early and late')
  await until(() => raw.received.endsWith('early and late'), 'the bytes')
  client.socket.destroy()
  await until(() => raw.peers[0]!.closed, 'the upstream side to end')
  const refused = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws/other`)
  const status = await new Promise<number | undefined>((resolve) => {
    refused.on('unexpected-response', (_request, response) => resolve(response.statusCode))
    refused.on('error', () => {})
  })
  t.equal(status, 400, 'what the upstream answered to a path that has no WebSocket')
})

t.test('Frames sent together with the handshake arrive', async (t) => {
  raw.answerWith(AGREED)
  new RawClient(gateway.port).send(`GET /raw/x HTTP/1.1\r\n${HANDSHAKE}\r\nearly`)
  await until(() => raw.received.endsWith('early'), 'the early bytes')
  t.pass()
})

t.test('An upstream that is not there is 502', async (t) => {
  const client = new RawClient(gateway.port).send(`GET /dead HTTP/1.1\r\n${HANDSHAKE}\r\n`)
  t.equal(statusOf((await client.answers())[0]!), 502)
  client.socket.destroy()
})

t.test('CVE-2026-29057: nothing but a WebSocket handshake ever reaches http-proxy', async (t) => {
  const head = 'Host: h\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const others = [
    `DELETE /raw/x HTTP/1.1\r\n${head}Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    `OPTIONS /raw/x HTTP/1.1\r\n${head}Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    `POST /raw/x HTTP/1.1\r\n${head}Upgrade: websocket\r\nContent-Length: 2\r\n\r\nhi`,
    `GET /raw/x HTTP/1.1\r\n${head}Upgrade: websocket\r\nContent-Length: 2\r\n\r\nhi`,
    `GET /raw/x HTTP/1.1\r\n${head}Upgrade: h2c\r\n\r\n`,
    `GET /raw/x HTTP/1.1\r\n${head}Upgrade: websocket, h2c\r\n\r\n`,
    'GET /raw/x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n',
    'GET /raw/x HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n',
    'GET /raw/x HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'
  ]
  for (const request of others) {
    raw.reset()
    const client = new RawClient(gateway.port).send(request)
    t.equal(statusOf((await client.answers())[0]!), 200, request.slice(0, 60))
    t.notMatch(raw.received, /upgrade/i, 'went as a plain request, without its Upgrade')
    client.socket.destroy()
  }
})

t.test('An instance that never answers the handshake is 504', async (t) => {
  const impatient = await startDataPlane([route('raw', raw.url, '/raw', { metadata: { websocket: 'true', 'connect-timeout': 60 } })])
  t.teardown(() => impatient.dataPlane.stop(0))
  raw.onHead = () => {}
  const client = new RawClient(impatient.port).send(`GET /raw HTTP/1.1\r\n${HANDSHAKE}\r\n`)
  t.equal(statusOf((await client.answers())[0]!), 504)
  client.socket.destroy()
  await until(() => raw.peers[0]?.closed, 'the handshake to be given up')
})

t.test('An end in the middle of a frame, or a reset, ends the other side too, whichever side it was', async (t) => {
  const frame = '\x82\x7e\xff\xff partial'
  const ways = [['client', 'end'], ['client', 'resetAndDestroy'], ['upstream', 'end'], ['upstream', 'resetAndDestroy']] as const
  for (const [side, how] of ways) {
    raw.reset()
    raw.answerWith(AGREED)
    const client = new RawClient(gateway.port, false).send(`GET /raw/x HTTP/1.1\r\n${HANDSHAKE}\r\n`)
    await client.until((received) => received.endsWith('\r\n\r\n'))
    const peer = raw.peers[0]!
    if (side === 'client') {
      client.send(frame)
      await until(() => peer.received.endsWith(frame), 'the part of a frame')
      client.socket[how]()
      await until(() => peer.closed, `the upstream side to end after ${how}`)
    } else {
      peer.socket.write(frame, 'latin1')
      await client.until((received) => received.endsWith(frame))
      peer.socket[how]()
      await until(() => client.closed, `the client side to end after ${how}`)
    }
    t.pass(`${side} ${how}`)
  }
})

t.test('A tunnel may be silent for longer than any time limit of requests', async (t) => {
  const clock = heldClock()
  const metadata = { websocket: 'true', 'response-timeout': 100, 'total-timeout': 200 }
  const impatient = await startDataPlane([route('raw', raw.url, '/raw', { metadata })],
    { limits: { keepAliveTimeoutMs: 50, bodyTimeoutMs: 50, streamIdleTimeoutMs: 50, writeTimeoutMs: 50 } }, { clock })
  t.teardown(() => impatient.dataPlane.stop(0))
  raw.answerWith(AGREED)
  const client = new RawClient(impatient.port).send(`GET /raw HTTP/1.1\r\n${HANDSHAKE}\r\n`)
  await client.until((received) => received.endsWith('\r\n\r\n'))
  await caughtUp(impatient.port)
  await clock.pass(3_600_000)
  raw.peers[0]!.socket.write('late')
  await client.until((received) => received.endsWith('late'))
  t.notOk(client.closed)
  client.socket.destroy()
})
