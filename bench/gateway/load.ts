/** wrk with the headers that a real client sends, and what it says read back. */
import { spawn } from 'node:child_process'
import { isInstalled, type Program } from './processes.ts'

export interface Load {
  readonly port: number
  readonly path: string
  readonly connections: number
  readonly seconds: number
  readonly threads: number
  readonly cores: string
  /** A wrk script, for requests with bodies. */
  readonly script?: string
}

export interface Round {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly bytesPerSecond: number
  /** Answers that were no 2xx or 3xx, and broken connections. */
  readonly errors: number
  readonly cpuMicros: number
  readonly rssBytes: number
  /** The longest that the event loop was held up; NaN where nobody says. */
  readonly stallMs: number
}

const HEADERS = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) bench/1.0', 'Accept: application/json, text/plain, */*',
  'Accept-Encoding: gzip, deflate', 'Authorization: Bearer 0123456789abcdef0123456789abcdef0123456789abcdef',
  'X-Request-Id: 4f9d1c2ab37e4e0f'
]

/** Loads the program and measures what it spent on it. */
export async function measure (program: Program, load: Load): Promise<Round> {
  await program.stallMs?.()
  const before = program.cpuMs()
  const text = await wrk(load)
  const spentMs = program.cpuMs() - before
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0)
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0),
    p50Ms: milliseconds(/50%\s+([\d.]+)(us|ms|s)/.exec(text)),
    p99Ms: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(text)),
    bytesPerSecond: bytes(/Transfer\/sec:\s+([\d.]+)([KMG]?)B/.exec(text)),
    errors: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0) + socketErrors(text),
    cpuMicros: requests === 0 ? Number.NaN : spentMs * 1000 / requests,
    rssBytes: program.rssBytes(),
    stallMs: await program.stallMs?.() ?? Number.NaN
  }
}

async function wrk (load: Load): Promise<string> {
  const args = ['-t', String(load.threads), '-c', String(load.connections), '-d', `${load.seconds}s`, '--latency',
    ...HEADERS.flatMap((header) => ['-H', header]), ...(load.script === undefined ? [] : ['-s', load.script]),
    `http://127.0.0.1:${load.port}${load.path}`]
  const command = isInstalled('taskset') ? ['taskset', '-c', load.cores, 'wrk', ...args] : ['wrk', ...args]
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout) text += String(chunk)
  return text
}

function socketErrors (text: string): number {
  const match = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)
  return match === null ? 0 : match.slice(1).reduce((total, value) => total + Number(value), 0)
}

function milliseconds (match: RegExpExecArray | null): number {
  const factor = { us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? ''] ?? Number.NaN
  return Number(match?.[1]) * factor
}

function bytes (match: RegExpExecArray | null): number {
  const factor = { '': 1, K: 1024, M: 1_048_576, G: 1_073_741_824 }[match?.[2] ?? ''] ?? Number.NaN
  return Number(match?.[1]) * factor
}
