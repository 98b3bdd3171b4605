import t, { type Test } from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../starter/test/ports.ts'
import { BucketTable } from '../rate-limit/bucket-table.ts'
import { MemoryLimiter } from '../rate-limit/memory-limiter.ts'
import { call, echo, gateway, upstream, until, type Answer } from './harness.ts'
import { heldClock } from './raw.ts'

const skip = spawnSync('redis-server', ['--version']).error === undefined ? false : 'redis-server is not installed'

t.test('memory: burst at once, then the rate, to the millisecond', async t => {
  let nowMs = 0
  const limiter = new MemoryLimiter(() => nowMs, new BucketTable(BucketTable.make()))
  const rule = { replenishRate: 10, burstCapacity: 20, requestedTokens: 1 }
  const take = () => limiter.take('r', 'k', rule)
  t.strictSame(Array.from({ length: 20 }, () => take().remaining), Array.from({ length: 20 }, (_, i) => 19 - i))
  t.strictSame(take(), { allowed: false, remaining: 0 })
  nowMs = 1_000
  t.equal(Array.from({ length: 20 }, () => take().allowed).filter(Boolean).length, 10)
  const slow = { replenishRate: 1, burstCapacity: 60, requestedTokens: 60 }
  t.ok(limiter.take('slow', 'k', slow).allowed)
  nowMs += 59_000
  t.notOk(limiter.take('slow', 'k', slow).allowed)
  nowMs += 1_000
  t.ok(limiter.take('slow', 'k', slow).allowed, 'one call a minute')
})

const route = (more: string) => `
spring.cloud.gateway.routes:
  - id: limited
    uri: lb://users
    predicates: [ Path=/** ]
    filters:
      - name: RequestRateLimiter
        args: { redis-rate-limiter.replenishRate: 1, redis-rate-limiter.burstCapacity: 3${more} }
`

t.test('headers on every answer, 429 with Retry-After, keys by address, header and plugin', async t => {
  const { port } = await upstream(t, echo)
  const { url } = await gateway(t, route(', key-resolver: "#{@header.x-user}"'), { users: [port] }, {}, heldClock())
  const as = (user: string) => call(url, { headers: { 'x-user': user } })
  t.match(await as('a'), {
    status: 200,
    headers: { 'x-ratelimit-remaining': '2', 'x-ratelimit-replenish-rate': '1', 'x-ratelimit-burst-capacity': '3', 'x-ratelimit-requested-tokens': '1' }
  })
  await as('a')
  await as('a')
  t.match(await as('a'), { status: 429, headers: { 'x-ratelimit-remaining': '0', 'retry-after': '1' } })
  t.equal((await as('b')).status, 200, 'another key, another bucket')
  t.equal((await call(url)).status, 403, 'no key: deny-empty-key')
  const open = await gateway(t, route(', key-resolver: "#{@header.x-user}", deny-empty-key: false'), { users: [port] })
  t.equal((await call(open.url)).status, 200)
  const plain = await gateway(t, route(''), { users: [port] })
  t.equal((await call(plain.url)).status, 200, 'without a login the address is the key, where Spring answers 403')
  await t.rejects(gateway(t, route(', key-resolver: "#{T(java.lang.Runtime).exec(\'x\')}"')), { code: 'E_EXPRESSION' })
  await t.rejects(gateway(t, route(', key-resolver: "#{@userKeyResolver}"')), { code: 'E_PLUGIN_MISSING' })
  await t.rejects(gateway(t, route('').replace('burstCapacity: 3', 'burstCapacity: 0')), { message: /burstCapacity/ })
})

async function redis (t: Test, port: number) {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], { stdio: 'ignore' })
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => 50 })
  client.on('error', () => {})
  await until('redis', async () => (await client.ping().catch(() => '')) === 'PONG')
  t.teardown(async () => {
    client.disconnect()
    server.kill('SIGKILL')
    await rm(folder, { recursive: true })
  })
  return { server, client }
}

t.test('Redis: Spring\'s keys and arithmetic; two gateways share; Redis down allows', { skip }, async t => {
  const { port } = await upstream(t, echo)
  const redisPort = await freePort()
  const { server, client } = await redis(t, redisPort)
  // Twenty at once, then one in a quarter of an hour.
  const yaml = `spring.data.redis: { host: 127.0.0.1, port: ${redisPort} }\n${route(', key-resolver: "#{@header.x-user}"')
    .replace('burstCapacity: 3', 'burstCapacity: 20000, redis-rate-limiter.requestedTokens: 1000')}`
  const one = await gateway(t, yaml, { users: [port] })
  const two = await gateway(t, yaml, { users: [port] })
  const as = (url: string, user: string) => call(url, { headers: { 'x-user': user } })
  const remaining = ({ headers }: Answer) => Number(headers['x-ratelimit-remaining'])
  // Until it is connected, and whenever it does not answer in half a second, Redis is not heard: then another user.
  const heard = async (what: string, ask: (user: string) => Promise<Answer[]>): Promise<Answer[]> => {
    let answers: Answer[] = []
    let nth = 0
    await until(what, async () => {
      answers = await ask(`${what}${nth++}`)
      return answers.every(answer => remaining(answer) !== -1)
    })
    return answers
  }
  let user = ''
  const [first, second] = await heard('pair', async name => [await as(one.url, user = name), await as(two.url, user)]) as [Answer, Answer]
  t.equal(remaining(first), 19_000)
  t.ok(remaining(second) >= 18_000 && remaining(second) < 19_000, 'the other gateway takes from the same bucket')
  t.equal(await client.get(`request_rate_limiter.{limited.${user}}.tokens`), String(remaining(second)))
  t.match(await client.get(`request_rate_limiter.{limited.${user}}.timestamp`), /^\d{10}$/)
  const ttl = await client.ttl(`request_rate_limiter.{limited.${user}}.tokens`)
  t.ok(ttl > 39_000 && ttl <= 40_000, `ttl is twice the time to fill: ${ttl}`)
  const burst = await heard('burst', name => Promise.all(Array.from({ length: 60 }, (_, i) => as(i % 2 === 0 ? one.url : two.url, name))))
  t.equal(burst.filter(answer => answer.status === 200).length, 20)
  server.kill('SIGKILL')
  await until('Redis is gone', async () => remaining(await as(one.url, user)) === -1)
  const down = await as(one.url, 'a')
  t.equal(down.status, 200)
  t.ok(down.elapsedMs < 10_000, `${down.elapsedMs} ms: it does not wait for Redis to be back`)
})
