/**
 * `npm run bench:discovery`: what the registry can do with 1,000, 10,000 and 50,000 instances, each aim beside its
 * result. In the same run, interleaved with the heartbeats: a bare node:http handler, which is what no registry on
 * Node can beat. Beside them what Spring's server (Spring Cloud Netflix 5.0.1, JDK 17, server on one core) did on a
 * machine of the same kind; compare CPU per request, not requests.
 *
 * Flags: --sizes 1000,10000,50000   --rounds N (5)   --seconds N (5)   --subscribers N (1000)
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { readFlags } from '../scripts/flags.ts'
import { runLoad, type LoadRequest, type LoadResult } from './lib/load.ts'
import { cpuMs, rssBytes } from './lib/machine.ts'
import { interleave, median } from './lib/rounds.ts'
import { Subscribers } from './lib/subscribers.ts'

interface Server { readonly child: ChildProcess, readonly pid: number, readonly url: string }
interface Cost extends LoadResult { readonly cpuUs: number }

const values = readFlags(import.meta.filename, {
  sizes: { type: 'string', default: '1000,10000,50000' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '5' },
  subscribers: { type: 'string', default: '1000' }
})
const ROUNDS = Number(values.rounds)
const SECONDS = Number(values.seconds)
const PER_APP = 100
const CHANGES = 50
/** How many instances were pushed so far: each has an id of its own. */
let pushed = 0
const JSON_TYPE = { 'content-type': 'application/json' }
const JSON_ACCEPT = { accept: 'application/json' }
const GZIP = { ...JSON_ACCEPT, 'accept-encoding': 'gzip' }

/** Spring's server by size: CPU us a heartbeat, us a registration, RSS MiB, us a packed full fetch. */
const SPRING: Readonly<Record<number, readonly [number, number, number, number]>> = {
  1000: [961, 1149, 360, 912], 10_000: [526, 490, 732, 920], 50_000: [753, 598, 1057, 1923]
}
const UNKNOWN = [Number.NaN, Number.NaN, Number.NaN, Number.NaN] as const
/** How far back deltas reach here: less than the rounds take, or they would hold the whole registry. */
const DELTA_MS = 15_000
/** By how much a list that just changed may come later than one that did not. */
const AFTER_CHANGE_MS = 10
/** RSS in MiB that is not to be passed. */
const RSS_AIM: Readonly<Record<number, number>> = { 10_000: 200, 50_000: 500 }

async function startServer (file: string, ...args: string[]): Promise<Server> {
  const child = fork(path.join(import.meta.dirname, file), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [{ url }] = await once(child, 'message') as [{ url: string }]
  return { child, pid: child.pid!, url }
}

async function stopServer ({ child }: Server): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

function registration (i: number, id = `node-${i}.example.internal:app-${Math.floor(i / PER_APP)}:8080`): LoadRequest {
  const app = `APP-${Math.floor(i / PER_APP)}`
  const host = `10.${i >> 16 & 255}.${i >> 8 & 255}.${i & 255}`
  const instance = {
    instanceId: id, hostName: host, app, ipAddr: host, sid: 'na', status: 'UP', overriddenStatus: 'UNKNOWN',
    port: { $: 8080, '@enabled': 'true' }, securePort: { $: 443, '@enabled': 'false' }, countryId: 1,
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 }, metadata: { zone: `z${i % 3}`, 'management.port': '8081' },
    homePageUrl: `http://${host}:8080/`, statusPageUrl: `http://${host}:8080/actuator/info`,
    healthCheckUrl: `http://${host}:8080/actuator/health`, vipAddress: app.toLowerCase(), secureVipAddress: app.toLowerCase(),
    isCoordinatingDiscoveryServer: false, lastUpdatedTimestamp: 1_700_000_000_000, lastDirtyTimestamp: 1_700_000_000_000
  }
  return { method: 'POST', path: `/eureka/apps/${app}`, headers: JSON_TYPE, body: JSON.stringify({ instance }) }
}

function heartbeat (i: number): LoadRequest {
  const app = Math.floor(i / PER_APP)
  return {
    method: 'PUT',
    path: `/eureka/apps/APP-${app}/node-${i}.example.internal:app-${app}:8080?status=UP&lastDirtyTimestamp=1700000000000`,
    headers: { ...JSON_ACCEPT, ...JSON_TYPE }
  }
}

