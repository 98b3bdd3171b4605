import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import { Breaker } from '../client/breaker.ts'
import type { BreakerState } from '../client/breaker.ts'
import { ServiceClient } from '../client/client.ts'
import { ClientMetrics } from '../client/client-metrics.ts'
import { Endpoints } from '../client/endpoints.ts'
import { CLIENT_DEFAULTS, readClientOptions } from '../client/options.ts'
import type { BreakerOptions, ClientOptions } from '../client/options.ts'
import { RetryBudget } from '../client/retry-budget.ts'
import type { ServiceInstance } from '../discovery/discovery-client.ts'
import { FixedDiscoveryClient } from '../discovery/fixed.ts'
import { createCallTrace } from '../trace/call-trace.ts'
import { runInContext } from '../trace/context.ts'
import type { RequestContext } from '../trace/context.ts'
import { createIdSource } from '../trace/random-ids.ts'
import type { Span } from '../trace/spans.ts'
import { deadPort } from './ports.ts'
import { httpDouble, memoryLog, settingsOf, until } from './support.ts'

const BREAKER: BreakerOptions = {
  windowType: 'COUNT_BASED', windowSize: 10, minimumCalls: 4, failureRate: 50, slowCallRate: 100, slowCallMs: 1_000, openMs: 20, probes: 2
}

function instance (port: number, status: ServiceInstance['status'] = 'UP'): ServiceInstance {
  return { instanceId: `users-${port}`, serviceId: 'users', host: '127.0.0.1', port, secure: false, status, metadata: {} }
}

interface Made { client: ServiceClient, metrics: ClientMetrics, spans: Span[], lines: Array<Record<string, unknown>> }

function clientOf (
  t: Test, instances: ServiceInstance[], options: Partial<ClientOptions> = {}, now?: () => number
): Made {
  const { log, lines } = memoryLog()
  const metrics = new ClientMetrics()
  const spans: Span[] = []
  const client = new ServiceClient('users', { ...CLIENT_DEFAULTS, ...options }, {
    discovery: new FixedDiscoveryClient(instances),
    log,
    metrics,
    trace: createCallTrace(createIdSource(), { record: span => { spans.push(span) } }),
    caller: 'orders',
    random: () => 0,
    ...(now === undefined ? {} : { now })
  })
  t.teardown(() => client.close())
  return { client, metrics, spans, lines }
}

async function upstream (t: Test, handle: Parameters<typeof httpDouble>[0]): Promise<ServiceInstance> {
  const double = await httpDouble(handle)
  t.teardown(() => double.close())
  return instance(double.port)
}

t.test('a call: method, path, JSON both ways, headers, status', async t => {
  const seen: Array<Record<string, unknown>> = []
  const up = await upstream(t, (request, response, body) => {
    seen.push({ method: request.method, url: request.url, body, type: request.headers['content-type'], own: request.headers['x-own'] })
    response.writeHead(request.method === 'POST' ? 201 : 404, { 'content-type': 'application/json', 'x-a': 'b' }).end('{"id":7}')
  })
  const { client } = clientOf(t, [up])
  const created = await client.post('/users?x=1', { name: 'ann' }, { headers: { 'X-Own': '1', 'Content-Type': 'application/json' } })
  t.match({ status: created.status, ok: created.ok, json: created.json() }, { status: 201, ok: true, json: { id: 7 } })
  t.equal(created.headers['x-a'], 'b')
  t.same(seen[0], { method: 'POST', url: '/users?x=1', body: '{"name":"ann"}', type: 'application/json', own: '1' })
  const missing = await client.get('/users/8')
  t.equal(missing.status, 404, 'an answer is an answer')
  await client.put('/users/8', { a: 1 })
  await client.delete('/users/8')
  t.same(seen.map(({ method }) => method), ['POST', 'GET', 'PUT', 'DELETE'])
  await t.rejects(client.get('http://evil.example/'), { code: 'E_CLIENT_PATH' })
  await t.rejects(client.get('//evil.example/'), { code: 'E_CLIENT_PATH' })
})

