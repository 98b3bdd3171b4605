import t from 'tap'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadPort } from '../../starter/test/ports.ts'
import { AS_ADMIN, call, echo, gateway, server, upstream, until, writeYaml } from './harness.ts'

const json = { ...AS_ADMIN, 'content-type': 'application/json' }
const post = (url: string, body?: unknown) => call(url, { method: 'POST', headers: json, ...body === undefined ? {} : { body: JSON.stringify(body) } })

t.test('/actuator/gateway speaks Spring\'s JSON', async t => {
  const { port } = await upstream(t, echo)
  const { management } = await gateway(t, `
spring.cloud.gateway.routes:
  - id: one
    uri: http://127.0.0.1:${port}
    order: 1
    metadata: { team: a }
    predicates: [ "Host=**.a.org", "Path=/h" ]
    filters: [ "AddRequestHeader=X, Y" ]
  - id: two
    uri: lb://two
    predicates: [ Path=/two ]
`)
  const base = `${management}/actuator/gateway`
  const get = async (path: string) => JSON.parse((await call(`${base}${path}`)).body) as never
  t.strictSame(await get('/routes'), [
    { predicate: 'Paths: [/two], match trailing slash: true', route_id: 'two', filters: [], uri: 'lb://two', order: 0 },
    {
      predicate: '(Hosts: [**.a.org] && Paths: [/h], match trailing slash: true)',
      metadata: { team: 'a' },
      route_id: 'one',
      filters: ["[[AddRequestHeader X = 'Y'], order = 1]"],
      uri: `http://127.0.0.1:${port}`,
      order: 1
    }
  ])
  t.match(await get('/routes/one'), { route_id: 'one' })
  t.equal((await call(`${base}/routes/none`)).status, 404)
  t.strictSame(await get('/routes/one/combinedfilters'), { "[AddRequestHeader X = 'Y']": 1 })
  t.match(await get('/routedefinitions'), [{ id: 'two' }, { id: 'one', predicates: [{ name: 'Host' }, { name: 'Path' }], enabled: true, order: 1 }])
  t.match(await get('/'), [{ href: '/actuator/gateway/routes', methods: ['POST', 'GET'] }])
  t.match(await get('/routefilters'), { StripPrefix: null })
  t.match(await get('/routepredicates'), { Path: null })
  t.equal((await call(`${management}/actuator/health`)).status, 200)
})

t.test('routes come, change and go while running, whole or not at all, and survive a restart with a file', async t => {
  const { port } = await upstream(t, echo)
  const folder = t.testdir({})
  const file = join(folder, 'routes.json')
  const yaml = `breakwater.gateway.routes-file: ${file}`
  const running = await gateway(t, yaml)
  const { url, management } = running
  const routes = `${management}/actuator/gateway/routes`
  t.equal((await call(`${url}/x`)).status, 404)
  const made = await post(`${routes}/x`, { uri: `http://127.0.0.1:${port}`, predicates: ['Path=/x/**'], filters: [{ name: 'StripPrefix', args: { _genkey_0: '1' } }] })
  t.match(made, { status: 201, headers: { location: '/routes/x' } })
  t.match(JSON.parse((await call(`${url}/x/y`)).body), { url: '/y' })
  await post(`${routes}/x`, { uri: `http://127.0.0.1:${port}`, predicates: ['Path=/x/**'] })
  t.match(JSON.parse((await call(`${url}/x/y`)).body), { url: '/x/y' }, 'a second POST replaces')
  t.equal(JSON.parse((await call(routes)).body).length, 1)

  const bad = await post(routes, [{ id: 'ok', uri: 'no://op', predicates: ['Path=/ok'] }, { id: 'bad', uri: 'no://op', predicates: ['Nope=/'] }])
  t.equal(bad.status, 400)
  t.match(bad.body, /Nope/)
  t.equal((await call(`${url}/ok`)).status, 404, 'nothing of a faulty list is taken')
  for (const body of [{ predicates: ['Path=/'] }, { uri: 'localhost:1' }, [], 'x', null]) t.equal((await post(`${routes}/z`, body)).status, 400)
  t.equal((await post(`${routes}/x`, { uri: 'no://op', filters: ['Nope'] })).status, 400)
  t.match(JSON.parse((await call(`${url}/x/y`)).body), { url: '/x/y' }, 'what was there goes on')
  t.equal((await call(`${routes}/none`, { method: 'DELETE', headers: AS_ADMIN })).status, 404)

  await running.stop()
  t.match(JSON.parse(await readFile(file, 'utf8')), [{ id: 'x' }])
  const again = await gateway(t, yaml)
  t.match(JSON.parse((await call(`${again.url}/x/y`)).body), { url: '/x/y' })
  t.equal((await call(`${again.management}/actuator/gateway/routes/x`, { method: 'DELETE', headers: AS_ADMIN })).status, 200)
  t.equal((await call(`${again.url}/x/y`)).status, 404)
})

