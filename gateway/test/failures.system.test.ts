/**
 * The failure table: gateway and instances as real processes, one thing taken away at a time, under steady load.
 * Printed for docs/gateway.md with `BREAKWATER_TABLE=1`.
 */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { deadPort } from '../../starter/test/ports.ts'
import { call, server, until } from './harness.ts'
import { instance, load, retries, type Load, type Upstream } from './load.ts'

const TABLE = process.env['BREAKWATER_TABLE'] !== undefined
/** A try, and a connection; where figures are not what is wanted, as long as an answer may take on a busy machine. */
const TRY_MS = TABLE ? 200 : 1_000
/** Who was left out is not back before the next thing is looked at. */
const EJECTION = TABLE ? '' : 'outlier: { base-ejection: 300s }, '

const route = (name: string, more = '', metadata = '') => `
            - id: ${name}
              uri: lb://${name}
              predicates: [ Path=/${name} ]
              metadata: { response-timeout: 0 ${metadata} }
              filters: [ { name: Retry, args: { retries: 2 ${more} } } ]`

t.test('one thing is taken away at a time', async t => {
  const services: Record<string, Upstream[]> = {}
  const start = async (name: string, ...manners: string[]) => {
    services[name] = await Promise.all(manners.map(manner => instance(t, manner)))
  }
  await start('well', 'well', 'well', 'well')
  await start('killed', 'well', 'well')
  await start('hangs', 'well', 'well', 'hangs')
  await start('slow', 'well', 'well', 'slow')
  await start('errors', 'well', 'well', 'well', 'well', 'errors')
  await start('down', 'well', 'well')
  await start('hole', 'well', 'well', 'narrow')
  await start('resets', 'well', 'well', 'resets')
  services['limited'] = services['well'] ?? []
  const instances = Object.entries(services).flatMap(([name, list]) =>
    list.map(({ port }, i) => `            ${name}[${i}]: { uri: "http://127.0.0.1:${port}" }`)).join('\n')
  const { url, management } = await server(t, 'gateway/main.ts', `
server: { port: 0 }
management: { server: { port: 0 } }
logging: { level: { root: error } }
breakwater:
  discovery: { client: fixed }
  # One loop: each loop ejects by what it has seen itself, and the table tells what one needs for that.
  gateway: { workers: 1, ${EJECTION}fallbacks: { "[/fallback]": { status: 203, body: "fallback" } } }
spring:
  data: { redis: { host: 127.0.0.1, port: ${await deadPort()} } }
  cloud:
    discovery:
      client:
        simple:
          instances:
${instances}
    gateway:
      server:
        webflux:
          routes:${route('well')}${route('killed')}${route('hangs', `, perTryTimeout: ${TRY_MS}ms`)}${route('slow')}${route('errors')}
${route('hole', '', `, connect-timeout: ${TRY_MS}`)}${route('resets')}
            - id: down
              uri: lb://down
              predicates: [ Path=/down ]
              filters: [ Retry=2, { name: CircuitBreaker, args: { fallbackUri: "forward:/fallback" } } ]
            - id: limited
              uri: lb://limited
              predicates: [ Path=/limited ]
              filters:
                - name: RequestRateLimiter
                  args: { redis-rate-limiter.replenishRate: 1, redis-rate-limiter.burstCapacity: 1 }
`)
  const rows: Array<Record<string, string>> = []
  await load(`${url}/well`, 0.5)
  const base = await load(`${url}/well`, 1)
  const measured = async (what: string, service: string, run: () => Promise<Load>) => {
    const before = await retries(management, service)
    const result = await run()
    const amplification = 1 + (await retries(management, service) - before) / result.requests
    rows.push({
      what,
      'errors %': (result.errors * 100 / result.requests).toFixed(2),
      'added p99 ms': String(Math.max(0, result.p99 - base.p99)),
      'slowest ms': String(result.slowest),
      amplification: amplification.toFixed(3)
    })
    t.ok(amplification <= 1.2, `${what}: amplification ${amplification}`)
    return result
  }
  const after = (ms: number, act: () => void) => { setTimeout(act, ms) }

  const killed = await measured('one of two instances killed', 'killed', async () => {
    after(400, () => services['killed']?.[0]?.child.kill('SIGKILL'))
    return await load(`${url}/killed`, 2)
  })
  t.equal(killed.errors, 0, 'no client sees a killed instance')

  const hangs = await measured(`one of three instances hangs (${TRY_MS} ms a try)`, 'hangs', () => load(`${url}/hangs`, 2))
  t.equal(hangs.errors, 0)
  nobodyWaits(t, hangs, base)

  const slow = await measured('one of three instances slow (500 ms)', 'slow', () => load(`${url}/slow`, 2))
  t.equal(slow.errors, 0)
  t.ok(slow.p50 < 250 + 3 * base.p50, `most go to the fast ones: p50 ${slow.p50} against ${base.p50}`)

  await load(`${url}/errors`, 2)
  const errors = await measured('one of five instances fails 20 % (after 2 s)', 'errors', () => load(`${url}/errors`, 2))
  t.ok(errors.errors / errors.requests < 0.001, `${errors.errors} errors`)

  const down = await measured('all instances down (fallback)', 'down', async () => {
    await Promise.all((services['down'] ?? []).map(async ({ child }) => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }))
    return await load(`${url}/down`, 2)
  })
  t.equal(down.errors, 0)
  t.equal(down.fallbacks, down.requests, 'every answer is the fallback')
  nobodyWaits(t, down, base)

  const limited = await measured('Redis down (rate limit)', 'limited', () => load(`${url}/limited`, 1))
  t.equal(limited.errors, 0, 'allowed, as Spring allows')

  const hole = await measured(`one of three instances is a black hole (${TRY_MS} ms to connect)`, 'hole', async () => {
    const frozen = services['hole']?.[2] as Upstream
    frozen.child.kill('SIGSTOP')
    const filling: Socket[] = Array.from({ length: 6 }, () => connect(frozen.port, '127.0.0.1'))
    for (const socket of filling) socket.on('error', () => {})
    t.teardown(() => filling.forEach(socket => socket.destroy()))
    await until('the queue to be full', () => filling.filter(socket => !socket.connecting).length >= 2)
    return await load(`${url}/hole`, 2)
  })
  t.equal(hole.errors, 0)
  nobodyWaits(t, hole, base)

  const resets = await measured('one of three instances resets mid-body', 'resets', () => load(`${url}/resets`, 2))
  t.ok(resets.errors < resets.requests / 6, `an answer that has begun cannot be repeated: ${resets.errors} cut before it was left out`)
  t.ok(resets.errors > 0, 'a cut answer is never passed off as whole')
  const later = await load(`${url}/resets`, 1)
  t.equal(later.errors, 0, 'left out from then on')

  const [again] = services['down'] ?? []
  const back = await instance(t, 'well', again?.port)
  const startedMs = performance.now()
  await until('the instance serves again', async () => (await call(`${url}/down`)).status === 200)
  t.ok(performance.now() - startedMs < 15_000, `served again after ${Math.round(performance.now() - startedMs)} ms (${back.port})`)
  if (TABLE) printTable(rows)
})

