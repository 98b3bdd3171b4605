/** Two tries side by side over real sockets: who wins, what becomes of the other, and what it may cost. */
import t, { type Test } from 'tap'
import type { ServerResponse } from 'node:http'
import { createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { deadPort } from '../../starter/test/ports.ts'
import { measuredHedge } from '../upstream/hedge-policy.ts'
import { compiled } from './exchange.ts'
import { call, gateway, upstream, until, type Harness } from './harness.ts'
import { heldClock } from './raw.ts'

/** An instance that can be told to hold its answers back; `aborted` counts requests that were broken off. */
async function instance (t: Test, name: string, status = 200) {
  const state = { holds: false, aborted: 0, status, held: [] as ServerResponse[] }
  const made = await upstream(t, (request, response) => {
    response.on('close', () => { if (!response.writableFinished) state.aborted++ })
    response.statusCode = state.status
    // On a connection of its own a reset is a reset, not a connection that died while it was idle.
    response.setHeader('connection', 'close')
    if (state.holds) state.held.push(response)
    else response.end(`${name} ${request.method}`)
  })
  return Object.assign(state, { port: made.port, calls: made.calls })
}

const yaml = (filters: string) => `
spring.cloud.gateway.routes: [ { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ ${filters} ] } ]
`

async function numbers ({ management }: Harness): Promise<(name: string) => number> {
  const { body } = await call(`${management}/actuator/prometheus`)
  return name => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(body)?.[1] ?? 0)
}

/** In flight on all instances. */
async function inFlight ({ management }: Harness): Promise<number> {
  const services = JSON.parse((await call(`${management}/actuator/gateway/instances`)).body) as Array<{ instances: Array<{ active: number }> }>
  return services.flatMap(one => one.instances).reduce((sum, one) => sum + one.active, 0)
}

t.test('a slow instance is overtaken, broken off, and counts as nobody\'s failure but its own', async t => {
  const [a, b] = [await instance(t, 'a'), await instance(t, 'b')]
  a.holds = true
  const running = await gateway(t, yaml('CircuitBreaker=users, Hedge=100ms'), { users: [a.port, b.port] })
  for (let i = 0; i < 12; i++) t.match(await call(`${running.url}/users`), { status: 200, body: 'b GET' })
  t.ok(a.calls() > 0, 'it was asked')
  await until('all that it held is broken off', () => a.aborted === a.calls())
  const metric = await numbers(running)
  // On a busy machine the quick one may be overtaken by its own hedge, too.
  const hedges = metric('breakwater_gateway_hedges_total')
  t.ok(hedges >= a.calls() && metric('breakwater_gateway_hedges_won_total') > 0, `${hedges} hedges for ${a.calls()} calls held`)
  t.equal(metric('gateway_retries_total'), hedges, 'they come out of the budget for retries')
  t.equal(metric('resilience4j_circuitbreaker_buffered_calls'), 0, 'no failed call')
  t.equal(await inFlight(running), 0)
  const asked = await call(`${running.management}/actuator/gateway/explain`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"url":"/users"}'
  })
  t.match(JSON.parse(asked.body), { match: { hedge: { afterMs: 100 } } })
})

t.test('the first may still win: then the second is broken off', async t => {
  const [a, b] = [await instance(t, 'a'), await instance(t, 'b')]
  a.holds = b.holds = true
  const running = await gateway(t, yaml('Hedge=300ms'), { users: [a.port, b.port] })
  const answer = call(`${running.url}/users`)
  await until('one was asked', () => a.calls() + b.calls() === 1)
  const first = a.calls() === 1 ? a : b
  await until('both were asked', () => a.calls() + b.calls() === 2)
  first.held[0]?.end('the older one')
  t.match(await answer, { status: 200, body: 'the older one' })
  await until('the other is broken off', () => a.aborted + b.aborted === 1)
  t.equal(await inFlight(running), 0)
})

t.test('a bad answer, a refusal or a reset leaves the field to the other try', async t => {
  const [a, b] = [await instance(t, 'a'), await instance(t, 'b')]
  a.holds = b.holds = true
  const running = await gateway(t, yaml('Hedge=20ms'), { users: [a.port, b.port] })
  const lost: Array<(response: ServerResponse) => void> = [
    response => { response.statusCode = 503; response.end('bad') },
    response => { response.socket?.destroy() },
    response => { response.socket?.end('nonsense\r\n\r\n') }
  ]
  for (const lose of lost) {
    for (const [loser, winner] of [[a, b], [b, a]] as const) {
      const answer = call(`${running.url}/users`)
      await until('both were asked', () => a.held.length === 1 && b.held.length === 1)
      lose(loser.held.pop()!)
      await until('one is left', async () => await inFlight(running) === 1)
      winner.held.pop()?.end('good')
      t.match(await answer, { status: 200, body: 'good' })
    }
  }
  const answer = call(`${running.url}/users`)
  await until('both were asked', () => a.held.length === 1 && b.held.length === 1)
  for (const one of [a, b]) {
    const response = one.held.pop()!
    response.statusCode = 503
    response.end('bad')
  }
  t.equal((await answer).status, 503, 'when both are bad the client gets the last')
  t.equal(await inFlight(running), 0)
})