t.test('a refresh with a fault leaves what serves, and says why', async t => {
  const { port } = await upstream(t, echo)
  const route = (predicate: string) => `
spring.cloud.gateway.routes:
  - { id: one, uri: "http://127.0.0.1:${port}", predicates: [ "${predicate}" ] }
`
  const running = await gateway(t, route('Path=/one'))
  await writeYaml(running.folder, route('Pth=/two'))
  const refused = await post(`${running.management}/actuator/gateway/refresh`)
  t.equal(refused.status, 400)
  t.match(refused.body, /application.yml:5.*Did you mean \\"Path\\"/)
  t.equal((await call(`${running.url}/one`)).status, 200)
  await writeYaml(running.folder, route('Path=/two'))
  const refusal = async () => ((await call(`${running.management}/actuator/health/settings`)).status)
  t.equal(await refusal(), 200, 'and health says so as long as it is so')
  await until('the refresh', async () => (await post(`${running.management}/actuator/gateway/refresh`)).status === 200)
  t.equal((await call(`${running.url}/two`)).status, 200)
  t.equal((await call(`${running.url}/one`)).status, 404)
  await until('no word of it', async () => await refusal() === 404)
})

t.test('explain says which route, which instances, who is left out and what the breaker would do', async t => {
  const { port } = await upstream(t, echo)
  const dead = await deadPort()
  const { url, management } = await gateway(t, `
spring.cloud.gateway.routes:
  - { id: never, uri: lb://users, predicates: [ "Path=/users/**", "Method=POST" ] }
  - { id: users, uri: lb://users, predicates: [ "Path=/users/{id}" ], filters: [ CircuitBreaker=b, Retry=2 ] }
`, { users: [port, dead] })
  for (let i = 0; i < 10; i++) t.equal((await call(`${url}/users/${i}`)).status, 200)
  const { body } = await post(`${management}/actuator/gateway/explain`, { method: 'GET', url: '/users/7?x=1', headers: { host: 'a.org' } })
  t.match(JSON.parse(body), {
    request: { method: 'GET', path: '/users/7', query: 'x=1', host: 'a.org' },
    routesAsked: [
      { routeId: 'never', predicates: [{ holds: true }, { predicate: 'Methods: [POST]', holds: false }] },
      { routeId: 'users', predicates: [{ holds: true }] }
    ],
    match: {
      routeId: 'users',
      variables: { id: '7' },
      instances: [{ id: `users-${port}`, candidate: true }, { id: `users-${dead}`, candidate: false, leftOut: /^connect, \d+ ms more/ }],
      breaker: { name: 'b', state: 'CLOSED', would: 'let it pass' }
    }
  })
  t.match(JSON.parse((await post(`${management}/actuator/gateway/explain`, { url: '/nope' })).body), { match: null, routesAsked: [] })
})

t.test('Prometheus and hystrix.stream tell the same numbers, under the names dashboards know', async t => {
  const { port } = await upstream(t, (_, response) => { response.statusCode = 500; response.end() })
  const { url, management } = await gateway(t, `
resilience4j.circuitbreaker.instances.b: { sliding-window-size: 4, minimumNumberOfCalls: 4, wait-duration-in-open-state: 60s }
spring.cloud.gateway:
  metrics.tags: { region: "eu" }
  routes:
    - id: users
      uri: lb://users
      predicates: [ Path=/** ]
      filters: [ { name: CircuitBreaker, args: { name: b, statusCodes: [ 500 ] } } ]
`, { users: [port] })
  for (let i = 0; i < 6; i++) await call(`${url}/`)
  const text = (await call(`${management}/actuator/prometheus`)).body
  const has = (line: string) => t.ok(text.includes(line), line)
  has('spring_cloud_gateway_requests_seconds_count{httpMethod="GET",httpStatusCode="500",outcome="SERVER_ERROR",routeId="users",routeUri="lb://users",status="INTERNAL_SERVER_ERROR",region="eu"} 4')
  has('httpStatusCode="503",outcome="SERVER_ERROR",routeId="users",routeUri="lb://users",status="SERVICE_UNAVAILABLE",region="eu"} 2')
  has('spring_cloud_gateway_routes_count 1')
  has('resilience4j_circuitbreaker_state{name="b",state="open"} 1')
  has('gateway_retry_ratio{service="users"} 0')
  const stream = await fetch(`${management}/actuator/hystrix.stream?delay=100`)
  t.match(stream.headers.get('content-type'), /text\/event-stream/)
  const reader = stream.body?.getReader()
  const { value } = await reader?.read() ?? {}
  await reader?.cancel()
  const event = JSON.parse(Buffer.from(value ?? []).toString().split('\n')[0]?.slice('data: '.length) ?? '')
  t.match(event, { type: 'HystrixCommand', name: 'b', isCircuitBreakerOpen: true, rollingCountFailure: 4, rollingCountShortCircuited: 2 })
})

