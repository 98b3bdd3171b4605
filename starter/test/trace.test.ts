import fc from 'fast-check'
import t from 'tap'
import { createLogger } from '../logger.ts'
import { service } from '../service.ts'
import { runInContext } from '../trace/context.ts'
import type { RequestContext } from '../trace/context.ts'
import { createSpanExporter } from '../trace/create-exporter.ts'
import { SpanExporter } from '../trace/exporter.ts'
import { EXPORTER_DEFAULTS } from '../trace/exporter-options.ts'
import { isSampled, readSampling } from '../trace/sampling.ts'
import { createIdSource } from '../trace/random-ids.ts'
import { readRequestContext } from '../trace/request-trace.ts'
import type { Span } from '../trace/spans.ts'
import { formatTraceParent, parseTraceParent } from '../trace/traceparent.ts'
import { httpDouble, memoryLog, settingsOf, until } from './support.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

t.test('traceparent: what W3C accepts and what it does not', t => {
  t.same(parseTraceParent(`00-${TRACE}-${SPAN}-01`), { traceId: TRACE, parentId: SPAN, sampled: true })
  t.equal(parseTraceParent(`00-${TRACE}-${SPAN}-02`)?.sampled, false)
  t.ok(parseTraceParent(`cc-${TRACE}-${SPAN}-01-what-comes-later`), 'a later version may say more')
  for (const bad of [undefined, '', 'x', `ff-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01-more`, `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`, `00-${TRACE}-${'0'.repeat(16)}-01`, `00-${TRACE}-${SPAN}-1`, `00-${TRACE}-${SPAN}`, 'a'.repeat(10_000)]) {
    t.equal(parseTraceParent(bad), undefined, String(bad).slice(0, 60))
  }
  fc.assert(fc.property(fc.string(), text => { parseTraceParent(text) }))
  const form = /^(?!ff)(?:00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}|(?!00)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[^\n]*)?)$/
  const good = `00-${TRACE}-${SPAN}-01`
  fc.assert(fc.property(fc.nat(60), fc.constantFrom('0', 'f', 'g', 'A', '-', '', '-x', '/', ':', '`'), fc.nat(2), (at, put, taken) => {
    const text = good.slice(0, at) + put + good.slice(at + taken)
    t.equal(parseTraceParent(text) !== undefined, form.test(text), text)
  }), { numRuns: 500 })
  const ids = createIdSource()
  fc.assert(fc.property(fc.boolean(), sampled => {
    const [traceId, parentId] = [ids.traceId(), ids.spanId()]
    t.same(parseTraceParent(formatTraceParent(traceId, parentId, sampled)), { traceId, parentId, sampled })
  }))
  t.end()
})

t.test('ids: from the pool, refilled, never all zero', t => {
  const ids = createIdSource()
  const seen = new Set(Array.from({ length: 2_000 }, () => ids.traceId()))
  t.equal(seen.size, 2_000)
  t.match(ids.spanId(), /^[0-9a-f]{16}$/)
  const broken = createIdSource(pool => pool.fill(0))
  t.equal(broken.traceId(), `${'0'.repeat(31)}1`)
  t.end()
})

t.test('what a request brings along: sampling follows the caller, state only with its trace, deadline in bounds', t => {
  const source = { ids: createIdSource(), sampling: { ratio: 1, parentBased: true } }
  const read = (headers: Record<string, string>): RequestContext => readRequestContext(headers, source, 1_000)
  t.match(read({ traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: 'a=1' }), { traceId: TRACE, parentId: SPAN, sampled: false, traceState: 'a=1' })
  t.match(read({ tracestate: 'a=1' }), { sampled: true, traceState: undefined, parentId: undefined })
  t.equal(read({ 'x-request-deadline-ms': '250' }).deadlineMs, 1_250)
  for (const bad of ['-1', '1e9', '99999999', 'soon', '']) t.equal(read({ 'x-request-deadline-ms': bad }).deadlineMs, Infinity)
  const fresh = read({})
  t.equal(fresh.requestId, fresh.traceId, 'one id to look for when the caller gave none')
  t.end()
})