t.test('request id, trace, and what is left of the deadline go along; each try is a span', async t => {
  const headers: Array<Record<string, unknown>> = []
  const up = await upstream(t, (request, response) => { headers.push(request.headers); response.end('x') })
  const { client, spans } = clientOf(t, [up])
  const context: RequestContext = {
    requestId: 'req-1', traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentId: undefined, sampled: true, traceState: 'v=1', deadlineMs: performance.now() + 60_000
  }
  await runInContext(context, () => client.get('/x?secret=1'))
  const sent = headers[0] as Record<string, string>
  t.match(sent, { 'x-request-id': 'req-1', tracestate: 'v=1', traceparent: /^00-a{32}-[0-9a-f]{16}-01$/ })
  const left = Number(sent['x-request-deadline-ms'])
  t.ok(left > 0 && left <= 60_000, `left ${left}`)
  t.match(spans, [{ traceId: context.traceId, parentId: context.spanId, kind: 'client', name: 'GET users', error: undefined, attributes: { 'url.path': '/x', 'http.response.status_code': 200 } }])
  await client.get('/y')
  t.match(headers[1], { traceparent: /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/ }, 'outside of a request a trace of its own')
  t.equal(spans.length, 1, 'not sampled, no span')
})

t.test('a refused connection: another instance answers, whatever the method, and the dead one is left alone', async t => {
  const dead = instance(await deadPort())
  let calls = 0
  const up = await upstream(t, (_request, response) => { calls++; response.end('ok') })
  // Time that stands still: nobody is asked again because his time out is over.
  const both = [dead, up].sort((a, b) => a.instanceId < b.instanceId ? -1 : 1)
  const { client, metrics } = clientOf(t, both, {}, () => 1_000)
  for (let call = 0; call < 10; call++) t.equal((await client.post('/x', {})).text(), 'ok')
  t.equal(calls, 10)
  const refused = /http_client_requests_seconds_count\{[^}]*exception="connect"[^}]*\} (\d+)/.exec(metrics.render())?.[1]
  t.ok(refused === undefined || Number(refused) === 1, `the dead one was asked at most once: ${refused}`)
})

t.test('a hung instance: GET goes to another within its own time, POST does not', async t => {
  let hung = 0
  const hanging = await upstream(t, () => { hung++ })
  const up = await upstream(t, (_request, response) => { response.end('ok') })
  const { client } = clientOf(t, [hanging, up], { tryTimeoutMs: 500, timeoutMs: 60_000, retryBudget: 1 })
  for (let call = 0; call < 8; call++) t.equal((await client.get('/x')).text(), 'ok')
  t.ok(hung <= 5, `ejected after 5 failures in a row: ${hung}`)
  const alone = clientOf(t, [hanging], { tryTimeoutMs: 30 })
  await t.rejects(alone.client.post('/x', {}), { code: 'E_DEADLINE', message: /orders -> users: no answer within \d+ ms \(users-\d+\)/ })
})

t.test('the deadline of the whole call holds, retries included, and a trickling body is no answer', async t => {
  const slow = await Promise.all([1, 2, 3].map(() => upstream(t, (_request, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write('x'), 10)
    response.on('close', () => clearInterval(timer))
  })))
  const { client } = clientOf(t, slow, { tryTimeoutMs: 60, timeoutMs: 100, maxAttempts: 9, retryBudget: 1 })
  const startedMs = performance.now()
  await t.rejects(client.get('/x'), { code: 'E_DEADLINE', statusCode: 504 })
  t.ok(performance.now() - startedMs < 5_000)
})

