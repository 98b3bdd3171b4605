/** What a settings file says once means the same on one event loop and on four: limits and breakers. */
import { call, gateway, until, upstream } from './harness.ts'
import { atOnce, breakerYaml, held, letGo, loops, obedient, onOneAndFour, oneConnection, stateOf, tally } from './many-loops.ts'

onOneAndFour('a rate limit', async (t, count) => {
  const { port } = await upstream(t, (_, response) => response.end())
  // Twenty at once, then one an hour: no test is so slow that another token comes.
  const { url } = await gateway(t, `
spring.cloud.gateway.routes:
  - id: limited
    uri: lb://users
    predicates: [ Path=/** ]
    filters:
      - name: RequestRateLimiter
        args:
          redis-rate-limiter: { replenishRate: 1, burstCapacity: 72000, requestedTokens: 3600 }
          key-resolver: "#{@header.x-user}"
`, { users: [port] }, loops(count))
  const one = oneConnection(t, url, { 'x-user': 'one' })
  t.equal((await one()).headers['x-ratelimit-remaining'], '68400')
  const alone: number[] = [200]
  for (let n = 0; n < 24; n++) alone.push((await one()).status)
  t.equal(tally(alone, 200), 20, 'one connection has all of the burst')
  t.equal(tally(alone, 429), 5)
  const many = await atOnce(60, url, { 'x-user': 'many' })
  t.equal(tally(many, 200), 20, 'and sixty have no more')
  t.equal(tally(many, 429), 40)
  t.equal((await call(url, { headers: { 'x-user': 'third' } })).status, 200, 'another caller has a bucket of his own')
})

for (const type of ['COUNT_BASED', 'TIME_BASED']) {
  onOneAndFour(`the window of a breaker, ${type}`, async (t, count) => {
    const users = await obedient(t)
    const { url } = await gateway(t, breakerYaml(`slidingWindowType: ${type}, slidingWindowSize: ${type === 'TIME_BASED' ? 600 : 10}, minimumNumberOfCalls: 10, waitDurationInOpenState: 10m`),
      { users: [users.port] }, loops(count))
    // One after the other, each on a connection of its own.
    for (let n = 0; n < 10; n++) t.equal((await call(`${url}/?st=500`)).status, 500)
    for (let n = 0; n < 12; n++) t.equal((await call(url)).status, 503)
    t.equal(users.calls(), 10)
  })
}

onOneAndFour('the permits of a half-open breaker, and what its probes say', async (t, count) => {
  const users = await obedient(t)
  const { url, management } = await gateway(t, breakerYaml('slidingWindowSize: 4, minimumNumberOfCalls: 4, waitDurationInOpenState: 1s, ' +
    'maxWaitDurationInHalfOpenState: 10m, permittedNumberOfCallsInHalfOpenState: 3'), { users: [users.port] }, loops(count))
  for (let n = 0; n < 4; n++) await call(`${url}/?st=500`)
  t.equal(users.calls(), 4)
  await until('the wait to be over', async () => await stateOf(management) === 'HALF_OPEN')
  let answered = 0
  const probes = Array.from({ length: 24 }, () => call(`${url}/?hold`).finally(() => answered++))
  await until('the probes', () => held.length === 3 && answered === 21)
  const refused = await Promise.all(Array.from({ length: 24 }, () => call(url)))
  t.equal(tally(refused.map(one => one.status), 503), 24)
  t.equal(users.calls(), 7, 'no more than are permitted')
  letGo()
  t.equal(tally((await Promise.all(probes)).map(one => one.status), 200), 3)
  t.equal(tally(await atOnce(24, url), 200), 24, 'closed for all of them')
  t.equal(await stateOf(management), 'CLOSED')
})

onOneAndFour('a bulkhead', async (t, count) => {
  const users = await obedient(t)
  const { url, management } = await gateway(t, `
resilience4j.bulkhead.instances.users: { maxConcurrentCalls: 2 }
spring.cloud.gateway.routes: [ { id: users, uri: lb://users, predicates: [ "Path=/**" ] } ]
`, { users: [users.port] }, loops(count))
  const calls = Array.from({ length: 24 }, () => call(`${url}/?hold`))
  await until('all to have come', async () => {
    const text = (await call(`${management}/actuator/prometheus`)).body
    return /^breakwater_gateway_bulkhead_refused_total\{.*\} 22$/m.test(text)
  })
  await until('both to be at the service', () => users.active() === 2)
  const text = (await call(`${management}/actuator/prometheus`)).body
  t.match(text, 'resilience4j_bulkhead_max_allowed_concurrent_calls{kind="fixed",name="users"} 2\n')
  t.match(text, 'resilience4j_bulkhead_available_concurrent_calls{kind="fixed",name="users"} 0\n')
  letGo()
  t.equal(tally((await Promise.all(calls)).map(one => one.status), 200), 2)
  for (let n = 0; n < 12; n++) t.equal((await call(url)).status, 200, 'the places are free again')
  t.equal(users.most(), 2)
})

onOneAndFour('an adaptive limit', async (t, count) => {
  const users = await obedient(t)
  const { url, management } = await gateway(t, `
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ "Path=/**" ], filters: [ { name: AdaptiveConcurrency, args: { initialLimit: 4, minLimit: 4, maxLimit: 4 } } ] }
`, { users: [users.port] }, loops(count))
  const calls = Array.from({ length: 24 }, () => call(`${url}/?hold`))
  await until('all to have come', async () =>
    /^breakwater_gateway_bulkhead_refused_total\{.*\} 20$/m.test((await call(`${management}/actuator/prometheus`)).body))
  await until('four to be at the service', () => held.length === 4)
  letGo()
  t.equal(tally((await Promise.all(calls)).map(one => one.status), 200), 4)
  t.equal(users.most(), 4)
})