t.test('the log: context in every line, secrets masked, no line forged by a newline', t => {
  const lines: string[] = []
  const log = createLogger({ name: 'x', level: 'trace', destination: { write: line => { lines.push(line) } } })
  runInContext(readRequestContext({}, { ids: createIdSource(), sampling: { ratio: 0, parentBased: true } }, 0), () => log.info('in'))
  log.info({ password: 'geheim', headers: { authorization: 'geheim', cookie: 'geheim' }, user: { token: 'geheim' } }, 'a\n{"level":"fatal"}')
  t.match(JSON.parse(lines[0] ?? ''), { level: 'info', service: 'x', msg: 'in', requestId: /./, traceId: /./, spanId: /./ })
  t.notMatch(lines[1], /geheim/)
  t.equal(lines[1]?.split('\n').length, 2, 'one line, one event')
  t.end()
})

function span (name: string): Span {
  return { traceId: TRACE, spanId: SPAN, parentId: undefined, name, kind: 'server', startMs: 1_700_000_000_000.25, endMs: 1_700_000_000_001, attributes: { n: 1, f: 0.5, b: true, s: 'x' }, error: undefined }
}

interface Collected { resourceSpans: Array<{ scopeSpans: Array<{ spans: Array<Record<string, unknown>> }> }> }

t.test('spans reach a collector as OTLP JSON, with the headers it wants', async t => {
  const bodies: Collected[] = []
  const seen: Array<Record<string, unknown>> = []
  const collector = await httpDouble((request, response, body) => {
    seen.push({ url: request.url, key: request.headers['api-key'], type: request.headers['content-type'] })
    bodies.push(JSON.parse(body) as Collected)
    response.end('{}')
  })
  t.teardown(() => collector.close())
  const settings = await settingsOf({ 'otel.exporter.otlp.endpoint': `${collector.url}/`, 'otel.exporter.otlp.headers': 'Api-Key=a%20b==,bad', 'otel.bsp.schedule.delay': '5' })
  const exporter = await createSpanExporter(settings, memoryLog().log)
  exporter?.record(span('one'))
  await until('the export', () => bodies.length > 0)
  t.same(seen[0], { url: '/v1/traces', key: 'a b==', type: 'application/json' })
  t.match(bodies[0]?.resourceSpans[0], { resource: { attributes: [{ key: 'service.name', value: { stringValue: 'test' } }] } })
  t.match(bodies[0]?.resourceSpans[0]?.scopeSpans[0]?.spans, [{
    traceId: TRACE, spanId: SPAN, name: 'one', kind: 2, startTimeUnixNano: '1700000000000250000', endTimeUnixNano: '1700000000001000000',
    attributes: [{ key: 'n', value: { intValue: '1' } }, { key: 'f', value: { doubleValue: 0.5 } }, { key: 'b', value: { boolValue: true } }, { key: 's', value: { stringValue: 'x' } }]
  }])
  exporter?.record({ ...span('last'), error: '500' })
  await exporter?.stop()
  t.match(bodies.at(-1)?.resourceSpans[0]?.scopeSpans[0]?.spans, [{ name: 'last', status: { code: 2, message: '500' } }], 'what is left goes out at the end')
  t.equal(await createSpanExporter(await settingsOf(), memoryLog().log), undefined, 'nobody listens: nothing is built')
  const wrong = await settingsOf({ 'otel.exporter.otlp.endpoint': 'collector:4318' })
  await t.rejects(createSpanExporter(wrong, memoryLog().log), { code: 'E_TRACE_URL' })
})