/** A load with what it cost the server. */
async function measure (
  server: Server, requests: readonly LoadRequest[], connections: number, once = false
): Promise<Cost> {
  const before = cpuMs(server.pid)
  const result = await runLoad({ url: server.url, connections, seconds: once ? 300 : SECONDS, requests, once })
  return { ...result, cpuUs: (cpuMs(server.pid) - before) * 1000 / result.count }
}

async function benchSize (size: number, bare: Server): Promise<void> {
  const registry = await startServer('../discovery/main.ts', '--port', '0', '--logging.level.root=warn', '--breakwater.discovery.max-instances=200000',
    `--eureka.server.retention-time-in-m-s-in-delta-queue=${DELTA_MS}`)
  try {
    console.log(`\n${size.toLocaleString('en')} instances`)
    const [springRenew, springRegister, springRss, springFetch] = SPRING[size] ?? UNKNOWN
    const fill = await measure(registry, Array.from({ length: size }, (_, i) => registration(i)), 16, true)
    line('register', `${rate(fill)} (${us(fill.cpuUs)})`, `Spring ${springRegister} us`, fill.errors === 0)

    const step = Math.max(1, Math.floor(size / 10_000))
    const beats = Array.from({ length: Math.min(size, 10_000) }, (_, i) => heartbeat(i * step))
    // Code that has not been compiled yet is not what runs in production.
    await measure(registry, beats, 32)
    const results = await interleave(new Map([
      ['registry', () => measure(registry, beats, 32)], ['bare', () => measure(bare, beats, 32)]
    ]), { rounds: ROUNDS, onRound: reportSteal })
    const [ours, least] = ['registry', 'bare'].map(name => median(results.get(name)!.map(cost => cost.cpuUs))) as [number, number]
    const rates = median(results.get('registry')!.map(cost => cost.count / cost.seconds))
    const p99 = median(results.get('registry')!.map(cost => cost.p99Ms))
    line('renew', `${Math.round(rates).toLocaleString('en')}/s (${us(ours)}), p99 ${p99.toFixed(1)} ms`, '', results.get('registry')!.every(cost => cost.errors === 0))
    line('  against bare node:http', `${(ours / least).toFixed(2)} x its CPU (${us(least)})`, 'aim <= 2 x', ours <= 2 * least)
    line('  against Spring', `${(springRenew / ours).toFixed(0)} x less CPU`, `Spring ${springRenew} us, aim >= 10 x less`, springRenew >= 10 * ours)

    await benchFetch(registry, 'GET /apps JSON', '/eureka/apps', JSON_ACCEPT, '')
    await benchFetch(registry, 'GET /apps JSON gzip', '/eureka/apps', GZIP, `Spring ${springFetch} us`)
    for (let i = 0; i < Math.min(size, CHANGES); i++) await register(registry, i)
    await benchFetch(registry, `GET /apps/delta JSON gzip, ${CHANGES} changes`, '/eureka/apps/delta', GZIP, '')
    await benchAfterChange(registry, size)
    await benchPush(registry, size)
    const rss = rssBytes(registry.pid) / 1024 / 1024
    const aim = RSS_AIM[size]
    line('RSS after all this', `${Math.round(rss)} MiB`, `${aim === undefined ? '' : `aim < ${aim}, `}Spring ${springRss}`, aim === undefined || rss < aim)
  } finally {
    await stopServer(registry)
  }
}

/** Fetches of one list that does not change meanwhile. */
async function benchFetch (
  registry: Server, name: string, path: string, headers: Readonly<Record<string, string>>, beside: string
): Promise<void> {
  const got = await measure(registry, [{ method: 'GET', path, headers }], 16)
  const kilobytes = Math.round(got.bytes / got.count / 1000).toLocaleString('en')
  line(name, `${rate(got)} (${us(got.cpuUs)}), ${kilobytes} kB`, beside, got.errors === 0)
}

/** Of one that is there already, which is a change. */
async function register (registry: Server, i: number, id?: string): Promise<void> {
  const { path, headers, body } = registration(i, id)
  await fetch(`${registry.url}${path}`, { method: 'POST', headers: headers!, body: body! })
}

