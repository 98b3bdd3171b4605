/**
 * One child process: started, watched until it says it is ready, ended politely and then for sure.
 *
 * Readiness is the child's own word over the IPC channel, not a sleep or a probe. The same channel is its leash: a
 * supervisor that dies takes the channel with it, and the child then stops by itself, so SIGKILL leaves no orphans.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import type { LogFile } from './log-file.ts'
import { LastLines, readLines } from './output.ts'
import type { ProcessSpec } from './plan.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ReadyMessage {
  readonly url: string
  readonly management?: string
}

export interface ManagedProcess {
  readonly pid: number | undefined
  /** The child's ready message, or undefined when it exited first. */
  readonly ready: Promise<ReadyMessage | undefined>
  readonly exited: Promise<Exit>
  /** The last lines it wrote, oldest first. */
  lastLines (): readonly string[]
  kill (signal: NodeJS.Signals): void
  /** SIGTERM, then SIGKILL after the grace time; resolves when it is gone. */
  stop (graceMs: number): Promise<Exit>
}

export interface LaunchOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: LogFile
  /** Whole lines, each with its end. */
  readonly onLines: (lines: Buffer) => void
}

/** Starts the child with this process's own Node, whatever is first in PATH. */
export function launch (spec: ProcessSpec, port: number, options: LaunchOptions): ManagedProcess {
  const child = spawn(process.execPath, [spec.script, `--port=${port}`, ...spec.args], {
    env: options.env,
    // Its own group: Ctrl-C must reach the supervisor alone, which then stops the children in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc']
  })
  const last = keepLines(child, options)
  const exited = watchExit(child)
  return {
    pid: child.pid,
    ready: watchReady(child, exited),
    exited,
    lastLines: () => last.read(),
    kill: signal => { child.kill(signal) },
    stop: graceMs => stopChild(child, exited, graceMs)
  }
}

function keepLines (child: ChildProcess, { log, onLines }: LaunchOptions): LastLines {
  const last = new LastLines()
  const keep = (lines: Buffer) => {
    last.add(lines)
    log.write(lines)
    onLines(lines)
  }
  for (const stream of [child.stdout, child.stderr]) if (stream !== null) readLines(stream, keep)
  return last
}

function watchExit (child: ChildProcess): Promise<Exit> {
  return new Promise(resolve => {
    // `close` and not `exit`: the last lines are read by then, and they are what explains the exit.
    child.once('close', (code, signal) => { resolve({ code, signal }) })
    child.once('error', () => { resolve({ code: 127, signal: null }) })
  })
}

function watchReady (child: ChildProcess, exited: Promise<Exit>): Promise<ReadyMessage | undefined> {
  const ready = new Promise<ReadyMessage>(resolve => {
    child.on('message', message => { if (isReady(message)) resolve(message) })
  })
  return Promise.race([ready, exited.then(() => undefined)])
}

function isReady (message: unknown): message is ReadyMessage {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready' &&
    'url' in message && typeof message.url === 'string'
}

async function stopChild (child: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  try {
    return await exited
  } finally {
    clearTimeout(timer)
  }
}
