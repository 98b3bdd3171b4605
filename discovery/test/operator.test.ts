/** What operators ask and order over HTTP: overrides with a reason, an author and an end; one, a zone, a version. */
import t from 'tap'
import { OPERATOR_API } from '../operator/openapi.ts'
import type { Row } from '../operator/rows.ts'
import { Book } from '../registry/book.ts'
import type { Replication } from '../peers/replication.ts'
import type { Discovery } from '../index.ts'
import { Clock, instance, rules, type Raw } from './support/instances.ts'
import { call, getJson, JSON_TYPE, register, startDiscovery, until } from './support/server.ts'

const ID = 'h1:orders:8080'

const act = ({ url }: Discovery, order: object, path = '/registry/actions') =>
  call(url, path, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(order) })
const rowsOf = async ({ url }: Discovery, query = '') =>
  (await getJson<{ rows: Row[] }>(url, `/registry/instances?${query}`)).rows
const statuses = async (discovery: Discovery) =>
  Object.fromEntries((await rowsOf(discovery)).map(({ id, status }) => [id, status]))

/** Six instances on two hosts, in two zones, of two applications and two versions. */
async function fleet (discovery: Discovery): Promise<void> {
  const make = (instanceId: string, app: string, hostName: string, zone: string, version: string) =>
    register(discovery.url, { instanceId, app, hostName, ipAddr: `10.0.0.${hostName.slice(1)}`, metadata: { zone, version } })
  await make('a1', 'A', 'h1', 'z1', '1')
  await make('a2', 'A', 'h2', 'z2', '2')
  await make('b1', 'B', 'h1', 'z1', '1')
  await make('b2', 'B', 'h2', 'z2', '1')
}

t.test('a host, a zone, an application or a version is taken out at once, and comes back', async t => {
  const discovery = await startDiscovery(t)
  await fleet(discovery)
  const cases: ReadonlyArray<readonly [object, string]> = [
    [{ host: 'H1' }, 'a1 b1'], [{ host: '10.0.0.2' }, 'a2 b2'], [{ zone: 'z2' }, 'a2 b2'], [{ app: 'a' }, 'a1 a2'],
    [{ version: '1' }, 'a1 b1 b2'], [{ zone: 'z2', version: '1' }, 'b2'], [{ id: 'a2' }, 'a2']
  ]
  for (const [where, expected] of cases) {
    const name = JSON.stringify(where)
    const dry = await act(discovery, { kind: 'override', status: 'OUT_OF_SERVICE', where, dryRun: true })
    t.notMatch(JSON.stringify(await statuses(discovery)), 'OUT', `${name}: a dry run does nothing`)
    const { instances } = JSON.parse(dry.text) as { instances: { id: string }[] }
    t.equal(instances.map(({ id }) => id).toSorted().join(' '), expected, `${name}: says who`)
    t.equal((await act(discovery, { kind: 'override', status: 'OUT_OF_SERVICE', where })).status, 200)
    const out = Object.entries(await statuses(discovery)).filter(([, status]) => status === 'OUT_OF_SERVICE')
    t.equal(out.map(([id]) => id).toSorted().join(' '), expected, name)
    t.equal((await act(discovery, { kind: 'clear override', where })).status, 200)
    t.same(new Set(Object.values(await statuses(discovery))), new Set(['UP']), `${name}: back`)
  }
})

t.test('an override says why, by whom and until when, by every door, and ends by itself', async t => {
  const clock = new Clock()
  const discovery = await startDiscovery(t, { evictionIntervalMs: 20 }, { now: clock.now })
  const path = `/eureka/apps/ORDERS/${ID}`
  const doors: Readonly<Record<string, () => Promise<{ status: number }>>> = {
    rest: () => call(discovery.url, `${path}/status?value=OUT_OF_SERVICE&reason=disk&author=ann&for=2h`, { method: 'PUT' }),
    operator: () => act(discovery, {
      kind: 'override', status: 'OUT_OF_SERVICE', where: { app: 'ORDERS' }, reason: 'disk', author: 'ann',
      until: new Date(clock.now() + 7_200_000).toISOString()
    }),
    page: () => act(discovery, {
      kind: 'override', status: 'OUT_OF_SERVICE', app: 'ORDERS', id: ID, reason: 'disk', author: 'ann', for: '120m'
    }, '/dashboard/api/actions')
  }
  for (const [door, set] of Object.entries(doors)) {
    await register(discovery.url, { leaseInfo: { durationInSecs: 86_000 } })
    t.ok((await set()).status < 300, door)
    const [row] = await rowsOf(discovery)
    t.match(row, {
      status: 'OUT_OF_SERVICE', own: 'UP', note: { reason: 'disk', author: 'ann', until: clock.now() + 7_200_000 }
    }, door)
    t.match(await getJson(discovery.url, `/registry/instances/orders/${ID}`), { own: 'UP', facts: { override: { author: 'ann' } } })
    clock.advance(7_199_000)
    await new Promise(resolve => setTimeout(resolve, 60))
    t.match(await rowsOf(discovery), [{ status: 'OUT_OF_SERVICE' }], `${door}: a second before its end`)
    clock.advance(1001)
    await until(async () => (await rowsOf(discovery))[0]!.status === 'UP', `${door}: over`)
    t.match(await getJson(discovery.url, path), { instance: { status: 'UP', overriddenStatus: 'UNKNOWN' } })
  }
})

