import { startDns } from './dns-server.ts'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { starterError } from '../starter-errors.ts'
import { service } from '../service.ts'
import type { ServiceApp } from '../service.ts'
import { certificate, httpDouble, memoryLog, settingsOf, until } from './support.ts'

type Lines = Array<Record<string, unknown>>

const DEFAULTS = { 'server.port': '0', 'breakwater.discovery.client': 'fixed', 'breakwater.shutdown.drain': '0' }

async function serviceOf (
  t: Test, values: Record<string, string> = {}, profiles?: string[]
): Promise<{ app: ServiceApp, lines: Lines }> {
  const settings = await settingsOf({ ...DEFAULTS, ...values }, profiles)
  const { log, lines } = memoryLog()
  const app = await service({ name: 'test', settings, log })
  t.teardown(() => app.stop())
  return { app, lines }
}

t.test('nobody hears of it before it answers; it is ready, and it leaves before it closes', async t => {
  const story: string[] = []
  const registry = await httpDouble(async (request, response, body) => {
    if (request.url?.includes('/stream') === true) return response.writeHead(404).end()
    if (request.method === 'GET') return response.writeHead(200).end('{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}')
    const instance = request.method === 'POST' ? (JSON.parse(body) as { instance: { status: string, port: { $: number } } }).instance : undefined
    const answers = instance === undefined ? '' : (await fetch(`http://127.0.0.1:${instance.port.$}/hello`)).status
    story.push(`${request.method} ${instance?.status ?? ''} ${answers}`.trim())
    response.writeHead(request.method === 'POST' ? 204 : 200).end()
  })
  t.teardown(() => registry.close())
  const { app } = await serviceOf(t, { 'breakwater.discovery.client': 'eureka', 'eureka.client.service-url.defaultZone': `${registry.url}/eureka/` })
  app.get('/hello', () => 'hi')
  t.equal((await app.inject('/actuator/health/readiness')).statusCode, 503, 'not ready before start')
  const { url } = await app.start()
  t.equal((await fetch(`${url}/actuator/health/readiness`)).status, 200)
  t.match(await (await fetch(`${url}/actuator/health`)).json(), { status: 'UP', components: { discovery: { status: 'UP' } } })
  await app.stop()
  t.same(story.filter(step => step !== 'PUT'), ['POST UP 200', 'POST DOWN 200', 'DELETE'])
  await t.rejects(fetch(`${url}/hello`))
})

t.test('with TLS: registered as secure, called by https with a certificate, which is also who may look inside', async t => {
  const authority = certificate('authority')
  const [server, caller] = [certificate('127.0.0.1', authority), certificate('orders', authority)]
  const folder = t.testdir({ 'ca.pem': authority.cert, 's.pem': server.cert, 's.key': server.key, 'c.pem': caller.cert, 'c.key': caller.key })
  const users = await serviceOf(t, {
    'server.ssl.certificate': join(folder, 's.pem'), 'server.ssl.certificate-private-key': `file:${join(folder, 's.key')}`,
    'server.ssl.trust-certificate': join(folder, 'ca.pem'), 'server.ssl.client-auth': 'need',
    'breakwater.security.mode': 'mtls', 'breakwater.security.mtls.roles.orders': 'read'
  })
  usersRoutes(users.app)
  const { url } = await users.app.start()
  t.match(url, /^https:/)
  const tls = 'breakwater.client.tls'
  const orders = await serviceOf(t, {
    'spring.cloud.discovery.client.simple.instances.users[0].uri': url,
    [`${tls}.ca-file`]: join(folder, 'ca.pem'), [`${tls}.cert-file`]: join(folder, 'c.pem'), [`${tls}.key-file`]: join(folder, 'c.key')
  })
  t.same((await orders.app.client('users').get('/users/1')).json(), { name: 'ann' })
  t.equal((await orders.app.client('users').get('/actuator/env')).status, 200)
  t.equal((await orders.app.client('users').post('/actuator/refresh', {})).status, 403)
  const stranger = await serviceOf(t, { 'spring.cloud.discovery.client.simple.instances.users[0].uri': url, [`${tls}.ca-file`]: join(folder, 'ca.pem') })
  await t.rejects(stranger.app.client('users').get('/users/1'), { code: 'E_UPSTREAM' })
  await t.rejects(serviceOf(t, { 'server.ssl.certificate': join(folder, 'none') }), { code: 'E_FILE' })
})

