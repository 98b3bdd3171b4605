/**
 * Large bodies that take turns, by a seed that is printed: many connections both ways, slow and fast readers, aborts,
 * pipelining, connections used again, half-close, tunnels right behind a body. Every byte arrives and nothing hangs.
 */
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2, type ClientHttp2Session } from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { connect, createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import path from 'node:path'
import { pipeline } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { loadSettings } from '@breakwater/starter/settings'
import { readListenerTls } from '../settings/read-tls.ts'
import { pick, seeded, type Random } from './fuzzing/random.ts'
import { heldClock, named, route, standstill, startDataPlane, until, type Started } from './raw.ts'
import { selfSigned, skip } from './self-signed.ts'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const CONNECTIONS = 40
const STEPS = 6
const MAX_BODY_BYTES = 2 * 1024 * 1024
/** No step takes a second alone; on a busy machine many of them share two cores. */
const STEP_DEADLINE_MS = 120_000

/** Bodies are pieces of it: as they differ everywhere, so do their checksums when a byte is missing or moved. */
const ocean = Buffer.alloc(2 * MAX_BODY_BYTES)
const filling = seeded(4711)
for (let at = 0; at < ocean.length; at += 4) ocean.writeUInt32LE(Math.floor(filling() * 2 ** 32), at)

interface Body {
  readonly from: number
  readonly bytes: number
}

function body (random: Random): Body {
  // As many small ones as large ones, and sizes around what counts as a large read.
  const bytes = random() < 0.2 ? 16_300 + random() * 200 : 2 ** (random() * Math.log2(MAX_BODY_BYTES))
  return { from: Math.floor(random() * MAX_BODY_BYTES), bytes: Math.floor(bytes) }
}

const contentOf = ({ from, bytes }: Body): Buffer => ocean.subarray(from, from + bytes)
const sumOf = (bytes: Buffer): string => `${bytes.length} ${crc32(bytes)}`

function chunked (content: Buffer, size: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < content.length; at += size) {
    const piece = content.subarray(at, at + size)
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

/** An instance: `/down` sends a body, `/up` answers the checksum of one, `/echo` sends it back as it comes. */
async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://instance')
  const slow = searchParams.has('slow')
  if (pathname === '/echo') return void pipeline(request, response, () => {})
  if (pathname === '/up') {
    let sum = 0
    let bytes = 0
    for await (const chunk of request as AsyncIterable<Buffer>) {
      sum = crc32(chunk, sum)
      bytes += chunk.length
      if (slow) await sleep(1)
    }
    return void response.end(`${bytes} ${sum}`)
  }
  const content = contentOf({ from: Number(searchParams.get('from')), bytes: Number(searchParams.get('bytes')) })
  if (!searchParams.has('chunked')) response.setHeader('content-length', content.length)
  const size = slow ? 50_000 : content.length || 1
  for (let at = 0; at < content.length; at += size) {
    response.write(content.subarray(at, at + size))
    if (slow) await sleep(1)
  }
  response.end()
}

function serve (request: IncomingMessage, response: ServerResponse): void {
  answer(request, response).catch(() => response.destroy())
}

async function listen (t: Test, made: Pick<NetServer, 'listen' | 'address' | 'close'>): Promise<number> {
  await new Promise<void>((resolve) => { made.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => made.close())
  return (made.address() as AddressInfo).port
}

/** Patient as well: a POST on a connection that the instance closes in the same moment is a 502, and must be. */
function instance (server: Server): Server {
  server.keepAliveTimeout = 0
  return server.on('upgrade', (_request, socket: Socket, early: Buffer) => {
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n')
    socket.write(early)
    socket.pipe(socket)
  })
}

/** One client connection, read as far as somebody asks: who does not ask does not read. */
class Client {
  readonly socket: Socket
  private readonly chunks: AsyncIterator<Buffer>
  private rest: Buffer = Buffer.alloc(0)

  constructor (socket: Socket) {
    this.socket = socket.on('error', () => {})
    this.chunks = (socket as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  }

  private async more (): Promise<Buffer> {
    const next = await this.chunks.next()
    if (next.done === true) throw new Error('the connection ended')
    return next.value
  }

  private async upTo (delimiter: string): Promise<string> {
    let end = this.rest.indexOf(delimiter)
    for (; end < 0; end = this.rest.indexOf(delimiter)) this.rest = Buffer.concat([this.rest, await this.more()])
    const text = this.rest.toString('latin1', 0, end)
    this.rest = this.rest.subarray(end + delimiter.length)
    return text
  }

  async take (bytes: number, slow: boolean): Promise<Buffer> {
    const parts = [this.rest]
    let length = this.rest.length
    while (length < bytes) {
      if (slow) await sleep(1)
      const chunk = await this.more()
      parts.push(chunk)
      length += chunk.length
    }
    const all = Buffer.concat(parts)
    this.rest = all.subarray(bytes)
    return all.subarray(0, bytes)
  }

  async head (): Promise<string> {
    return await this.upTo('\r\n\r\n')
  }

  /** The whole next answer. */
  async answer (slow: boolean): Promise<{ readonly status: string, readonly content: Buffer, readonly last: boolean }> {
    const head = await this.head()
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
    const content = length === undefined ? await this.pieces(slow) : await this.take(Number(length), slow)
    return { status: head.slice(9, 12), content, last: /\r\nconnection: close/i.test(head) }
  }

  private async pieces (slow: boolean): Promise<Buffer> {
    const parts: Buffer[] = []
    for (;;) {
      const size = Number.parseInt(await this.upTo('\r\n'), 16)
      parts.push((await this.take(size + 2, slow)).subarray(0, size))
      if (size === 0) return Buffer.concat(parts)
    }
  }
}

interface Ask {
  readonly bytes: Buffer
  /** What comes back. */
  readonly expected: Buffer
  readonly what: string
}

function ask (random: Random, kind: 'down' | 'up' | 'echo'): Ask {
  const wanted = body(random)
  const content = contentOf(wanted)
  const slow = random() < 0.2 ? '&slow' : ''
  const inChunks = random() < 0.4
  const what = `${kind} of ${wanted.bytes}${inChunks ? ' in chunks' : ''}${slow}`
  if (kind === 'down') {
    const query = `from=${wanted.from}&bytes=${wanted.bytes}${slow}${inChunks ? '&chunked' : ''}`
    return { what, expected: content, bytes: Buffer.from(`GET /down?${query} HTTP/1.1\r\nHost: h\r\n\r\n`) }
  }
  const framing = inChunks ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`
  const head = Buffer.from(`POST /${kind}?${slow} HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n`)
  const sent = inChunks ? chunked(content, 1 + Math.floor(random() * 70_000)) : content
  return { what, expected: kind === 'echo' ? content : Buffer.from(sumOf(content)), bytes: Buffer.concat([head, sent]) }
}

const HANDSHAKE = Buffer.from('GET /tunnel HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n')

/** Connections of one road through the gateway, each with steps of its own. */
class Road {
  private readonly t: Test
  private readonly open: () => Socket
  private readonly upgrades: boolean
  readonly counts: Record<string, number> = {}

  constructor (t: Test, open: () => Socket, upgrades: boolean) {
    this.t = t
    this.open = open
    this.upgrades = upgrades
  }

  /** A client that goes through steps, with a new connection where the last one ended. */
  async client (nth: number): Promise<void> {
    const random = seeded(seed + nth)
    let client: Client | undefined = undefined
    for (let step = 0; step < STEPS; step++) {
      client ??= new Client(this.open())
      const kind = pick(random, ['one', 'one', 'pipeline', 'pipeline', 'abort', 'half-close', 'tunnel', 'echo'] as const)
      this.counts[kind] = (this.counts[kind] ?? 0) + 1
      const stays = await this.within(`client ${nth}, step ${step}, ${kind}`, this.step(kind, client, random))
      if (stays) continue
      client.socket.destroy()
      client = undefined
    }
    client?.socket.destroy()
  }

  private async within<T> (what: string, work: Promise<T>): Promise<T> {
    const late = new AbortController()
    const deadline = sleep(STEP_DEADLINE_MS, undefined, { signal: late.signal }).then(() => {
      throw new Error(`hangs, seed ${seed}: ${what}`)
    })
    deadline.catch(() => {})
    try {
      return await Promise.race([work, deadline])
    } catch (cause) {
      throw new Error(`seed ${seed}: ${what}`, { cause })
    } finally {
      late.abort()
    }
  }

  private async step (kind: string, client: Client, random: Random): Promise<boolean> {
    switch (kind) {
      case 'pipeline': return await this.asks(client, random, 2 + Math.floor(random() * 4))
      case 'abort': return await this.abort(client, random)
      case 'half-close': return await this.halfClose(client, random)
      case 'tunnel': return this.upgrades ? await this.tunnel(client, random) : true
      case 'echo': return await this.echo(client, random)
      default: return await this.asks(client, random, 1)
    }
  }

  /** All are sent before the first answer is read. */
  private async asks (client: Client, random: Random, count: number): Promise<boolean> {
    const all = Array.from({ length: count }, () => ask(random, pick(random, ['down', 'up'])))
    const slow = random() < 0.3
    client.socket.write(Buffer.concat(all.map(({ bytes }) => bytes)))
    let stays = true
    for (const [at, one] of all.entries()) {
      const { last } = await this.check(client, one, slow)
      if (last && at < all.length - 1) throw new Error('closed before the last answer')
      stays = !last
    }
    return stays
  }

  /** Closes its side behind the request. It is answered. */
  private async halfClose (client: Client, random: Random): Promise<boolean> {
    const one = ask(random, pick(random, ['down', 'up']))
    client.socket.end(one.bytes)
    await this.check(client, one, random() < 0.3)
    return false
  }

  private async check (client: Client, { expected, what }: Ask, slow: boolean): Promise<{ readonly last: boolean }> {
    const { status, content, last } = await client.answer(slow)
    if (status !== '200' || sumOf(content) !== sumOf(expected)) {
      throw new Error(`${what}: ${status} with ${sumOf(content)} instead of ${sumOf(expected)}`)
    }
    return { last }
  }

  private async echo (client: Client, random: Random): Promise<boolean> {
    const one = ask(random, 'echo')
    client.socket.write(one.bytes)
    return !(await this.check(client, one, random() < 0.3)).last
  }

  /** Leaves in the middle of a body, its own or the answer's. */
  private async abort (client: Client, random: Random): Promise<boolean> {
    const one = ask(random, pick(random, ['down', 'up', 'echo']))
    client.socket.write(one.bytes.subarray(0, Math.ceil(one.bytes.length * random())))
    if (random() < 0.5) await sleep(random() * 20)
    if (random() < 0.5 && !('encrypted' in client.socket)) client.socket.resetAndDestroy()
    return false
  }

  /** A body, the handshake right behind it, and what goes through the tunnel right behind that. */
  private async tunnel (client: Client, random: Random): Promise<boolean> {
    const before = ask(random, pick(random, ['down', 'up']))
    const through = contentOf(body(random))
    const slow = random() < 0.3
    const early = random() < 0.5
    client.socket.write(Buffer.concat([before.bytes, HANDSHAKE, early ? through : Buffer.alloc(0)]))
    await this.check(client, before, slow)
    const head = await client.head()
    if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`no tunnel: ${head}`)
    if (!early) client.socket.write(through)
    const back = await client.take(through.length, slow)
    if (sumOf(back) !== sumOf(through)) throw new Error(`tunnel: ${sumOf(back)} instead of ${sumOf(through)}`)
    return false
  }
}

type Overrides = Parameters<typeof startDataPlane>[1]

async function plane (t: Test, uri: string, overrides: Overrides = {}, http2 = false): Promise<Started> {
  const routes = [route('all', uri, '/**', { filters: [named('PreserveHostHeader')], metadata: { http2, websocket: true } })]
  // Whoever waits long does so for a busy machine, on which nothing that is looked at here may run out.
  const started = await startDataPlane(routes, { upstream: { maxConnections: 24, maxPending: 1_000 }, ...overrides },
    { clock: heldClock() })
  t.teardown(() => started.dataPlane.stop(0))
  return started
}

async function travel (t: Test, { dataPlane }: Started, open: () => Socket, upgrades = true): Promise<void> {
  const road = new Road(t, open, upgrades)
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, nth) => road.client(nth)))
  t.pass(`all of ${JSON.stringify(road.counts)}`)
  await until(async () => (await dataPlane.metrics()).gauges['breakwater_gateway_connections'] === 0, 'the last connection to go')
}

const folder = t.testdir({})
const file = (name: string): string => path.join(folder, name)
const pair = skip === false ? selfSigned('h', 'DNS:h,IP:127.0.0.1', file('key'), file('pem')) : undefined

t.setTimeout(600_000)
t.comment(`seed ${seed}`)

t.test('an upload in small pieces that had to wait for a connection goes on when it has one', async (t) => {
  const server = createHttp(serve)
  const port = await listen(t, server)
  const gateway = await plane(t, `http://127.0.0.1:${port}`, { upstream: { maxConnections: 1, maxPending: 10 } })
  const holder = new Client(connect(gateway.port, '127.0.0.1'))
  holder.socket.write('POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na')
  await holder.head()
  const content = contentOf({ from: 0, bytes: 300_000 })
  const waiting = new Client(connect(gateway.port, '127.0.0.1'))
  waiting.socket.write('POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n')
  waiting.socket.write(chunked(content, 4_000))
  // It has stopped taking bytes: what it holds is more than it may.
  await standstill(() => waiting.socket.bytesWritten)
  holder.socket.write('b')
  t.equal((await waiting.answer(false)).content.toString(), sumOf(content))
  for (const { socket } of [holder, waiting]) socket.destroy()
})

t.test('every byte arrives: no TLS anywhere', async (t) => {
  const port = await listen(t, instance(createHttp(serve)))
  const gateway = await plane(t, `http://127.0.0.1:${port}`)
  await travel(t, gateway, () => connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true }))
})

