/** Every phase in which an HTTP/2 client is waited for has an end that trickling does not move. */
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { FrameWatch } from '../http2/frame-watch.ts'
import { caughtUp, heldClock, RawUpstream, route, startDataPlane, until, type HeldClock } from './raw.ts'

const raw = await new RawUpstream().listen()
t.beforeEach(() => raw.reset())
t.teardown(async () => {
  raw.close()
  await collect()
})

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** What clients left behind is collected now, and not in whatever order at the end of the process. */
async function collect (): Promise<void> {
  for (let nth = 0; nth < 4; nth++) {
    gc()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const [DATA, HEADERS, SETTINGS, PING, CONTINUATION] = [0, 1, 4, 6, 9] as const
const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4] as const
/** GET http://h/ in the static table's words, and a field of a trailer. */
const GET = Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 0x68])
const POST = Buffer.from([0x83, 0x86, 0x84, 0x41, 1, 0x68])
const TRAILER = Buffer.from([0, 1, 0x78, 1, 0x79])

function frame (type: number, flags: number, stream: number, content: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(content.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, content])
}

const SETTLED = Buffer.concat([PREFACE, frame(SETTINGS, 0, 0), frame(SETTINGS, ACK, 0)])
const HALF = (whole: Buffer): Buffer => whole.subarray(0, -1)

/** What a client begins and does not end, behind a connection that is set up or not. */
const PHASES: Readonly<Record<string, Uint8Array>> = {
  'half a preface': PREFACE.subarray(0, 20),
  'no settings': PREFACE,
  'half its settings': Buffer.concat([PREFACE, HALF(frame(SETTINGS, 0, 0, Buffer.alloc(6)))]),
  'no answer to our settings': Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]),
  'half a frame\'s head': Buffer.concat([SETTLED, Buffer.alloc(5)]),
  'half a ping': Buffer.concat([SETTLED, HALF(frame(PING, 0, 0, Buffer.alloc(8)))]),
  'half a head': Buffer.concat([SETTLED, HALF(frame(HEADERS, END_HEADERS | END_STREAM, 1, GET))]),
  'a head that goes on': Buffer.concat([SETTLED, frame(HEADERS, END_STREAM, 1, GET)]),
  'a second head that goes on': Buffer.concat([SETTLED, frame(HEADERS, END_HEADERS | END_STREAM, 1, GET), frame(HEADERS, END_STREAM, 3, GET)]),
  'a head that goes on and on': Buffer.concat([SETTLED, frame(HEADERS, END_STREAM, 1, GET), frame(CONTINUATION, 0, 1, TRAILER)]),
  'trailers that go on': Buffer.concat([SETTLED, frame(HEADERS, END_HEADERS, 1, POST), frame(DATA, 0, 1, Buffer.from('x')),
    frame(HEADERS, END_STREAM, 1, TRAILER)]),
  'half a frame of an unknown kind': Buffer.concat([SETTLED, HALF(frame(99, 0, 0, Buffer.alloc(100)))])
}

class RawHttp2 {
  closed = false
  received = ''
  readonly socket: Socket

  constructor (port: number, bytes: Uint8Array) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (chunk) => { this.received += chunk.toString('latin1') })
    this.socket.on('error', () => {})
    this.socket.on('close', () => { this.closed = true })
    this.socket.write(bytes)
  }
}

async function start (t: Test): Promise<{ port: number, clock: HeldClock }> {
  const clock = heldClock()
  const { dataPlane, port } = await startDataPlane([route('all', raw.url, '/**')], {}, { clock })
  t.teardown(() => dataPlane.stop(0))
  return { port, clock }
}