t.test('a second try that is refused leaves the first to go on', async t => {
  const a = await instance(t, 'a')
  a.holds = true
  const running = await gateway(t, yaml('Hedge=300ms'), { users: [a.port] })
  const dead = await deadPort()
  const answer = call(`${running.url}/users`)
  await until('it was asked', () => a.calls() === 1)
  running.discovery.set('users', [a.port, dead])
  await until('the dead one was tried', async () => (await numbers(running))('breakwater_gateway_tries_total') === 2)
  await until('it was left out', () => running.log.some(line => line.includes('instance left out')))
  const leftOut = running.log.find(line => line.includes('instance left out')) ?? ''
  t.match(JSON.parse(leftOut), { service: 'gateway', cluster: 'users' })
  t.equal(leftOut.match(/"service":/g)?.length, 1, 'who writes the line')
  a.held[0]?.end('late')
  t.match(await answer, { status: 200, body: 'late' })
  t.equal(await inFlight(running), 0)
})

t.test('nothing with a body, nothing but GET and HEAD, nothing without another instance', async t => {
  const [a, b] = [await instance(t, 'a'), await instance(t, 'b')]
  a.holds = b.holds = true
  const running = await gateway(t, yaml('Hedge=10ms'), { users: [a.port, b.port] })
  const answers = [
    call(`${running.url}/users`, { method: 'POST', body: 'x' }), call(`${running.url}/users`, { method: 'DELETE' }),
    call(`${running.url}/users`, { method: 'GET', body: 'x', headers: { 'content-length': '1' } })
  ]
  await until('all are held', () => a.held.length + b.held.length === 3)
  await sleep(100)
  t.equal(a.calls() + b.calls(), 3)
  for (const response of [...a.held.splice(0), ...b.held.splice(0)]) response.end('ok')
  for (const answer of answers) t.equal((await answer).status, 200)
  running.discovery.set('users', [a.port])
  const alone = call(`${running.url}/users`)
  await until('it is held', () => a.held.length === 1)
  await sleep(60)
  t.equal(a.held.length, 1, 'the same one is not asked twice')
  a.held[0]?.end('ok')
  t.equal((await alone).status, 200)
})

t.test('a client that leaves takes both along', async t => {
  const [a, b] = [await instance(t, 'a'), await instance(t, 'b')]
  a.holds = b.holds = true
  const running = await gateway(t, yaml('Hedge=20ms'), { users: [a.port, b.port] })
  const left = new AbortController()
  const gone = fetch(`${running.url}/users`, { signal: left.signal })
  await until('both were asked', () => a.held.length + b.held.length === 2)
  left.abort()
  await t.rejects(gone)
  await until('both are broken off', () => a.aborted === 1 && b.aborted === 1)
  t.equal(await inFlight(running), 0)
})

t.test('both too slow: one timeout, one 504, nothing left behind', async t => {
  const [a, b] = [await instance(t, 'a'), await instance(t, 'b')]
  a.holds = b.holds = true
  const clock = heldClock()
  const running = await gateway(t, `
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ Hedge=20ms ], metadata: { response-timeout: 200 } }
  - { id: total, uri: lb://users, predicates: [ Path=/total ], filters: [ Hedge=20ms ], metadata: { total-timeout: 150 } }
`, { users: [a.port, b.port] }, {}, clock)
  for (const [nth, [path, limitMs]] of ([['/users', 200], ['/total', 150]] as const).entries()) {
    const answer = call(`${running.url}${path}`)
    await until('both were asked', () => a.calls() === nth + 1 && b.calls() === nth + 1)
    await clock.pass(limitMs + 1)
    t.equal((await answer).status, 504)
  }
  await until('all are broken off', () => a.aborted === 2 && b.aborted === 2)
  t.equal(await inFlight(running), 0)
})

