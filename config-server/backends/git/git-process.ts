/**
 * The system's git, never through a shell and never with a secret among its arguments. It reads no settings of the
 * user, runs no hooks, asks nobody, and is ended together with its helpers when it neither says nor does anything.
 */
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { Complaints } from './complaints.ts'
import { bytesArrived, cpuMsOfGroup } from './activity.ts'
import { guarded } from './guard.ts'

/** Variables for git and its helpers: credentials and where its own settings are. */
export type GitEnvironment = Readonly<Record<string, string>>

export interface GitRun {
  readonly args: readonly string[]
  readonly folder: string
  readonly environment: GitEnvironment
  /** How long it may neither say nor do anything: what goes on may take as long as it takes. */
  readonly silenceMs: number
  /** Ends the run early. */
  readonly signal?: AbortSignal
}

const MAX_OUTPUT = 16 * 1_048_576
/** A remote that sends a byte now and then for ever must not keep its place. */
const LONGEST_MS = 6 * 3_600_000
/** Share of the time in which a silent git works when it is busy: checking a large pack takes minutes. */
const BUSY_SHARE = 0.01

// Remote helpers such as ext:: would run any command, hooks any file of a repository. The operator named the
// repository: that it belongs to another user is no reason to refuse it.
const SAFE = ['core.hooksPath=/dev/null', 'protocol.ext.allow=never', 'gc.auto=0', 'maintenance.auto=false',
  'core.symlinks=false', 'safe.directory=*'].flatMap(setting => ['-c', setting])
const BASE: GitEnvironment = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
  GIT_OPTIONAL_LOCKS: '0',
  LC_ALL: 'C'
}

/** Runs git to its end; resolves with its output, rejects with what it complained of. */
export async function runGit (run: GitRun): Promise<string> {
  const { child, unguard } = guarded(() => startGit(run.args, run.folder, run.environment))
  child.stdin.end()
  const complaints = new Complaints()
  child.stderr.on('data', (chunk: Buffer) => complaints.add(chunk.toString()))
  const output = collect(child)
  const silence = watchSilence(child, run)
  const onAbort = (): void => endGroup(child)
  run.signal?.addEventListener('abort', onAbort)
  try {
    const code = await ended(child)
    if (silence.reason !== undefined) throw new Error(complaints.explain(silence.reason))
    if (code !== 0) throw new Error(complaints.text)
    return output()
  } finally {
    unguard()
    silence.stop()
    run.signal?.removeEventListener('abort', onAbort)
  }
}

/** Starts git as the head of its own process group, so that it ends with all its helpers. */
export function startGit (
  args: readonly string[], folder: string, environment: GitEnvironment
): ChildProcessWithoutNullStreams {
  return spawn('git', [...SAFE, ...args], {
    cwd: folder, detached: true, env: { PATH: environment['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', ...BASE, ...environment }
  })
}

/** Ends git and its helpers; one that is gone already is no error. */
export function endGroup (child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

interface Silence {
  /** Why it was ended; undefined when it was not. */
  readonly reason: string | undefined
  stop (): void
}

function watchSilence (child: ChildProcessWithoutNullStreams, { folder, silenceMs }: GitRun): Silence {
  const watch = { reason: undefined as string | undefined, stop: () => { clearTimeout(timer); clearTimeout(end) } }
  const giveUp = (reason: string): void => {
    watch.reason = reason
    endGroup(child)
  }
  let seen = { cpuMs: 0, bytes: 0 }
  const look = async (): Promise<void> => {
    const now = { cpuMs: await cpuMsOfGroup(child.pid), bytes: await bytesArrived(folder) }
    if (child.exitCode !== null || child.signalCode !== null) return
    const isAtWork = now.cpuMs - seen.cpuMs >= silenceMs * BUSY_SHARE || now.bytes !== seen.bytes
    seen = now
    if (isAtWork) timer.refresh()
    else giveUp(`no answer within ${silenceMs} ms`)
  }
  const timer = setTimeout(() => { void look() }, silenceMs)
  const end = setTimeout(() => giveUp(`not finished within ${LONGEST_MS} ms`), LONGEST_MS)
  for (const stream of [child.stdout, child.stderr]) stream.on('data', () => timer.refresh())
  return watch
}

async function ended (child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
}

function collect (child: ChildProcessWithoutNullStreams): () => string {
  const chunks: Buffer[] = []
  let length = 0
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= MAX_OUTPUT) chunks.push(chunk)
    else endGroup(child)
  })
  return () => Buffer.concat(chunks).toString()
}
