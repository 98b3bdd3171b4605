/**
 * What finding a route costs with 10, 1,000 and 10,000 of them: `node bench/routes.ts`. The last route is looked for,
 * which a search one by one finds last, after ten thousand predicates. What an index leaves is the memory of a larger
 * map: a fraction of a microsecond.
 */
import { CacheOwner } from '../gateway/cache/cache-owner.ts'
import { ROUTING_DEFAULTS } from '../gateway/options.ts'
import { WorkerCompiler } from '../gateway/routes/compile.ts'
import { readRoutes } from '../gateway/routes/definitions.ts'
import { ProbeExchange } from '../gateway/routes/probe-exchange.ts'

const LOOKUPS = 200_000
const ROUNDS = 5

const results = [10, 1_000, 10_000].map(count => ({ count,
  ns: median(Array.from({ length: ROUNDS }, () => lookUp(count))) }))
for (const { count, ns } of results) process.stdout.write(`${String(count).padStart(6)} routes: ${ns.toFixed(0)} ns a look-up\n`)
process.stdout.write(`ratio 10,000 to 10: ${((results[2]?.ns ?? 0) / (results[0]?.ns ?? 1)).toFixed(2)}\n`)

function lookUp (count: number): number {
  const cache = new CacheOwner(() => performance.now()).access(0)
  const compiler = new WorkerCompiler({ now: () => performance.now(), random: Math.random, log: () => {},
    emit: () => {}, place: { index: 0, count: 1 }, cache })
  const definitions = readRoutes(Array.from({ length: count }, (_, i) => ({
    id: `r${i}`, uri: 'no://op', predicates: [`Path=/api/service-${i}/**`, 'Method=GET']
  })), 'routes', () => undefined).flatMap(result => 'definition' in result ? [result.definition] : [])
  const table = compiler.compile({ routes: definitions, defaultFilters: [], options: ROUTING_DEFAULTS, instances: {} })
  const x = new ProbeExchange({ method: 'GET', url: `/api/service-${count - 1}/orders/42`, headers: {} }, 0)
  for (let i = 0; i < LOOKUPS / 10; i++) table.match(x)
  const startMs = performance.now()
  for (let i = 0; i < LOOKUPS; i++) table.match(x)
  const ns = (performance.now() - startMs) * 1e6 / LOOKUPS
  compiler.stop()
  return ns
}

function median (values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
