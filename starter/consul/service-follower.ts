/**
 * What Consul says of its services, followed over a bounded number of connections: an agent takes 200 from one
 * address (`limits.http_max_conns_per_client`), and all processes of a host share them.
 *
 * One question is open on the list of names. Up to {@link OWN_QUESTIONS} followed services have one each. With more,
 * one question on the checks of all of them says which changed, and those are read one after another; what has no
 * check, or changed without it, is read when the catalog's index moves, and now and then in any case.
 */
import { backOffMs, followBlocking, REAL_TIME } from './blocking-query.ts'
import type { BlockingOptions, Timing } from './blocking-query.ts'
import { changedServices, checksByService } from './check-changes.ts'
import type { ConsulAnswer, ConsulReader } from './reader.ts'

/** Services that have an open question of their own. */
export const OWN_QUESTIONS = 2
/** More are not followed, and `onCutOff` says so. */
export const MAX_SERVICES = 2_000

const READ_TIMEOUT_MS = 10_000
/** All followed services are read anew at most this often: once a second, and twenty milliseconds for each of them. */
const SWEEP_MS = 1_000
const SWEEP_PER_SERVICE_MS = 20
/** ... and at least this often. */
const IDLE_SWEEP_MS = 30_000
/** Consul's own service. */
const CONSUL = 'consul'

export interface ServiceFollowerOptions {
  readonly reader: ConsulReader
  readonly waitMs: number
  /** All names but Consul's own, whenever one came or went. */
  readonly onNames: (names: readonly string[]) => void
  /** The entries of `health/service/NAME`, after each answer. */
  readonly onEntries: (name: string, entries: readonly unknown[]) => void
  readonly onReached: () => void
  /** Once for each outage; what was known stays. */
  readonly onLost: (failure: unknown) => void
  /** Once: there are more services than are followed. */
  readonly onCutOff: (most: number) => void
  readonly timing?: Timing
}

interface Followed {
  readonly first: PromiseWithResolvers<void>
  readonly stop: AbortController
}

/** See the head of this file. */
export class ServiceFollower {
  readonly #options: ServiceFollowerOptions
  readonly #timing: Timing
  readonly #stopping = new AbortController()
  readonly #followed = new Map<string, Followed>()
  /** Questions that fail at present, by what they ask for. */
  readonly #failing = new Set<string>()
  readonly #toRead = new Set<string>()
  readonly #firstNames = Promise.withResolvers<void>()
  #checks: ReadonlyMap<string, string> = new Map()
  #wake = new AbortController()
  #sweepAt = Infinity
  #sweptAt = -Infinity
  #reached = false
  #started = false
  #readsChanges = false
  #cutOff = false

  constructor (options: ServiceFollowerOptions) {
    this.#options = options
    this.#timing = options.timing ?? REAL_TIME
  }

  /** Whether every question is answered at present. */
  get connected (): boolean {
    return this.#reached && this.#failing.size === 0
  }

