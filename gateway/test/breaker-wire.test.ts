/** Breakers on sockets: what they do after thousands of calls, and when a call that they let through never ends. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { gateway, type Harness } from './harness.ts'
import { OK, RawClient, statusOf, until } from './raw.ts'

const FAILED = 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n'

/** An instance that costs next to nothing, and can be taken away and brought back. */
class Instance {
  calls = 0
  /** Empty: the call is never answered. */
  answer = OK
  readonly sockets = new Set<Socket>()
  readonly #server = createServer(socket => {
    this.sockets.add(socket)
    socket.on('error', () => {}).on('close', () => this.sockets.delete(socket))
    // One request at a time comes on a connection, and these are small: a chunk is a request.
    socket.on('data', () => {
      this.calls++
      socket.write(this.answer)
    })
  })

  get port (): number {
    return (this.#server.address() as AddressInfo).port
  }

  async up (port = 0): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(port, '127.0.0.1', resolve))
  }

  async down (): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }
}

interface Started { readonly users: Instance, readonly running: Harness }

async function started (t: Test, breakers: string, names: readonly string[]): Promise<Started> {
  const users = new Instance()
  await users.up()
  t.teardown(() => users.down())
  const running = await gateway(t, `
resilience4j.circuitbreaker.instances: ${breakers}
spring.cloud.gateway.routes:
${names.map(name => `  - { id: ${name}, uri: lb://users, predicates: [ Path=/${name} ], metadata: { response-timeout: 0 },
      filters: [ { name: CircuitBreaker, args: { name: ${name}, statusCodes: [ 500 ] } } ] }`).join('\n')}
`, { users: [users.port] })
  return { users, running }
}

const open = ({ url }: Harness, path: string, times = 1): RawClient =>
  new RawClient(Number(new URL(url).port)).send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(times))

/** Calls of one client, one after the other as it sees them; their statuses. */
async function ask (running: Harness, path: string, times = 1): Promise<number[]> {
  const client = open(running, path, times)
  const answers = await client.answers(times)
  client.socket.destroy()
  return answers.map(statusOf)
}

