/** Where a running stack can be spoken to: a file of its data folder names the process and its socket. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { error } from '../errors.ts'

export interface RunningStack {
  readonly pid: number
  readonly socket: string
  /** The stack file it was started from. */
  readonly file: string
}

const FILE = 'stack.json'

/** A socket's path may have a hundred characters: it lies where paths are short, in a folder of this user's own. */
export function socketPath (): string {
  return join(mkdtempSync(join(tmpdir(), 'breakwater-')), 'control.sock')
}

export function announce (dataFolder: string, stack: RunningStack): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  writeFileSync(join(dataFolder, FILE), `${JSON.stringify(stack)}\n`, { mode: 0o600 })
}

export function withdraw (dataFolder: string, { socket }: RunningStack): void {
  rmSync(join(dataFolder, FILE), { force: true })
  rmSync(dirname(socket), { recursive: true, force: true })
}

/** The stack of this data folder, or E_NO_RUNNING_STACK. */
export function findRunning (dataFolder: string): RunningStack {
  const stack = readRunning(dataFolder)
  if (stack === undefined) throw error('E_NO_RUNNING_STACK', [dataFolder])
  return stack
}

/** Undefined when nobody runs there; what a crash has left behind counts as nobody. */
export function readRunning (dataFolder: string): RunningStack | undefined {
  const file = join(dataFolder, FILE)
  if (!existsSync(file)) return undefined
  try {
    const stack = JSON.parse(readFileSync(file, 'utf8')) as RunningStack
    return isAlive(stack.pid) && existsSync(stack.socket) ? stack : undefined
  } catch {
    return undefined
  }
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
