/** The whole stack as `npm start` brings it up, on ports of its own and with a folder of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = path.join(import.meta.dirname, '..', '..')
const MAIN = path.join(ROOT, 'cli', 'main.ts')
const PORTS = ['discovery', 'config-server', 'bus', 'gateway', 'gateway-management'].map((name) => `--port=${name}=0`)

export interface Service {
  readonly name: string
  readonly pid: number
  readonly url: string
}

export interface Stack {
  /** Of the supervisor. */
  readonly pid: number
  readonly folder: string
  /** From its start until everything was ready. */
  readonly readyMs: number
  readonly services: readonly Service[]
}

interface Event {
  readonly event: string
  readonly name?: string
  readonly pid?: number
  readonly url?: string
  readonly message?: string
}

/** Starts the stack, uses it, stops it. The access log goes to a file: on stdout the supervisor would read it all. */
export async function withStack<Result> (use: (stack: Stack) => Promise<Result>, flags: readonly string[] = [],
  settings: NodeJS.ProcessEnv = {}): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), 'breakwater-stack-'))
  const startedMs = performance.now()
  const env = { ...process.env, BREAKWATER_GATEWAY_ACCESSLOG_FILE: path.join(folder, 'access.log'), ...settings }
  const child = spawn(process.execPath, [MAIN, 'up', '--json', `--data=${folder}/data`, ...PORTS, ...flags],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], env })
  try {
    const services = await ready(child)
    return await use({ pid: child.pid!, folder, readyMs: performance.now() - startedMs, services })
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

async function ready (child: ChildProcess): Promise<Service[]> {
  const started = new Map<string, Event>()
  for await (const line of createInterface({ input: child.stdout! })) {
    const event = JSON.parse(line) as Event
    if (event.event === 'problem') throw new Error(event.message)
    if (event.name !== undefined) started.set(event.name, { ...started.get(event.name), ...event })
    if (event.event !== 'ready' || event.name !== undefined) continue
    child.stdout!.resume()
    return [...started].map(([name, { pid = 0, url = '' }]) => ({ name, pid, url }))
  }
  throw new Error('the stack ended before it was ready')
}
