/** Started programs, pinned to cores where the machine can, with all processes they consist of. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { cpuMs, rssBytes } from '../lib/machine.ts'

const START_DEADLINE_MS = 20_000

export interface Program {
  readonly pid: number
  readonly port: number
  /** User and system time of the program with its children. */
  cpuMs (): number
  rssBytes (): number
  /** The longest stall of its event loop since it was last asked. */
  stallMs? (): Promise<number>
  stop (): Promise<void>
}

export function isInstalled (command: string): boolean {
  return spawnSync('which', [command]).status === 0
}

export async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** `cores` in taskset's form (`0`, `0,1`). Resolves when the port answers. */
export async function start (port: number, cores: string, command: string, args: readonly string[]): Promise<Program> {
  const pinned = isInstalled('taskset') ? ['taskset', '-c', cores, command, ...args] : [command, ...args]
  const child = spawn(pinned[0]!, pinned.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })
  await answers(port, child)
  const pid = child.pid!
  const all = (): number[] => [pid, ...childrenOf(pid)]
  return {
    pid,
    port,
    cpuMs: () => sum(all().map(cpuMs)),
    rssBytes: () => sum(all().map(rssBytes)),
    stop: () => stop(child)
  }
}

async function answers (port: number, child: ChildProcess): Promise<void> {
  const end = Date.now() + START_DEADLINE_MS
  while (!await connects(port)) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended with ${child.exitCode}`)
    if (Date.now() > end) throw new Error(`${child.spawnargs.join(' ')} does not listen on ${port}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function connects (port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => resolve(false))
  })
}

async function stop (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await ended
  clearTimeout(timer)
}

/** Master and workers count as one. */
function childrenOf (pid: number): number[] {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid).map(Number)
  return children.flatMap((child) => [child, ...childrenOf(child)])
}

function parentOf (pid: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return -1
  }
}

function sum (values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
