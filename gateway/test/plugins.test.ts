import t from 'tap'
import { join } from 'node:path'
import { deadPort } from '../../starter/test/ports.ts'
import { call, echo, server, upstream } from './harness.ts'

const plugin = join(import.meta.dirname, 'fixtures/example-plugin.ts')

const HEAD = 'server: { port: 0 }\nmanagement.server: { port: 0 }\nbreakwater.discovery.client: fixed\n'

const yaml = (workers: number, users: number, pots: number) => `${HEAD}
breakwater.gateway: { workers: ${workers}, plugins: [ "${plugin}" ] }
spring.cloud.discovery.client.simple.instances:
  users[0].uri: http://127.0.0.1:${users}
  pots[0].uri: http://127.0.0.1:${pots}
spring.cloud.gateway.routes:
  - id: stamped
    uri: lb://users
    predicates: [ "Path=/stamped", "Weekday=Mon,Tue,Wed,Thu,Fri,Sat,Sun" ]
    filters:
      - Stamp=X-Stamp, yes
      - name: RequestRateLimiter
        # One call an hour.
        args: { redis-rate-limiter.replenishRate: 1, redis-rate-limiter.burstCapacity: 3600, redis-rate-limiter.requestedTokens: 3600,
          key-resolver: "#{@tenant}",
          deny-empty-key: false }
  - { id: never, uri: lb://users, predicates: [ Path=/never, Weekday=Never ] }
  - { id: pot, uri: lb://pots, predicates: [ Path=/pot ], filters: [ { name: CircuitBreaker, args: { fallbackUri: "forward:/fallback/teapot" } } ] }
`

for (const workers of [0, 1]) {
  t.test(`the plugin of the documentation works ${workers === 0 ? 'in this thread' : 'in a worker thread'}`, async t => {
    const { port } = await upstream(t, echo)
    const { url, management } = await server(t, 'gateway/main.ts', yaml(workers, port, await deadPort()))
    const answer = await call(`${url}/stamped`)
    t.match(answer, { status: 200, headers: { 'x-stamp': 'yes' } })
    t.match(JSON.parse(answer.body), { headers: { 'x-stamp': 'yes' } })
    t.equal((await call(`${url}/never`)).status, 404)
    t.match(await call(`${url}/pot`), { status: 418, body: 'no /fallback/teapot' })
    const as = (tenant: string) => call(`${url}/stamped`, { headers: { 'x-tenant': tenant } })
    t.equal((await as('a')).status, 200)
    t.equal((await as('a')).status, 429)
    t.equal((await as('b')).status, 200)
    t.match((await call(`${management}/actuator/gateway/routes/stamped`)).body, /Weekday: \[Mon/)
  })
}

t.test('a plugin that is not there, or no plugin, stops the start with its path', async t => {
  const start = (path: string) => server(t, 'gateway/main.ts', `${HEAD}breakwater.gateway.plugins: [ "${path}" ]\n`)
  await t.rejects(start('/nowhere/plugin.ts'), { message: /E_PLUGIN_LOAD \/nowhere\/plugin.ts/ })
  await t.rejects(start(join(import.meta.dirname, 'exchange.ts')), { message: /exports no "plugin"/ })
})
