/**
 * `npm run bench:filters`: what each filter and policy costs, in microseconds of the gateway's CPU per request.
 *
 * One gateway process with a bare route and one route per filter, all to the same upstream; the routes are loaded in
 * turns, the bare one right before each other, and a filter's cost is the median of the differences. CPU is user and
 * system time from /proc over the requests that wrk counted; a turn in which the hypervisor took more than 2 % is
 * repeated. The gateway has core 0, upstream and wrk share core 1. Needs Linux with wrk and nginx; about nine minutes.
 *
 * Flags: --rounds N (7), --seconds N (1), --only name,name, --markdown (the table for docs/gateway.md alone)
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readFlags } from '../scripts/flags.ts'
import { startUpstream } from './gateway/candidates.ts'
import { measure, type Round } from './gateway/load.ts'
import { freePort, isInstalled, start, type Program } from './gateway/processes.ts'
import { interleave, median } from './lib/rounds.ts'

const values = readFlags(import.meta.filename, {
  rounds: { type: 'string', default: '7' },
  seconds: { type: 'string', default: '1' },
  only: { type: 'string', default: '' },
  markdown: { type: 'boolean', default: false }
})

const BARE = 'bare'
const full = (name: string, args: Record<string, unknown>): object => ({ name, args })

/** As each would be written; what wrk sends is such that all of them have something to do. */
const FILTERS: ReadonlyArray<readonly [name: string, filters: readonly unknown[]]> = [
  [BARE, []],
  ['AddRequestHeader', ['AddRequestHeader=X-Added, value']],
  ['AddRequestHeader of a path variable', ['AddRequestHeader=X-Name, {name}']],
  ['AddRequestHeadersIfNotPresent', ['AddRequestHeadersIfNotPresent=X-A:1,Accept:none']],
  ['AddRequestParameter', ['AddRequestParameter=added, yes']],
  ['AddResponseHeader', ['AddResponseHeader=X-Added, value']],
  ['DedupeResponseHeader', ['DedupeResponseHeader=Server Content-Type']],
  ['MapRequestHeader', ['MapRequestHeader=X-Request-Id, X-Copy']],
  ['PrefixPath', ['PrefixPath=/post']],
  ['PreserveHostHeader', ['PreserveHostHeader']],
  ['RedirectTo (answers itself)', ['RedirectTo=302, https://example.org/']],
  ['RemoveRequestHeader', ['RemoveRequestHeader=Accept-Encoding']],
  ['RemoveRequestParameter', ['RemoveRequestParameter=none']],
  ['RemoveResponseHeader', ['RemoveResponseHeader=Server']],
  ['RewriteLocationResponseHeader', ['RewriteLocationResponseHeader']],
  ['RewritePath', ['RewritePath=/post/(?<rest>.*), /post/x/$\\{rest}']],
  ['RewriteRequestParameter', ['RewriteRequestParameter=none, x']],
  ['RewriteResponseHeader', ['RewriteResponseHeader=Server, nginx, web']],
  ['SecureHeaders', ['SecureHeaders']],
  ['SetPath', ['SetPath=/post/{name}/x']],
  ['SetRequestHeader', ['SetRequestHeader=Accept, text/plain']],
  ['SetRequestHostHeader', ['SetRequestHostHeader=inner.example']],
  ['SetResponseHeader', ['SetResponseHeader=Server, web']],
  ['SetStatus', ['SetStatus=ACCEPTED']],
  ['StripPrefix and PrefixPath', ['StripPrefix=1', 'PrefixPath=/post']],
  ['RequestHeaderSize', ['RequestHeaderSize=16KB']],
  ['RequestSize', ['RequestSize=5MB']],
  ['RequestRateLimiter, in memory', [full('RequestRateLimiter', {
    'redis-rate-limiter.replenishRate': 1_000_000_000, 'redis-rate-limiter.burstCapacity': 1_000_000_000
  })]],
  ['Authenticate=api-key', ['Authenticate=api-key']],
  ['AllowAddresses', ['AllowAddresses=127.0.0.0/8,10.0.0.0/8']],
  ['LocalResponseCache (hits)', ['LocalResponseCache=5m']],
  ['RemoveJsonAttributesResponseBody', ['RemoveJsonAttributesResponseBody=email']],
  ['CircuitBreaker', ['CircuitBreaker']],
  ['Retry', ['Retry=2']],
  ['AdaptiveConcurrency', [full('AdaptiveConcurrency', { initialLimit: 500, minLimit: 100 })]],
  ['Hedge', ['Hedge=1s']]
]

