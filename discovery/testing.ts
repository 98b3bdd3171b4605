/** A registry without sockets and clocks, for those who hand in their own: whole, but for HTTP and files. */
import { parseTree } from './eureka/body.ts'
import { Payloads } from './eureka/payloads.ts'
import { decodeInstance } from './eureka/decode.ts'
import type { After, PeerCaller, PeerReply } from './peers/calling.ts'
import { Peers } from './peers/peers.ts'
import { answerPeer } from './peers/receive.ts'
import { Registry } from './registry.ts'
import { Book } from './registry/book.ts'
import type { Instance } from './registry/instance.ts'
import { readSnapshot, writeSnapshot } from './snapshot/format.ts'
import { Hub } from './stream/hub.ts'
import { Subscription } from './stream/subscription.ts'

export type { PeerCaller, PeerReply } from './peers/calling.ts'
export type { Instance, Status } from './registry/instance.ts'
export type { Registry } from './registry.ts'

export interface SimulatedOptions {
  readonly origin: string
  readonly now: () => number
  readonly after: After
  readonly random: () => number
  readonly connect: (url: string) => PeerCaller
}

const RULES = {
  preservation: { enabled: true, threshold: 0.85, floor: 10 },
  sweepMs: 1000, deltaMs: 180_000, keepRemovedMs: 600_000, keepRemovalsMs: 86_400_000,
  maxRemoved: 1000, maxInstances: 1000,
  syncWhenTimestampDiffers: true, leaseBugCompatible: false
}
const QUEUE = { max: 1000, cancelMs: 30_000, statusMs: 600_000 }

/** One registry of a cluster that lives in one process. */
export class SimulatedRegistry {
  readonly registry: Registry
  readonly peers: Peers
  readonly #options: SimulatedOptions

  constructor (options: SimulatedOptions) {
    const { now, origin, after, random, connect } = options
    this.#options = options
    const book = new Book({ ...RULES, now, origin, random })
    const payloads = new Payloads(book, now)
    const schedule = (callback: () => void, ms: number) => after(ms, callback)
    const hub = new Hub(book, payloads, { now, schedule, pingMs: 15_000, stallMs: 30_000, gapMs: 5 })
    this.registry = new Registry({ book, payloads, hub })
    this.peers = new Peers(this.registry, {
      connect, now, after, timeoutMs: 2000, compareMs: 1000, queue: QUEUE, batchMs: 500, batchSize: 250, log: undefined
    })
  }

  /** Starts with what a snapshot holds, if there is one, and with these peers. */
  async start (peerUrls: readonly string[], snapshot: string | undefined): Promise<void> {
    const { registry, peers } = this
    const read = snapshot === undefined ? undefined : readSnapshot(snapshot)
    if (read !== undefined) registry.book.copies.restore(read)
    registry.hub.start(this.#options.origin)
    await peers.use(peerUrls)
    registry.replicateTo(replication => peers.tell(replication))
    await peers.join(0, 0)
  }

  /** What a peer posts. */
  answer (path: string, body: string): PeerReply {
    const tree = parseTree(Buffer.from(body), 'json')
    const { status, body: text } = answerPeer(this.registry, path.replace(/^peerreplication\/|\/$/g, ''), tree!, { by: 'peer' })
    return { status, body: String(text ?? '') }
  }

  snapshot (): string {
    const { book } = this.registry
    const head = { epoch: this.#options.origin, n: book.log.n, clean: false, at: this.#options.now() }
    return [...writeSnapshot(head, book.copies.states())].join('')
  }

  /** Reads the stream until the returned function is called; `onEvent` gets what stands behind `data:`. */
  read (index: string | undefined, onEvent: (data: string) => void): () => void {
    const { hub } = this.registry
    let text = ''
    const write = (bytes: Buffer): boolean => {
      const blocks = (text + bytes.toString()).split('\n\n')
      text = blocks.pop()!
      for (const block of blocks) if (!block.startsWith(':')) onEvent(block.slice(block.indexOf('data: ') + 6))
      return true
    }
    const position = hub.position(index)
    const sink = { write, end () {}, destroy () {} }
    const subscription = new Subscription(sink, undefined, position ?? 0, this.#options.now)
    hub.subscribe(subscription, position)
    return () => hub.unsubscribe(subscription)
  }
}

/** An instance from Eureka's JSON. */
export function readInstance (raw: Record<string, unknown>): Instance {
  const instance = decodeInstance(raw)
  if (!('hostName' in instance)) throw new Error('no instance')
  return instance
}