t.test('every byte arrives: instances with TLS', { skip }, async (t) => {
  const port = await listen(t, instance(createHttps(pair!, serve)))
  const gateway = await plane(t, `https://127.0.0.1:${port}`, { upstreamTls: { insecure: true } })
  await travel(t, gateway, () => connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true }))
})

t.test('every byte arrives: clients with TLS', { skip }, async (t) => {
  const port = await listen(t, instance(createHttp(serve)))
  const args = { 'server.ssl.certificate': file('pem'), 'server.ssl.certificate-private-key': file('key') }
  const settings = await loadSettings({ name: 'gateway', env: {}, args })
  t.teardown(() => settings.close())
  const gateway = await plane(t, `http://127.0.0.1:${port}`, { tls: readListenerTls(settings) })
  await travel(t, gateway, () => connectTls({ port: gateway.port, host: '127.0.0.1', rejectUnauthorized: false }))
})

/** Holds back what a client sends until it is more than a large read: preface, head and body arrive at once. */
async function gathering (t: Test, gatewayPort: number): Promise<ClientHttp2Session> {
  const port = await listen(t, createServer((near) => {
    const far = connect(gatewayPort, '127.0.0.1').on('error', () => {})
    far.pipe(near.on('error', () => {}))
    let held: Buffer[] | undefined = []
    near.on('data', (bytes: Buffer) => {
      if (held === undefined) return void far.write(bytes)
      held.push(bytes)
      if (Buffer.concat(held).length < 40_000) return
      far.write(Buffer.concat(held))
      held = undefined
    })
  }))
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  t.teardown(() => session.destroy())
  return session
}

