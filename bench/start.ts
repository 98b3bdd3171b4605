/**
 * `npm run bench:start`: how long `npm start` takes until everything is ready, and what all of it keeps in memory.
 *
 * The peer in the same run is as many bare Fastify processes started in the same order of dependency: what no Node
 * stack of as many processes can beat. Rounds are interleaved, medians printed, disturbed rounds repeated.
 * Flags: --rounds N (5).
 */
import { fork, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { readFlags } from '../scripts/flags.ts'
import { rssBytes } from './lib/machine.ts'
import { interleave, median } from './lib/rounds.ts'
import { withStack } from './lib/stack.ts'

interface Start {
  readonly readyMs: number
  readonly rssBytes: number
  readonly processes: number
}

const ROOT = path.join(import.meta.dirname, '..')
/** As in the plan of the stack: these come up one after another, the rest side by side. */
const STAGES = [2, 1, 8]

async function startStack (): Promise<Start> {
  return withStack(async ({ pid, readyMs, services }) => {
    const pids = [pid, ...services.map(one => one.pid)]
    return { readyMs, rssBytes: sumRss(pids), processes: pids.length }
  })
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

const values = readFlags(import.meta.filename, { rounds: { type: 'string' } })
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
