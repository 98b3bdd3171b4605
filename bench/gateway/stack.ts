/**
 * 15,000 calls a second end to end: wrk -> gateway -> `users` reading its store, everything on two cores, beside
 * nginx in front of the same service in the same run.
 */
import { interleave } from '../lib/rounds.ts'
import { nginxProxy } from './candidates.ts'
import { measure, type Load, type Round } from './load.ts'
import type { Plan } from './blocks.ts'
import { cpuMs, rssBytes } from '../lib/machine.ts'
import { withStack } from '../lib/stack.ts'
import type { Program } from './processes.ts'
import { aim, aimBelow, of, table } from './report.ts'

/** Until the services' code is compiled; shorter, and they are measured while they compile. */
const WARM_UP = { rounds: 1, seconds: 8 }

export async function stack (plan: Plan): Promise<void> {
  await withStack(async ({ folder, services }) => {
    const gateway = services.find(({ name }) => name === 'gateway')!
    const users = services.find(({ name }) => name.startsWith('users'))!
    const userPath = await createUser(gateway.url)
    const viaNginx = await nginxProxy({ folder, upstreamPort: portOf(users.url), cores: '0,1', workers: 2 })
    try {
      await compare(plan, programOf(gateway.pid, portOf(gateway.url)), viaNginx, userPath)
    } finally {
      await viaNginx.stop()
    }
  })
}

async function compare (plan: Plan, ours: Program, viaNginx: Program, userPath: string): Promise<void> {
  const load = (port: number, { seconds } = plan): Load =>
    ({ port, path: userPath, connections: 64, threads: 1, seconds, cores: '0,1' })
  for (const { port } of [viaNginx, ours]) await measure(ours, load(port, WARM_UP))
  const results = await interleave(new Map<string, () => Promise<Round>>([
    ['breakwater', () => measure(ours, load(ours.port))], ['nginx', () => measure(viaNginx, load(viaNginx.port))]
  ]), { rounds: plan.rounds })
  table('wrk -> gateway -> users, both cores for everything', results)
  aim('calls a second', of(results.get('breakwater'), 'perSecond'), 15_000, '/s')
  aimBelow('p99', of(results.get('breakwater'), 'p99Ms'), 25, 'ms')
  console.log(`  share of what nginx reaches to one instance of the same service: ${(of(results.get('breakwater'), 'perSecond') /
    of(results.get('nginx'), 'perSecond')).toFixed(2)}x`)
}

function portOf (url: string): number {
  return Number(new URL(url).port)
}

async function createUser (gateway: string): Promise<string> {
  const response = await fetch(`${gateway}/users`, {
    method: 'POST', body: JSON.stringify({ email: `bench-${Date.now()}@example.org`, name: 'Bench' }),
    headers: { 'content-type': 'application/json', 'idempotency-key': `bench-${Date.now()}` }
  })
  const { userId } = await response.json() as { userId: string }
  return `/users/${userId}`
}

function programOf (pid: number, port: number): Program {
  return { pid, port, cpuMs: () => cpuMs(pid), rssBytes: () => rssBytes(pid), stop: async () => {} }
}
