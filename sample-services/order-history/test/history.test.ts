/** Lists by instants, pages, conditions of a read; on each store, over a feed of orders that the test writes. */
import pg from 'pg'
import { t, type Test } from 'tap'
import { httpDouble, until } from '../../../starter/test/support.ts'
import { noPostgres, startPostgres } from '../../../messaging/test/servers.ts'
import { startAlone } from '../../test/doors.ts'
import { startOrderHistory } from '../order-history.ts'

interface Event { stream: string, version: number, type: string, at: number, pos: number, data: object }

const ANN = '01a210cb-5f0d-7dad-80e3-ae92ef314987'
const idOf = (n: number): string => `01a210cb-5f0d-7dad-80e3-${String(n).padStart(12, '0')}`

/** What orders would tell: orders placed at these moments. */
function placed (times: readonly string[]): Event[] {
  return times.map((time, n) => ({ stream: idOf(n), version: 1, type: 'orders.OrderPlaced.v1', at: Date.parse(time), pos: n + 1,
    data: { orderId: idOf(n), userId: ANN, currency: 'EUR', total: 1, lines: [{ sku: '😀', qty: 1, unitPrice: 1 }] } }))
}

async function history (t: Test, events: Event[], values: Record<string, string> = {}) {
  const orders = await httpDouble((request, response) => {
    const after = Number(new URL(request.url!, 'http://x').searchParams.get('after') ?? 0)
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ items: events.filter(event => event.pos > after) }))
  })
  const url = await startAlone(t, startOrderHistory, { 'breakwater.order-history.streams-url': orders.url,
    'breakwater.order-history.follow': '20ms', ...values })
  t.teardown(() => orders.close())
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, { headers })
    const text = await response.text()
    return { status: response.status, etag: response.headers.get('etag'), body: text === '' ? {} : JSON.parse(text) as Record<string, unknown> }
  }
  const list = async (query: string) => {
    const { status, body } = await get(`/order-history?${query}`)
    t.equal(status, 200, query)
    const items = body.items as Array<{ orderId: string }>
    return { numbers: items.map(({ orderId }) => Number(orderId.slice(-12))), next: body.nextCursor as string | null }
  }
  await until('all are in', async () => (await list('limit=100')).numbers.length === events.length)
  return { get, list }
}

async function byInstants (t: Test, values: Record<string, string>): Promise<void> {
  const { get, list } = await history(t, placed(['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z', '2026-01-01T11:59:59.999Z',
    '2026-01-01T12:00:00.000Z', '2026-12-31T23:59:59.999Z']), values)
  const expected: Array<[string, number[]]> = [
    ['from=2026-01-01T12:00:00Z', [4, 3]], ['to=2026-01-01T12:00:00Z', [2, 1, 0]],
    ['from=2026-01-01T14:00:00%2B02:00', [4, 3]], ['from=2026-01-01T14:00:00+02:00', [4, 3]], ['to=2026-01-01T07:00:00-05:00', [2, 1, 0]],
    ['from=2026-01-01t00:00:00.0001z', [4, 3, 2, 1]], ['to=2026-01-01T00:00:00.0001Z', [0]], ['from=2026-01-01T00:00:00.0010000Z', [4, 3, 2, 1]],
    ['from=2026-01-01T12:00:00Z&to=2026-01-01T12:00:00.000000001Z', [3]], ['from=2026-01-01T12:00:00Z&to=2026-01-01T12:00:00Z', []],
    ['from=2026-12-31T23:59:60Z', []], ['to=2026-12-31T23:59:60Z', [4, 3, 2, 1, 0]],
    ['from=0000-01-01T00:00:00%2B23:59', [4, 3, 2, 1, 0]], ['to=9999-12-31T23:59:59.9999-23:59', [4, 3, 2, 1, 0]], ['from=9999-12-31T23:59:59Z', []]
  ]
  for (const [query, numbers] of expected) t.same((await list(query)).numbers, numbers, query)
  for (const query of ['from=2026-01-01', 'to=2026-02-30T00:00:00Z', 'from=now', 'from=']) {
    t.match(await get(`/order-history?${query}`), { status: 400, body: { code: 'INSTANT', detail: new RegExp(`^${query.split('=')[0]}`) } }, query)
  }
}

async function pages (t: Test, values: Record<string, string>): Promise<void> {
  // Three in one millisecond: their ids decide.
  const { get, list } = await history(t, placed(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z']), values)
  const seen: number[] = []
  let cursor: string | null = ''
  for (let page = 0; cursor !== null; page++) {
    const { numbers, next } = await list(`userId=${ANN}&limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...numbers)
    cursor = next
    t.ok(page < 5)
  }
  t.same(seen, [3, 2, 1, 0])
  const made = (text: string) => Buffer.from(text).toString('base64url')
  for (const wrong of ['', 'x', made(''), made(`2026-01-01T00:00:00.000Z ${idOf(1)} more`), made(`2026-01-01T00:00:00.000Z\0 ${idOf(1)}`),
    made(`2026-01-01T00:00:00.000Z a\0b`), made(`yesterday ${idOf(1)}`), made(`2026-01-01T00:00:00+02:00 ${idOf(1)}`), '%ED%A0%80']) {
    t.match(await get(`/order-history?cursor=${wrong}`), { status: 400, body: { code: 'CURSOR' } }, wrong)
  }
}

async function conditions (t: Test, values: Record<string, string>): Promise<void> {
  const events = placed(['2026-01-01T00:00:00Z'])
  const { get } = await history(t, events, values)
  const path = `/order-history/${idOf(0)}`
  t.match(await get(path), { status: 200, etag: '"1"', body: { version: 1, status: 'PENDING', lines: [{ sku: '😀' }] } })
  t.match(await get(`${path}?minVersion=1`, { 'if-none-match': '"1"' }), { status: 304, etag: '"1"' })
  t.match(await get(`${path}?minVersion=2&waitMs=50`, { 'if-none-match': '"1"' }), { status: 504, body: { code: 'READ_MODEL_BEHIND' } }, 'no 304 for what is older')
  let answer = await get(`${path}?minVersion=2`)
  const waiting = until('the second version', async () => {
    answer = await get(`${path}?minVersion=2&waitMs=2000`)
    return answer.status === 200
  })
  events.push({ stream: idOf(0), version: 2, type: 'orders.OrderCancelled.v1', at: Date.parse('2026-01-01T00:00:01Z'), pos: 2,
    data: { orderId: idOf(0), reason: 'CUSTOMER' } })
  await waiting
  t.match(answer, { status: 200, etag: '"2"', body: { version: 2, status: 'CANCELLED', reason: 'CUSTOMER' } })
  t.match(await get(path, { 'if-none-match': '"1"' }), { status: 200, etag: '"2"' })
  t.match(await get(path, { 'if-none-match': 'W/"2", "x"' }), { status: 304 })
  t.match(await get(`/order-history/${idOf(9)}`), { status: 404, body: { code: 'ORDER_NOT_FOUND' } })
}

const SUITE = { instants: byInstants, pages, conditions }

t.test('sqlite', async t => {
  for (const [name, run] of Object.entries(SUITE)) await t.test(name, t => run(t, {}))
})

t.test('PostgreSQL', { skip: noPostgres }, async t => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  for (const name of Object.keys(SUITE)) await client.query(`CREATE DATABASE "${name}"`)
  await client.end()
  for (const [name, run] of Object.entries(SUITE)) {
    await t.test(name, t => run(t, { 'breakwater.store.url': new URL(`/${name}`, server.url).href }))
  }
})
