/** Active health checks ask in the version of HTTP that calls are made in, with the TLS that calls are made with. */
import { createServer, type RequestListener } from 'node:http'
import {
  createSecureServer as createHttp2s, createServer as createHttp2, type Http2Server, type ServerHttp2Stream
} from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { Server as GrpcServer, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import type { RoutingOptions } from '../options.ts'
import type { ClusterReport } from '../routes/reports.ts'
import { BALANCER_DEFAULTS } from '../upstream/picking.ts'
import { instance } from './exchange.ts'
import { method, startGrpcInstance } from './grpc-instance.ts'
import { until } from './harness.ts'
import { route, startDataPlane, type Started } from './raw.ts'
import { selfSigned, skip } from './self-signed.ts'

interface Checked {
  readonly server: Server | Http2Server
  /** Answers with this. */
  status: number
  readonly asked: string[]
}

/** Serves with `make`, in whatever version; `asked` collects. */
function http1 (make: (listener: RequestListener) => Server): Checked {
  const server = make((request, response) => {
    self.asked.push(`${request.httpVersion} ${request.method} ${request.url}`)
    response.writeHead(self.status).end('{}')
  })
  const self: Checked = { server, status: 200, asked: [] }
  return self
}

function http2 (server: Http2Server): Checked {
  const self: Checked = { server, status: 200, asked: [] }
  server.on('sessionError', () => {})
  server.on('stream', (stream: ServerHttp2Stream, fields) => {
    self.asked.push(`2.0 ${fields[':method']} ${fields[':path']}`)
    stream.on('error', () => {})
    stream.respond({ ':status': self.status })
    stream.end('{}')
  })
  return self
}

async function listen (t: Test, server: Server | Http2Server): Promise<number> {
  const sockets = new Set<Socket>()
  const tcp = server as Server
  tcp.on('connection', (socket) => { sockets.add(socket.on('error', () => {})) })
  await new Promise<void>((resolve) => { tcp.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    tcp.close()
  })
  return (tcp.address() as AddressInfo).port
}

function checkedAt (health: string): Partial<RoutingOptions> {
  const balancer = { ...BALANCER_DEFAULTS, healthCheck: { path: health, intervalMs: 30 } }
  return { balancers: { default: balancer, instances: {} } }
}

type Overrides = Parameters<typeof startDataPlane>[1]

/** A gateway that checks `users`, whose route may say that they speak HTTP/2. */
async function checking (t: Test, port: number, more: Parameters<typeof instance>[2], metadata: object,
  overrides: Overrides = {}, health = '/health'): Promise<Started> {
  const started = await startDataPlane([], overrides)
  t.teardown(() => started.dataPlane.stop(0))
  await started.apply([route('r', 'lb://users', '/**', { metadata: { ...metadata } })], checkedAt(health))
  await started.dataPlane.ask('instances', { service: 'users', instances: [instance('a', port, more)] })
  return started
}

async function ejection ({ dataPlane }: Started): Promise<string | undefined> {
  const [clusters] = await dataPlane.ask('clusters') as [ClusterReport[]]
  return clusters.find(({ name }) => name === 'users')?.instances[0]?.ejection
}

/** Well at first, then ill, then well again: as the instance says. */
async function follows (t: Test, started: Started, checked: Checked, line: string): Promise<void> {
  await until('it to be well', async () => checked.asked.length >= 2 && await ejection(started) === undefined)
  checked.status = 503
  await until('it to be left out', async () => await ejection(started) === 'health-check')
  checked.status = 204
  await until('it to be back', async () => await ejection(started) === undefined)
  t.same([...new Set(checked.asked)], [line])
}

t.test('without TLS: HTTP/1.1, or HTTP/2 where the route or the instance says so', async (t) => {
  const cases = [
    ['1.1', http1(createServer), {}, {}],
    ['2.0', http2(createHttp2()), {}, { http2: true }],
    ['2.0', http2(createHttp2()), { metadata: { http2: 'true' } }, {}],
    ['1.1', http1(createServer), { metadata: { http2: 'true' } }, { http2: false }]
  ] as const
  for (const [version, checked, more, metadata] of cases) {
    const started = await checking(t, await listen(t, checked.server), more, metadata)
    await follows(t, started, checked, `${version} GET /health`)
  }
})

t.test('with TLS: what is negotiated, against the authorities that calls are checked against', { skip }, async (t) => {
  const folder = t.testdir({})
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => path.join(folder, name)) as [string, string]
  const pair = selfSigned('localhost', 'IP:127.0.0.1', key, certificate)
  const trusting = { upstreamTls: { trustedCertificates: [pair.cert.toString()] } }
  const cases = [
    ['1.1', http1((listener) => createHttps(pair, listener)), {}],
    ['1.1', http1((listener) => createHttps(pair, listener)), { http2: true }],
    ['2.0', http2(createHttp2s(pair)), { http2: true }]
  ] as const
  for (const [version, checked, metadata] of cases) {
    const port = await listen(t, checked.server)
    await follows(t, await checking(t, port, { secure: true }, metadata, trusting), checked, `${version} GET /health`)
    const untrusting = await checking(t, port, { secure: true }, metadata)
    await until('the refusal', async () => await ejection(untrusting) === 'health-check')
  }
  const offered = http2(createHttp2s(pair))
  const port = await listen(t, offered.server)
  const started = await checking(t, port, { secure: true }, {}, { ...trusting, upstream: { http2: true } })
  await follows(t, started, offered, '2.0 GET /health')
})

