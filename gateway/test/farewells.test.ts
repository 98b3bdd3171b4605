/** Whoever stays long hears early, in its own protocol, that the gateway goes away; then nothing holds its process. */
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { FrameReader, goingAway } from '../http1/web-socket-frames.ts'
import { ask } from './http2-client.ts'
import { heldClock, RawClient, RawUpstream, route, startDataPlane, until } from './raw.ts'

const raw = await new RawUpstream().listen()
t.beforeEach(() => raw.reset())
t.teardown(() => raw.close())

/** Longer than anybody waits here: who needs it has not been told. */
const DRAIN_MS = 80_000
const SOON_MS = 40_000

const HANDSHAKE = 'Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const AGREED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
const TO_CLIENT = goingAway(false).toString('latin1')
const TO_INSTANCE = goingAway(true).toString('latin1')

async function tunnel (drains = DRAIN_MS) {
  const gateway = await startDataPlane([route('raw', raw.url, '/**', { metadata: { websocket: true } })])
  raw.answerWith(AGREED)
  const client = new RawClient(gateway.port, false).send(`GET /x HTTP/1.1\r\n${HANDSHAKE}\r\n`)
  await client.until((received) => received.includes('\r\n\r\n'))
  const began = performance.now()
  const stop = async (): Promise<number> => {
    await gateway.dataPlane.stop(drains)
    return performance.now() - began
  }
  const bytes = (): string => client.received.slice(client.received.indexOf('\r\n\r\n') + 4)
  const sent = (): string => raw.received.slice(raw.received.indexOf('\r\n\r\n') + 4)
  return { gateway, client, peer: raw.peers[0]!, stop, bytes, sent }
}