t.test('503 of one instance: GET asks another; when all say so, the answer is handed on', async t => {
  let asked = 0
  const sick = await upstream(t, (_request, response) => { asked++; response.writeHead(503).end('busy') })
  const well = await upstream(t, (_request, response) => { response.end('ok') })
  const { client } = clientOf(t, [sick, well], { retryBudget: 1 })
  for (let call = 0; call < 6; call++) t.equal((await client.get('/')).text(), 'ok')
  const alone = clientOf(t, [sick])
  t.equal((await alone.client.get('/')).status, 503)
  const before = asked
  t.equal((await alone.client.post('/', {})).status, 503)
  t.equal(asked, before + 1, 'POST once')
})

t.test('a connection that breaks: idempotent calls try again on the only instance, others do not', async t => {
  let calls = 0
  const up = await upstream(t, (request, response) => {
    if (++calls % 2 === 1) request.socket.destroy()
    else response.end('ok')
  })
  const { client } = clientOf(t, [up])
  t.equal((await client.get('/')).text(), 'ok')
  await t.rejects(client.post('/', {}), { code: 'E_UPSTREAM', message: /Tried users-\d+\.$/ })
  t.equal(calls, 3)
  calls = 0
  t.equal((await client.post('/', {}, { idempotent: true })).text(), 'ok', 'the caller says it may be repeated')
})

t.test('nobody there: the error names who is known and why not, at once', async t => {
  const { client } = clientOf(t, [instance(1, 'DOWN'), instance(2, 'OUT_OF_SERVICE')])
  await t.rejects(client.get('/'), { code: 'E_NO_INSTANCE', statusCode: 503, message: /orders -> users: 0 of 2 instances UP \(users-1 DOWN, users-2 OUT_OF_SERVICE\)/ })
  for (let call = 0; call < 30; call++) await client.get('/').catch(() => {})
  t.equal(client.breaker.state, 'closed', 'an empty list says nothing about the service')
})

t.test('the breaker opens on failures, refuses in no time, probes, and closes', async t => {
  let status = 500
  const up = await upstream(t, (_request, response) => { response.writeHead(status).end() })
  const { client, lines, metrics } = clientOf(t, [up], { breaker: { ...BREAKER, openMs: 3_000 } })
  for (let call = 0; call < 4; call++) await client.get('/')
  t.equal(client.breaker.state, 'open')
  await t.rejects(client.get('/'), { code: 'E_BREAKER_OPEN', message: /breaker OPEN after 4 of 4 calls failed\. Next try in \d+ ms/ })
  t.match(metrics.render(), /resilience4j_circuitbreaker_state\{name="users",state="open"\} 1/)
  t.match(metrics.render(), /not_permitted_calls_total\{kind="not_permitted",name="users"\} 1/)
  status = 200
  await until('half-open', () => client.breaker.state === 'half_open')
  await client.get('/')
  t.equal(client.breaker.state, 'half_open', 'one probe of two proves nothing')
  await client.get('/')
  t.equal(client.breaker.state, 'closed')
  t.same(lines.filter(line => line['breaker'] === 'users').map(line => line['state']), ['open', 'half_open', 'closed'])
})

t.test('a caller who gives up: the call ends, and nobody is blamed', async t => {
  const hanging = await upstream(t, () => {})
  const { client } = clientOf(t, [hanging], { breaker: BREAKER })
  for (let call = 0; call < 6; call++) {
    const abort = new AbortController()
    const answer = client.get('/', { signal: abort.signal })
    setTimeout(() => abort.abort(), 5)
    await t.rejects(answer, { name: 'AbortError' })
  }
  await t.rejects(client.get('/', { signal: AbortSignal.abort(new Error('never mind')) }), { message: 'never mind' })
  await t.rejects(client.get('/', { headers: { 'bad name': 'x' } }), { code: 'UND_ERR_INVALID_ARG' })
  const late = { requestId: 'r', traceId: 'a', spanId: 'b', parentId: undefined, sampled: false, traceState: undefined, deadlineMs: 0 }
  for (let call = 0; call < 6; call++) {
    await t.rejects(runInContext(late, () => client.get('/')), { code: 'E_DEADLINE', message: /within 0 ms \(nobody asked\)/ })
  }
  t.equal(client.breaker.state, 'closed')
})

