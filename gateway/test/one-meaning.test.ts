/** What a settings file says once means the same on one event loop and on four. */
import t, { type Test } from 'tap'
import { Agent, get, type IncomingHttpHeaders } from 'node:http'
import { call, gateway, upstream } from './harness.ts'

const loops = (count: number) => ({ BREAKWATER_GATEWAY_WORKERS: String(count) })

/** The same expectation however many loops there are. */
function onOneAndFour (name: string, check: (t: Test, count: number) => Promise<void>): void {
  for (const count of [1, 4]) t.test(`${name}: ${count} loop${count === 1 ? '' : 's'}`, t => check(t, count))
}

/** Calls one after the other on one connection, which is one loop's. */
function oneConnection (t: Test, url: string, headers: Record<string, string> = {}) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  return () => new Promise<{ status: number, headers: IncomingHttpHeaders }>((resolve, reject) => {
    get(url, { agent, headers }, response => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
    }).on('error', reject)
  })
}

/** As many calls at the same moment, each on a connection of its own: the kernel spreads them over the loops. */
async function atOnce (count: number, url: string, headers: Record<string, string> = {}): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => call(url, { headers })))
  return answers.map(one => one.status)
}

const tally = (statuses: readonly number[], status: number) => statuses.filter(one => one === status).length

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
