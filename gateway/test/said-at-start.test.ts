/** What of a file has no effect, is switched off, was dropped or cannot be evaluated is said, with its line. */
import t, { type Test } from 'tap'
import { call, echo, gateway, upstream } from './harness.ts'

const route = (filter: string) => `
spring.cloud.gateway.routes:
  - id: r
    uri: lb://users
    predicates: [ "Path=/**" ]
    filters:
      - ${filter}
`

t.test('surplus values of a shortcut have no effect, and a warning', async t => {
  const { port } = await upstream(t, echo)
  for (const [filter, said, headers] of [
    ['StripPrefix=1,x', 'StripPrefix takes parts; without effect: x', {}],
    ['"SetResponseHeader=Cache-Control, no-cache, no-store"', 'SetResponseHeader takes name, value; without effect: no-store', { 'cache-control': 'no-cache' }],
    ['CircuitBreaker=name=talkBreaker,fallbackUri=/alt', 'CircuitBreaker takes name; without effect: fallbackUri=/alt', {}],
    ['PreserveHostHeader=x', 'PreserveHostHeader takes none; without effect: x', {}]
  ] as const) {
    const { url, log } = await gateway(t, route(filter), { users: [port] })
    const answer = await call(`${url}/a/b`)
    t.match(answer, { status: 200, headers })
    const lines = log.filter(line => line.includes('without effect'))
    t.equal(lines.length, 1, 'once, not by each event loop')
    t.match(lines[0], said)
    t.match(lines[0], /application\.yml:9/)
  }
  await t.rejects(gateway(t, route('{ name: StripPrefix, args: { part: 1 } }')), { message: /is no argument of it/ }, 'in the full form a name is a name')
})

t.test('a filter or predicate that cannot be used: why, and what to do', async t => {
  const refused = (t: Test, filter: string, message: RegExp, more = '') => t.rejects(gateway(t, more + route(filter)), { message }, filter)
  await refused(t, 'RequestHeaderToRequestUri=X', /switched off: set spring\.cloud\.gateway\.filter\.request-header-to-request-uri\.enabled to true/)
  await refused(t, 'StripPrefix=1', /switched off: set .*filter\.strip-prefix\.enabled/, 'spring.cloud.gateway.filter.strip-prefix.enabled: false\n')
  await refused(t, 'StripPrefix=1', /switched off: set .*predicate\.path\.enabled/, 'spring.cloud.gateway.predicate.path.enabled: false\n')
  await refused(t, 'Hystrix=x', /CircuitBreaker takes its place/)
  await refused(t, 'JsonToGrpc=x', /left out/)
  await refused(t, 'ModifyResponseBody', /plugin/)
  await refused(t, 'StripPrefx=1', /Did you mean "StripPrefix"/)
})

t.test('names of the fixed list are shown as written and matched without case', async t => {
  const { port } = await upstream(t, echo)
  const { url } = await gateway(t, `
breakwater.discovery.client: fixed
spring.cloud.discovery.client.simple.instances.SHELF[0].uri: http://127.0.0.1:${port}
spring.cloud.gateway:
  discovery.locator: { enabled: true, url-expression: "'http://'+getHost()+':'+getPort()" }
  routes: [ { id: low, uri: lb://shelf, predicates: [ Path=/low ] } ]
`, {}, {}, undefined, true)
  t.equal((await call(`${url}/SHELF/a`)).status, 200)
  t.equal((await call(`${url}/shelf/a`)).status, 404)
  t.equal((await call(`${url}/low`)).status, 200)
})

t.test('settings of a registry that is not asked have no effect, and a warning', async t => {
  const said = (log: readonly string[]) => log.filter(line => line.includes('spring.cloud.consul'))
  const yaml = 'spring.cloud.consul: { host: consul.example, port: 8500 }\n'
  const { log } = await gateway(t, yaml)
  t.equal(said(log).length, 1)
  t.match(said(log)[0], /application\.yml:3: .*instances come from eureka.*breakwater\.discovery\.client=consul/)
  t.strictSame(said((await gateway(t, `${yaml}breakwater.discovery.client: consul\n`)).log), [])
})

t.test('an expression that is none names its property and line', async t => {
  await t.rejects(gateway(t, `spring.cloud.gateway.discovery.locator.enabled: true
spring.cloud.gateway.discovery.locator.url-expression: "'http://'+T(java.lang.Runtime)"
`), { code: 'E_EXPRESSION', message: /application\.yml:4: spring\.cloud\.gateway\.discovery\.locator\.url-expression/ })
  await t.rejects(gateway(t, `spring.cloud.gateway.discovery.locator.enabled: true
spring.cloud.gateway.discovery.locator.include-expression: "foo()"
`), { code: 'E_EXPRESSION', message: /application\.yml:4: .*include-expression/ })
})
