/** Tests of several event loops: the same expectation on one and on four, a service that obeys, loops that die. */
import t, { type Test } from 'tap'
import { Agent, get, type IncomingHttpHeaders } from 'node:http'
import type { Question } from '../routes/compile.ts'
import { call, until, upstream, type Harness } from './harness.ts'

export const loops = (count: number) => ({ BREAKWATER_GATEWAY_WORKERS: String(count) })

/** The same expectation however many loops there are. */
export function onOneAndFour (name: string, check: (t: Test, count: number) => Promise<void>): void {
  for (const count of [1, 4]) t.test(`${name}: ${count} loop${count === 1 ? '' : 's'}`, t => check(t, count))
}

/** Calls one after the other on one connection, which is one loop's. */
export function oneConnection (t: Test, url: string, headers: Record<string, string> = {}) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  return () => new Promise<{ status: number, headers: IncomingHttpHeaders }>((resolve, reject) => {
    get(url, { agent, headers }, response => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
    }).on('error', reject)
  })
}

/** As many calls at the same moment, each on a connection of its own: the kernel spreads them over the loops. */
export async function atOnce (count: number, url: string, headers: Record<string, string> = {}): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => call(url, { headers })))
  return answers.map(one => one.status)
}

export const tally = (statuses: readonly number[], status: number) => statuses.filter(one => one === status).length

export const held: Array<() => void> = []

/** Answers as `?st=` says; `?hold` waits until the test lets go. */
export async function obedient (t: Test) {
  let most = 0
  let active = 0
  const made = await upstream(t, (request, response) => {
    const query = new URL(request.url!, 'http://h').searchParams
    const answer = () => {
      active--
      response.statusCode = Number(query.get('st') ?? 200)
      response.end()
    }
    most = Math.max(most, ++active)
    if (query.has('hold')) held.push(answer)
    else answer()
  })
  return { port: made.port, calls: made.calls, most: () => most, active: () => active }
}

export function letGo (): void {
  for (const answer of held.splice(0)) answer()
}

export const breakerYaml = (settings: string) => `
resilience4j.circuitbreaker.instances.b: { ${settings} }
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/** ], filters: [ { name: CircuitBreaker, args: { name: b, statusCodes: [ 500 ] } } ] }
`

export async function stateOf (management: string): Promise<string | undefined> {
  const [breaker] = JSON.parse((await call(`${management}/actuator/gateway/breakers`)).body) as Array<{ state: string }>
  return breaker?.state
}

export const DYING = new URL('./dying-compiler.ts', import.meta.url).href

/** Every loop dies and is replaced; what was under way at the service stays there. */
export async function killAll ({ management, log, control }: Harness): Promise<void> {
  const deaths = () => log.filter(line => line.includes('died and is replaced')).length
  const before = deaths()
  await control.ask('die' as Question)
  await until('the loops to die', () => deaths() - before === 4)
  await until('all to be there again', async () => {
    const health = await call(`${management}/actuator/health`)
    return health.body.includes('"workers":4')
  })
}