  /** Resolves with the first list of names. */
  start (): Promise<void> {
    if (!this.#started) {
      this.#started = true
      this.#question('names', '/catalog/services', (body, changed) => {
        if (changed) this.#names(body)
        this.#firstNames.resolve()
      }, this.#stopping.signal)
    }
    return this.#firstNames.promise
  }

  stop (): void {
    this.#stopping.abort()
    this.#wake.abort()
  }

  /** Resolves with the first answer for this name. */
  follow (name: string): Promise<void> {
    const known = this.#followed.get(name)
    if (known !== undefined) return known.first.promise
    if (this.#followed.size >= MAX_SERVICES) return this.#refuse()
    const followed = { first: Promise.withResolvers<void>(), stop: new AbortController() }
    this.#followed.set(name, followed)
    if (this.#followed.size > OWN_QUESTIONS) this.#readChanges()
    if (this.#readsChanges) this.#read(name)
    else this.#ask(name, followed)
    return followed.first.promise
  }

  unfollow (name: string): void {
    const followed = this.#followed.get(name)
    followed?.stop.abort()
    followed?.first.resolve()
    this.#followed.delete(name)
    this.#toRead.delete(name)
    this.#failing.delete(`service ${name}`)
  }

  #refuse (): Promise<void> {
    if (!this.#cutOff) this.#options.onCutOff(MAX_SERVICES)
    this.#cutOff = true
    return Promise.resolve()
  }

  #names (body: unknown): void {
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
    if (!isObject) throw new Error('the catalog is no object: is this Consul?')
    this.#options.onNames(Object.keys(body).filter(name => name !== CONSUL))
    this.#sweepSoon()
  }

  #ask (name: string, followed: Followed): void {
    this.#question(`service ${name}`, healthPath(name), body => { this.#take(name, body) },
      AbortSignal.any([followed.stop.signal, this.#stopping.signal]))
  }

  #take (name: string, body: unknown): void {
    if (!Array.isArray(body)) throw new Error(`the entries of ${name} are no list: is this Consul?`)
    const followed = this.#followed.get(name)
    if (followed === undefined || this.#stopping.signal.aborted) return
    this.#options.onEntries(name, body)
    followed.first.resolve()
  }

  /** From questions of their own to one for all, without a way back: a number at the border must not go to and fro. */
  #readChanges (): void {
    if (this.#readsChanges) return
    this.#readsChanges = true
    for (const [name, { stop }] of this.#followed) {
      stop.abort()
      this.#failing.delete(`service ${name}`)
      this.#read(name)
    }
    this.#question('checks', '/health/state/any', body => this.#checksChanged(body), this.#stopping.signal)
    this.#sweepAt = this.#timing.now() + IDLE_SWEEP_MS
    void this.#readAll()
  }

  #checksChanged (body: unknown): void {
    const now = checksByService(body)
    const changed = changedServices(this.#checks, now)
    this.#checks = now
    if (changed === 'all') this.#sweepSoon()
    else for (const name of this.#followed.keys()) if (changed.has(name.toLowerCase())) this.#read(name)
  }

  #sweepSoon (): void {
    if (!this.#readsChanges) return
    const pause = SWEEP_MS + SWEEP_PER_SERVICE_MS * this.#followed.size
    this.#sweepAt = Math.min(this.#sweepAt, Math.max(this.#timing.now(), this.#sweptAt + pause))
    this.#wake.abort()
  }

  #read (name: string): void {
    this.#toRead.add(name)
    this.#wake.abort()
  }

  /** One read at a time, in the order in which they were asked for. */
  async #readAll (): Promise<void> {
    let failures = 0
    while (!this.#stopping.signal.aborted) {
      this.#wake = new AbortController()
      if (this.#timing.now() >= this.#sweepAt) this.#sweep()
      const [name] = this.#toRead
      if (name === undefined) await this.#timing.sleep(this.#sweepAt - this.#timing.now(), this.#wake.signal)
      else if (await this.#readOne(name)) failures = 0
      else await this.#timing.sleep(backOffMs(failures++, this.#timing.random), this.#stopping.signal)
    }
  }

  #sweep (): void {
    this.#sweptAt = this.#timing.now()
    this.#sweepAt = this.#sweptAt + IDLE_SWEEP_MS * (0.75 + this.#timing.random() / 2)
    for (const name of this.#followed.keys()) this.#toRead.add(name)
  }

  async #readOne (name: string): Promise<boolean> {
    // Taken off first: a change that comes while it is read asks for another read.
    this.#toRead.delete(name)
    try {
      const options = { timeoutMs: READ_TIMEOUT_MS, signal: this.#stopping.signal }
      const { body } = await this.#options.reader.get(healthPath(name), options)
      this.#take(name, body)
      this.#answered('reads')
      return true
    } catch (failure) {
      if (this.#followed.has(name)) this.#toRead.add(name)
      this.#failed('reads', failure)
      return false
    }
  }

  #question (
    title: string, path: string, onAnswer: (body: unknown, changed: boolean) => void, signal: AbortSignal
  ): void {
    const { reader } = this.#options
    void followBlocking({
      ask: (options: BlockingOptions): Promise<ConsulAnswer> => reader.get(path, options),
      waitMs: this.#options.waitMs,
      onAnswer: (body, changed) => {
        onAnswer(body, changed)
        this.#answered(title)
      },
      onFailure: failure => this.#failed(title, failure),
      timing: this.#timing
    }, signal)
  }

  #answered (title: string): void {
    const wasConnected = this.connected
    this.#failing.delete(title)
    this.#reached = true
    if (!wasConnected && this.connected && !this.#stopping.signal.aborted) this.#options.onReached()
  }

  #failed (title: string, failure: unknown): void {
    const isFirst = this.#failing.size === 0
    this.#failing.add(title)
    if (isFirst && !this.#stopping.signal.aborted) this.#options.onLost(failure)
  }
}

function healthPath (name: string): string {
  return `/health/service/${encodeURIComponent(name)}`
}
