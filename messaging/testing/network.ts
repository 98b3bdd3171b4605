/** Calls between processes: a call travels, is served, and its answer travels back; each may take long or be lost. */
import type { Machine, Process } from './machine.ts'
import type { Random } from './random.ts'
import type { Owner, Scheduler } from './scheduler.ts'

export interface NetworkHarm {
  /** The longest that anything is on its way, in milliseconds. */
  latencyMs: number
  /** Chance that a call, or its answer, is lost: nobody learns of it but by waiting. */
  loss: number
  /** Chance that a call arrives twice, as after a retry on a connection that was lost. */
  twice: number
}

export interface CallOptions {
  /** How long the caller waits. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Serves a call in the process that was called; `gone` is aborted when the caller has hung up. */
export type Serve<Answer> = (process: Process, gone: AbortSignal) => Promise<Answer>

/** Whose the things are that are on their way: nobody's. */
const WIRE: Owner = { name: 'network', alive: true, stillUntilMs: 0 }

/** Who calls; a process that is killed hangs up. */
export type Caller = Owner & Partial<Pick<Process, 'onEnd'>>

export class Network {
  readonly harm: NetworkHarm = { latencyMs: 1, loss: 0, twice: 0 }
  /** How often what was done. */
  readonly done = { lost: 0, twice: 0 }
  readonly #scheduler: Scheduler
  readonly #random: Random
  /** Machines that cannot be reached. */
  readonly #cutOff = new Set<Machine>()

  constructor (scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler
    this.#random = random
  }

  /** Whether a machine can be reached. */
  cut (machine: Machine, off: boolean): void {
    if (off) this.#cutOff.add(machine)
    else this.#cutOff.delete(machine)
  }

  /** Rejects with an ordinary error when there is no answer. */
  call<Answer> (from: Caller, to: Machine, serve: Serve<Answer>, options: CallOptions): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = new Call<Answer>(this, from, { resolve, reject }, options)
      if (this.#lost()) return
      this.#deliver(call, to, serve)
      if (!this.#random.chance(this.harm.twice)) return
      this.done.twice++
      this.#deliver(call, to, serve)
    })
  }

  /** Runs `arrive` when what is sent now has come to `to`. */
  travel (to: Owner, arrive: () => void): void {
    this.#scheduler.after(this.#random.next() * this.harm.latencyMs, to, arrive)
  }

  /** The same with an answer, which may be lost. */
  answer (to: Owner, arrive: () => void): void {
    if (!this.#lost()) this.travel(to, arrive)
  }

  after (ms: number, owner: Owner, run: () => void): () => void {
    return this.#scheduler.after(ms, owner, run)
  }

  #lost (): boolean {
    if (!this.#random.chance(this.harm.loss)) return false
    this.done.lost++
    return true
  }

  #deliver<Answer> (call: Call<Answer>, to: Machine, serve: Serve<Answer>): void {
    this.travel(WIRE, () => {
      if (this.#cutOff.has(to)) return call.refused('unreachable')
      // The machine's doorway: one that stands still answers nobody before it goes on.
      this.#scheduler.after(0, to, () => {
        if (to.process?.listening === true) call.serve(to.process, serve)
        else call.refused('connection refused')
      })
    })
  }
}

interface Settle<Answer> { resolve (answer: Answer): void, reject (error: Error): void }

class Call<Answer> {
  readonly #network: Network
  readonly #from: Caller
  readonly #settle: Settle<Answer>
  readonly #gone = new AbortController()
  readonly #end: () => void
  #over = false

  constructor (network: Network, from: Caller, settle: Settle<Answer>, { timeoutMs, signal }: CallOptions) {
    this.#network = network
    this.#from = from
    this.#settle = settle
    const hangUp = (why: string) => () => {
      this.#finish(() => { settle.reject(new Error(why)) })
      this.#gone.abort()
    }
    const aborted = hangUp('aborted')
    const cancel = network.after(timeoutMs, from, hangUp('it took too long'))
    signal?.addEventListener('abort', aborted)
    const ended = from.onEnd?.(how => { if (how === 'kill') network.travel(WIRE, () => { this.#gone.abort() }) })
    this.#end = () => {
      cancel()
      ended?.()
      signal?.removeEventListener('abort', aborted)
    }
    if (signal?.aborted === true) aborted()
  }

  serve (process: Process, serve: Serve<Answer>): void {
    const served = process.onEnd(how => { if (how === 'kill') this.refused('connection reset') })
    const answer = (settle: () => void): void => {
      served()
      this.#network.answer(this.#from, () => { this.#finish(settle) })
    }
    serve(process, this.#gone.signal).then(
      value => { answer(() => { this.#settle.resolve(copy(value)) }) },
      (error: unknown) => { answer(() => { this.#settle.reject(error as Error) }) })
  }

  refused (why: string): void {
    this.#network.travel(this.#from, () => { this.#finish(() => { this.#settle.reject(new Error(why)) }) })
  }

  #finish (settle: () => void): void {
    if (this.#over) return
    this.#over = true
    this.#end()
    settle()
  }
}

/** What was sent as JSON. */
function copy<Value> (value: Value): Value {
  return value === undefined ? value : JSON.parse(JSON.stringify(value)) as Value
}
