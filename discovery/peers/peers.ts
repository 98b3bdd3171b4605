import type { Logger } from 'pino'
import type { Registry } from '../registry.ts'
import type { Replicas } from '../eureka/status-page.ts'
import { PeerHttp, type PeerHttpOptions } from './peer-http.ts'
import { Peer, type PeerState } from './peer.ts'
import type { QueueRules } from './queue.ts'
import type { Replication } from './replication.ts'
import { fetchFromPeers } from './sync.ts'

export interface PeersOptions {
  readonly http: PeerHttpOptions
  readonly queue: QueueRules
  readonly batchMs: number
  readonly batchSize: number
  readonly now: () => number
  readonly log: Logger | undefined
}

/** The other registries: told what happens here, asked once, at the start, what they know. */
export class Peers {
  readonly #registry: Registry
  readonly #options: PeersOptions
  #peers = new Map<string, Peer>()
  #joining: NodeJS.Timeout | undefined
  #stopped = false

  constructor (registry: Registry, options: PeersOptions) {
    this.#registry = registry
    this.#options = options
  }

  get size (): number {
    return this.#peers.size
  }

  states (): PeerState[] {
    return [...this.#peers.values()].map(peer => peer.state)
  }

  /** As Eureka's status page lists them. */
  replicas (): Replicas {
    const states = this.states()
    return {
      registered: states.map(state => state.url),
      available: states.filter(state => state.available).map(state => state.url)
    }
  }

  /**
   * Makes these the peers. Those that stay keep what waits for them; those that go are told a last time. An empty
   * list while there are peers is taken for a failed look-up, as in the original.
   */
  async use (urls: readonly string[]): Promise<void> {
    if (urls.length === 0 && this.#peers.size > 0) return
    const before = this.#peers
    this.#peers = new Map(urls.map(url => [url, before.get(url) ?? this.#create(url)]))
    await Promise.all([...before].filter(([url]) => !this.#peers.has(url)).map(([, peer]) => peer.stop()))
  }

  tell (replication: Replication): void {
    for (const peer of this.#peers.values()) peer.tell(replication)
  }

  /**
   * Takes over what the first answering peer knows. Registries that start together find each other empty or not yet
   * there, so one that got nothing asks again, `retries` times, while it serves already. `onList` hears of the list.
   */
  async join (retries: number, retryMs: number, onList: () => void = () => {}): Promise<void> {
    if (this.size === 0) return
    if (await this.#sync() > 0) return onList()
    if (retries <= 0 || this.#stopped) return
    this.#joining = setTimeout(() => { void this.join(retries - 1, retryMs, onList) }, retryMs)
  }

  async #sync (): Promise<number> {
    const callers = [...this.#peers.keys()].map(url => new PeerHttp(url, this.#options.http))
    const instances = await fetchFromPeers(callers, this.#options.log)
    for (const instance of instances) if (!this.#registry.book.isFull) this.#registry.register(instance, true)
    for (const caller of callers) caller.close()
    return instances.length
  }

  async stop (): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#joining)
    await Promise.all([...this.#peers.values()].map(peer => peer.stop()))
    this.#peers.clear()
  }

  #create (url: string): Peer {
    const { http, ...options } = this.#options
    return new Peer({
      ...options,
      http: new PeerHttp(url, http),
      find: (app, id) => this.#registry.book.lease(app, id)?.instance,
      adopt: instance => { this.#registry.register(instance, true) }
    })
  }
}