function yaml (port: number, management: number, upstreamPort: number): string {
  const routes = FILTERS.map(([name, filters], i) =>
    ({ id: `${i}`, uri: `http://127.0.0.1:${upstreamPort}`, predicates: [`Path=/post/f${i}/{name}`], filters, metadata: { name } }))
  // JSON is YAML.
  return JSON.stringify({
    server: { port },
    management: { server: { port: management } },
    logging: { level: { root: 'error' } },
    breakwater: {
      discovery: { client: 'fixed' },
      // wrk always sends this id: it serves as the key.
      gateway: { workers: 0, security: { 'api-key-header': 'x-request-id', 'api-keys': [{ name: 'bench', key: '4f9d1c2ab37e4e0f' }] } }
    },
    spring: { cloud: { gateway: { routes } } }
  })
}

async function gateway (folder: string, upstreamPort: number): Promise<Program> {
  const port = await freePort()
  const file = path.join(folder, 'application.yml')
  writeFileSync(file, yaml(port, await freePort(), upstreamPort))
  return await start(port, '0', process.execPath, [path.join(import.meta.dirname, '../gateway/main.ts'), `--config=${file}`])
}

/** One turn of a filter: the bare route right before it, so that a slow minute weighs on both. */
interface Turn {
  readonly bareMicros: number
  readonly costMicros: number
  readonly errors: number
}

async function measured (rounds: number, seconds: number, only: readonly string[]): Promise<Map<string, Turn[]>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'breakwater-bench-'))
  const programs: Program[] = []
  try {
    const upstream = await startUpstream(folder, '1')
    programs.push(upstream)
    const program = await gateway(folder, upstream.port)
    programs.push(program)
    const run = async (at: number, long: number): Promise<Round> => await measure(program,
      { port: program.port, connections: 64, threads: 1, cores: '1', path: `/post/f${at}/name?none=1`, seconds: long })
    const candidates = new Map<string, () => Promise<Turn>>()
    for (const [at, [name]] of FILTERS.entries()) {
      await run(at, 1)
      const wanted = name !== BARE && (only.length === 0 || only.includes(name))
      if (wanted) candidates.set(name, () => turn(run, at, seconds))
    }
    return await interleave(candidates, { rounds, onRound: (name, round, steal, repeated) => {
      if (repeated) console.error(`round ${round} of ${name} is repeated: steal ${(steal * 100).toFixed(1)} %`)
    } })
  } finally {
    for (const program of programs.toReversed()) await program.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function turn (run: (at: number, seconds: number) => Promise<Round>, at: number, seconds: number): Promise<Turn> {
  const bare = await run(0, seconds)
  const round = await run(at, seconds)
  const costMicros = round.cpuMicros - bare.cpuMicros
  return { bareMicros: bare.cpuMicros, costMicros, errors: bare.errors + round.errors }
}

interface Row {
  readonly name: string
  readonly micros: number
  /** Half of the turns lie within: how far the figure may be trusted. */
  readonly spread: number
  readonly errors: number
}

function row (name: string, micros: readonly number[], errors: number): Row {
  const middle = median(micros)
  return { name, micros: middle, spread: median(micros.map(one => Math.abs(one - middle))), errors }
}

function rowsOf (results: Map<string, Turn[]>): Row[] {
  const bare = row('none: the bare route', [...results.values()].flat().map(one => one.bareMicros), 0)
  return [bare, ...[...results].map(([name, turns]) =>
    row(name, turns.map(one => one.costMicros), Math.max(...turns.map(one => one.errors))))]
}

function print (rows: readonly Row[], markdown: boolean): void {
  if (markdown) console.log('| filter | us per request | +/- |\n|---|---:|---:|')
  for (const { name, micros, spread, errors } of rows) {
    const fault = errors > 0 ? `  ${errors} errors!` : ''
    if (markdown) console.log(`| ${name}${fault} | ${micros.toFixed(1)} | ${spread.toFixed(1)} |`)
    else console.log(`${name.padEnd(40)}${micros.toFixed(1).padStart(8)} us  +/- ${spread.toFixed(1)}${fault}`)
  }
}

for (const command of ['wrk', 'nginx']) {
  if (isInstalled(command)) continue
  console.error(`${command} is not installed: on Debian, apt-get install wrk nginx`)
  process.exit(1)
}
const only = values.only.split(',').filter(Boolean)
const unknown = only.find(name => FILTERS.every(([known]) => known !== name))
if (unknown !== undefined) {
  console.error(`--only: "${unknown}" is none of ${FILTERS.map(([name]) => name).join(', ')}`)
  process.exit(1)
}
print(rowsOf(await measured(Number(values.rounds), Number(values.seconds), only)), values.markdown)