t.test('a misspelled setting of ours stops the start and names the right one', async t => {
  await t.rejects(serviceOf(t, { 'breakwater.client.instances.users.tri-timeout': '1s' }),
    { code: 'E_CONFIG_KEY', message: /command line: .*Did you mean "breakwater\.client\.instances\.users\.try-timeout"/ })
  await t.rejects(serviceOf(t, { 'breakwater.security.mode': 'none', 'breakwater.security.user[0].name': 'x' }), { code: 'E_CONFIG_KEY' })
})

t.test('while it drains it still answers, and asks to close the connection', async t => {
  const { app } = await serviceOf(t, { 'breakwater.shutdown.drain': '3s' })
  let inside = 0
  app.get('/slow', async () => {
    inside++
    await until('closing', () => !app.availability.ready)
    return 'done'
  })
  app.get('/quick', () => 'quick')
  const { url } = await app.start()
  const slow = fetch(`${url}/slow`)
  await until('inside', () => inside === 1)
  const stopped = app.stop()
  const quick = await fetch(`${url}/quick`)
  t.equal(await quick.text(), 'quick')
  t.equal(quick.headers.get('connection'), 'close')
  const answer = await slow
  t.equal(answer.headers.get('connection'), 'close')
  t.equal(await answer.text(), 'done')
  await stopped
})

t.test('failures are problem documents: ours with code, the client\'s with the fields, others without a word of their cause', async t => {
  const { app, lines } = await serviceOf(t)
  app.get('/mine', () => { throw starterError('E_NO_INSTANCE', [2, '']) })
  app.get('/theirs', () => { throw new Error('password is hunter2') })
  app.post('/checked', { schema: { body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } } }, () => 'ok')
  const mine = await app.inject('/mine')
  t.equal(mine.headers['content-type'], 'application/problem+json; charset=utf-8')
  t.match(mine.json(), { type: 'about:blank', title: 'Service Unavailable', status: 503, code: 'E_NO_INSTANCE', requestId: String(mine.headers['x-request-id']), traceId: /^[0-9a-f]{32}$/ })
  const theirs = await app.inject('/theirs')
  t.equal(theirs.statusCode, 500)
  t.notMatch(theirs.body, /hunter2|stack|at /)
  t.match(lines.find(line => line['msg'] === 'request failed' && JSON.stringify(line).includes('hunter2')), { requestId: theirs.headers['x-request-id'] })
  const checked = await app.inject({ method: 'POST', url: '/checked', payload: {} })
  t.match(checked.json(), { status: 400, errors: [{ field: '/', message: /name/ }] })
  t.match((await app.inject({ method: 'POST', url: '/checked', payload: '{"a":', headers: { 'content-type': 'application/json' } })).json(), { status: 400 })
  t.match((await app.inject({ method: 'POST', url: '/checked', payload: 'x'.repeat(2_000_000), headers: { 'content-type': 'application/json' } })).json(), { status: 413 })
  t.match((await app.inject('/nowhere')).json(), { status: 404, detail: 'There is no GET /nowhere here.' })
})

t.test('request id and trace: taken over when clean, made when not, in every line of the log, also after a body was read', async t => {
  const { app, lines } = await serviceOf(t)
  app.post('/x', async () => {
    app.logger.info('inside')
    await new Promise(resolve => setImmediate(resolve))
    app.logger.info('later')
    return 'ok'
  })
  const { url } = await app.start()
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const answer = await fetch(`${url}/x`, {
    method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'x-request-id': 'abc-1', traceparent: `00-${trace}-00f067aa0ba902b7-01` }
  })
  t.equal(answer.headers.get('x-request-id'), 'abc-1')
  await until('the request line', () => lines.some(line => line['msg'] === 'request'))
  for (const msg of ['inside', 'later', 'request']) t.match(lines.find(line => line['msg'] === msg), { requestId: 'abc-1', traceId: trace, spanId: /^[0-9a-f]{16}$/ }, msg)
  t.match(lines.find(line => line['msg'] === 'request'), { method: 'POST', route: '/x', status: 200 })
  for (const dirty of ['a b', 'x'.repeat(200), '<script>', '']) {
    const id = (await fetch(`${url}/x`, { method: 'POST', headers: { 'x-request-id': dirty } })).headers.get('x-request-id')
    t.match(id, /^[0-9a-f]{32}$/)
  }
})