t.test('bounds: calls in flight, size of an answer, and what is no JSON', async t => {
  const up = await upstream(t, (request, response) => {
    if (request.url === '/hang') return
    response.end(request.url === '/big' ? 'x'.repeat(5_000) : '<html>')
  })
  const { client } = clientOf(t, [up], { maxConcurrentCalls: 2, maxBodyBytes: 1_000 })
  const enough = new AbortController()
  const hanging = [1, 2].map(() => client.post('/hang', {}, { signal: enough.signal }).catch(() => {}))
  await t.rejects(client.get('/'), { code: 'E_BULKHEAD_FULL' })
  enough.abort()
  await Promise.all(hanging)
  await t.rejects(client.get('/big'), { code: 'E_BODY_TOO_LARGE' })
  const page = await client.get('/page')
  t.throws(() => page.json(), { code: 'E_BODY_NOT_JSON', message: /orders -> users GET \/page.*<html>/ })
})

t.test('breaker: stale results are ignored, probes are judged together, refusals count for nothing', async t => {
  const changes: BreakerState[] = []
  const breaker = new Breaker('b', BREAKER, state => changes.push(state))
  t.teardown(() => breaker.stop())
  const stale = breaker.enter()
  for (let call = 0; call < 4; call++) breaker.failure(breaker.enter(), 1, 0)
  t.equal(breaker.state, 'open')
  t.equal(breaker.enter(), -1)
  t.equal(breaker.retryInMs(5), 15)
  await until('half-open', () => breaker.state === 'half_open')
  breaker.success(stale, 1, 30)
  t.equal(breaker.state, 'half_open', 'a slow success from before the opening proves nothing')
  const [one, two] = [breaker.enter(), breaker.enter()]
  t.equal(breaker.enter(), -1, 'only so many probes')
  breaker.ignore(one)
  const three = breaker.enter()
  t.not(three, -1, 'an undecided probe frees its place')
  breaker.failure(two, 1, 30)
  breaker.failure(three, 1, 30)
  t.equal(breaker.state, 'open')
  for (let call = 0; call < 10_000; call++) breaker.enter()
  await until('half-open again', () => breaker.state === 'half_open')
  breaker.success(breaker.enter(), 1, 60)
  breaker.success(breaker.enter(), 1, 60)
  t.equal(breaker.state, 'closed')
  breaker.failure(breaker.enter(), 1, 61)
  t.equal(breaker.state, 'closed', 'a closed breaker begins with an empty window')
  for (let call = 0; call < 3; call++) breaker.failure(breaker.enter(), 1, 61)
  t.equal(breaker.state, 'open', 'ten thousand refusals before do not dilute four failures')
  t.same(changes, ['open', 'half_open', 'open', 'half_open', 'closed', 'open'])
})

t.test('breaker: opens exactly when the rate of the last calls reaches the threshold (against a plain model)', t => {
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 60 }), outcomes => {
    const breaker = new Breaker('p', { ...BREAKER, openMs: 60_000 })
    const window: boolean[] = []
    for (const failed of outcomes) {
      const token = breaker.enter()
      if (failed) breaker.failure(token, 1, 0)
      else breaker.success(token, 1, 0)
      window.push(failed)
      if (window.length > BREAKER.windowSize) window.shift()
      const shouldOpen = window.length >= BREAKER.minimumCalls && window.filter(Boolean).length * 2 >= window.length
      if ((breaker.state === 'open') !== shouldOpen) { breaker.stop(); return false }
      if (shouldOpen) break
    }
    breaker.stop()
    return true
  }), { numRuns: 300 })
  t.end()
})

