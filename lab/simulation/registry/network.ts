/** The network between registries, clients and operators: it delays, loses, doubles, overtakes, and is cut. */
import type { Owner, Random, Scheduler } from '@breakwater/messaging/testing'

export interface Harm {
  readonly latencyMs: number
  readonly loss: number
  readonly twice: number
}

export const CALM: Harm = { latencyMs: 20, loss: 0, twice: 0 }

/** One end of a call. */
export interface End {
  readonly name: string
  /** The process that runs there now; undefined: nobody listens. */
  readonly owner: Owner | undefined
  /** Whether it listens; a process that is starting does not yet. */
  readonly listens: boolean
}

export interface CallOptions {
  readonly timeoutMs: number
  /** Whether it may arrive twice, as what is sent again after a time-out does. */
  readonly mayDouble?: boolean
}

export class Network {
  harm: Harm = CALM
  readonly counts = new Map<string, number>()
  readonly #cuts = new Set<string>()
  readonly #scheduler: Scheduler
  readonly #random: Random

  constructor (scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler
    this.#random = random
  }

  /** Cuts one direction, or lets through again. */
  cut (from: string, to: string, isCut: boolean): void {
    if (isCut) this.#cuts.add(`${from} ${to}`)
    else this.#cuts.delete(`${from} ${to}`)
  }

  healAll (): void {
    this.#cuts.clear()
    this.harm = CALM
  }

  /** Resolves to the answer; rejects as a call to a peer does. Whoever asks is gone when its process is. */
  call<Answer> (
    from: End, to: End, answer: () => Answer, { timeoutMs, mayDouble = false }: CallOptions
  ): Promise<Answer> {
    const asker = from.owner!
    return new Promise((resolve, reject) => {
      this.#scheduler.after(timeoutMs, asker, () => {
        reject(Object.assign(new Error('no answer in time'), { code: 'E_PEER_TIMEOUT' }))
      })
      const refuse = (): void => { reject(Object.assign(new Error('refused'), { code: 'E_PEER_UNREACHABLE' })) }
      const ask = (): void => this.#send(from.name, to.name, () => to.owner, () => {
        if (!to.listens) return refuse()
        const result = answer()
        this.#send(to.name, from.name, () => asker, () => { resolve(result) })
      }, refuse)
      ask()
      if (mayDouble && this.#random.chance(this.harm.twice)) ask()
    })
  }

  #send (
    from: string, to: string, owner: () => Owner | undefined, arrive: () => void, refuse: () => void = () => {}
  ): void {
    const { latencyMs, loss } = this.harm
    if (this.#cuts.has(`${from} ${to}`)) return this.#count('cut off')
    if (this.#random.chance(loss)) return this.#count('lost')
    const ms = 1 + this.#random.below(latencyMs)
    this.#scheduler.after(ms, ALWAYS, () => {
      const receiver = owner()
      if (receiver === undefined) return refuse()
      // What arrives while it stands still is taken in when it goes on.
      this.#scheduler.after(0, receiver, arrive)
    })
  }

  #count (what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
}

const ALWAYS: Owner = { name: 'network', alive: true, stillUntilMs: 0 }
