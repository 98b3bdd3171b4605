/**
 * A thread with a deadline for whatever a schema says: an expression that backtracks, a comparison of everything with
 * everything. It is started when there is something to check, ended when it takes too long or has nothing to do.
 */
import { Worker } from 'node:worker_threads'
import type { Job, Verdict } from './schema-job.ts'

export interface ThreadLimits {
  /** How long one check may take, once the thread runs. @default 5000 */
  readonly deadlineMs: number
  /** How long the thread stays with nothing to do. @default 10000 */
  readonly idleMs: number
  /** Checks that wait; more are refused. @default 1000 */
  readonly maxWaiting: number
}

export const THREAD_LIMITS: ThreadLimits = { deadlineMs: 5_000, idleMs: 10_000, maxWaiting: 1_000 }

const START_MS = 60_000
const MEMORY_MB = 64

interface Waiting extends Job {
  readonly resolve: (verdict: Verdict) => void
}

export class SchemaThread {
  readonly #limits: ThreadLimits
  readonly #line: Waiting[] = []
  #worker: Worker | undefined
  #current: Waiting | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor (limits: ThreadLimits) {
    this.#limits = limits
  }

  /** Checks data; where that cannot be done in time, the verdict is that the schema cannot be used. */
  async check (job: Job): Promise<Verdict> {
    if (this.#isStopped) return unusable('the server ends')
    if (this.#line.length >= this.#limits.maxWaiting) return unusable('too many checks are waiting')
    return new Promise(resolve => {
      this.#line.push({ ...job, resolve })
      if (this.#current === undefined) this.#next()
    })
  }

  stop (): void {
    this.#isStopped = true
    for (const { resolve } of this.#line.splice(0)) resolve(unusable('the server ends'))
    this.#end('the server ends')
  }

  #next (): void {
    this.#current = this.#line.shift()
    if (this.#current === undefined) return this.#endAfter(this.#limits.idleMs, 'it has nothing to do')
    const { schema, data } = this.#current
    if (this.#worker === undefined) {
      this.#worker = this.#start()
      this.#endAfter(START_MS, `the thread for it has not started within ${START_MS} ms`)
    } else this.#endAfter(this.#limits.deadlineMs, this.#late)
    this.#worker.postMessage({ schema, data } satisfies Job)
  }

  get #late (): string {
    return `the check takes more than ${this.#limits.deadlineMs} ms`
  }

  // The deadline counts from when the thread is there: on a busy machine that alone may take longer.
  #start (): Worker {
    const worker = new Worker(new URL('./schema-worker.ts', import.meta.url), {
      execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB }
    })
    worker.on('message', (message: Verdict | 'ready') => {
      if (worker !== this.#worker) return
      if (message === 'ready') this.#endAfter(this.#limits.deadlineMs, this.#late)
      else this.#answer(message)
    })
    worker.on('error', (failure: Error) => { if (worker === this.#worker) this.#end(failure.message) })
    worker.on('exit', () => { if (worker === this.#worker) this.#end('its thread has ended') })
    worker.unref()
    return worker
  }

  #endAfter (ms: number, why: string): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#end(why), ms)
    if (this.#current === undefined) this.#timer.unref()
  }

  #answer (verdict: Verdict): void {
    this.#current?.resolve(verdict)
    this.#next()
  }

  /** Ends the thread; who waited for it is told why, the others get the next one. */
  #end (why: string): void {
    clearTimeout(this.#timer)
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
    this.#current?.resolve({ ...unusable(why), isLate: true })
    this.#current = undefined
    if (this.#line.length > 0) this.#next()
  }
}

function unusable (why: string): Verdict {
  return { faults: [], unusable: why }
}