t.test('the admin never answers on the data port, and not to strangers', async t => {
  const { url, management } = await gateway(t, '')
  t.equal((await call(`${url}/actuator/gateway/routes`)).status, 404)
  for (const headers of [{ host: 'evil.example' }, { origin: 'https://evil.example' }, { origin: 'null' }, { via: '1.1 proxy' }]) {
    for (const [method, path] of [['POST', '/refresh'], ['POST', '/explain'], ['GET', '/routes']] as const) {
      const all = { ...AS_ADMIN, ...headers } as Record<string, string>
      const { status } = await call(`${management}/actuator/gateway${path}`, { method, headers: all })
      t.equal(status, 403, `${method} ${path} ${JSON.stringify(headers)}`)
    }
  }
  t.equal((await call(`${management}/actuator/gateway/refresh`, { method: 'POST' })).status, 401)
  await t.rejects(gateway(t, 'management.server.address: 0.0.0.0'), { code: 'E_SECURITY_CHOICE' })
})

t.test('faults in the file stop the start, all at once, each with its line', async t => {
  await t.rejects(gateway(t, `
spring.cloud.gateway.routes:
  - { id: one, uri: "http://a", predicates: [ "Pth=/one" ] }
  - { id: two, uri: "http://a", predicates: [ "Path=/two" ], filters: [ "StripPrefix=x" ] }
`), { errors: [{ message: /application.yml:5.*Did you mean "Path"/ }, { message: /application.yml:6.*whole number/ }] })
  await t.rejects(gateway(t, 'breakwater.gateway.worker: 2'), { code: 'E_GATEWAY_KEY', message: /application.yml:3.*Did you mean "workers"/ })
  await t.rejects(gateway(t, 'resilience4j.circuitbreaker.instances.b.sliding-window-size: many'), { message: /application.yml:3.*must be a number/ })
})

t.test('a management port that is taken stops the start, and names the setting of that port', async t => {
  const { port } = await upstream(t, echo)
  await t.rejects(server(t, 'gateway/main.ts', `server.port: 0\nmanagement.server.port: ${port}\nbreakwater.discovery.client: fixed\n`),
    { message: new RegExp(`^E_PORT_IN_USE gateway: 127.0.0.1:${port} is taken .* or set MANAGEMENT_SERVER_PORT `) })
})

t.test('the locator makes a route of every service, and follows them', async t => {
  const { port } = await upstream(t, echo)
  const { url, discovery } = await gateway(t, `
spring.cloud.gateway.discovery.locator: { enabled: true, lower-case-service-id: true }
`, { USERS: [port] })
  t.match(JSON.parse((await call(`${url}/users/a/b`)).body), { url: '/a/b' })
  t.match(JSON.parse((await call(`${url}/users`)).body), { url: '/' })
  t.equal((await call(`${url}/orders/1`)).status, 404)
  discovery.set('orders', [port])
  await until('the new service is routed', async () => (await call(`${url}/orders/1`)).status === 200)
})

t.test('a key of Spring that has no effect here is named once', async t => {
  const { log } = await gateway(t, 'spring.cloud.gateway: { httpclient: { wiretap: true, connect-timeout: 900 } }')
  const warnings = log.filter(line => line.includes('has no effect'))
  t.equal(warnings.length, 1)
  t.match(warnings[0], /application.yml:3.*httpclient.wiretap/)
})

t.test('a worker that starts later is told the instances of now', async t => {
  const { TestHost, snapshot } = await import('./exchange.ts')
  const { WorkerCompiler } = await import('../routes/compile.ts')
  const host = new TestHost()
  const compiler = new WorkerCompiler(host)
  compiler.compile(snapshot([]))
  compiler.compile(snapshot([]))
  t.strictSame(host.emitted, [['compiled', null]])
  compiler.ask('instances', { service: 'users', instances: [] })
  compiler.stop()
})
