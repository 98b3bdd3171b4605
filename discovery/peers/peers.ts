import type { Logger } from 'pino'
import type { Registry } from '../registry.ts'
import type { Replicas } from '../eureka/status-page.ts'
import type { After, PeerCaller } from './calling.ts'
import { Peer, type PeerState } from './peer.ts'
import type { QueueRules } from './queue.ts'
import type { Replication } from './replication.ts'
import { fetchFromPeers } from './sync.ts'

export interface PeersOptions {
  /** A connection to a peer, whose calls take so long at most. */
  readonly connect: (url: string, timeoutMs: number) => PeerCaller
  readonly timeoutMs: number
  readonly compareMs: number
  readonly queue: QueueRules
  readonly batchMs: number
  readonly batchSize: number
  readonly now: () => number
  readonly after: After
  readonly log: Logger | undefined
}

/** A call that hangs in a cut network must not outlast the cut by much. */
const MAX_COMPARE_MS = 2000

/** The other registries: told what happens here, and compared with, at the start and ever after. */
export class Peers {
  readonly #registry: Registry
  readonly #options: PeersOptions
  #peers = new Map<string, Peer>()
  #cancelJoin: (() => void) | undefined
  #joined = false
  #stopped = false
  #onList: () => void = () => {}

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
    if (this.#joined) this.#start()
    await Promise.all([...before].filter(([url]) => !this.#peers.has(url)).map(([, peer]) => peer.stop()))
  }

  tell (replication: Replication): void {
    for (const peer of this.#peers.values()) peer.tell(replication)
  }

  /**
   * Learns what the peers know: all that those of ours do, and the list of the first other one that has one. Of those,
   * registries that start together find each other empty or not yet there, so one that got nothing asks again,
   * `retries` times, while it serves already. `onList` hears of the first list.
   */
  async join (retries: number, retryMs: number, onList: () => void = () => {}): Promise<void> {
    this.#onList = onList
    const found = this.size > 0 && await this.#learn()
    if (this.#stopped) return
    this.#joined = true
    this.#start()
    if (found) return onList()
    if (retries <= 0 || this.size === 0) return
    this.#cancelJoin = this.#options.after(retryMs, () => { void this.join(retries - 1, retryMs, onList) })
  }

  async #learn (): Promise<boolean> {
    const { book } = this.#registry
    const { connect, timeoutMs, log } = this.#options
    const ends = await Promise.all([...this.#peers].map(async ([url, peer]) => ({ url, end: await peer.compare() })))
    const foreign = ends.filter(({ end }) => end === 'foreign').map(({ url }) => connect(url, timeoutMs))
    const instances = await fetchFromPeers(foreign, log)
    for (const caller of foreign) caller.close()
    if (this.#stopped) return false
    book.speaker.as({ by: 'peer', action: 'take over' }, () => {
      for (const instance of instances) if (!book.isFull) book.takeOver(instance)
    })
    return instances.length > 0 || (book.size > 0 && ends.some(({ end }) => end === 'equal' || end === 'exchanged'))
  }

  #start (): void {
    for (const peer of this.#peers.values()) peer.start()
  }

  async stop (): Promise<void> {
    this.#stopped = true
    this.#cancelJoin?.()
    await Promise.all([...this.#peers.values()].map(peer => peer.stop()))
    this.#peers.clear()
  }

  #create (url: string): Peer {
    const { connect, timeoutMs, ...options } = this.#options
    const { book } = this.#registry
    return new Peer({
      ...options,
      book,
      http: connect(url, timeoutMs),
      compareHttp: connect(url, Math.min(timeoutMs, MAX_COMPARE_MS)),
      onLearned: () => { if (book.size > 0) this.#onList() }
    })
  }
}
