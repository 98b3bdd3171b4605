/** One order as a tracing tool sees it: every span of every service, sent to a collector, forms one tree. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { t } from 'tap'
import { createRandom } from '@breakwater/messaging/testing'
import { until } from '../../messaging/test/until.ts'
import { Platform } from '../platform/platform.ts'

interface WireSpan {
  traceId: string, spanId: string, parentSpanId?: string, name: string, kind: number, service: string
}
interface Export {
  resourceSpans: Array<{
    resource: { attributes: Array<{ key: string, value: { stringValue?: string } }> }
    scopeSpans: Array<{ spans: Array<Omit<WireSpan, 'service'>> }>
  }>
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const [SERVER, PRODUCER, CONSUMER] = [2, 4, 5]

t.test('a whole order is one trace: request, messages out, messages in, through four services', async t => {
  const spans: WireSpan[] = []
  const collector = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', chunk => { text += String(chunk) }).on('end', () => {
      spans.push(...spansOf(JSON.parse(text) as Export).filter(span => span.traceId === TRACE))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>(resolve => { collector.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => collector.close())
  // With the deadlines of production: a command that is sent again would be a branch of its own.
  const platform = new Platform(t.testdir(), createRandom(1), { measured: true })
  t.teardown(() => platform.stop())
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: '100' })
  t.teardown(() => {
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT
    delete process.env.OTEL_BSP_SCHEDULE_DELAY
  })
  await platform.start()

  const ask = async (service: string, method: string, path: string, body: object, more = {}) => {
    const response = await fetch(platform.url(service) + path, { method, body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'idempotency-key': path, ...more } })
    return await response.json() as Record<string, string>
  }
  const { userId } = await ask('users-1', 'POST', '/users', { email: 'trace@example.com', name: 'T' })
  await ask('inventory', 'PUT', '/inventory/apple', { add: 5 })
  await ask('payments', 'POST', `/accounts/${userId}/deposits`, { amount: 100, currency: 'EUR' })
  const { orderId } = await ask('orders', 'POST', '/orders',
    { userId, currency: 'EUR', lines: [{ sku: 'apple', qty: 1, unitPrice: 10 }] },
    { traceparent: `00-${TRACE}-b7ad6b7169203331-01` })

  await until(() => spans.some(span => span.name === 'process orders.OrderConfirmed.v1'), `${orderId} to be confirmed`)
  // Exporters send in their own time; what the confirmation hangs from, and other readers, may still be on their way.
  const count = (kind: number) => spans.filter(span => span.kind === kind).length
  await until(() => count(PRODUCER) === count(CONSUMER) && spans.every(({ kind, parentSpanId }) =>
    kind === SERVER || spans.some(other => other.spanId === parentSpanId)), 'the trace to be whole')

  const byId = new Map(spans.map(span => [span.spanId, span]))
  const roadOf = (span: WireSpan | undefined): string[] =>
    span === undefined ? [] : [...roadOf(byId.get(span.parentSpanId ?? '')), `${span.service} ${span.name}`]
  t.same(roadOf(spans.find(span => span.name === 'process orders.OrderConfirmed.v1')), [
    'orders POST /orders', 'orders send inventory.ReserveStock.v1', 'inventory process inventory.ReserveStock.v1',
    'inventory send inventory.StockReserved.v1', 'orders process inventory.StockReserved.v1',
    'orders send payments.CapturePayment.v1', 'payments process payments.CapturePayment.v1',
    'payments send payments.PaymentCaptured.v1', 'orders process payments.PaymentCaptured.v1',
    'orders send inventory.CommitStock.v1', 'inventory process inventory.CommitStock.v1',
    'inventory send inventory.StockCommitted.v1', 'orders process inventory.StockCommitted.v1',
    'orders send orders.OrderConfirmed.v1', 'order-history process orders.OrderConfirmed.v1'
  ])
  t.equal(spans.find(span => span.kind === SERVER)?.parentSpanId, 'b7ad6b7169203331')
})

function spansOf (sent: Export): WireSpan[] {
  return sent.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(one => one.key === 'service.name')?.value.stringValue ?? ''
    return scopeSpans.flatMap(scope => scope.spans.map(span => ({ ...span, service })))
  })
}