/** How much longer a fetch takes that comes right after a change, when nothing is ready made. */
async function benchAfterChange (registry: Server, size: number): Promise<void> {
  for (const [name, path] of [['full list, gzip', '/eureka/apps'], ['delta', '/eureka/apps/delta']] as const) {
    const [ready, changed]: [number[], number[]] = [[], []]
    for (let i = 0; i < 5; i++) {
      ready.push(await firstByteMs(registry, path))
      await register(registry, size - 1)
      changed.push(await firstByteMs(registry, path))
    }
    const [usual, late] = [median(ready), median(changed)]
    line(`${name}, right after a change`, `first byte after ${late.toFixed(1)} ms`,
      `unchanged ${usual.toFixed(1)} ms, aim <= ${AFTER_CHANGE_MS} ms more`, late <= usual + AFTER_CHANGE_MS)
  }
}

async function firstByteMs (registry: Server, path: string): Promise<number> {
  const startedAt = performance.now()
  const reply = await fetch(`${registry.url}${path}`, { headers: GZIP })
  const tookMs = performance.now() - startedAt
  await reply.arrayBuffer()
  return tookMs
}

/** Beside a process that does nothing but write, in turns: most of the time is the kernel's, and the readers' own. */
async function benchPush (registry: Server, size: number): Promise<void> {
  const count = Number(values.subscribers)
  const poll = await fetch(`${registry.url}/eureka/stream?apps=NOBODY`)
  const { index } = await poll.json() as { index: string }
  const least = await startServer('peers/bare-push.ts')
  const results = await interleave(new Map([
    ['registry', () => pushDelays(registry.url, index, id => register(registry, size - 1, id))],
    ['bare', () => pushDelays(least.url, '', id => { least.child.send(id) })]
  ]), { rounds: ROUNDS, onRound: reportSteal })
  least.child.disconnect()
  const at = (name: string, share: number): number =>
    median(results.get(name)!.map(delays => delays[Math.floor((delays.length - 1) * share)] ?? Number.NaN))
  const complete = results.get('registry')!.every(({ length }) => length === CHANGES * count)
  line(`push to ${count.toLocaleString('en')} readers`, `p50 ${at('registry', 0.5).toFixed(1)} ms, p99 ${at('registry', 0.99).toFixed(1)} ms`,
    'aim p99 < 50 ms, Spring polls for 30-60 s', complete && at('registry', 0.99) < 50)
  line('  against bare node:net', `p50 ${at('bare', 0.5).toFixed(1)} ms, p99 ${at('bare', 0.99).toFixed(1)} ms`, '', true)
}

/** From the moment before a change is told to the moment at which each of the readers has it; sorted. */
async function pushDelays (url: string, index: string, tell: (id: string) => unknown): Promise<number[]> {
  const readers = await Subscribers.connect(url, index, Number(values.subscribers))
  const sent = new Map<string, number>()
  for (let i = 0; i < CHANGES; i++) {
    const id = `push-${pushed++}`
    sent.set(id, performance.timeOrigin + performance.now())
    await tell(id)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  const arrivals = await readers.arrivals()
  readers.close()
  return [...sent].flatMap(([id, at]) => (arrivals[id] ?? []).map(arrived => arrived - at)).sort((a, b) => a - b)
}

function line (what: string, result: string, beside: string, reached: boolean): void {
  console.log(`  ${reached ? 'ok  ' : 'MISS'} ${what.padEnd(38)} ${result.padEnd(44)} ${beside}`)
}

function reportSteal (name: string, round: number, steal: number, repeated: boolean): void {
  if (steal > 0.01) console.log(`       ${name} round ${round}: steal ${(100 * steal).toFixed(1)} %${repeated ? ', repeated' : ''}`)
}

function rate ({ count, seconds }: LoadResult): string {
  return `${Math.round(count / seconds).toLocaleString('en')}/s`
}

function us (value: number): string {
  return `${value.toFixed(1)} us`
}

const bare = await startServer('peers/bare-http.ts')
try {
  await measure(bare, [heartbeat(0)], 32)
  for (const size of values.sizes.split(',').map(Number)) await benchSize(size, bare)
} finally {
  bare.child.disconnect()
}
