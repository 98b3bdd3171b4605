import t from 'tap'
import { compiled, request, through } from './exchange.ts'
import { corsOptions } from '../settings/read-cors.ts'
import { call, echo, gateway, upstream } from './harness.ts'

const yaml = `
spring.cloud.gateway:
  globalcors:
    add-to-simple-url-handler-mapping: true
    cors-configurations:
      '[/**]':
        allowedOrigins: "https://docs.spring.io"
        allowedMethods: [ GET, PUT ]
        allowedHeaders: "X-A, Content-Type"
        exposedHeaders: X-B
        maxAge: 30
  routes:
    - { id: get, uri: lb://users, predicates: [ Path=/get, Method=GET ] }
    - id: own
      uri: lb://users
      predicates: [ Path=/own ]
      metadata: { cors: { allowedOriginPatterns: "https://*.a.org", allowCredentials: true, allowedMethods: "*" } }
`

t.test('preflights, foreign origins and routes of their own', async t => {
  const { port, calls } = await upstream(t, echo)
  const { url } = await gateway(t, yaml, { users: [port] })
  const ask = (path: string, origin: string, headers: Record<string, string> = {}, method = 'GET') =>
    call(`${url}${path}`, { method, headers: { origin, ...headers } })
  const preflight = (path: string, origin: string, wanted: string, headers?: string) => ask(path, origin, {
    'access-control-request-method': wanted, ...headers === undefined ? {} : { 'access-control-request-headers': headers }
  }, 'OPTIONS')
  t.match(await preflight('/get', 'https://docs.spring.io', 'PUT', 'x-a'), {
    status: 200,
    headers: {
      'access-control-allow-origin': 'https://docs.spring.io',
      'access-control-allow-methods': 'GET,PUT',
      'access-control-allow-headers': 'x-a',
      'access-control-max-age': '30',
      'access-control-expose-headers': 'X-B'
    }
  }, 'although the route takes GET only')
  t.equal((await preflight('/get', 'https://docs.spring.io', 'DELETE')).status, 403)
  t.equal((await preflight('/get', 'https://docs.spring.io', 'GET', 'x-c')).status, 403)
  t.equal((await preflight('/get', 'https://evil.example', 'GET')).status, 403)
  t.equal((await ask('/get', 'https://evil.example')).status, 403)
  t.equal(calls(), 0, 'none of these reached the upstream')
  t.match(await ask('/get', 'https://docs.spring.io'), { status: 200, headers: { 'access-control-allow-origin': 'https://docs.spring.io', vary: /Origin/ } })
  t.equal((await ask('/get', url)).headers['access-control-allow-origin'], undefined, 'the same origin needs no leave')
  t.equal((await call(`${url}/get`)).headers['access-control-allow-origin'], undefined)
  t.match(await ask('/own', 'https://x.a.org'), { headers: { 'access-control-allow-origin': 'https://x.a.org', 'access-control-allow-credentials': 'true' } })
  t.equal((await ask('/own', 'https://docs.spring.io')).status, 403, "the route's own rule beats the global one")
  t.equal((await ask('/own', 'https://x.a.org.evil.example')).status, 403)
})

t.test('what cannot work is refused at the start', async t => {
  t.throws(() => corsOptions({ allowedOrigins: '*', allowCredentials: true }, 'x'), { message: /does not go with/ })
  t.throws(() => corsOptions({ allowOrigins: '*' }, 'x'), { message: /Did you mean "allowedOrigins"/ })
  const { table } = compiled([{ id: 'r', uri: 'no://op', predicates: ['Path=/**'], metadata: { cors: { allowedOriginPatterns: ['http://a.org:[80,81]'] } } }])
  const reply = async (origin: string) => (await through(table, request('/', { origin }))).reply
  t.equal(await reply('http://a.org:81'), undefined)
  t.match(await reply('http://a.org:82'), { status: 403 })
})

t.test('a preflight for a route that takes another method is answered by that route\'s rule', async t => {
  const { port, calls } = await upstream(t, echo)
  const { url } = await gateway(t, `
spring.cloud.gateway:
  globalcors.add-to-simple-url-handler-mapping: true
  routes:
    - { id: put, uri: lb://users, predicates: [ "Path=/m/**", Method=PUT ], metadata: { cors: { allowedOrigins: "https://a.org", allowedMethods: PUT } } }
    - { id: free, uri: lb://users, predicates: [ "Path=/n/**", Method=PUT ] }
`, { users: [port] })
  const preflight = (path: string, origin: string) =>
    call(`${url}${path}`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } })
  t.match(await preflight('/m/x', 'https://a.org'), { status: 200, headers: { 'access-control-allow-origin': 'https://a.org' } })
  t.equal((await preflight('/m/x', 'https://b.org')).status, 403)
  t.equal((await preflight('/n/x', 'https://a.org')).headers['access-control-allow-origin'], undefined)
  t.equal(calls(), 0)
})

t.test('a fallback answers by the rules of the route that was asked for', async t => {
  const { port } = await upstream(t, (_, response) => response.writeHead(500).end())
  const { url } = await gateway(t, `
spring.cloud.gateway:
  globalcors.cors-configurations: { '[/fallback]': { allowedOrigins: "https://nobody.example" } }
  routes:
    - { id: failing, uri: lb://users, predicates: [ Path=/failing ], filters: [ { name: CircuitBreaker, args: { name: b, fallbackUri: "forward:/fallback", statusCodes: [ 500 ] } } ] }
    - { id: fallback, uri: no://op, predicates: [ Path=/fallback ] }
`, { users: [port] })
  const { status, headers } = await call(`${url}/failing`, { headers: { origin: 'https://a.example' } })
  t.same([status, headers['access-control-allow-origin']], [200, undefined])
})

t.test('an error and a refusal carry the fields of CORS: a script may read them', async t => {
  const { url } = await gateway(t, `
spring.cloud.gateway:
  globalcors.cors-configurations: { '[/**]': { allowedOrigins: "https://a.org" } }
  routes:
    - { id: none, uri: lb://nobody, predicates: [ Path=/none ], filters: [ SecureHeaders, "AddResponseHeader=X-A, 1" ] }
    - { id: denied, uri: lb://nobody, predicates: [ Path=/denied ], filters: [ DenyAddresses=0.0.0.0/0 ] }
`)
  for (const [path, status] of [['/none', 503], ['/denied', 403]] as const) {
    const answer = await call(`${url}${path}`, { headers: { origin: 'https://a.org' } })
    t.match(answer, { status, headers: { 'access-control-allow-origin': 'https://a.org', vary: /Origin/ } })
    t.equal(answer.headers['x-a'], undefined, 'and nothing of the other filters')
  }
  t.equal((await call(`${url}/none`)).headers['x-frame-options'], 'DENY', 'an error is as careful as an answer')
})
