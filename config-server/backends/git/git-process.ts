/**
 * The system's git, never through a shell and never with a secret among its arguments. It reads no settings of the
 * user, runs no hooks, asks nobody, and is ended together with its helpers when it takes too long.
 */
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'

/** Variables for git and its helpers: credentials and where its own settings are. */
export type GitEnvironment = Readonly<Record<string, string>>

export interface GitRun {
  readonly args: readonly string[]
  readonly folder: string
  readonly environment: GitEnvironment
  readonly timeoutMs: number
  /** Ends the run early. */
  readonly signal?: AbortSignal
}

const MAX_OUTPUT = 16 * 1_048_576
const MAX_ERROR = 4_096

// Remote helpers such as ext:: would run any command, hooks any file of a repository.
const SAFE = ['-c', 'core.hooksPath=/dev/null', '-c', 'protocol.ext.allow=never', '-c', 'gc.auto=0', '-c', 'core.symlinks=false']
const BASE: GitEnvironment = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
  GIT_OPTIONAL_LOCKS: '0',
  LC_ALL: 'C'
}

/** Runs git to its end; resolves with its output, rejects with the end of what it complained of. */
export async function runGit (run: GitRun): Promise<string> {
  const child = startGit(run.args, run.folder, run.environment)
  child.stdin.end()
  const output = collect(child.stdout, MAX_OUTPUT, () => endGroup(child))
  const complaint = collect(child.stderr, MAX_ERROR)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    endGroup(child)
  }, run.timeoutMs)
  const onAbort = (): void => endGroup(child)
  run.signal?.addEventListener('abort', onAbort)
  try {
    const code = await ended(child)
    if (isLate) throw new Error(`no answer within ${run.timeoutMs} ms`)
    if (code !== 0) throw new Error(lastWords(complaint()))
    return output()
  } finally {
    clearTimeout(timer)
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

async function ended (child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
}

function collect (stream: NodeJS.ReadableStream, max: number, onOverflow?: () => void): () => string {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= max) chunks.push(chunk)
    else onOverflow?.()
  })
  return () => Buffer.concat(chunks).toString()
}

// What git says may hold a URL with credentials that a server sent back in a redirect.
function lastWords (text: string): string {
  const lines = text.trim().split('\n').filter(line => /^(?:fatal|error|remote|ssh):/i.test(line))
  return (lines.at(-1) ?? text.trim().split('\n').at(-1) ?? 'git failed').replace(/\/\/[^@/\s]*@/g, '//').slice(0, 300)
}
