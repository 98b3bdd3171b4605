/**
 * 15,000 calls a second end to end: wrk -> gateway -> `users` reading its store, everything on two cores, beside
 * nginx in front of the same service in the same run.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { interleave } from '../lib/rounds.ts'
import { nginxProxy } from './candidates.ts'
import { measure, type Load, type Round } from './load.ts'
import type { Plan } from './blocks.ts'
import { cpuMs, rssBytes } from '../lib/machine.ts'
import type { Program } from './processes.ts'
import { aim, aimBelow, of, table } from './report.ts'

interface Event {
  readonly event: string
  readonly name?: string
  readonly pid?: number
  readonly url?: string
  readonly message?: string
}

const ROOT = path.join(import.meta.dirname, '..', '..')

export async function stack (plan: Plan): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'breakwater-stack-'))
  const child = spawn(process.execPath, [path.join(ROOT, 'cli/main.ts'), 'up', '--json', `--data=${folder}/data`,
    ...['discovery', 'config-server', 'bus', 'gateway', 'gateway-management'].map((name) => `--port=${name}=0`)],
  { stdio: ['ignore', 'pipe', 'inherit'], env: environment(folder) })
  let proxy: Program | undefined
  try {
    const started = await ready(child)
    const gateway = started.get('gateway')
    const users = [...started].find(([name]) => name.startsWith('users'))?.[1]
    if (gateway?.url === undefined || users?.url === undefined) throw new Error('the stack did not say where gateway and users are')
    const userPath = await createUser(gateway.url)
    proxy = await nginxProxy({ folder, upstreamPort: Number(new URL(users.url).port), cores: '0,1', workers: 2 })
    const load = (port: number): Load => ({ port, path: userPath, connections: 64, threads: 1, seconds: plan.seconds, cores: '0,1' })
    const ours = programOf(gateway.pid!, Number(new URL(gateway.url).port))
    const viaNginx = proxy
    const results = await interleave(new Map<string, () => Promise<Round>>([
      ['breakwater', () => measure(ours, load(ours.port))], ['nginx', () => measure(viaNginx, load(viaNginx.port))]
    ]), { rounds: plan.rounds })
    table('wrk -> gateway -> users, both cores for everything', results)
    aim('calls a second', of(results.get('breakwater'), 'perSecond'), 15_000, '/s')
    aimBelow('p99', of(results.get('breakwater'), 'p99Ms'), 25, 'ms')
    console.log(`  share of what nginx reaches to one instance of the same service: ${(of(results.get('breakwater'), 'perSecond') /
      of(results.get('nginx'), 'perSecond')).toFixed(2)}x`)
  } finally {
    await proxy?.stop()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Two event loops, and the log in a file: on stdout every line would go through the supervisor's own view. */
function environment (folder: string): NodeJS.ProcessEnv {
  const log = path.join(folder, 'access.log')
  return { ...process.env, BREAKWATER_GATEWAY_WORKERS: '2', BREAKWATER_GATEWAY_ACCESSLOG_FILE: log }
}

async function ready (child: ChildProcess): Promise<Map<string, Event>> {
  const started = new Map<string, Event>()
  for await (const line of createInterface({ input: child.stdout! })) {
    const event = JSON.parse(line) as Event
    if (event.event === 'problem') throw new Error(event.message)
    if (event.name !== undefined) started.set(event.name, { ...started.get(event.name), ...event })
    if (event.event === 'ready' && event.name === undefined) break
  }
  child.stdout!.resume()
  return started
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
