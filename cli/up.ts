/**
 * `breakwater up` (`npm start`), top to bottom: plan -> start in order -> show -> wait for a signal -> stop in order.
 */
import path from 'node:path'
import { readUpOptions, type UpOptions } from './options.ts'
import { childEnv } from './supervisor/child-env.ts'
import { planStack } from './supervisor/plan.ts'
import { createSupervisor, type Supervisor } from './supervisor/supervisor.ts'
import { createJsonView } from './view/json-view.ts'
import { createPlainView } from './view/plain-view.ts'
import { createTableView } from './view/table-view.ts'
import type { ReadySummary, View } from './view/view.ts'

/** Runs until a signal or a failed start; resolves with the exit code. */
export async function up (process: NodeJS.Process, args: readonly string[]): Promise<number> {
  const options = readUpOptions(args, process.env)
  const startedMs = performance.now()
  // What runs: data, decided before anything is touched.
  const plan = planStack({ ...options, dataFolder: path.resolve(options.dataFolder) }, checkoutFolder())
  const view = createView(process, options)
  const supervisor = createSupervisor(plan, {
    env: childEnv(process.env, options.profile, checkoutFolder()),
    logFolder: path.resolve(options.dataFolder, 'logs'),
    startTimeoutMs: options.startTimeoutMs,
    restart: options.restart,
    onStatus: status => { view.status(status) },
    onLines: (name, lines) => { view.lines(name, lines) },
    onProblem: (message, lastLines) => { view.problem(message, lastLines) }
  })
  // Signals first: Ctrl-C during the start must stop what has started.
  const signalled = waitForSignal(process, view)
  const code = await Promise.race([run(supervisor, view, startedMs, signalled), signalled.then(() => 0)])
  await supervisor.stop()
  view.close()
  return code
}

async function run (supervisor: Supervisor, view: View, startedMs: number, signalled: Promise<void>): Promise<number> {
  try {
    await supervisor.start()
  } catch {
    // The supervisor has shown the problem with the process's last lines, and has stopped the others.
    return 1
  }
  view.ready(summarise(supervisor, (performance.now() - startedMs) / 1000))
  await signalled
  return 0
}

function summarise (supervisor: Supervisor, seconds: number): ReadySummary {
  const gateway = supervisor.statuses().find(status => status.name === 'gateway')?.url ?? ''
  return { seconds, gateway, examples: examples(gateway) }
}

/** The same three lines as in the README: register a user (the key makes it repeatable), read it, place an order. */
function examples (gateway: string): string[] {
  const json = "-H 'content-type: application/json'"
  return [
    `ID=$(curl -s ${gateway}/users -H 'idempotency-key: ada' ${json} -d '{"email":"ada@example.org","name":"Ada"}' | cut -d'"' -f4)`,
    `curl -s ${gateway}/users/$ID`,
    `curl -s ${gateway}/orders -H 'idempotency-key: book' ${json} -d '{"userId":"'$ID'","currency":"EUR","lines":[{"sku":"book","qty":1,"unitPrice":1250}]}'`
  ]
}

function createView (process: NodeJS.Process, options: UpOptions): View {
  const write = (text: string) => { process.stdout.write(text) }
  if (options.json) return createJsonView(write)
  if (!process.stdout.isTTY) return createPlainView(write)
  return createTableView({
    title: `breakwater  profile=${options.profile}`,
    columns: () => process.stdout.columns,
    write,
    now: Date.now
  })
}

function waitForSignal (process: NodeJS.Process, view: View): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { resolve() })
    if (!('toggleLogs' in view) || !process.stdin.isTTY) return
    process.stdin.setRawMode(true).unref().on('data', key => {
      if (key.includes('l')) (view as { toggleLogs: () => void }).toggleLogs()
      // Raw mode turns Ctrl-C into a byte.
      if (key.includes('q') || key.includes('\u0003')) resolve()
    })
  })
}

function checkoutFolder (): string {
  return path.join(import.meta.dirname, '..')
}