t.test('the access log: one whole line a request, by pattern and without the query, and off while running', async t => {
  const { app, lines } = await serviceOf(t, { 'breakwater.security.mode': 'none' })
  app.get('/a"b/:id', () => 'ok')
  const requests = (): Lines => lines.filter(line => line['msg'] === 'request')
  await Promise.all(Array.from({ length: 50 }, (_, at) => app.inject(`/a%22b/${at}?token=geheim`)))
  await until('fifty lines', () => requests().length === 50)
  t.match(requests()[0], { level: 'info', service: 'test', logger: 'access', method: 'GET', route: '/a"b/:id', status: 200 })
  t.notMatch(JSON.stringify(lines), /geheim/)
  await app.inject('/actuator/health')
  await app.inject('/nowhere')
  await until('a line without a route', () => requests().length === 51)
  t.notOk(Object.hasOwn(requests()[50] ?? {}, 'route'), 'probes are not logged, unknown paths are')
  await app.inject({ method: 'POST', url: '/actuator/loggers/access', payload: '{"configuredLevel":"OFF"}' })
  await app.inject('/a%22b/1')
  await app.close()
  t.equal(requests().length, 51)
})

t.test('the access log: what was asked up to the last moment is there when the service has stopped', async t => {
  const { app, lines } = await serviceOf(t)
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<string>()
  app.get('/last', () => {
    asked.resolve()
    return answer.promise
  })
  const running = await app.start()
  const last = fetch(`${running.url}/last`)
  await asked.promise
  const stopped = running.stop()
  setTimeout(() => answer.resolve('ok'), 50)
  t.equal((await last).status, 200)
  await stopped
  t.match(lines.findLast(line => line['msg'] === 'request'), { route: '/last', status: 200 })
})

t.test('/internal answers to this machine, not through a proxy, in no spelling', async t => {
  const { app } = await serviceOf(t)
  app.get('/internal/dump', () => 'secret')
  app.get('/internals', () => 'public')
  t.equal((await app.inject('/internal/dump')).body, 'secret')
  for (const url of ['/internal/dump', '/%69nternal/dump', '/internal/dump?x=1']) {
    for (const headers of [{ 'x-forwarded-for': '10.0.0.1' }, { via: '1.1 x' }, { 'x-real-ip': '10.0.0.1' }, { origin: 'null' },
      { forwarded: 'for=10.0.0.1' }, { 'x-forwarded-host': 'localhost' }, { 'sec-fetch-site': 'same-site' }]) {
      t.equal((await app.inject({ url, headers: headers as Record<string, string> })).statusCode, 404, `${url} ${JSON.stringify(headers)}`)
    }
    t.equal((await app.inject({ url, remoteAddress: '10.0.0.1' })).statusCode, 404, url)
  }
  t.equal((await app.inject({ url: '/internals', remoteAddress: '10.0.0.1' })).body, 'public')
})

t.test('a service that serves this machine has no name but those of this machine', async t => {
  const { app } = await serviceOf(t, { 'breakwater.security.hosts': 'users.test' })
  app.get('/users', () => 'all')
  const status = async (host: string, url = '/users'): Promise<number> => (await app.inject({ url, headers: { host } })).statusCode
  for (const host of ['localhost:1', 'a.localhost', '127.0.0.1', '[::1]:1', 'users.test', 'USERS.test.:80']) t.equal(await status(host), 200, host)
  for (const url of ['/users', '/actuator/health', '/nowhere']) t.equal(await status('evil.example', url), 403, url)
  const { app: open } = await serviceOf(t, { 'server.address': '0.0.0.0' })
  open.get('/users', () => 'all')
  t.equal((await open.inject({ url: '/users', headers: { host: 'users.shop.svc.cluster.local' } })).statusCode, 200)
})

t.test('env, loggers and refresh answer to this machine only; health and metrics to everyone', async t => {
  const { app } = await serviceOf(t)
  const status = async (url: string, remoteAddress: string, method: 'GET' | 'POST' = 'GET'): Promise<number> =>
    (await app.inject({ url, remoteAddress, method })).statusCode
  for (const url of ['/actuator/env', '/actuator/env/x', '/actuator/loggers', '/actuator/loggers/ROOT']) {
    t.equal(await status(url, '10.0.0.1'), 403, url)
  }
  t.equal(await status('/actuator/refresh', '10.0.0.1', 'POST'), 403)
  t.equal(await status('/actuator/health/liveness', '10.0.0.1'), 200)
  t.equal(await status('/actuator/prometheus', '10.0.0.1'), 200)
  t.equal(await status('/actuator/env', '127.0.0.1'), 200)
})

