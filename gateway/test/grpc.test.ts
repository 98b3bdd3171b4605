/** gRPC by those who really use it: client and server of `@grpc/grpc-js` with the gateway between them. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http2'
import path from 'node:path'
import {
  Client, credentials, Metadata, ServerCredentials, status, type CallOptions, type ChannelCredentials,
  type ClientDuplexStream, type ClientUnaryCall, type ClientWritableStream, type MethodDefinition, type ServiceError,
  type StatusObject
} from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { GREETER, startGrpcInstance, type GrpcInstance } from './grpc-instance.ts'
import { gateway, plainNode, until, type Harness } from './harness.ts'
import { heldClock, RawClient, RawUpstream, route, startDataPlane, type HeldClock } from './raw.ts'
import { selfSigned, skip } from './self-signed.ts'

const bytes = (value: Buffer): Buffer => value
const text = (value: string): Buffer => Buffer.from(value)

interface Unary {
  readonly answer: Buffer | undefined
  readonly initial: Metadata | undefined
  readonly status: StatusObject
}

/** One unary call to its end; it never rejects. `started` gets the call, to cancel it. */
async function unary (client: Client, { path: target }: MethodDefinition<Buffer, Buffer>, message: Buffer,
  { metadata = new Metadata(), started, ...options }: CallOptions & UnaryOptions = {}): Promise<Unary> {
  let initial: Metadata | undefined
  let final: StatusObject | undefined
  const answer = await new Promise<Buffer | undefined>((resolve) => {
    const done = (_fault: ServiceError | null, value?: Buffer): void => resolve(value)
    const call = client.makeUnaryRequest(target, bytes, bytes, message, metadata, options, done)
    call.on('metadata', (fields: Metadata) => { initial = fields })
    call.on('status', (one: StatusObject) => { final = one })
    started?.(call)
  })
  await until('the status', () => final !== undefined)
  return { answer, initial, status: final! }
}

interface UnaryOptions {
  readonly metadata?: Metadata
  readonly started?: (call: ClientUnaryCall) => void
}

function connect (t: Test, port: number, trust: ChannelCredentials = credentials.createInsecure()): Client {
  // Node takes no address as the name to ask TLS for.
  const options = { 'grpc.enable_retries': 0, 'grpc.ssl_target_name_override': 'localhost' }
  const client = new Client(`127.0.0.1:${port}`, trust, options)
  t.teardown(() => client.close())
  return client
}

const portOf = ({ url }: Harness): number => Number(new URL(url).port)
const soon = (ms: number): Date => new Date(Date.now() + ms)

/** How a stream ends. */
function statusOf (call: ClientDuplexStream<Buffer, Buffer>): Promise<StatusObject> {
  call.on('error', () => {})
  return new Promise((resolve) => { call.on('status', resolve) })
}

