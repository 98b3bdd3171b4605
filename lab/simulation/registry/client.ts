/** A service of the simulated cluster, as Eureka's clients are: it registers, renews, and does what a 404 asks for. */
import { readInstance } from '@breakwater/discovery/testing'
import type { Cluster } from './cluster.ts'
import type { Node } from './node.ts'

const RENEW_MS = 2000
const LEASE_SECS = 6
const TIMEOUT_MS = 1000
export const APP = 'ORDERS'

export class Client {
  readonly id: string
  /** Whether it runs. */
  up = false
  /** Ended, and nobody has confirmed that it took itself out: only its lease tells. */
  isDying = false
  /** Its content: every change of it has a newer timestamp. */
  dirty = 0
  port = 8000
  status: 'UP' | 'DOWN' = 'UP'
  /** When it registered, for what that ends. */
  readonly registrations: Array<{ from: number, to: number | undefined }> = []
  readonly #cluster: Cluster
  #home: number
  #turn = 0

  constructor (cluster: Cluster, id: string, home: number) {
    this.#cluster = cluster
    this.id = id
    this.#home = home
  }

  /** Begins to live, with new content. */
  start (): void {
    if (this.up) return
    this.up = true
    this.isDying = false
    this.change('UP')
    this.#beat(++this.#turn)
  }

  /** Takes itself out, and ends. */
  stop (): void {
    if (!this.up) return
    this.up = false
    this.isDying = true
    this.#turn++
    const node = this.#node()
    // Whoever is taken out takes along what others have said of it.
    const words = ['override', 'metadata'].map(kind =>
      this.#cluster.history.say(`${kind} ${this.id}`, 'none', node.name, this.#cluster.nowMs))
    this.#ask(node, () => node.running!.registry.cancel(APP, this.id, { replicated: false }))
      .then(gone => {
        // A registry that does not know it takes nobody out: only the leases of the others tell.
        this.isDying = gone === undefined
        for (const word of words) Object.assign(word, { void: this.isDying, to: this.#cluster.nowMs })
      }, () => {})
  }

  /** Ends without a word. */
  die (): void {
    if (!this.up) return
    this.up = false
    this.isDying = true
    this.#turn++
  }

  change (status: 'UP' | 'DOWN'): void {
    if (!this.up) return
    this.status = status
    this.port++
    this.dirty = this.#cluster.timestamp()
    void this.#register()
  }

  /** Speaks to another registry from now on. */
  move (home: number): void {
    this.#home = home
  }

  #beat (turn: number): void {
    this.#cluster.after(RENEW_MS, () => {
      if (!this.up || turn !== this.#turn) return
      this.#beat(turn)
      const node = this.#node()
      const { dirty } = this
      this.#ask(node, () => node.running!.registry.renew(APP, this.id, { replicated: false, lastDirtyAt: dirty }))
        .then(renewal => { if (renewal !== 'renewed' && turn === this.#turn) this.#refresh() }, () => { this.#home++ })
    })
  }

  /** As the Java client does on a 404: the same content, with a new timestamp. */
  #refresh (): void {
    this.#cluster.count('client asked to register again')
    this.dirty = this.#cluster.timestamp()
    void this.#register()
  }

  async #register (): Promise<void> {
    const node = this.#node()
    const registration: { from: number, to: number | undefined } = { from: this.#cluster.nowMs, to: undefined }
    this.registrations.push(registration)
    const instance = this.#instance()
    try {
      await this.#ask(node, () => { node.running!.registry.register(instance, false) })
      registration.to = this.#cluster.nowMs
    } catch {
      this.#home++
    }
  }

  #instance () {
    return readInstance({
      instanceId: this.id, hostName: this.id, app: APP, ipAddr: '10.0.0.1', status: this.status, vipAddress: 'orders',
      port: { $: this.port, '@enabled': 'true' }, dataCenterInfo: { name: 'MyOwn' }, metadata: { own: String(this.port) },
      leaseInfo: { renewalIntervalInSecs: RENEW_MS / 1000, durationInSecs: LEASE_SECS },
      lastDirtyTimestamp: String(this.dirty)
    })
  }

  #node (): Node {
    return this.#cluster.nodes[this.#home % this.#cluster.nodes.length]!
  }

  #ask<Answer> (node: Node, answer: () => Answer): Promise<Answer> {
    return this.#cluster.ask(node, answer, TIMEOUT_MS)
  }
}
