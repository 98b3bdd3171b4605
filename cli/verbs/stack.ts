/** What one does with a running stack as a whole: look at it, wait for it, end one process or all. */
import { setTimeout as sleep } from 'node:timers/promises'
import { askStack, killProcess, stopStack } from '../control/client.ts'
import { findRunning } from '../control/running-stack.ts'
import type { StackView } from '../control/server.ts'
import { error } from '../errors.ts'
import { readFlags, readWords } from '../flags.ts'
import { dataFolderOf, failAt, print, tableOf } from '../output.ts'
import { quoted } from '../stack-file/names.ts'
import type { ProcessStatus } from '../supervisor/slot.ts'
import { DATA_FLAG, JSON_FLAG, OK, TIMEOUT, type Verb } from '../verb.ts'

const EVERY_MS = 200
const ANSWER_MS = 5000

const PS_FLAGS = { data: DATA_FLAG, json: JSON_FLAG } as const

export const psVerb: Verb = {
  name: 'ps', summary: 'the processes of the running stack', flags: PS_FLAGS,
  run: async (process, args) => {
    const { data, json } = readFlags('ps', args, PS_FLAGS)
    const stack = await askStack(dataFolderOf(data))
    return print(process, json, stack, () => `${stack.name}  profile=${stack.profile}  ${stack.state}\n` +
      tableOf(['NAME', 'STATE', 'ADDRESS', 'PID', 'NOTE'], stack.processes.map(rowOf)))
  }
}

function rowOf ({ name, state, url, pid, note }: ProcessStatus): string[] {
  return [name, state, url ?? '', String(pid ?? ''), note]
}

const DOWN_FLAGS = { data: DATA_FLAG } as const

export const downVerb: Verb = {
  name: 'down', summary: 'ends the running stack', flags: DOWN_FLAGS,
  run: async (process, args) => {
    const running = findRunning(dataFolderOf(readFlags('down', args, DOWN_FLAGS).data))
    process.stdout.write(`ending the stack of process ${running.pid} ...\n`)
    await stopStack(running)
    process.stdout.write('ended\n')
    return OK
  }
}

const KILL_FLAGS = { data: DATA_FLAG, signal: { type: 'string', value: 'SIGNAL', help: 'default: SIGKILL' } } as const

export const killVerb: Verb = {
  name: 'kill', words: 'NAME', summary: 'ends one process as a crash would: see what becomes of the others', flags: KILL_FLAGS,
  run: async (process, args) => {
    const { values: { data, signal = 'SIGKILL' }, positionals: [name, ...more] } = readWords('kill', args, KILL_FLAGS)
    if (name === undefined || more.length > 0) throw error('E_USAGE', ['one name is needed.'], { where: 'breakwater kill' })
    await killProcess(dataFolderOf(data), name, signal)
    process.stdout.write(`${signal} sent to ${name}\n`)
    return OK
  }
}

const WAIT_FLAGS = {
  data: DATA_FLAG, healthy: { type: 'boolean', help: 'until its health is good, too' },
  timeout: { type: 'string', value: 'SECONDS', help: 'default: 60' }
} as const

export const waitVerb: Verb = {
  name: 'wait', words: '[NAME]', summary: 'waits until a service, or the whole stack, is up', flags: WAIT_FLAGS,
  run: async (process, args) => {
    const { values: { data, healthy = false, timeout = '60' }, positionals: [name, ...more] } = readWords('wait', args, WAIT_FLAGS)
    if (more.length > 0) throw error('E_USAGE', [`"${more[0]}" is not understood.`], { where: 'breakwater wait' })
    const seconds = Number(timeout)
    if (!(seconds >= 0 && seconds <= 86_400)) throw error('E_USAGE', [`--timeout "${timeout}" should be seconds.`], { where: 'breakwater wait' })
    return await waitFor(process, dataFolderOf(data), { name, healthy, untilMs: performance.now() + seconds * 1000 })
  }
}

interface Wish { readonly name: string | undefined, readonly healthy: boolean, readonly untilMs: number }

async function waitFor (process: NodeJS.Process, dataFolder: string, wish: Wish): Promise<number> {
  for (;;) {
    const missing = await isMissing(dataFolder, wish)
    if (missing === undefined) return OK
    if (performance.now() >= wish.untilMs) return failAt(process, TIMEOUT, error('E_TOO_LATE', [missing]))
    await sleep(EVERY_MS)
  }
}

/** What is not as it should be yet. A stack that is about to be started is waited for, too. */
async function isMissing (dataFolder: string, { name, healthy }: Wish): Promise<string | undefined> {
  const stack = await askStack(dataFolder).catch(() => undefined)
  if (stack === undefined) return 'no stack answers'
  if (name === undefined && stack.state !== 'READY') return `the stack is ${stack.state}`
  const processes = processesOf(stack, name)
  const down = processes.find(({ state }) => state !== 'UP')
  if (down !== undefined) return `${down.name} is ${down.state}`
  if (!healthy) return undefined
  const states = await Promise.all(processes.map(async one => ({ name: one.name, health: await healthOf(one) })))
  const sick = states.find(({ health }) => health !== 'UP')
  return sick === undefined ? undefined : `the health of ${sick.name} is ${sick.health}`
}

async function healthOf ({ health }: ProcessStatus): Promise<string> {
  if (health === undefined) return 'UP'
  const response = await fetch(health, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined)
  await response?.body?.cancel()
  return response?.ok === true ? 'UP' : response === undefined ? 'not told' : `told by ${response.status}`
}

/** Of a service all its copies, or one process by its own name. */
export function processesOf (stack: StackView, name: string | undefined): readonly ProcessStatus[] {
  const found = stack.processes.filter(one => name === undefined || one.name === name || one.service === name)
  if (found.length > 0) return found
  const known = [...new Set(stack.processes.flatMap(one => [one.service, one.name]))]
  throw error('E_USAGE', [`there is no process ${quoted(name ?? '', known)}`], { where: 'breakwater' })
}