t.test('what has begun ends within the time of a head, silent or trickled', async (t) => {
  const { port, clock } = await start(t)
  raw.onHead = () => {}
  const clients = Object.entries(PHASES).map(([phase, bytes]) => ({ phase, client: new RawHttp2(port, bytes) }))
  const well = new RawHttp2(port, SETTLED)
  await until(() => well.received.length > 20, 'the settings')
  await caughtUp(port)
  await clock.pass(9_000)
  for (const { phase, client } of clients) t.notOk(client.closed, `${phase}: there is time yet`)
  const trickling = clients.find(({ phase }) => phase === 'a head that goes on and on')!
  trickling.client.socket.write(frame(CONTINUATION, 0, 1, TRAILER))
  await caughtUp(port)
  await clock.pass(2_000)
  for (const { phase, client } of clients) await until(() => client.closed, `${phase} to be ended`)
  t.notOk(well.closed, 'who is waiting for nothing may be silent')
  await clock.pass(65_000)
  await until(() => well.closed, 'the idle one to be ended')
})

t.test('signs of life do not keep a connection that asks for nothing', async (t) => {
  const { port, clock } = await start(t)
  const client = new RawHttp2(port, SETTLED)
  await caughtUp(port)
  for (let nth = 0; nth < 4; nth++) {
    const before = client.received.length
    client.socket.write(frame(PING, 0, 0, Buffer.alloc(8)))
    await until(() => client.received.length > before, 'the answer to a ping')
    await clock.pass(20_000)
  }
  await until(() => client.closed, 'its end')
  t.pass()
})

t.test('a client that goes away, or closes its side, takes what was held for it along', async (t) => {
  const { port } = await start(t)
  for (const how of ['end', 'resetAndDestroy', 'destroy'] as const) {
    raw.reset()
    raw.onHead = () => {}
    const client = new RawHttp2(port, Buffer.concat([SETTLED, frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)]))
    await until(() => raw.peers[0]?.heads === 1, 'the request')
    client.socket[how]()
    await until(() => raw.peers[0]!.closed, `the instance to hear of ${how}`)
    t.pass(how)
  }
})

t.test('a client that goes away in the middle of its trailers ends no process', async (t) => {
  const { port } = await start(t)
  raw.onHead = () => {}
  for (let nth = 1; nth <= 20; nth++) {
    const client = new RawHttp2(port, PHASES['trailers that go on']!)
    await until(() => raw.peers.length === nth, 'the request')
    await new Promise((resolve) => setImmediate(resolve))
    client.socket.destroy()
    await until(() => raw.peers[nth - 1]!.closed, 'the instance to hear of it')
  }
  await collect()
  t.pass('nor does the collection of what it left')
})

t.test('a window that stays shut is not waited for', async (t) => {
  const { port, clock } = await start(t)
  raw.answerWith(`HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n${'x'.repeat(1_000_000)}`)
  const shut = Buffer.from([0, 4, 0, 0, 0, 0])
  const client = new RawHttp2(port, Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, shut), frame(SETTINGS, ACK, 0),
    frame(HEADERS, END_HEADERS | END_STREAM, 1, GET)]))
  await until(() => raw.peers[0]?.heads === 1, 'the request')
  await until(() => client.received.length > 60, 'the head of the answer')
  await caughtUp(port)
  await clock.pass(1_000)
  await clock.pass(61_000)
  await until(() => raw.peers[0]!.closed, 'the instance to be let go')
  t.pass()
})

t.test('frames are watched wherever the bytes are cut, and slow bodies have a body\'s time', (t) => {
  const limits = { headerTimeoutMs: 10_000, bodyTimeoutMs: 30_000, minBodyBytesPerSecond: 100 }
  const whole = Buffer.concat([SETTLED, frame(HEADERS, 0, 1, GET), frame(CONTINUATION, END_HEADERS, 1),
    frame(DATA, 1, 1, Buffer.alloc(1_000))])
  for (let size = 1; size < 40; size++) {
    const watch = new FrameWatch(limits, 1)
    for (let at = 0; at < whole.length; at += size) watch.take(whole.subarray(at, at + size), 1)
    t.notOk(watch.late(1_000_000), `in pieces of ${size}`)
  }
  const watch = new FrameWatch(limits, 1)
  watch.take(Buffer.concat([SETTLED, HALF(frame(DATA, 0, 1, Buffer.alloc(1_000)))]), 1)
  t.notOk(watch.late(39_000), '1000 bytes at 100 a second, and a pause')
  t.ok(watch.late(41_000))
  t.end()
})