t.test('hedges stay within the budget when everything is slow', async t => {
  const slow = async () => await upstream(t, (_, response) => { setTimeout(() => response.end('ok'), 60) })
  const [a, b] = [await slow(), await slow()]
  // All in one second: in several of them the floor for services that are seldom called would add its own.
  const running = await gateway(t, yaml('Hedge=10ms, Retry=2'), { users: [a.port, b.port] }, {}, heldClock())
  const answers: Array<Promise<{ status: number }>> = []
  for (let i = 0; i < 300; i++) {
    answers.push(call(`${running.url}/users`))
    if (i % 4 === 0) await sleep(2)
  }
  for (const answer of answers) t.equal((await answer).status, 200)
  const tries = a.calls() + b.calls()
  t.ok(tries > 300 && tries <= 300 * 1.2 + 3, `${tries} tries of 300 requests`)
  const taken = (await numbers(running))('gateway_retries_total')
  // One that is overtaken before its connection stands never reaches an instance.
  t.ok(taken >= tries - 300 && taken <= 63, `${taken} taken from the budget`)
})

t.test('an instance that always loses is left out', async t => {
  const instances = await Promise.all(['a', 'b', 'c'].map(name => instance(t, name)))
  const [a] = instances
  if (a === undefined) throw new Error('none')
  a.holds = true
  const running = await gateway(t, `
breakwater.gateway: { retry-budget: { ratio: 1 }, outlier: { base-ejection: 60s, consecutive-errors: 0 } }
spring.cloud.gateway.httpclient.response-timeout: 2s
${yaml('Hedge=5ms')}`, { users: instances.map(one => one.port) })
  const isOut = async () => {
    const services = JSON.parse((await call(`${running.management}/actuator/gateway/instances`)).body) as Array<{ instances: Array<{ id: string, ejection?: string }> }>
    return services[0]?.instances.find(one => one.id === `users-${a.port}`)?.ejection === 'failure-rate'
  }
  await until('it is left out', async () => {
    await Promise.all(Array.from({ length: 60 }, () => call(`${running.url}/users`)))
    return await isOut()
  })
  const before = a.calls()
  for (let i = 0; i < 20; i++) await call(`${running.url}/users`)
  t.equal(a.calls(), before)
})

t.test('over HTTP/2 the slower try\'s stream is reset, its session stays', async t => {
  const resets: number[] = []
  const serve = async (name: string) => {
    const sessions = new Set<object>()
    const made = createServer((request, response) => {
      sessions.add(request.stream.session!)
      request.stream.on('close', () => { if (request.stream.rstCode !== 0) resets.push(request.stream.rstCode) })
      if (name === 'b') response.end(name)
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => made.once('listening', resolve))
    t.teardown(() => {
      for (const session of sessions) (session as ServerHttp2Session).destroy()
      made.close()
    })
    return { port: (made.address() as AddressInfo).port, sessions }
  }
  const [a, b] = [await serve('a'), await serve('b')]
  const running = await gateway(t, `
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ Hedge=100ms ], metadata: { http2: true } }
`, { users: [a.port, b.port] })
  for (let i = 0; i < 8; i++) t.match(await call(`${running.url}/users`), { status: 200, body: 'b' })
  await until('its streams are reset', async () => resets.length > 0 && await inFlight(running) === 0)
  t.equal(a.sessions.size, 1)
})

t.test('what is slow is found out from the route\'s own times', async t => {
  const policy = measuredHedge({ percentile: 95, minDelayMs: 10 })
  t.equal(policy.delayMs(1_000), 0, 'nothing is known yet')
  for (let i = 1; i <= 100; i++) policy.observe(i * 2, 1_500)
  t.equal(policy.delayMs(1_900), 0, 'reckoned once a second')
  const delayMs = policy.delayMs(2_100)
  t.ok(delayMs > 165 && delayMs < 215, `${delayMs}`)
  t.equal(policy.delayMs(20_000), 0, 'ten quiet seconds and nothing is known again')
  for (let i = 0; i < 100; i++) policy.observe(1, 30_000)
  t.equal(policy.delayMs(30_500), 10, 'never less than the least')
  const routes = (filter: unknown) => [{ id: 'r', uri: 'lb://users', predicates: ['Path=/**'], filters: [filter] }]
  t.throws(() => compiled(routes('Hedge=0')), { message: /sent twice/ })
  t.throws(() => compiled(routes({ name: 'Hedge', args: { percentile: 20 } })), { message: /percentile/ })
  const { table, compiler } = compiled(routes({ name: 'Hedge', args: { percentile: 99, minDelay: '20ms' } }))
  t.equal(String(table.routes[0]?.filters[0]), "[Hedge percentile = 99, minDelay = '20ms']")
  compiler.stop()
})