t.test('every byte arrives: a client that speaks HTTP/2 and begins with a large body', async (t) => {
  const port = await listen(t, instance(createHttp(serve)))
  const gateway = await plane(t, `http://127.0.0.1:${port}`)
  const random = seeded(seed)
  for (let round = 0; round < 10; round++) {
    const session = await gathering(t, gateway.port)
    // More than what the first read takes: the session has to go on reading.
    const bytes = 100_000 + Math.floor(random() * 900_000)
    const sent = contentOf({ from: Math.floor(random() * MAX_BODY_BYTES), bytes })
    const stream = session.request({ ':method': 'POST', ':path': '/echo' })
    stream.end(sent)
    const parts: Buffer[] = []
    for await (const chunk of stream as AsyncIterable<Buffer>) parts.push(chunk)
    t.equal(sumOf(Buffer.concat(parts)), sumOf(sent))
  }
})

t.test('every byte arrives: instances that speak HTTP/2', async (t) => {
  const server = createHttp2(serve as unknown as Parameters<typeof createHttp2>[1])
  const sessions = new Set<{ destroy: () => void }>()
  server.on('session', (session) => sessions.add(session))
  const port = await listen(t, server as unknown as Server)
  t.teardown(() => { for (const session of sessions) session.destroy() })
  const gateway = await plane(t, `http://127.0.0.1:${port}`, {}, true)
  await travel(t, gateway, () => connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true }), false)
})
