/** One registry of the simulated cluster: its process, its clock, its disk, and a reader of its stream. */
import { SimulatedRegistry, type PeerCaller } from '@breakwater/discovery/testing'
import type { Owner, Random, Scheduler } from '@breakwater/messaging/testing'
import type { Network } from './network.ts'

interface Process extends Owner {
  alive: boolean
  stillUntilMs: number
}

export interface NodeParts {
  readonly name: string
  readonly scheduler: Scheduler
  readonly network: Network
  readonly random: Random
  /** The others, by name. */
  readonly others: () => readonly Node[]
  /** Instances whose leases ran out there. */
  readonly onExpired: (app: string, id: string) => void
}

const EPOCH_MS = 1_800_000_000_000
const SWEEP_MS = 1000
const SNAPSHOT_MS = 3000
const PEER_TIMEOUT_MS = 1000

type Raw = Record<string, unknown>

export class Node {
  readonly name: string
  skewMs = 0
  /** What its stream has told its reader. */
  readonly seen = new Map<string, Raw>()
  disk: string | undefined
  readonly #parts: NodeParts
  #process: Process | undefined
  #running: SimulatedRegistry | undefined
  #starts = 0
  #index: string | undefined
  #unread: (() => void) | undefined

  constructor (parts: NodeParts) {
    this.#parts = parts
    this.name = parts.name
  }

  get owner (): Owner | undefined {
    return this.#process
  }

  get running (): SimulatedRegistry | undefined {
    return this.#running
  }

  get listens (): boolean {
    return this.#running !== undefined
  }

  /** Begins a new process; it joins its peers by itself. */
  start (withSnapshot: boolean): void {
    if (this.#process !== undefined) return
    const { scheduler, random, others } = this.#parts
    const process: Process = { name: this.name, alive: true, stillUntilMs: 0 }
    this.#process = process
    const running = new SimulatedRegistry({
      origin: `${this.name}s${++this.#starts}`,
      now: () => Math.floor(EPOCH_MS + scheduler.nowMs + this.skewMs),
      after: (ms, callback) => scheduler.after(ms, process, callback),
      random: random.next,
      connect: url => this.#connect(url)
    })
    running.start(others().map(({ name }) => name), withSnapshot ? this.disk : undefined).then(() => {
      if (!process.alive) return
      this.#running = running
      this.reconnect()
      this.#every(SWEEP_MS, process, () => {
        for (const { app, id } of running.registry.expire()) this.#parts.onExpired(app, id)
      })
      this.#every(SNAPSHOT_MS, process, () => { this.disk = running.snapshot() })
    }, (error: unknown) => { throw error })
  }

  /** Ends it between two events. */
  kill (): void {
    if (this.#process !== undefined) this.#process.alive = false
    this.#process = this.#running = undefined
  }

  standStillUntil (ms: number): void {
    if (this.#process !== undefined) this.#process.stillUntilMs = ms
  }

  /** Its reader comes again, and says what it has read. */
  reconnect (): void {
    this.#unread?.()
    this.#unread = this.#running?.read(this.#index, data => { this.#take(JSON.parse(data) as Raw) })
  }

  #take ({ index, instances, instance, action }: Raw): void {
    this.#index = index as string
    if (instances !== undefined) this.seen.clear()
    for (const raw of (instances ?? [instance]) as Raw[]) {
      if (action === 'DELETED') this.seen.delete(String(raw.instanceId))
      else this.seen.set(String(raw.instanceId), raw)
    }
  }

  #connect (url: string): PeerCaller {
    const { network } = this.#parts
    return {
      url,
      call: (_method, path, body = '') => {
        const other = this.#parts.others().find(({ name }) => name === url)!
        return network.call(this, other, () => other.running!.answer(path, body),
          { timeoutMs: PEER_TIMEOUT_MS, mayDouble: true })
      },
      close () {}
    }
  }

  #every (ms: number, process: Process, run: () => void): void {
    this.#parts.scheduler.after(ms, process, () => {
      run()
      this.#every(ms, process, run)
    })
  }
}