/** Everything a client can do with an instance through the gateway. */
async function calls (t: Test, client: Client, instance: GrpcInstance): Promise<void> {
  await t.test('unary, with metadata both ways: text, several of a name, bytes, trailing', async (t) => {
    const metadata = new Metadata()
    metadata.set('x-text', 'a b')
    metadata.add('x-many', 'one')
    metadata.add('x-many', 'two')
    metadata.set('x-raw-bin', Buffer.from([0, 128, 255, 10]))
    const { answer, initial, status: end } = await unary(client, GREETER.echo, text('hello'), { metadata })
    t.equal(answer?.toString(), 'hello')
    t.same(initial?.get('x-text'), ['a b'])
    t.equal(initial?.get('x-many').join(', '), 'one, two')
    t.same(initial?.get('x-raw-bin'), [Buffer.from([0, 128, 255, 10])])
    t.equal(end.code, status.OK)
    t.same(end.metadata.get('x-end'), ['over'])
    t.same(end.metadata.get('x-end-bin'), [Buffer.from([255, 0, 1])])
  })

  await t.test('an empty message', async (t) => {
    const { answer, status: end } = await unary(client, GREETER.echo, text(''))
    t.equal(answer?.length, 0)
    t.equal(end.code, status.OK)
  })

  await t.test('an error: code, details and metadata, in an answer of trailers only', async (t) => {
    const { answer, status: end } = await unary(client, GREETER.fail, text('x'))
    t.equal(answer, undefined)
    t.match(end, { code: status.NOT_FOUND, details: 'nobody here: 100 % \u{1F600}' })
    t.same(end.metadata.get('x-why-bin'), [text('no such user')])
    const missing = { ...GREETER.echo, path: '/greet.Greeter/Missing' }
    t.equal((await unary(client, missing, text('x'))).status.code, status.UNIMPLEMENTED)
  })

  await t.test('a stream from the server', async (t) => {
    const call = client.makeServerStreamRequest(GREETER.count.path, bytes, bytes, Buffer.alloc(200))
    const seen: string[] = []
    for await (const message of call) seen.push(String(message))
    t.same(seen, Array.from({ length: 200 }, (_, n) => String(n + 1)))
  })

  await t.test('a stream from the client', async (t) => {
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      const call = client.makeClientStreamRequest(GREETER.sum.path, bytes, bytes,
        (fault: ServiceError | null, value?: Buffer) => fault === null ? resolve(value) : reject(fault))
      for (let n = 1; n <= 50; n++) call.write(text(String(n)))
      call.end()
    })
    t.equal(answer?.toString(), Array.from({ length: 50 }, (_, n) => String(n + 1)).join('+'))
  })

  await t.test('both at once: each message is answered before the next is sent, and before the client is done', async (t) => {
    const call = client.makeBidiStreamRequest(GREETER.chat.path, bytes, bytes)
    const ended = statusOf(call)
    for (const word of ['one', 'two', 'three']) {
      const reply = once(call, 'data') as Promise<[Buffer]>
      call.write(text(word))
      t.equal(String((await reply)[0]), `re: ${word}`)
    }
    call.end()
    t.equal((await ended).code, status.OK)
  })

  await t.test('a server that has enough ends a stream which its client goes on with', async (t) => {
    const call = client.makeBidiStreamRequest(GREETER.chat.path, bytes, bytes)
    const ended = statusOf(call)
    call.write(text('one'))
    await once(call, 'data')
    call.on('data', () => {})
    call.write(text('enough'))
    t.match(await ended, { code: status.RESOURCE_EXHAUSTED, details: 'enough' })
  })

  await t.test('3 MB both ways', async (t) => {
    const large = Buffer.alloc(3_000_000, 'abcdefghijk')
    const { answer, status: end } = await unary(client, GREETER.echo, large)
    t.equal(end.code, status.OK)
    t.ok(answer?.equals(large))
  })

  await t.test('a hundred calls at once on one channel', async (t) => {
    const ended = await Promise.all(Array.from({ length: 100 }, (_, n) => unary(client, GREETER.echo, text(`call ${n}`))))
    t.same(ended.map(({ answer }) => answer?.toString()), Array.from({ length: 100 }, (_, n) => `call ${n}`))
    t.ok(ended.every(({ status: { code } }) => code === status.OK))
  })

  await t.test('a deadline that passes, and a client that cancels: the server learns of both', async (t) => {
    let [hanging, late] = [0, 0]
    instance.events.on('hanging', () => hanging++).on('cancelled', () => late++)
    // On a busy machine it may pass before the call has reached the server.
    for (let ms = 200; hanging === 0; ms *= 2) {
      t.equal((await unary(client, GREETER.hang, text('x'), { deadline: soon(ms) })).status.code, status.DEADLINE_EXCEEDED)
    }
    await until('the server to learn of it', () => late === hanging)
    const cancelled = once(instance.events, 'cancelled')
    const started = (call: ClientUnaryCall): void => { instance.events.once('hanging', () => call.cancel()) }
    t.equal((await unary(client, GREETER.hang, text('x'), { started })).status.code, status.CANCELLED)
    await cancelled
  })
}

const routes = (uri: string, more = ''): string => `
spring.cloud.gateway.routes:
  - { id: greet, uri: "${uri}", predicates: [ Path=/greet.Greeter/** ], ${more} }
`

t.test('without TLS: prior knowledge on both sides', async (t) => {
  const instance = await startGrpcInstance()
  t.teardown(() => instance.stop())
  const running = await gateway(t, routes(`http://127.0.0.1:${instance.port}`, 'metadata: { http2: true }'))
  await calls(t, connect(t, portOf(running)), instance)

  await t.test('the server is told that the client reads trailers', async (t) => {
    const heads: IncomingHttpHeaders[] = []
    const look = (message: unknown): void => { heads.push((message as { headers: IncomingHttpHeaders }).headers) }
    subscribe('http2.server.stream.created', look)
    t.teardown(() => unsubscribe('http2.server.stream.created', look))
    await unary(connect(t, portOf(running)), GREETER.echo, text('x'))
    const head = heads.find((one) => one[':authority'] === `127.0.0.1:${instance.port}`)
    t.match(head, { te: 'trailers', 'content-type': /^application\/grpc/, 'user-agent': /^grpc-node-js/ })
  })
})

