/** Instances as processes of their own, and a steady load on what stands in front of them. */
import type { Test } from 'tap'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Callers } from './callers.ts'
import { call, plainNode } from './harness.ts'

const RATE = 200
const UPSTREAM = join(import.meta.dirname, 'fixtures/flaky-upstream.ts')

export interface Upstream {
  readonly port: number
  readonly child: ChildProcess
}

export async function instance (t: Test, manner: string, port = 0): Promise<Upstream> {
  const child = plainNode([UPSTREAM, String(port), manner])
  t.teardown(() => child.kill('SIGKILL'))
  const answer = await new Promise<{ port: number }>(resolve => child.once('message', message => resolve(message as { port: number })))
  return { port: answer.port, child }
}

export interface Load {
  readonly requests: number
  /** The rate at which they left: below the one asked for where the machine gives no more. */
  readonly perSecond: number
  readonly errors: number
  /** Answers that the fallback gave. */
  readonly fallbacks: number
  readonly p50: number
  readonly p99: number
  readonly slowest: number
}

/** An open loop: requests leave at their time, however the others fare. */
export async function load (url: string, seconds: number, rate = RATE): Promise<Load> {
  const callers = new Callers(url, 500)
  const sent: Array<Promise<{ status: number, elapsedMs: number }>> = []
  const startMs = performance.now()
  for (let i = 0; i < seconds * rate; i++) {
    const waitMs = startMs + i * 1_000 / rate - performance.now()
    if (waitMs > 1) await sleep(waitMs)
    sent.push(one(callers))
  }
  const sentMs = performance.now() - startMs
  const answers = await Promise.all(sent)
  callers.close()
  const times = answers.map(answer => answer.elapsedMs).toSorted((a, b) => a - b)
  const at = (percent: number) => Math.round(times[Math.min(times.length - 1,
    Math.floor(times.length * percent / 100))] ?? 0)
  return {
    requests: answers.length,
    perSecond: Math.round(answers.length * 1_000 / sentMs),
    errors: answers.filter(answer => answer.status === 0 || answer.status >= 500).length,
    fallbacks: answers.filter(answer => answer.status === 203).length,
    p50: at(50),
    p99: at(99),
    slowest: at(100)
  }
}

async function one (callers: Callers): Promise<{ status: number, elapsedMs: number }> {
  const startedMs = performance.now()
  const status = await callers.ask()
  return { status, elapsedMs: performance.now() - startedMs }
}

export async function retries (management: string, service: string): Promise<number> {
  const { body } = await call(`${management}/actuator/prometheus`)
  return Number(new RegExp(`^gateway_retries_total\\{service="${service}"\\} (\\S+)$`, 'm').exec(body)?.[1] ?? 0)
}
