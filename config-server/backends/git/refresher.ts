/**
 * When to fetch: at the start, now and then with jitter, at once when a webhook says so. Never two at a time for one
 * repository and never many for the whole server; requests do not wait for any of them.
 */

/** Lets a bounded number of jobs run at once, and those of one name one after the other; the rest waits in line. */
export class Lanes {
  #free: number
  readonly #line: (() => void)[] = []
  readonly #named = new Map<string, Promise<unknown>>()

  constructor (count: number) {
    this.#free = count
  }

  async run<T> (name: string, job: () => Promise<T>): Promise<T> {
    const before = this.#named.get(name) ?? Promise.resolve()
    const run = before.then(async () => this.#run(job))
    const ended = run.catch(() => {}).finally(() => { if (this.#named.get(name) === ended) this.#named.delete(name) })
    this.#named.set(name, ended)
    return run
  }

  async #run<T> (job: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => this.#line.push(resolve))
    try {
      return await job()
    } finally {
      const next = this.#line.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

export interface RefresherOptions {
  readonly job: () => Promise<void>
  /** 0: only when asked. */
  readonly intervalMs: number
  readonly random: () => number
}

const LONGEST_PAUSE_FACTOR = 6

export class Refresher {
  readonly #options: RefresherOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #again: Promise<void> | undefined
  #failures = 0
  #isStopped = false

  constructor (options: RefresherOptions) {
    this.#options = options
  }

  /** Runs the job soon; a run that has already begun may have looked too early, so another follows it. */
  async now (): Promise<void> {
    if (this.#running === undefined) return this.#run()
    this.#again ??= this.#running.then(async () => {
      this.#again = undefined
      return this.#run()
    })
    return this.#again
  }

  async stop (): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #run (): Promise<void> {
    if (this.#isStopped) return
    clearTimeout(this.#timer)
    this.#running = this.#options.job().then(() => { this.#failures = 0 }, () => { this.#failures++ })
    await this.#running
    this.#running = undefined
    this.#schedule()
  }

  // A tenth of jitter, so that replicas do not all ask in the same moment; longer pauses while the remote is down.
  #schedule (): void {
    const { intervalMs, random } = this.#options
    if (intervalMs === 0 || this.#isStopped) return
    const factor = Math.min(2 ** Math.max(0, this.#failures - 1), LONGEST_PAUSE_FACTOR)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => { void this.#run() }, intervalMs * factor * (0.9 + 0.2 * random())).unref()
  }
}