t.test('one trace and one request id through two services, and the deadline shrinks on the way', async t => {
  const users = await serviceOf(t)
  let seen: Record<string, unknown> = {}
  users.app.get('/users/:id', async request => { seen = request.headers; return { id: 1 } })
  const { url } = await users.app.start()
  const orders = await serviceOf(t, { 'spring.cloud.discovery.client.simple.instances.users[0].uri': url })
  orders.app.post('/orders', async () => (await orders.app.client('users').get('/users/1')).json())
  const started = await orders.app.start()
  const answer = await fetch(`${started.url}/orders`, { method: 'POST', headers: { 'x-request-id': 'r-9', 'x-request-deadline-ms': '60000' } })
  t.same(await answer.json(), { id: 1 })
  const line = (lines: Lines): Record<string, unknown> | undefined => lines.find(one => one['msg'] === 'request')
  await until('both lines', () => line(users.lines) !== undefined && line(orders.lines) !== undefined)
  t.equal(line(users.lines)?.['traceId'], line(orders.lines)?.['traceId'])
  t.equal(line(users.lines)?.['requestId'], 'r-9')
  t.ok(Number(seen['x-request-deadline-ms']) <= 60_000)
  t.match((await orders.app.inject('/actuator/prometheus')).body, /http_client_requests_seconds_count\{client_name="users".*status="200"/)
})

/** The same code under every profile. */
function ordersRoutes (app: ServiceApp): void {
  app.get('/orders/:id', async () => (await app.client('users').get('/users/1')).json())
}
function usersRoutes (app: FastifyInstance): void {
  app.get('/users/:id', () => ({ name: 'ann' }))
}

t.test('the same services in Kubernetes: no registry, names resolved by cluster DNS', async t => {
  const dns = await startDns(t, { 'users.shop.svc.cluster.local': '127.0.0.2' })
  const users = await serviceOf(t, { 'server.address': '127.0.0.2' }, ['k8s'])
  usersRoutes(users.app)
  await users.app.start()
  const k8s = {
    'breakwater.discovery.client': 'dns',
    'breakwater.dns.servers': dns.address,
    'breakwater.kubernetes.namespace': 'shop',
    'breakwater.kubernetes.service-port': String((users.app.server.address() as AddressInfo).port)
  }
  const orders = await serviceOf(t, k8s, ['k8s'])
  ordersRoutes(orders.app)
  const { url } = await orders.app.start()
  t.same(await (await fetch(`${url}/orders/1`)).json(), { name: 'ann' })
  t.same([...new Set(dns.asked)], ['users.shop.svc.cluster.local'])
  const missing = await serviceOf(t, k8s, ['k8s'])
  await missing.app.start()
  await t.rejects(missing.app.client('nobody').get('/'), { code: 'E_NO_INSTANCE' })
})

t.test('each of Spring\'s settings that changes nothing is said once, with what does it instead', async t => {
  const { log, lines } = memoryLog()
  const values = {
    'breakwater.discovery.client': 'fixed',
    'eureka.client.serviceUrl.defaultZone': 'http://h:1/eureka/',
    'eureka.client.healthcheck.enabled': 'true',
    'eureka.instance.metadata-map.zone': 'a',
    'eureka.instance.instance_id': 'x',
    'resilience4j.circuitbreaker.instances.users.sliding-window-size': '10',
    'resilience4j.circuitbreaker.instances.users.recordExceptions': 'java.io.IOException',
    'resilience4j.retry.configs.default.wait-duration': '1s',
    'spring.cloud.loadbalancer.retry.maxRetriesOnNextServiceInstance': '2',
    'spring.cloud.loadbalancer.zon': 'a',
    'spring.datasource.url': 'none of ours'
  }
  await (await service({ name: 'x', settings: await settingsOf(values), log })).close()
  t.same(lines.filter(line => line['level'] === 'warn').map(line => line['msg']), [
    'Spring\'s settings that have no effect here: spring.cloud.loadbalancer.zon (command line; did you mean "spring.cloud.loadbalancer.zone"?)',
    'eureka.client.healthcheck.enabled (command line) has no effect: the registry hears UP from ready to stop; readiness is for probes',
    'resilience4j.circuitbreaker.instances.users.recordExceptions (command line) has no effect: statuses of 500 and more (not 501) and missing answers are failures',
    'resilience4j.retry.configs.default.wait-duration (command line) has no effect: a retry goes to another instance, at once',
    'spring.cloud.loadbalancer.retry.maxRetriesOnNextServiceInstance (command line) has no effect: use resilience4j.retry.instances.X.max-attempts'
  ])
})
