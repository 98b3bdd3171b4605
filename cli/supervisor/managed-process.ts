/**
 * One child process with all that it starts: launched, watched until it is ready, ended politely and then for sure.
 *
 * A script says by itself that it is ready, over the IPC channel; of any other program the open port or the health
 * path tells. The same channel is the script's leash: a supervisor that dies takes the channel with it, and the child
 * then stops by itself. What a command leaves behind then is ended by `leash.ts`.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { LogFile } from './log-file.ts'
import { LastLines, readLines } from './output.ts'
import { waitUntilReachable } from './probe.ts'
import type { ProcessSpec, Run } from './process-spec.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Ready {
  readonly url: string
  readonly management?: string
  /** It said so itself: it is one of ours, and tells the registry by itself. */
  readonly own: boolean
}

export interface ManagedProcess {
  readonly pid: number | undefined
  /** Undefined when it exited first. */
  readonly ready: Promise<Ready | undefined>
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

/** Whoever is one of ours says so at once; how long another script's open port is not taken for readiness. */
const OWN_WORD_MS = 2000
/** What was written last is read within this, even when a grandchild holds on to the pipe. */
const LAST_LINES_MS = 500

export function launch (spec: ProcessSpec, port: number, options: LaunchOptions): ManagedProcess {
  const child = start(spec, { ...options.env, PORT: String(port), SERVER_PORT: String(port) })
  const last = keepLines(child, options)
  const exited = watchExit(child)
  return {
    pid: child.pid,
    ready: watchReady(child, spec, port, exited),
    exited,
    lastLines: () => last.read(),
    kill: signal => { signalGroup(child, signal) },
    stop: graceMs => stopChild(child, exited, graceMs)
  }
}

/** In a group of its own: Ctrl-C must reach the supervisor alone, which then stops the children in order. */
function start ({ run, folder }: ProcessSpec, env: NodeJS.ProcessEnv): ChildProcess {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return run.kind === 'script'
    // By this process's own Node, whatever is first in PATH.
    ? spawn(process.execPath, [run.script, ...run.args],
      { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    : spawn(run.command, { cwd: folder, env, detached: true, shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
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
    child.once('exit', (code, signal) => {
      // Who was started by it and outlived it belongs to it.
      signalGroup(child, 'SIGKILL')
      const timer = setTimeout(resolve, LAST_LINES_MS, { code, signal })
      // The last lines are read by then, and they are what explains the exit.
      child.once('close', () => {
        clearTimeout(timer)
        resolve({ code, signal })
      })
    })
    child.once('error', () => { resolve({ code: 127, signal: null }) })
  })
}

function watchReady (
  child: ChildProcess, { run }: ProcessSpec, port: number, exited: Promise<Exit>
): Promise<Ready | undefined> {
  const gone = new AbortController()
  void exited.then(() => { gone.abort() })
  const said = new Promise<Ready>(resolve => {
    child.on('message', message => { if (isReady(message)) resolve({ ...message, own: true }) })
  })
  const ended = exited.then(() => undefined)
  const saysReady = run.kind === 'script' && run.saysReady
  const words = saysReady ? [said, ended] : [said, ended, seen(run, port, gone.signal)]
  return Promise.race(words).finally(() => { gone.abort() })
}

async function seen (run: Run, port: number, signal: AbortSignal): Promise<Ready> {
  const probe = run.kind === 'script' ? { health: undefined, thenMs: OWN_WORD_MS } : { health: run.health, thenMs: 0 }
  await waitUntilReachable({ port, ...probe }, signal)
  return { url: `http://127.0.0.1:${port}`, own: false }
}

function isReady (message: unknown): message is Omit<Ready, 'own'> {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready' &&
    'url' in message && typeof message.url === 'string'
}

async function stopChild (child: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
  signalGroup(child, 'SIGTERM')
  const timer = setTimeout(() => { signalGroup(child, 'SIGKILL') }, graceMs)
  try {
    return await exited
  } finally {
    clearTimeout(timer)
  }
}

function signalGroup (child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // Nobody of the group is left.
  }
}
