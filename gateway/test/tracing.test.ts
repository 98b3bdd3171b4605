/** The gateway's spans, as a real collector receives them, and what the services are told of the trace. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { deadPort } from '../../starter/test/ports.ts'
import { gateway, upstream } from './harness.ts'
import { until } from './raw.ts'

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status?: { readonly code: number, readonly message: string }
  readonly attributes: readonly Attribute[]
}

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, string | number>>
}

interface Export {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: readonly Span[] }>
  }>
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'

async function collector (t: Test): Promise<{ url: string, spans: Span[], bodies: Export[] }> {
  const spans: Span[] = []
  const bodies: Export[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part: Buffer) => { text += part.toString() })
    request.on('end', () => {
      const body = JSON.parse(text) as Export
      bodies.push(body)
      spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(scope => scope.spans)))
      response.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, bodies }
}

const ROUTES = `
spring.cloud.gateway.routes:
  - { id: users, uri: "lb://users", predicates: [ "Path=/users/**" ], filters: [ "Retry=2" ] }
  - { id: traced, uri: "lb://users", predicates: [ "Path=/traced/**", "Header=traceparent" ] }
`

async function traced (t: Test, env: Record<string, string>, ports?: number[]) {
  const heard: IncomingHttpHeaders[] = []
  const users = await upstream(t, (request, response) => {
    heard.push(request.headers)
    response.statusCode = request.url === '/users/broken' ? 500 : 200
    response.end()
  })
  const there = await collector(t)
  const running = await gateway(t, ROUTES, { users: ports ?? [users.port] }, {
    OTEL_EXPORTER_OTLP_ENDPOINT: there.url, OTEL_BSP_SCHEDULE_DELAY: '5', OTEL_TRACES_SAMPLER: 'parentbased_always_on', ...env
  })
  return { ...there, ...running, heard, port: users.port, discovery: running.discovery }
}

function values ({ attributes }: { readonly attributes: readonly Attribute[] }): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}

/** Trace, parent and flag that a service was sent. */
function sent (headers: IncomingHttpHeaders | undefined): string[] {
  return String(headers?.traceparent).split('-').slice(1)
}

t.test('a request that begins a trace: a server span with route, status and instance, the parent of what follows', async t => {
  const { url, spans, bodies, heard, port } = await traced(t, {})
  const beforeMs = Date.now()
  await fetch(`${url}/users/7?token=secret`)
  const span = await until(() => spans[0], 'the span')
  t.match(span, { name: 'GET users', kind: 2, traceId: /^[0-9a-f]{32}$/, spanId: /^[0-9a-f]{16}$/ })
  t.equal(span.parentSpanId, undefined)
  t.equal(span.status, undefined)
  t.same(values(span), {
    'http.request.method': 'GET', 'url.path': '/users/7', 'url.scheme': 'http', 'client.address': '127.0.0.1',
    'http.response.status_code': '200', 'spring.cloud.gateway.route.id': 'users', 'breakwater.upstream.instance': `127.0.0.1:${port}`
  })
  t.same(sent(heard[0]), [span.traceId, span.spanId, '01'])
  t.equal(heard[0]?.['x-request-id'], span.traceId, 'the log finds it under the same id')
  const [startMs, endMs] = [Number(span.startTimeUnixNano) / 1e6, Number(span.endTimeUnixNano) / 1e6]
  t.ok(startMs >= beforeMs - 100 && startMs <= endMs && endMs <= Date.now() + 100, 'on the wall clock')
  t.match(values(bodies[0]?.resourceSpans[0]?.resource ?? { attributes: [] }), { 'service.name': 'gateway' })
})

t.test('a caller\'s sampled trace goes on under the gateway\'s span; its state and the rest of the head stay', async t => {
  const { url, spans, heard } = await traced(t, { OTEL_TRACES_SAMPLER: 'parentbased_always_off' })
  await fetch(`${url}/users/7`, { headers: { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'v=1', 'x-own': 'kept' } })
  const span = await until(() => spans[0], 'the span')
  t.match(span, { traceId: TRACE, parentSpanId: CALLER })
  t.same(sent(heard[0]), [TRACE, span.spanId, '01'])
  t.match(heard[0], { tracestate: 'v=1', 'x-own': 'kept', 'x-request-id': TRACE })
  await fetch(`${url}/traced/7`, { headers: { traceparent: `00-${TRACE}-${CALLER}-01` } })
  t.match(await until(() => spans[1], 'the next span'), { name: 'GET traced' }, 'routes still see the field')
})