t.test('nobody there, no answer, another protocol, a connection that ends: not well', async (t) => {
  const silent = createTcp(() => {})
  const rude = createTcp((socket) => socket.end('go away\r\n\r\n'))
  const one = http1(createServer)
  for (const metadata of [{}, { http2: true }]) {
    for (const server of [silent, rude]) {
      const port = server.listening ? (server.address() as AddressInfo).port : await listen(t, server)
      const started = await checking(t, port, {}, metadata)
      await until('it to be left out', async () => await ejection(started) === 'health-check')
    }
  }
  const started = await checking(t, await listen(t, one.server), {}, { http2: true })
  await until('it to be left out', async () => await ejection(started) === 'health-check')
  t.same(one.asked, [], 'HTTP/1.1 where HTTP/2 is said')
})

t.test('a route that changes its mind is followed', async (t) => {
  const checked = http2(createHttp2())
  const started = await checking(t, await listen(t, checked.server), {}, {})
  await until('it to be left out', async () => await ejection(started) === 'health-check')
  await started.apply([route('r', 'lb://users', '/**', { metadata: { http2: true } })], checkedAt('/health'))
  await until('it to be back', async () => await ejection(started) === undefined)
  t.match(checked.asked[0], /^2.0/)
})

t.test("gRPC's own health service, of a server that knows nothing else", async (t) => {
  const path = '/grpc.health.v1.Health/Check'
  let status = Buffer.from([8, 1])
  let asked = 0
  const server = new GrpcServer()
  const check: handleUnaryCall<Buffer, Buffer> = ({ request }, done) => {
    asked += request.length === 0 ? 1 : Number.NaN
    done(null, status)
  }
  server.addService({ check: method(path) }, { check })
  t.teardown(() => server.forceShutdown())
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (fault, bound) => fault === null ? resolve(bound) : reject(fault))
  })
  const started = await checking(t, port, {}, { http2: true }, {}, path)
  await until('serving', async () => asked >= 2 && await ejection(started) === undefined)
  status = Buffer.from([8, 2])
  await until('not serving', async () => await ejection(started) === 'health-check')
  status = Buffer.from([8, 1])
  await until('serving again', async () => await ejection(started) === undefined)
  const without = await startGrpcInstance()
  t.teardown(() => without.stop())
  const other = await checking(t, without.port, {}, { http2: true }, {}, path)
  await until('a server without that service', async () => await ejection(other) === 'health-check')
})
