/**
 * `node bench/scaling.ts [--copies 1,2,4] [--share 0.2] [--rounds N] [--seconds S] [--markdown]`: reads of users
 * through the gateway, under `npm start -- --scale users=N`; each number of copies, in each round, has its own stack.
 * `--share` limits each copy to that part of a core, as a container's CPU limit does (Linux, as root).
 * `--markdown` prints nothing but the table of docs/scaling.md.
 *
 * Beside the rate stands what it cost: CPU of all copies together, and of the gateway, per request. On a machine whose
 * cores are all busy, more copies cannot give more; the share of each copy shows that the load was spread.
 */
import { availableParallelism } from 'node:os'
import { readFlags } from '../scripts/flags.ts'
import { ask, must } from './lib/json-client.ts'
import { limitCpu } from './lib/cpu-limit.ts'
import { runLoad } from './lib/load.ts'
import { cpuMs } from './lib/machine.ts'
import { interleave, median } from './lib/rounds.ts'
import { withStack, type Service } from './lib/stack.ts'

const values = readFlags(import.meta.filename, {
  copies: { type: 'string', default: '1,2,4' }, rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '5' }, share: { type: 'string' }, markdown: { type: 'boolean', default: false }
})
const seconds = Number(values.seconds)
const CONNECTIONS = 64
/** To be taken away when the stack has ended. */
const limits: Array<() => void> = []

interface Round {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
  readonly usersMicros: number
  readonly gatewayMicros: number
  /** Of the work of all copies, what the busiest one did. */
  readonly busiestShare: number
}

const results = await interleave(new Map(values.copies.split(',').map(copies =>
  [copies, () => scaledTo(copies)])), { rounds: Number(values.rounds),
  onRound: (name, round, steal) => {
    if (!values.markdown) console.log(`round ${round}, ${name} copies, ${(steal * 100).toFixed(1)} % steal`)
  } })
print(results)

function print (all: ReadonlyMap<string, readonly Round[]>): void {
  if (!values.markdown) console.log(`\n${availableParallelism()} cores, ${CONNECTIONS} connections, ${seconds} s a round\n`)
  console.log('| copies of users | requests/s | p50, ms | p99, ms | CPU of users, us | CPU of the gateway, us | busiest copy | errors |')
  console.log('|---:|---:|---:|---:|---:|---:|---:|---:|')
  for (const [copies, rounds] of all) {
    const of = (pick: (round: Round) => number, digits = 0): string => median(rounds.map(pick)).toFixed(digits)
    console.log(`| ${copies} | ${of(one => one.perSecond)} | ${of(one => one.p50Ms, 1)} | ${of(one => one.p99Ms, 1)} | ` +
      `${of(one => one.usersMicros)} | ${of(one => one.gatewayMicros)} | ${of(one => one.busiestShare * 100)} % | ` +
      `${of(one => one.errors)} |`)
  }
}

async function scaledTo (copies: string): Promise<Round> {
  try {
    return await withStack(({ services }) => measure(services), [`--scale=users=${copies}`])
  } finally {
    for (const remove of limits.splice(0)) remove()
  }
}

async function measure (started: readonly Service[]): Promise<Round> {
  const gateway = started.find(one => one.name === 'gateway')!
  const users = started.filter(one => /^users(-\d+)?$/.test(one.name))
  const { userId } = await must<{ userId: string }>(gateway.url, 'POST', '/users',
    { email: 'scaling@example.com', name: 'S' })
  const path = `/users/${userId}`
  // Every copy must have it, or its first answer would be the owner's work.
  for (const { url } of users) while ((await ask(url, 'GET', path)).status !== 200) await new Promise(setImmediate)
  limits.push(...values.share === undefined ? [] : users.map(({ pid }) => limitCpu(pid, Number(values.share))))
  const run = (duration: number) => runLoad({ url: gateway.url, connections: CONNECTIONS, seconds: duration,
    requests: [{ method: 'GET', path }] })
  await run(1)
  const before = users.map(one => cpuMs(one.pid))
  const gatewayBefore = cpuMs(gateway.pid)
  const { count, errors, seconds: took, p50Ms, p99Ms } = await run(seconds)
  const spent = users.map((one, at) => cpuMs(one.pid) - before[at]!)
  const all = spent.reduce((sum, ms) => sum + ms, 0)
  return { perSecond: count / took, p50Ms, p99Ms, errors, usersMicros: all * 1000 / count,
    gatewayMicros: (cpuMs(gateway.pid) - gatewayBefore) * 1000 / count, busiestShare: Math.max(...spent) / all }
}
