/** One process of the platform: started, killed, started again on the same port. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = join(import.meta.dirname, '../..')
const CLOCK = pathToFileURL(join(import.meta.dirname, 'clock-preload.ts')).href
/** A busy machine with two cores starts nine processes slowly. */
const READY_MS = 90_000
/** How long a process may take to set its clock: it may be stopped, or busy. */
const CLOCK_MS = 2000

export interface ProcessSpec {
  readonly name: string
  readonly script: string
  readonly args: readonly string[]
  /** Whether its wall clock can be made to jump. */
  readonly clocked?: boolean
  readonly env: () => Readonly<Record<string, string>>
}

export class LabProcess {
  readonly name: string
  readonly #spec: ProcessSpec
  readonly #logDir: string
  #child: ChildProcess | undefined
  /** The one that was asked to end. */
  #asked: ChildProcess | undefined
  #port = 0
  /** Ends by SIGKILL, ours and those of the named kill points. */
  deaths = 0
  /** Ends that nobody asked for: a program that fell over by itself. */
  readonly crashes: string[] = []
  url = ''
  /** Where it is managed, when that is a port of its own. */
  management = ''

  constructor (spec: ProcessSpec, logDir: string) {
    this.name = spec.name
    this.#spec = spec
    this.#logDir = logDir
  }

  get running (): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when it says that it is ready; rejects when it ends before, or takes too long. */
  async start (extra: readonly string[] = []): Promise<void> {
    const log = createWriteStream(join(this.#logDir, `${this.name}.log`), { flags: 'a' })
    const preload = this.#spec.clocked === true ? ['--import', CLOCK] : []
    const child = spawn(process.execPath, [...preload, join(ROOT, this.#spec.script), '--port', String(this.#port),
      ...this.#spec.args, ...extra], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...this.#spec.env() }
    })
    child.stdout?.pipe(log, { end: false })
    child.stderr?.pipe(log, { end: false })
    this.#child = child
    child.once('exit', (code, signal) => {
      if (signal === 'SIGKILL') this.deaths++
      // A signal of ours may come before the program listens for it.
      else if (code !== null && code !== 0) this.crashes.push(`${this.name} ended with ${code}`)
      log.end()
    })
    const { url, management = '' } = await ready(child, this.name)
    this.url = url
    this.management = management
    this.#port = Number(new URL(this.url).port)
  }

  /**
   * SIGKILL, or SIGTERM for a clean end; resolves when it is gone, with how it ended. `undefined`: it was not running.
   */
  async stop (signal: 'SIGKILL' | 'SIGTERM'): Promise<'clean' | 'SIGKILL' | undefined> {
    const child = this.#child
    if (child === undefined || !this.running) return undefined
    const gone = new Promise<void>(resolve => { child.once('exit', () => { resolve() }) })
    // A second SIGTERM means "at once" to every service: two faults that meet are not that.
    if (signal === 'SIGKILL' || this.#asked !== child) child.kill(signal)
    this.#asked = child
    const hard = setTimeout(() => { child.kill('SIGKILL') }, 10_000)
    await gone
    clearTimeout(hard)
    return child.signalCode === 'SIGKILL' ? 'SIGKILL' : 'clean'
  }

  /** From now on its wall clock is off by this much; a restart sets it right. False when it did not say so. */
  async shiftClock (ms: number): Promise<boolean> {
    const child = this.#child
    if (child === undefined || !this.running || !child.connected) return false
    const told = said<{ clockMs: number }>(child, 'clockMs', CLOCK_MS)
    child.send({ clockOffsetMs: ms }, () => {})
    const clockMs = (await told)?.clockMs ?? NaN
    return Math.abs(clockMs - ms - Date.now()) < CLOCK_MS
  }

  pause (): void {
    this.#child?.kill('SIGSTOP')
  }

  resume (): void {
    this.#child?.kill('SIGCONT')
  }
}

interface Ready { readonly url: string, readonly management?: string }

async function ready (child: ChildProcess, name: string): Promise<Ready> {
  const message = await said<Ready>(child, 'url', READY_MS)
  if (message !== undefined) return message
  throw new Error(child.exitCode === null && child.signalCode === null
    ? `${name} was not ready after ${READY_MS} ms`
    : `${name} ended with ${child.exitCode ?? child.signalCode} before it was ready`)
}

/**
 * The next message that says `key`; undefined when the child ended before, or the time is up. A process that starts
 * may be told to set its clock: the answer to that and the word that it is ready come in either order.
 */
function said<Message> (child: ChildProcess, key: keyof Message & string, maxMs: number): Promise<Message | undefined> {
  return new Promise(resolve => {
    const listen = (message: unknown) => { if (Object.hasOwn(message as object, key)) end(message as Message) }
    const ended = () => { end(undefined) }
    const end = (message: Message | undefined) => {
      clearTimeout(timer)
      child.off('message', listen).off('exit', ended)
      resolve(message)
    }
    const timer = setTimeout(end, maxMs, undefined)
    child.on('message', listen).once('exit', ended)
  })
}