/** Bounds that hold on a busy machine: most answers are as fast as ever, none waits for what is broken. */
function nobodyWaits (t: Test, result: Load, base: Load): void {
  t.ok(result.p50 < 250 + 3 * base.p50, `p50 ${result.p50} against ${base.p50}`)
  t.ok(result.slowest < 5_000 + 3 * base.slowest, `slowest ${result.slowest} against ${base.slowest}`)
}

function printTable (rows: Array<Record<string, string>>): void {
  const names = Object.keys(rows[0] ?? {})
  const lines = [names, names.map(() => '---'), ...rows.map(row => names.map(name => row[name] ?? ''))]
  process.stderr.write(`${lines.map(line => `| ${line.join(' | ')} |`).join('\n')}\n`)
}

t.test('the registry is killed: its last known instances go on serving', async t => {
  const registry = await server(t, 'discovery/main.ts', 'server: { port: 0 }\nlogging: { level: { root: error } }\n')
  const users = await Promise.all([instance(t, 'well'), instance(t, 'well')])
  for (const { port } of users) {
    const answer = await fetch(`${registry.url}/eureka/apps/USERS`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ instance: {
        instanceId: `users:${port}`, app: 'USERS', hostName: '127.0.0.1', ipAddr: '127.0.0.1', status: 'UP', vipAddress: 'users',
        port: { $: port, '@enabled': 'true' }, dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' }
      } })
    })
    t.equal(answer.status, 204)
  }
  const { url } = await server(t, 'gateway/main.ts', `
server: { port: 0 }
management: { server: { port: 0 } }
logging: { level: { root: error } }
eureka: { client: { service-url: { defaultZone: "${registry.url}/eureka/" }, register-with-eureka: false } }
spring: { cloud: { gateway: { routes: [ { id: users, uri: "lb://users", predicates: [ "Path=/**" ] } ] } } }
`)
  await until('the first answer', async () => (await call(url)).status === 200)
  registry.child.kill('SIGKILL')
  const { errors } = await load(url, 1.5)
  t.equal(errors, 0)
})
