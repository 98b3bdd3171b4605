/** Several event loops are one gateway: what one finds out the others know, and operators see sums. */
import t from 'tap'
import { Agent, get } from 'node:http'
import { deadPort } from '../../starter/test/ports.ts'
import { call, gateway, upstream, until } from './harness.ts'

const LOOPS = { BREAKWATER_GATEWAY_WORKERS: '3' }

interface Instances { name: string, instances: Array<{ id: string, ejection?: string, ejectedBy: number }> }

t.test('an instance that refuses one loop is left out by all, before they ask it', async t => {
  const users = await upstream(t, (_, response) => response.end('ok'))
  const dead = await deadPort()
  const { url, management } = await gateway(t, `
breakwater.gateway.outlier.base-ejection: 60s
spring.cloud.gateway.routes: [ { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ Retry=1 ] } ]
`, { users: [users.port, dead] }, LOOPS)
  const services = async () => JSON.parse((await call(`${management}/actuator/gateway/instances`)).body) as Instances[]
  const left = async () => (await services())[0]?.instances.find(one => one.id === `users-${dead}`)
  // One connection is one loop's.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const one = () => new Promise<number>(resolve => {
    get(`${url}/users`, { agent }, response => { response.resume().on('end', () => resolve(response.statusCode ?? 0)) })
  })
  await until('the loop has met the dead one', async () => {
    t.equal(await one(), 200)
    return (await left())?.ejection === 'connect'
  })
  await until('all know', async () => (await left())?.ejectedBy === 3)
  t.equal((await services()).length, 1, 'one service, however many loops')
  const turnedAway = async () => Number(/^breakwater_gateway_redirected_total (\d+)$/m.exec((await call(`${management}/actuator/prometheus`)).body)?.[1])
  await until('it is counted', async () => await turnedAway() === 1)
  for (let i = 0; i < 30; i++) t.equal((await call(`${url}/users`)).status, 200)
  t.equal(await turnedAway(), 1, 'nobody else had to burn a request on it')
})

t.test('a breaker that opens on one loop is open on all', async t => {
  const users = await upstream(t, (_, response) => { response.statusCode = 500; response.end() })
  const { url, management } = await gateway(t, `
resilience4j.circuitbreaker.instances.b: { slidingWindowSize: 4, minimumNumberOfCalls: 4, waitDurationInOpenState: 60s }
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ { name: CircuitBreaker, args: { name: b, statusCodes: [ 500 ] } } ] }
`, { users: [users.port] }, LOOPS)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  for (let i = 0; i < 4; i++) {
    await new Promise(resolve => get(`${url}/users`, { agent }, response => { response.resume().on('end', resolve) }))
  }
  const metrics = async () => (await call(`${management}/actuator/prometheus`)).body
  await until('all are open', async () => (await metrics()).includes('resilience4j_circuitbreaker_state{name="b",state="open"} 1'))
  t.equal(users.calls(), 4)
  for (let i = 0; i < 12; i++) t.equal((await call(`${url}/users`)).status, 503)
  t.equal(users.calls(), 4)
  const breakers = JSON.parse((await call(`${management}/actuator/gateway/breakers`)).body) as object[]
  t.match(breakers, [{ name: 'b', state: 'OPEN' }])
  t.equal(breakers.length, 1)
  const explained = async () => JSON.parse((await call(`${management}/actuator/gateway/explain`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"url":"/users"}'
  })).body) as { eventLoops: number }
  // A loop that is kept from answering for a second is left out.
  await until('all say what they would do', async () => (await explained()).eventLoops === 3)
  t.match(await explained(), { eventLoops: 3, match: { breaker: { state: 'OPEN', would: 'refuse it' }, instances: { length: 1 } } })
})
