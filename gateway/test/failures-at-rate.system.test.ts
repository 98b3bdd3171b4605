/** Instances that fail one request in five under 5,000 requests/s, and what retries may cost while they do. */
import t, { type Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { call, server } from './harness.ts'
import { instance, load, retries } from './load.ts'

/** Asked for: a machine that gives less is told how much it was, and the shares have to hold all the same. */
const RATE = 5_000

async function started (t: Test, manners: readonly string[]) {
  const instances = await Promise.all(manners.map(manner => instance(t, manner)))
  return await server(t, 'gateway/main.ts', `
server: { port: 0 }
management: { server: { port: 0 } }
logging: { level: { root: error } }
breakwater: { discovery: { client: fixed }, gateway: { workers: 2 } }
spring:
  cloud:
    discovery:
      client:
        simple:
          instances:
${instances.map(({ port }, i) => `            users[${i}]: { uri: "http://127.0.0.1:${port}" }`).join('\n')}
    gateway:
      routes: [ { id: users, uri: "lb://users", predicates: [ Path=/users ], filters: [ Retry=2 ] } ]
`)
}

t.test('one of five instances fails 20 % of 5,000 requests/s: after two seconds clients see fewer than one error in a thousand', async t => {
  const { url, management } = await started(t, ['well', 'well', 'well', 'well', 'errors'])
  const before = await load(`${url}/users`, 2, RATE)
  const { requests, perSecond, errors } = await load(`${url}/users`, 3, RATE)
  t.equal(requests, 3 * RATE)
  t.comment(`${before.perSecond}, then ${perSecond} requests/s`)
  t.ok(errors < requests / 1_000, `${errors} errors of ${requests}`)
  const again = await retries(management, 'users')
  t.ok(again > 0, 'there was something to try again')
  t.ok(again < (before.requests + requests) / 5, `${again} further tries for ${before.requests + requests} requests`)
})

interface Sample { readonly atMs: number, readonly requests: number, readonly retries: number }

t.test('when all fail alike, retries stay within a fifth of the requests over any ten seconds', async t => {
  const { url, management } = await started(t, ['errors', 'errors', 'errors'])
  const samples: Sample[] = []
  let stopped = false
  const watch = async () => {
    while (!stopped) {
      const { body } = await call(`${management}/actuator/prometheus`)
      const tries = Number(/^breakwater_gateway_tries_total (\d+)$/m.exec(body)?.[1] ?? 0)
      const retries = Number(/^breakwater_gateway_retries_total (\d+)$/m.exec(body)?.[1] ?? 0)
      samples.push({ atMs: performance.now(), requests: tries - retries, retries })
      await sleep(200)
    }
  }
  const watching = watch()
  await load(`${url}/users`, 13, RATE / 10)
  stopped = true
  await watching
  const windows = samples.flatMap((from, i) => {
    const to = samples.slice(i).find(one => one.atMs >= from.atMs + 10_000)
    const requests = (to?.requests ?? 0) - from.requests
    return to === undefined || requests === 0 ? [] : [(to.retries - from.retries) / requests]
  })
  t.ok(windows.length > 0, `${windows.length} windows of ten seconds`)
  // The two numbers of a sample are read within milliseconds of each other, not in one instant.
  for (const ratio of windows) t.ok(ratio <= 0.205, `amplification ${(1 + ratio).toFixed(3)}`)
  t.ok(Math.max(...windows) > 0.1, 'the budget was drawn on')
})
