/**
 * HTTP/2 clients and instances that do anything at any time, by a seed that is printed: nothing may end the process,
 * and when all have gone nothing may be left under way.
 */
import { connect, createServer, type ClientHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { seeded } from './fuzzing/random.ts'
import { named, RawUpstream, route, startDataPlane, type UpstreamPeer } from './raw.ts'

const SECONDS = 3
/** A busy machine may need longer for so many. */
const MIN_REQUESTS = 150
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const random = seeded(seed)
const often = (share: number): boolean => random() < share

/** An instance that speaks HTTP/2: answers, or resets, closes, breaks off. */
function answer (stream: ServerHttp2Stream): void {
  stream.on('error', () => {})
  if (often(0.1)) return stream.close(Math.floor(random() * 14))
  if (often(0.05)) return void stream.destroy(new Error('broken'))
  if (often(0.05)) return stream.session?.destroy()
  if (often(0.05)) stream.session?.close()
  // Answered whole while the request still comes: Node aborted where the rest of it was then cancelled at once.
  if (often(0.1)) return stream.respond({ ':status': 200, 'grpc-status': '8' }, { endStream: true })
  if (often(0.3)) stream.additionalHeaders({ ':status': 103, link: '</a>' })
  stream.respond({ ':status': 200, ...(often(0.3) ? { 'content-type': 'application/grpc' } : {}) }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  if (often(0.5)) {
    stream.on('data', (chunk: Buffer) => { if (!stream.destroyed && !stream.writableEnded) stream.write(chunk) })
    stream.on('end', () => stream.end())
  } else {
    stream.write(Buffer.alloc(random() * 200_000))
    if (often(0.8)) stream.end()
    else setTimeout(() => stream.destroy(), random() * 20)
  }
}

/** One that speaks HTTP/1.1, no better. */
function answer1 ({ socket }: UpstreamPeer): void {
  if (often(0.1)) return void socket.destroy()
  if (often(0.1)) return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
  if (often(0.2)) socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
  if (often(0.3)) socket.write('HTTP/1.1 200 OK\r\nETag: a\r\nETag: b\r\nContent-Length: 2\r\n\r\nok')
  else if (often(0.5)) socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n${'x'.repeat(100_000)}\r\n0\r\nX: y\r\nX: z\r\n\r\n`)
  else socket.write('HTTP/1.1 204 No Content\r\n\r\n')
}

/** One request that may be broken off anywhere; resolves when its stream is gone. */
async function request (session: ClientHttp2Session): Promise<void> {
  const body = often(0.5)
  const stream = session.request({
    ':path': often(0.5) ? '/one/x' : '/two/x', ':method': body ? 'POST' : often(0.1) ? 'HEAD' : 'GET',
    ...(often(0.2) ? { expect: '100-continue' } : {})
  }, { endStream: !body, waitForTrailers: body && often(0.5) })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': ['a', 'b'] }))
  stream.on('error', () => {})
  if (often(0.8)) stream.resume()
  else setTimeout(() => stream.resume(), random() * 30)
  for (let n = body ? random() * 5 : 0; n > 0; n--) stream.write(Buffer.alloc(random() * 50_000))
  if (body && often(0.9)) stream.end()
  if (often(0.2)) setTimeout(() => stream.close(Math.floor(random() * 10)), random() * 10)
  const timer = setTimeout(() => stream.destroy(), 1_000)
  await new Promise((resolve) => stream.on('close', resolve))
  clearTimeout(timer)
}

t.test(`anything at any time, seed ${seed}`, async (t) => {
  const two = createServer()
  two.on('stream', answer)
  two.on('sessionError', () => {})
  await new Promise<void>((resolve) => { two.listen(0, '127.0.0.1', resolve) })
  const one = await new RawUpstream().listen()
  one.onHead = answer1
  const metadata = { 'response-timeout': 300 }
  // A client that has gone may leave a session whose socket takes nothing more: then these are what ends its streams.
  const limits = { keepAliveTimeoutMs: 1_000, writeTimeoutMs: 1_000, bodyTimeoutMs: 1_000, streamIdleTimeoutMs: 2_000 }
  const gateway = await startDataPlane([
    route('one', one.url, '/one/**', { metadata }),
    route('two', `http://127.0.0.1:${(two.address() as AddressInfo).port}`, '/two/**',
      { metadata: { ...metadata, http2: true }, filters: [named('Retry', { retries: '1' })] })
  ], { limits })
  t.teardown(async () => {
    await gateway.dataPlane.stop(0)
    one.close()
    two.close()
  })
  const end = performance.now() + SECONDS * 1_000
  let count = 0
  const client = async (): Promise<void> => {
    let session = connect(gateway.url)
    session.on('error', () => {})
    for (; performance.now() < end || count < MIN_REQUESTS; count++) {
      if (session.destroyed || session.closed || often(0.01)) {
        session.destroy()
        session = connect(gateway.url)
        session.on('error', () => {})
      }
      await request(session)
    }
    session.destroy()
  }
  await Promise.all(Array.from({ length: 8 }, client))
  let left: unknown
  const nothing = async (): Promise<boolean> => {
    const { gauges } = await gateway.dataPlane.metrics()
    const reports = (await gateway.dataPlane.ask('clusters')).flat() as Array<{ instances: Array<{ active: number }> }>
    left = [gauges['breakwater_gateway_connections'], reports.flatMap(({ instances }) => instances.map(({ active }) => active))]
    return JSON.stringify(left) === '[0,[0,0]]'
  }
  for (let n = 0; n < 300 && !await nothing(); n++) await new Promise((resolve) => setTimeout(resolve, 100))
  t.ok(await nothing(), `left under way: ${JSON.stringify(left)}`)
})
