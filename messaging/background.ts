/**
 * Work that nobody waits for: the relay, the consumer, looks for deadlines, purges. When it fails, no caller hears of
 * it, so each piece keeps a record that log, health and metrics tell from.
 */
import type { Cancel, Clock } from './clock.ts'
import { isTransient } from './errors.ts'
import type { Logger } from './parts.ts'

/** How a piece of background work is doing. */
export interface WorkState {
  readonly name: string
  /** In a row; 0 while all is well. */
  readonly failures: number
  /** Since the start. */
  readonly failuresTotal: number
  /** Of the last failure: milliseconds since 1970, and its text. */
  readonly failedAt: number | undefined
  readonly error: string | undefined
  /** Of the last failure, true when waiting does not help: a right is missing, a table is not there. */
  readonly permanent: boolean
}

/**
 * The record of one piece of work. The first failure in a row is news, the hundredth is not, unless by then it is one
 * that does not go away by itself: that is an error.
 */
export class Work {
  readonly #name: string
  readonly #log: Logger
  readonly #clock: Clock
  #failures = 0
  #failuresTotal = 0
  #failedAt: number | undefined
  #error: string | undefined
  #permanent = false

  constructor (name: string, log: Logger, clock: Clock) {
    this.#name = name
    this.#log = log
    this.#clock = clock
  }

  get state (): WorkState {
    return { name: this.#name, failures: this.#failures, failuresTotal: this.#failuresTotal, failedAt: this.#failedAt,
      error: this.#error, permanent: this.#permanent }
  }

  failed (error: unknown): void {
    this.#failures++
    this.#failuresTotal++
    this.#failedAt = this.#clock.now()
    this.#error = String(error)
    const permanent = !isTransient(error)
    const isNews = this.#failures === 1 || permanent !== this.#permanent
    this.#permanent = permanent
    if (isNews) this.#log[permanent ? 'error' : 'warn']({ work: this.#name, err: this.#error }, 'background work fails')
  }

  succeeded (): void {
    if (this.#failures > 0) this.#log.info({ work: this.#name, failures: this.#failures }, 'background work goes on')
    this.#failures = 0
  }
}

/** A job that is repeated until it is `done`. A long one asks `stopped` and ends early. */
export type Job = (stopped: () => boolean) => Promise<void | 'done'>

/** Repeats a job, `everyMs` after it has ended; after failures with growing waits. */
export class Loop {
  readonly work: Work
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #job: Job
  #timer: Cancel | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false
  #isRunning = false
  #isDue = false

  constructor (work: Work, clock: Clock, everyMs: number, job: Job) {
    this.work = work
    this.#clock = clock
    this.#everyMs = everyMs
    this.#job = job
  }

  get stopped (): boolean {
    return this.#stopped
  }

  /** The first run is `everyMs` from now. */
  start (): void {
    this.#schedule(this.#everyMs)
  }

  /** Runs at once, or once more when it is running; not before it was started. */
  soon (): void {
    if (this.#isRunning) this.#isDue = true
    else if (this.#timer !== undefined) this.#schedule(0)
  }

  /** Waits for the job that is running. */
  async stop (): Promise<void> {
    this.#stopped = true
    this.#timer?.()
    await this.#running
  }

  #schedule (ms: number): void {
    this.#timer?.()
    if (!this.#stopped) this.#timer = this.#clock.after(ms, () => { this.#running = this.#run() })
  }

  async #run (): Promise<void> {
    this.#isRunning = true
    this.#isDue = false
    try {
      const outcome = await this.#job(() => this.#stopped)
      this.work.succeeded()
      if (outcome === 'done') return
    } catch (error) {
      this.work.failed(error)
    } finally {
      this.#isRunning = false
    }
    this.#schedule(this.#isDue ? 0 : this.#everyMs * 2 ** Math.min(this.work.state.failures, MAX_DOUBLINGS))
  }
}

/** A look each quarter of a second becomes one each second while nothing works. */
const MAX_DOUBLINGS = 2
