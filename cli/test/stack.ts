/** Starts the real stack on free ports for a test, as `npm start` would, and stops it with the test. */
import path from 'node:path'
import type { Test } from 'tap'
import { readFlags } from '../flags.ts'
import { readUpOptions, UP_FLAGS } from '../options.ts'
import { chooseServices } from '../stack-file/choose.ts'
import { readStackFile } from '../stack-file/read.ts'
import { childEnv } from '../supervisor/child-env.ts'
import { planStack } from '../supervisor/plan.ts'
import { createSupervisor, type Supervisor } from '../supervisor/supervisor.ts'

export interface Stack {
  readonly supervisor: Supervisor
  /** The process's address. */
  url (name: string): string
  management (name: string): string
  pid (name: string): number
}

/** `args` as for `breakwater up`; exits are not mended, so that a test decides when a process comes back. */
export async function startStack (t: Test, args: readonly string[] = []): Promise<Stack> {
  const folder = t.testdir()
  const ports = ['discovery', 'config-server', 'bus', 'gateway', 'gateway-management'].flatMap(name => ['--port', `${name}=0`])
  const root = path.join(import.meta.dirname, '../..')
  const stack = readStackFile(root)
  const options = readUpOptions(readFlags('up', [...ports, '--data', folder, '--no-restart', ...args], UP_FLAGS), {}, stack)
  const services = chooseServices(stack, options.only)
  const supervisor = createSupervisor(planStack(stack, options, services), {
    env: childEnv(process.env, options.profile, path.join(root, 'node_modules/.cache/breakwater')),
    logFolder: path.join(folder, 'logs'),
    startTimeoutMs: 240_000,
    stopGraceMs: 35_000,
    restart: false,
    onStatus: () => {},
    onLines: () => {},
    onProblem: (message, lastLines) => { t.comment(message, ...lastLines) }
  })
  t.teardown(() => supervisor.stop())
  await supervisor.start()
  const find = (name: string) => supervisor.statuses().find(status => status.name === name)
  return {
    supervisor,
    url: name => find(name)?.url ?? '',
    management: name => find(name)?.management ?? '',
    pid: name => find(name)?.pid ?? 0
  }
}
