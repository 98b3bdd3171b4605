/**
 * `npm run bench:start`: how long `npm start` takes until everything is ready, and what all of it keeps in memory.
 *
 * The peer in the same run is as many bare Fastify processes started in the same order of dependency: what no Node
 * stack of as many processes can beat. Rounds are interleaved, medians printed, disturbed rounds repeated.
 * Flags: --rounds N (5).
 */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { rssBytes } from './lib/machine.ts'
import { interleave, median } from './lib/rounds.ts'

interface Start {
  readonly readyMs: number
  readonly rssBytes: number
  readonly processes: number
}

interface Event { readonly event: string, readonly name?: string, readonly pid?: number, readonly message?: string }

const ROOT = path.join(import.meta.dirname, '..')
/** As in the plan of the stack: these come up one after another, the rest side by side. */
const STAGES = [2, 1, 8]

async function startStack (): Promise<Start> {
  const folder = mkdtempSync(path.join(tmpdir(), 'breakwater-start-'))
  const ports = ['discovery', 'config-server', 'bus', 'gateway', 'gateway-management'].map(name => `--port=${name}=0`)
  const startedMs = performance.now()
  const child = spawn(process.execPath, [path.join(ROOT, 'cli/main.ts'), 'up', '--json', `--data=${folder}`, ...ports],
    { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const pids = await readyPids(child)
    const readyMs = performance.now() - startedMs
    return { readyMs, rssBytes: sumRss(pids), processes: pids.length }
  } finally {
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function readyPids (child: ChildProcess): Promise<number[]> {
  const pids = new Map<string, number>()
  if (child.stdout === null || child.pid === undefined) throw new Error('the stack could not be started')
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Event
    if (event.event === 'problem') throw new Error(event.message)
    if (event.name !== undefined && event.pid !== undefined) pids.set(event.name, event.pid)
    if (event.event === 'ready') return [child.pid, ...pids.values()]
  }
  throw new Error('the stack ended before it was ready')
}

async function startFloor (): Promise<Start> {
  const children: ChildProcess[] = []
  const startedMs = performance.now()
  try {
    for (const count of STAGES) {
      const stage = Array.from({ length: count }, () => fork(path.join(ROOT, 'bench/peers/bare-fastify.ts')))
      children.push(...stage)
      await Promise.all(stage.map(child => new Promise(resolve => child.once('message', resolve))))
    }
    const pids = children.flatMap(child => child.pid ?? [])
    return { readyMs: performance.now() - startedMs, rssBytes: sumRss(pids), processes: pids.length }
  } finally {
    await Promise.all(children.map(end))
  }
}

function sumRss (pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + rssBytes(pid), 0)
}

function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise(resolve => {
    child.once('exit', () => { resolve() })
    child.kill('SIGTERM')
  })
}

const { values } = parseArgs({ options: { rounds: { type: 'string' } } })
const results = await interleave(new Map([['stack', startStack], ['floor', startFloor]]), {
  rounds: Number(values.rounds ?? 5),
  onRound: (name, round, steal, repeated) => {
    console.log(`round ${round} ${name}, steal ${(steal * 100).toFixed(1)} %${repeated ? ', repeated' : ''}`)
  }
})
const medians = [...results].map(([name, starts]) => ({
  name,
  processes: starts[0]?.processes ?? 0,
  seconds: median(starts.map(start => start.readyMs)) / 1000,
  mebibytes: median(starts.map(start => start.rssBytes)) / 1048576
}))
console.table(medians.map(row => ({ ...row, seconds: row.seconds.toFixed(2), mebibytes: Math.round(row.mebibytes) })))
const [stack, floor] = medians
if (stack !== undefined && floor !== undefined) {
  console.log(`time to ready: ${(stack.seconds / floor.seconds).toFixed(2)}x bare Fastify processes; ` +
    `memory per process: ${(stack.mebibytes / stack.processes / (floor.mebibytes / floor.processes)).toFixed(2)}x`)
}