t.test('with TLS: ALPN on both sides', { skip }, async (t) => {
  const folder = t.testdir({})
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => path.join(folder, name)) as [string, string]
  const { key: private_key, cert: cert_chain } = selfSigned('localhost', 'DNS:localhost,IP:127.0.0.1', key, certificate)
  const pair = { private_key, cert_chain }
  const instance = await startGrpcInstance(ServerCredentials.createSsl(null, [pair]))
  t.teardown(() => instance.stop())
  const running = await gateway(t, `
server.ssl: { certificate: '${certificate}', certificate-private-key: '${key}' }
server.http2.enabled: true
spring.cloud.gateway.httpclient.ssl.trusted-x509-certificates: [ '${certificate}' ]
${routes(`https://127.0.0.1:${instance.port}`)}`)
  await calls(t, connect(t, portOf(running), credentials.createSsl(pair.cert_chain)), instance)
})

t.test('an instance that is killed in mid-call', async (t) => {
  const child = plainNode([path.join(import.meta.dirname, 'grpc-instance.ts')])
  t.teardown(() => child.kill('SIGKILL'))
  const [port] = await once(child, 'message') as [number]
  const client = connect(t, portOf(await gateway(t, routes(`http://127.0.0.1:${port}`, 'metadata: { http2: true }'))))
  const chat = client.makeBidiStreamRequest(GREETER.chat.path, bytes, bytes)
  const broken = statusOf(chat)
  chat.write(text('hello'))
  await once(chat, 'data')
  const hanging = once(child, 'message')
  const unanswered = unary(client, GREETER.hang, text('x'))
  await hanging
  child.kill('SIGKILL')
  t.equal((await unanswered).status.code, status.UNAVAILABLE, 'nothing was answered yet')
  t.equal((await broken).code, status.INTERNAL, 'a stream that had begun is reset')
  t.equal((await unary(client, GREETER.echo, text('x'))).status.code, status.UNAVAILABLE, 'nobody there')
})

t.test('an open breaker, a route that is not there, a gateway that gives up waiting', async (t) => {
  const instance = await startGrpcInstance()
  t.teardown(() => instance.stop())
  const running = await gateway(t, `
resilience4j.circuitbreaker.instances.greet: { slidingWindowSize: 2, minimumNumberOfCalls: 2, waitDurationInOpenState: 1h }
${routes(`http://127.0.0.1:${instance.port}`, 'metadata: { http2: true, response-timeout: 100 }, filters: [ CircuitBreaker=greet ]')}`)
  const client = connect(t, portOf(running))
  for (let n = 0; n < 2; n++) t.match((await unary(client, GREETER.hang, text('x'))).status, { code: status.UNAVAILABLE, details: /504/ })
  t.match((await unary(client, GREETER.echo, text('x'))).status, { code: status.UNAVAILABLE, details: /503/ })
  const elsewhere = { ...GREETER.echo, path: '/other.Service/Call' }
  t.equal((await unary(client, elsewhere, text('x'))).status.code, status.UNIMPLEMENTED)
})

t.test('a client that is silent between two messages for longer than a body may be', async (t) => {
  const instance = await startGrpcInstance()
  t.teardown(() => instance.stop())
  const mute = await new RawUpstream().listen()
  mute.onHead = () => {}
  t.teardown(() => mute.close())
  const serve = async (limits: object, clock?: HeldClock): Promise<number> => {
    const greet = route('greet', `http://127.0.0.1:${instance.port}`, '/greet.Greeter/**', { metadata: { http2: true } })
    const { dataPlane, port } = await startDataPlane([greet, route('mute', mute.url, '/mute')], { limits },
      clock === undefined ? {} : { clock })
    t.teardown(() => dataPlane.stop(0))
    return port
  }
  const sum = async (port: number): Promise<readonly [ClientWritableStream<Buffer>, Promise<string>]> => {
    const begun = once(instance.events, 'summing')
    let call: ClientWritableStream<Buffer>
    const ended = new Promise<string>((resolve) => {
      call = connect(t, port).makeClientStreamRequest(GREETER.sum.path, bytes, bytes,
        (fault: ServiceError | null, value?: Buffer) => resolve(fault?.message ?? String(value)))
    })
    call!.write(text('1'))
    await begun
    return [call!, ended]
  }
  const port = await serve({ bodyTimeoutMs: 50 })
  const [call, answer] = await sum(port)
  const body = new RawClient(port).send('POST /mute HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\na')
  t.match(await body.end(), /^HTTP\/1.1 408 /, 'a body that began later was given up')
  call.write(text('2'))
  call.end()
  t.equal(await answer, '1+2')

  const clock = heldClock()
  const [, silent] = await sum(await serve({ bodyTimeoutMs: 50, streamIdleTimeoutMs: 50 }, clock))
  await clock.pass(51)
  t.match(await silent, /408/, 'but not for ever')
})