t.test('a WebSocket in a drain: both sides hear 1001, and the drain is over when they have closed', async (t) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  const codes: Record<string, number> = {}
  server.on('connection', (socket) => {
    socket.on('close', (code) => { codes['instance'] = code })
    socket.send('hello')
  })
  const gateway = await startDataPlane([route('ws', `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, '/**')])
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/x`)
  socket.on('close', (code) => { codes['client'] = code })
  await new Promise((resolve) => socket.once('message', resolve))
  const began = performance.now()
  await gateway.dataPlane.stop(DRAIN_MS)
  t.ok(performance.now() - began < SOON_MS, 'long before the drain is cut')
  await until(() => codes['client'] !== undefined && codes['instance'] !== undefined, 'both to close')
  t.same(codes, { client: 1001, instance: 1001 })
})

t.test('a Close is said between two frames, and nothing of its sender follows it', async (t) => {
  const { client, peer, stop, bytes, sent } = await tunnel()
  const frame = '\x82\x7e\x01\x00'
  const content = 'x'.repeat(256)
  peer.socket.write(`${frame}${content.slice(0, 100)}`, 'latin1')
  client.send('\x82\x85abcd12')
  await until(() => bytes().length === 104 && sent().length === 8, 'half a frame on each side')
  const stopped = stop()
  peer.socket.write(`${content.slice(100)}\x81\x03t`, 'latin1')
  client.send('345\x81\x80abcd')
  await until(() => bytes().endsWith(TO_CLIENT) && sent().endsWith(TO_INSTANCE), 'both to hear it')
  t.equal(bytes(), `${frame}${content}${TO_CLIENT}`)
  t.equal(sent(), `\x82\x85abcd12345${TO_INSTANCE}`)
  peer.socket.write('oo')
  await new Promise((resolve) => setTimeout(resolve, 50))
  client.send('\x88\x82\0\0\0\0\x03\xe9')
  await until(() => client.closed, 'the client that has answered to be let go')
  t.equal(bytes(), `${frame}${content}${TO_CLIENT}`, 'nor the rest of a frame that began behind it')
  t.ok(await stopped < SOON_MS)
})

t.test('who has said Close already is told nothing; who never answers is not waited for', async (t) => {
  const { client, peer, stop, bytes, sent } = await tunnel()
  peer.socket.write('\x88\x02\x03\xe8', 'latin1')
  client.send('\x81\x80abcd')
  await until(() => bytes().length === 4 && sent().length === 6, 'what they say')
  t.ok(await stop() < SOON_MS)
  t.equal(bytes(), '\x88\x02\x03\xe8', 'one Close is enough')
  await until(() => client.closed && peer.closed, 'both ends')
})

t.test('an event stream ends early in a drain when it has lasted, and its instance hears it', async (t) => {
  const clock = heldClock()
  const { dataPlane, port } = await startDataPlane([route('all', raw.url, '/**')], {}, { clock })
  raw.answerWith('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n')
  const client = new RawClient(port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until((received) => received.endsWith('data: 1\n\n\r\n'))
  const began = performance.now()
  const stopped = dataPlane.stop(DRAIN_MS)
  await clock.pass(DRAIN_MS / 2 - 1_000)
  t.notOk(client.received.endsWith('0\r\n\r\n'), 'a young one may be about to end')
  raw.peers[0]!.socket.write('9\r\ndata: 2\n\n\r\n')
  await client.until((received) => received.endsWith('data: 2\n\n\r\n'))
  await clock.pass(2_000)
  await client.until((received) => received.endsWith('\r\n0\r\n\r\n'))
  await until(() => raw.peers[0]!.closed, 'the instance to hear of it')
  await stopped
  t.ok(performance.now() - began < SOON_MS)
})

t.test('another answer that takes long is waited for', async (t) => {
  const clock = heldClock()
  const { dataPlane, port } = await startDataPlane([route('all', raw.url, '/**')], {}, { clock })
  raw.answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
  const client = new RawClient(port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until((received) => received.endsWith('a\r\n'))
  const stopped = dataPlane.stop(DRAIN_MS)
  await clock.pass(DRAIN_MS - 1_000)
  raw.peers[0]!.socket.write('1\r\nb\r\n0\r\n\r\n')
  await client.until((received) => received.endsWith('b\r\n0\r\n\r\n'))
  // Such a connection is given a second for one request more.
  await clock.pass(2_000)
  await stopped
  t.pass()
})

t.test('a gRPC stream that has lasted hears UNAVAILABLE', async (t) => {
  const clock = heldClock()
  const { dataPlane, url } = await startDataPlane([route('all', raw.url, '/**')], {}, { clock })
  raw.answerWith('HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\0\0\0\0\0\r\n')
  const session = connectHttp2(url)
  t.teardown(() => session.destroy())
  const call = { ':path': '/x', ':method': 'POST', 'content-type': 'application/grpc', 'content-length': '1', te: 'trailers' }
  const stream = ask(session, call, 'q')
  await until(() => raw.peers[0]?.heads === 1, 'the call')
  await new Promise((resolve) => session.ping(resolve))
  const stopped = dataPlane.stop(DRAIN_MS)
  await clock.pass(DRAIN_MS / 2 + 1_000)
  t.match(await stream, { status: 200, trailers: { 'grpc-status': '14' }, rstCode: 0 })
  await until(() => raw.peers[0]!.closed, 'the instance to hear of it')
  await stopped
})

t.test('frames are told apart wherever the bytes are cut', (t) => {
  const lengths = fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536)
  const some = fc.array(fc.record({ close: fc.boolean(), masked: fc.boolean(), length: lengths }), { maxLength: 4 })
  const places = fc.array(fc.integer({ min: 1, max: 40_000 }), { maxLength: 30 })
  fc.assert(fc.property(some, places, (frames, cuts) => {
    const written = frames.map(write)
    const all = Buffer.concat(written)
    const reader = new FrameReader()
    const ends: number[] = []
    const pieces = cut(all, cuts)
    let before = 0
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        at = reader.next(piece, at)
        if (reader.between) ends.push(before + at)
      }
      before += piece.length
    }
    let sum = 0
    t.strictSame(ends, written.map(({ length }) => { sum += length; return sum }))
    return reader.closed === frames.some(({ close }) => close)
  }), { numRuns: 50 })
  t.end()
})

function write ({ close, masked, length }: { close: boolean, masked: boolean, length: number }): Buffer {
  const short = length < 126 ? length : length < 65_536 ? 126 : 127
  const head = [close ? 0x88 : 0x82, short | (masked ? 0x80 : 0)]
  const long = Buffer.alloc(short === 126 ? 2 : short === 127 ? 8 : 0)
  if (short === 126) long.writeUInt16BE(length)
  if (short === 127) long.writeBigUInt64BE(BigInt(length))
  // Bytes that would be a Close if somebody took them for a head.
  return Buffer.concat([Buffer.from(head), long, Buffer.alloc(masked ? 4 : 0), Buffer.alloc(length, 0x88)])
}

function cut (all: Buffer, cuts: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (const length of [...cuts, all.length]) {
    if (at >= all.length) break
    pieces.push(all.subarray(at, at + length))
    at += length
  }
  return pieces
}