t.test('what is not sampled gives no span, and the services are told so', async t => {
  const { url, spans, heard } = await traced(t, {})
  await fetch(`${url}/users/1`, { headers: { traceparent: `00-${TRACE}-${CALLER}-00` } })
  t.same(sent(heard[0]), [TRACE, CALLER, '00'], 'the caller stays the parent')
  const off = await traced(t, { OTEL_TRACES_SAMPLER: 'always_off' })
  await fetch(`${off.url}/users/1`)
  t.match(sent(off.heard[0]), [/^[0-9a-f]{32}$/, /^[0-9a-f]{16}$/, '00'])
  await fetch(`${off.url}/users/1`, { headers: { traceparent: 'nonsense' } })
  t.match(sent(off.heard[1]), [/^[0-9a-f]{32}$/, /^[0-9a-f]{16}$/, '00'])
  // A sampled one behind them: had the others been recorded, they would be here first.
  await fetch(`${url}/users/last`)
  const span = await until(() => spans[0], 'the span')
  t.match(values(span), { 'url.path': '/users/last' })
  t.equal(off.spans.length, 0)
})

t.test('retries, failures and what no route takes are in the span', async t => {
  const dead = await deadPort()
  const { url, spans, heard, port, discovery } = await traced(t, {}, [dead])
  discovery.set('users', [dead, port])
  for (let call = 0; call < 20 && !spans.some(span => 'http.request.resend_count' in values(span)); call++) {
    await fetch(`${url}/users/${call}`)
    await until(() => spans.length > call, 'the span')
  }
  const retried = spans.find(span => 'http.request.resend_count' in values(span))
  t.match(values(retried ?? { attributes: [] }), { 'http.request.resend_count': '1', 'breakwater.upstream.instance': `127.0.0.1:${port}` })
  t.same(sent(heard.at(-1)).slice(0, 2), [spans.at(-1)?.traceId, spans.at(-1)?.spanId])
  spans.length = 0
  await fetch(`${url}/users/broken`, { method: 'POST' })
  await fetch(`${url}/nowhere`)
  await until(() => spans.length === 2, 'two spans')
  t.match(spans[0], { name: 'POST users', status: { code: 2, message: '500' } })
  t.match(spans[1], { name: 'GET' })
  t.match(values(spans[1] ?? { attributes: [] }), { 'http.response.status_code': '404', 'spring.cloud.gateway.route.id': undefined })
})

t.test('each event loop sends its own, and what is left when it stops', async t => {
  const running = await traced(t, { BREAKWATER_GATEWAY_WORKERS: '2', OTEL_BSP_SCHEDULE_DELAY: '60000' })
  const { url, spans } = running
  await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/users/1`, { headers: { connection: 'close' } })))
  t.equal(spans.length, 0, 'they wait for their batch')
  await running.stop()
  t.equal(spans.length, 20)
})

t.test('a collector that is down costs spans, counted and said once, and no request', async t => {
  const { url, management, log } = await traced(t, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await deadPort()}` })
  const statuses = new Set<number>()
  for (let call = 0; call < 10; call++) statuses.add((await fetch(`${url}/users/1`)).status)
  t.same(statuses, new Set([200]))
  const lost = async () => /^breakwater_spans_dropped_total (\d+)$/m.exec(await (await fetch(`${management}/actuator/prometheus`)).text())?.[1]
  await until(async () => await lost() === '10', 'all ten to be lost')
  t.equal(log.filter(line => line.includes('the trace collector takes no spans')).length, 1)
})

t.test('without a collector nothing is counted, and an address that is none stops the start', async t => {
  const { management } = await gateway(t, ROUTES)
  t.notMatch(await (await fetch(`${management}/actuator/prometheus`)).text(), 'spans_dropped')
  await t.rejects(gateway(t, ROUTES, {}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }), { code: 'E_TRACE_URL' })
})
