/** A service as Eureka's clients are: it registers, renews, leaves a registry that fails, and heeds a 404. */
import type { History } from '../simulation/registry/history.ts'
import { call, type Answer } from './http.ts'

export const RENEW_MS = 4000
export const LEASE_SECS = 12
const APPS = 50

/** What clients need of the cluster. */
export interface Cluster {
  readonly urls: readonly string[]
  readonly history: History
  count (what: string): void
}

let timestamps = 1_700_000_000_000

export class Client {
  readonly id: string
  readonly app: string
  /** Whether it runs. */
  up = false
  /** When its state changed last: until that is settled it may be shown as it was, or not at all. */
  changedAt = 0
  /** A registry that stands still may take it out when it goes on: it was asked to, and did not answer. */
  mayBeCancelled = false
  /** Its content: every change of it has a newer timestamp. */
  dirty = 0
  port = 8000
  status: 'UP' | 'DOWN' = 'UP'
  /** When it registered, for what that ends. */
  readonly registrations: Array<{ readonly from: number, to: number | undefined }> = []
  readonly #cluster: Cluster
  #home: number
  #timer: NodeJS.Timeout | undefined

  constructor (cluster: Cluster, n: number) {
    this.#cluster = cluster
    this.id = `i${n}`
    this.app = `APP-${n % APPS}`
    this.#home = n
  }

  /** Begins to live, with new content. Resolves when it has tried to register. */
  async start (): Promise<void> {
    if (this.up) return
    this.up = true
    const registered = this.change('UP')
    this.#beatLater(Math.random() * RENEW_MS)
    await registered
  }

  /** Takes itself out, and ends. */
  async stop (): Promise<void> {
    const url = this.#url()
    if (!this.#end()) return
    // Whoever is taken out takes along what others have said of it.
    const words = ['override', 'metadata'].map(kind => this.#cluster.history.say(`${kind} ${this.id}`, 'none', url, Date.now()))
    const answer = await call('DELETE', this.#path(url)).catch(() => undefined)
    this.mayBeCancelled ||= answer === undefined
    for (const word of words) Object.assign(word, { void: answer?.status !== 200, to: Date.now() })
  }

  /** Ends without a word. */
  die (): void {
    this.#end()
  }

  async change (status: 'UP' | 'DOWN'): Promise<void> {
    if (!this.up) return
    this.changedAt = Date.now()
    this.status = status
    this.port++
    this.dirty = ++timestamps
    await this.#register()
  }

  #end (): boolean {
    clearTimeout(this.#timer)
    if (!this.up) return false
    this.up = false
    this.changedAt = Date.now()
    return true
  }

  #beatLater (ms: number): void {
    this.#timer = setTimeout(() => {
      this.#beatLater(RENEW_MS)
      void this.#renew()
    }, ms)
  }

  async #renew (): Promise<void> {
    const { dirty, status } = this
    const answer = await this.#ask(url => call('PUT', `${this.#path(url)}?status=${status}&lastDirtyTimestamp=${dirty}`))
    if (answer?.status !== 404 || !this.up || dirty !== this.dirty) return
    this.#cluster.count('asked to register again')
    this.dirty = ++timestamps
    await this.#register()
  }

  async #register (): Promise<void> {
    const registration: { from: number, to: number | undefined } = { from: Date.now(), to: undefined }
    this.registrations.push(registration)
    const answer = await this.#ask(url => call('POST', `${url}apps/${this.app}`, { instance: this.#instance() }))
    if (answer !== undefined) registration.to = Date.now()
  }

  /** Who does not answer is not asked again soon. */
  async #ask (ask: (url: string) => Promise<Answer>): Promise<Answer | undefined> {
    const home = this.#home
    try {
      return await ask(this.#url())
    } catch {
      if (home === this.#home) this.#home++
      this.#cluster.count('went to another registry')
      return undefined
    }
  }

  #url (): string {
    return this.#cluster.urls[this.#home % this.#cluster.urls.length]!
  }

  #path (url: string): string {
    return `${url}apps/${this.app}/${this.id}`
  }

  #instance (): object {
    return {
      instanceId: this.id, hostName: this.id, app: this.app, ipAddr: '10.0.0.1', status: this.status,
      vipAddress: this.app.toLowerCase(), port: { $: this.port, '@enabled': 'true' }, dataCenterInfo: { name: 'MyOwn' },
      metadata: { own: String(this.port) }, lastDirtyTimestamp: String(this.dirty),
      leaseInfo: { renewalIntervalInSecs: RENEW_MS / 1000, durationInSecs: LEASE_SECS }
    }
  }
}