t.test('what cannot be ordered is refused with the reason, and nothing is done', async t => {
  const discovery = await startDiscovery(t)
  await register(discovery.url)
  const out = { kind: 'override', status: 'OUT_OF_SERVICE', where: { app: 'ORDERS' } }
  const cases: ReadonlyArray<readonly [Raw, RegExp]> = [
    [{ ...out, where: {} }, /At least one of app, id, host, zone, version/],
    [{ ...out, where: { colour: 'red' } }, /"colour" is none of/],
    [{ ...out, where: { app: 7 } }, /"app" must be a text/], [{ ...out, where: { app: '' } }, /"app" must be a text/],
    [{ ...out, where: [] }, /"where" must be/], [{ ...out, where: 'ORDERS' }, /"where" must be/],
    [{ ...out, status: 'GONE' }, /"status" must be one of UP/], [{ ...out, kind: 'explode' }, /"kind" must be one of/],
    [{ ...out, for: 'soon' }, /duration such as/], [{ ...out, until: 'soon' }, /a time such as/],
    [{ ...out, for: '-1h' }, /later than now/], [{ ...out, for: '0' }, /later than now/],
    [{ ...out, until: 1 }, /later than now/], [{ ...out, for: '99999d' }, /within a year/],
    [{ ...out, for: '1h', until: '2999-01-01' }, /not both/], [{ ...out, reason: 'x'.repeat(501) }, /"reason" must be/],
    [{ ...out, reason: {} }, /"reason" must be/], [{ ...out, dryRun: 'yes' }, /"dryRun"/],
    [{ ...out, dry_run: true }, /"dry_run" is nothing/], [{ ...out, dryrun: true }, /"dryrun" is nothing/],
    [{ ...out, For: '2s' }, /"For" is nothing/], [{ ...out, app: 'ORDERS' }, /Either "where"/],
    [{ kind: 'deregister', where: { app: 'ORDERS' } }, /One instance is deregistered at a time/]
  ]
  for (const [order, reason] of cases) {
    const { status, text } = await act(discovery, order)
    t.equal(status, 400, JSON.stringify(order).slice(0, 100))
    t.match((JSON.parse(text) as { detail: string }).detail, reason)
  }
  t.equal((await act(discovery, { ...out, where: { app: 'OTHER' } })).status, 404)
  t.equal((await call(discovery.url, '/registry/instances?app=')).status, 400)
  t.equal((await call(discovery.url, `/registry/instances/ORDERS/other`)).status, 404)
  const bad = await call(discovery.url, `/eureka/apps/ORDERS/${ID}/status?value=DOWN&for=x`, { method: 'PUT' })
  t.match([bad.status, bad.text], [400, /duration such as/])
  t.match(await rowsOf(discovery), [{ status: 'UP', override: undefined }])
})

t.test('an override that ended is told to peers who know of no end, by the registry that the instance speaks to', async t => {
  const clock = new Clock()
  const discovery = await startDiscovery(t, { evictionIntervalMs: 3_600_000 }, { now: clock.now })
  const { registry } = discovery
  const told: Replication[] = []
  registry.register(instance(), false)
  registry.register(instance({ instanceId: 'elsewhere' }), true)
  for (const id of [ID, 'elsewhere']) registry.override('ORDERS', id, 'DOWN', { replicated: true }, { until: clock.now() + 1000 })
  registry.replicateTo(replication => told.push(replication))
  clock.advance(1001)
  registry.expire()
  t.match(told, [{ action: 'DeleteStatusOverride', id: ID, instance: { status: 'UP' } }])
  t.equal(told.length, 1)
  registry.expire()
  t.equal(told.length, 1, 'once')
})

t.test('an end is by the cluster\'s clock, and a longer one replaces it', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  book.register(instance(), false)
  book.override('ORDERS', ID, 'DOWN', { until: clock.now() + 1000 })
  book.override('ORDERS', ID, 'DOWN', { until: clock.now() + 5000, reason: 'longer' })
  clock.advance(2000)
  t.same(book.lapse(), [])
  t.match(book.lease('ORDERS', ID)!.facts.override, { reason: 'longer' })
  clock.advance(3000)
  t.equal(book.lapse().length, 1)
  t.equal(book.lease('ORDERS', ID)!.instance.status, 'UP')
})

t.test('each way of the registry\'s own is described, and nothing else is', async t => {
  const discovery = await startDiscovery(t)
  t.same(await getJson(discovery.url, '/registry/openapi.json'), JSON.parse(JSON.stringify(OPERATOR_API)))
  const described = Object.entries(OPERATOR_API.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method} ${path}`))
  const routes = discovery.server.printRoutes({ commonPrefix: false })
  const served: string[] = []
  const above: string[] = []
  for (const line of routes.split('\n')) {
    const match = /^((?:[│ ] {3})*)[├└]── (\S*) ?(?:\((.*)\))?$/.exec(line)
    if (match === null) continue
    const depth = match[1]!.length / 4
    above.splice(depth, Infinity, match[2]!)
    const path = above.join('').replace(/\/$/, '').replace(/:(\w+)/g, '{$1}')
    for (const method of match[3]?.split(', ') ?? []) {
      if (method !== 'HEAD' && /^\/registry\/|^\/eureka\/stream/.test(path)) served.push(`${method.toLowerCase()} ${path}`)
    }
  }
  t.same(served.toSorted(), described.toSorted())
})