t.test('breaker: with a window of time, failures of long ago count for nothing, however few calls came since', t => {
  const breaker = new Breaker('t', { ...BREAKER, windowType: 'TIME_BASED', windowSize: 3, minimumCalls: 4 })
  t.teardown(() => breaker.stop())
  for (const atMs of [0, 500, 900]) breaker.failure(breaker.enter(), 1, atMs)
  breaker.failure(breaker.enter(), 1, 3_100)
  t.equal(breaker.state, 'closed', 'three of the four are older than three seconds')
  for (const atMs of [3_200, 4_000, 4_900]) breaker.failure(breaker.enter(), 1, atMs)
  t.equal(breaker.state, 'open')
  t.equal(breaker.why, '4 of 4 calls failed')
  t.end()
})

t.test('breaker: slow calls alone open it', t => {
  const breaker = new Breaker('s', { ...BREAKER, slowCallRate: 50, slowCallMs: 100 })
  t.teardown(() => breaker.stop())
  for (const ms of [10, 10, 200, 200]) breaker.success(breaker.enter(), ms, 0)
  t.equal(breaker.state, 'open')
  t.equal(breaker.why, '2 of 4 calls were slow')
  t.end()
})

t.test('retry budget: a share of the calls, with a floor for services seldom called', t => {
  const budget = new RetryBudget(0.2)
  t.same([budget.take(), budget.take(), budget.take(), budget.take()], [true, true, true, false])
  budget.release()
  t.ok(budget.take())
  for (let call = 0; call < 10; call++) budget.called()
  t.same([budget.take(), budget.take(), budget.take()], [true, true, false])
  for (let call = 0; call < 10_000; call++) budget.called()
  let saved = 0
  while (budget.take()) saved++
  t.equal(saved, 20, 'what is saved up is bounded')
  t.end()
})

t.test('endpoints: the less busy of two, ejections that double, all ejected means all are tried', t => {
  const discovery = new FixedDiscoveryClient([instance(1), instance(2), instance(3, 'DOWN')])
  const draws = [0, 0.99]
  let draw = 0
  const endpoints = new Endpoints('users', discovery, () => draws[draw++ % 2] as number)
  const [one, two] = endpoints.all
  if (one === undefined || two === undefined) throw new Error('two endpoints')
  one.active = 5
  t.equal(endpoints.pick([], 0)?.instance.port, 2)
  t.equal(endpoints.pick([two], 0)?.instance.port, 1, 'never one that was tried')
  t.equal(endpoints.pick([one, two], 0), undefined)
  endpoints.failed(two, true, 0)
  t.equal(endpoints.pick([], 500)?.instance.port, 1)
  t.equal(endpoints.pick([], 1_000)?.instance.port, 2, 'back after a second')
  endpoints.failed(two, true, 1_000)
  t.equal(two.ejectedUntilMs, 3_000)
  for (let failure = 0; failure < 5; failure++) endpoints.failed(one, false, 1_000)
  t.equal(endpoints.pick([], 1_500)?.instance.port, 2, 'nobody is well: better to try than to refuse')
  endpoints.succeeded(two)
  t.equal(two.ejectedUntilMs, 0)
  endpoints.close()
  t.end()
})

t.test('settings: own over default over built-in, under the names of Resilience4j', async t => {
  const options = readClientOptions(await settingsOf({
    'resilience4j.circuitbreaker.configs.default.slidingWindowSize': '50',
    'resilience4j.circuitbreaker.instances.users.failure-rate-threshold': '10',
    'resilience4j.timelimiter.instances.users.timeoutDuration': '1s',
    'resilience4j.retry.instances.users.maxAttempts': '1',
    'breakwater.client.instances.users.max-body-size': '1KB'
  }), 'users')
  t.match(options, { timeoutMs: 1_000, maxAttempts: 1, maxBodyBytes: 1024 })
  t.match(options.breaker, { windowSize: 50, failureRate: 10, minimumCalls: 20 })
  t.same(readClientOptions(await settingsOf(), 'users'), CLIENT_DEFAULTS)
})