/** Many calls, of several clients at once; how many answers had which status. */
async function flood (running: Harness, path: string, times: number): Promise<Record<number, number>> {
  const found: Record<number, number> = {}
  let left = times
  const client = async (): Promise<void> => {
    while ((left -= 100) >= 0) {
      for (const status of await ask(running, path, 100)) found[status] = (found[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: 16 }, client))
  return found
}

/** Asks until a call gets through to the instance: its client. Until then every answer is the breaker's. */
async function letThrough (t: Test, running: Harness, users: Instance): Promise<RawClient> {
  const before = users.calls
  for (;;) {
    const client = open(running, '/b')
    await until(() => users.calls > before || client.received !== '', 'a refusal or a call')
    if (users.calls > before) return client
    if (statusOf(client.received) !== 503) t.fail(client.received)
    client.socket.destroy()
  }
}

/** A breaker that opened and lets one call through, which the instance does not answer. */
async function probing (t: Test, maxWait: string) {
  const { users, running } = await started(t, `{ b: { slidingWindowSize: 4, waitDurationInOpenState: 100ms,
    permittedNumberOfCallsInHalfOpenState: 1, maxWaitDurationInHalfOpenState: ${maxWait} } }`, ['b'])
  users.answer = FAILED
  t.strictSame(await ask(running, '/b', 4), [500, 500, 500, 500])
  users.answer = ''
  return { users, running, probe: await letThrough(t, running, users) }
}

/** What the breakers became, in order. */
const states = ({ log }: Harness): string[] => log.flatMap(line => /breaker \w+ is (\w+)/.exec(line)?.[1] ?? [])

t.test('ten thousand refused calls later, a breaker that closed opens after as few failures as ever', async t => {
  const { users, running } = await started(t,
    '{ b: { slidingWindowType: TIME_BASED, slidingWindowSize: 300, minimumNumberOfCalls: 10, waitDurationInOpenState: 300s } }', ['b'])
  const { port } = users
  await users.down()
  t.strictSame(await flood(running, '/b', 100), { 502: 10, 503: 90 })
  t.strictSame(await flood(running, '/b', 10_000), { 503: 10_000 })
  await users.up(port)
  // Somebody listens again: the breaker tries at once, and closes by what it sees.
  await until(() => states(running).includes('HALF_OPEN'), 'the instance to be seen')
  t.strictSame(await ask(running, '/b', 10), Array.from({ length: 10 }, () => 200))
  t.strictSame(states(running), ['OPEN', 'HALF_OPEN', 'CLOSED'])
  users.answer = FAILED
  users.calls = 0
  t.strictSame(await flood(running, '/b', 100), { 500: 10, 503: 90 })
  t.equal(users.calls, 10, 'opossum alone needs 10,002')
})

t.test('a probe that is never answered: open again after its deadline, and a later probe closes', async t => {
  const { users, running, probe: lost } = await probing(t, '300ms')
  users.answer = OK
  const later = await letThrough(t, running, users)
  t.equal(statusOf((await later.answers())[0]!), 200)
  t.strictSame(await ask(running, '/b', 20), Array.from({ length: 20 }, () => 200))
  t.strictSame(states(running), ['OPEN', 'HALF_OPEN', 'OPEN', 'HALF_OPEN', 'CLOSED'], 'opossum alone stays half-open')
  t.equal(lost.received, '', 'the first probe waits still')
  for (const client of [lost, later]) client.socket.destroy()
})

t.test('a probe whose client leaves says nothing, and its place is free for another', async t => {
  const { users, running, probe: leaving } = await probing(t, '300s')
  t.strictSame(await ask(running, '/b'), [503], 'one at a time')
  leaving.socket.resetAndDestroy()
  const server = [...users.sockets].at(-1)
  await until(() => server?.destroyed, 'the call to be given up')
  users.answer = OK
  t.strictSame(await ask(running, '/b'), [200])
  t.strictSame(states(running), ['OPEN', 'HALF_OPEN', 'CLOSED'])
})

interface Cost { readonly status: number, readonly cpuMs: number }

/** One call and the processor time that client and gateway, in this process, took for it. */
async function cost (client: RawClient, path: string): Promise<Cost> {
  const before = process.cpuUsage()
  client.received = ''
  const [answer = ''] = await client.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).answers()
  const { user, system } = process.cpuUsage(before)
  return { status: statusOf(answer), cpuMs: (user + system) / 1_000 }
}

/** The value that `share` of the costs are below. */
function quantile (costs: readonly Cost[], share: number): number {
  return costs.map(({ cpuMs }) => cpuMs).toSorted((a, b) => a - b)[Math.floor(costs.length * share)] ?? Infinity
}

t.test('150,000 latencies in the window: a failure and a refusal cost what they cost after a thousand', async t => {
  // Both open a little over a thousand failures after the instance is gone.
  const { users, running } = await started(t, `
  few: { slidingWindowType: TIME_BASED, slidingWindowSize: 300, failureRateThreshold: 50 }
  many: { slidingWindowType: TIME_BASED, slidingWindowSize: 300, failureRateThreshold: 0.7 }`, ['few', 'many'])
  t.strictSame(await flood(running, '/few', 1_000), { 200: 1_000 })
  t.strictSame(await flood(running, '/many', 150_000), { 200: 150_000 })
  await users.down()
  const clients = [open(running, '/few'), open(running, '/many')] as const
  for (const client of clients) await client.answers()
  const few: Cost[] = []
  const many: Cost[] = []
  for (let i = 0; i < 1_500; i++) {
    few.push(await cost(clients[0], '/few'))
    many.push(await cost(clients[1], '/many'))
  }
  for (const status of [502, 503]) {
    const [less, more] = [few, many].map(costs => costs.filter(one => one.status === status)) as [Cost[], Cost[]]
    t.ok(less.length > 400 && more.length > 400, `${less.length} and ${more.length} times ${status}`)
    t.ok(quantile(more, 0.99) < 5, `p99 of a ${status}: ${quantile(more, 0.99)} ms; opossum's default takes 244`)
    t.ok(quantile(more, 0.5) < 2 * quantile(less, 0.5), `median of a ${status}: ${quantile(more, 0.5)} ms, after a thousand ${quantile(less, 0.5)}`)
  }
  for (const client of clients) client.socket.destroy()
})