t.test('a collector that is down or says no: spans are lost and counted, the queue is bounded, requests go on', async t => {
  let status = 503
  let calls = 0
  const collector = await httpDouble((_request, response) => { calls++; response.writeHead(status).end() })
  t.teardown(() => collector.close())
  const { log, lines } = memoryLog()
  const exporter = new SpanExporter({ ...EXPORTER_DEFAULTS, service: 'x', url: collector.url, headers: {}, maxQueue: 10, maxBatch: 10, intervalMs: 5 }, (fields, text) => log.warn(fields, text))
  t.teardown(() => exporter.stop())
  for (let at = 0; at < 25; at++) exporter.record(span('x'))
  t.equal(exporter.dropped, 15)
  t.match(exporter.render(), /^breakwater_spans_dropped_total 15$/m)
  await until('three tries', () => exporter.dropped === 25)
  t.equal(calls, 3)
  status = 400
  exporter.record(span('refused'))
  await until('refused', () => exporter.dropped === 26)
  t.equal(calls, 4, 'a refusal for good is not repeated')
  t.equal(lines.length, 1, 'said once')
})

t.test('OpenTelemetry\'s variables say which traces are recorded, else Spring\'s probability', async t => {
  const of = async (values: Record<string, string>) => {
    const settings = await settingsOf(values)
    const warnings: string[] = []
    settings.on('warning', text => warnings.push(text))
    return { ...readSampling(settings), warnings }
  }
  t.match(await of({}), { ratio: 0.1, parentBased: true })
  t.match(await of({ 'management.tracing.sampling.probability': '0.5' }), { ratio: 0.5, parentBased: true })
  t.match(await of({ 'otel.traces.sampler': 'always_on' }), { ratio: 1, parentBased: false })
  t.match(await of({ 'otel.traces.sampler': 'parentbased_always_off' }), { ratio: 0, parentBased: true })
  const ratio = await of({ 'otel.traces.sampler': 'ParentBased_TraceIdRatio', 'otel.traces.sampler.arg': '0.25' })
  t.same(ratio, { ratio: 0.25, parentBased: true, warnings: [] })
  t.match(await of({ 'otel.traces.sampler': 'xray' }), { ratio: 0.1, warnings: [/"xray".*traceidratio/] })

  const low = `${'f'.repeat(18)}20000000000000`
  const high = `${'0'.repeat(18)}c0000000000000`
  t.equal(isSampled(ratio, low, undefined), true, 'the last 56 bits decide')
  t.equal(isSampled(ratio, high, undefined), false)
  t.equal(isSampled(ratio, high, true), true, 'the caller decided')
  t.equal(isSampled({ ratio: 0.25, parentBased: false }, high, true), false, 'the caller is not asked')
  t.equal(isSampled({ ratio: 1, parentBased: true }, 'f'.repeat(32), undefined), true)
  t.equal(isSampled({ ratio: 0, parentBased: true }, '0'.repeat(31) + '1', undefined), false)
})

t.test('one trace from service to service: server and client spans hang together', async t => {
  const spans: Array<Record<string, unknown>> = []
  const collector = await httpDouble((_request, response, body) => {
    const { resourceSpans } = JSON.parse(body) as Collected
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(scope => scope.spans)))
    response.end()
  })
  t.teardown(() => collector.close())
  const common = { 'server.port': '0', 'breakwater.discovery.client': 'fixed', 'breakwater.shutdown.drain': '0', 'otel.exporter.otlp.endpoint': collector.url, 'management.tracing.sampling.probability': '1' }
  const users = await service({ name: 'users', settings: await settingsOf(common), log: memoryLog().log })
  users.get('/users/:id', async () => ({ id: 1 }))
  const { url } = await users.start()
  const settings = await settingsOf({ ...common, 'spring.cloud.discovery.client.simple.instances.users[0].uri': url })
  const orders = await service({ name: 'orders', settings, log: memoryLog().log })
  orders.get('/orders', async () => (await orders.client('users').get('/users/1')).json())
  const started = await orders.start()
  await fetch(`${started.url}/orders`)
  await orders.stop()
  await users.stop()
  await until('three spans', () => spans.length === 3)
  const named = (name: string): Record<string, unknown> | undefined => spans.find(one => one['name'] === name)
  t.equal(new Set(spans.map(one => one['traceId'])).size, 1)
  t.equal(named('GET users')?.['parentSpanId'], named('GET /orders')?.['spanId'])
  t.equal(named('GET /users/:id')?.['parentSpanId'], named('GET users')?.['spanId'])
})