t.test('settings of the window that make no sense stop the first call, with their place', async t => {
  const size = await settingsOf({ 'resilience4j.circuitbreaker.instances.users.sliding-window-size': '0' })
  t.throws(() => readClientOptions(size, 'users'), { code: 'E_CLIENT_SETTING', message: /^command line: "0".*1 to/ })
  const type = await settingsOf({ 'resilience4j.circuitbreaker.configs.default.sliding-window-type': 'BOTH' })
  t.throws(() => readClientOptions(type, 'users'), { code: 'E_CLIENT_SETTING', message: /TIME_BASED/ })
  const timed = await settingsOf({ 'resilience4j.circuitbreaker.instances.users.slidingWindowType': 'time_based' })
  t.equal(readClientOptions(timed, 'users').breaker.windowType, 'TIME_BASED')
})

t.test('the own zone is preferred as long as somebody there can answer', async t => {
  const zoned = (port: number, zone: string) => ({ ...instance(port), metadata: { zone } })
  const discovery = new FixedDiscoveryClient([zoned(1, 'a'), zoned(2, 'B'), { ...instance(3), zone: 'b' }, zoned(4, 'a')])
  let draw = 0
  const endpoints = new Endpoints('users', discovery, () => (draw = (draw + 0.37) % 1), 'b')
  t.teardown(() => endpoints.close())
  const picked = new Set<number | undefined>()
  for (let call = 0; call < 50; call++) picked.add(endpoints.pick([], 0)?.instance.port)
  t.same(picked, new Set([2, 3]))
  const near = endpoints.all.filter(({ instance: { port } }) => port === 2 || port === 3)
  t.match(endpoints.pick(near, 0)?.instance.port, /^[14]$/, 'both were tried: another zone answers')
  for (const endpoint of near) endpoints.failed(endpoint, true, 0)
  t.match(endpoints.pick([], 0)?.instance.port, /^[14]$/, 'both are set aside: another zone answers')
  t.match(endpoints.pick([], 2_000)?.instance.port, /^[23]$/, 'and back home')
  const elsewhere = new Endpoints('users', discovery, () => 0, 'nowhere')
  t.teardown(() => elsewhere.close())
  t.ok(elsewhere.pick([], 0), 'a zone without instances is no reason to refuse')
})

t.test('which zone is preferred: Spring Cloud LoadBalancer\'s names, and the process\'s own zone', async t => {
  const zoneOf = async (values: Record<string, string>) => readClientOptions(await settingsOf(values), 'users').zone
  const own = { 'eureka.instance.metadata-map.zone': 'a' }
  t.equal(await zoneOf(own), undefined, 'a zone alone is no wish')
  t.equal(await zoneOf({ ...own, 'spring.cloud.loadbalancer.configurations': 'zone-preference' }), 'a')
  t.equal(await zoneOf({ ...own, 'spring.cloud.loadbalancer.clients.users.configurations': 'zone-preference' }), 'a')
  t.equal(await zoneOf({ ...own, 'spring.cloud.loadbalancer.clients.orders.zone': 'c' }), undefined)
  t.equal(await zoneOf({ ...own, 'spring.cloud.loadbalancer.zone': 'c' }), 'c')
  t.equal(await zoneOf({
    'eureka.client.region': 'eu', 'eureka.client.availability-zones.eu': 'eu-1,eu-2', 'spring.cloud.loadbalancer.configurations': 'zone-preference'
  }), 'eu-1')
})

t.test('under load one of two instances dies: no call fails', async t => {
  const mortal = await httpDouble((_request, response) => setTimeout(() => response.end('ok'), 2))
  const up = await upstream(t, (_request, response) => { setTimeout(() => response.end('ok'), 2) })
  const { client } = clientOf(t, [instance(mortal.port), up])
  let failures = 0
  let dead = false
  const callers = Array.from({ length: 8 }, async () => {
    for (let call = 0; call < 60; call++) {
      await client.get('/').catch(() => failures++)
      if (call === 20 && !dead) { dead = true; await mortal.close() }
    }
  })
  await Promise.all(callers)
  await sleep(1)
  t.equal(failures, 0)
})
