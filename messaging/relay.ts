/**
 * The relay: outbox to bus, in the order of writing, woken by each commit and by a sweep in case a wake was lost. It
 * marks a row only after the bus took it; killed in between, it sends the row again and the bus or the inbox drops the
 * second. Rows are marked behind the next ones' sending, so that nothing waits for a mark's flush. Dead bus: it asks
 * again with back-off and the outbox grows.
 */
import type { Bus, Outgoing, Refused } from './bus/bus.ts'
import type { Cancel, Clock } from './clock.ts'
import type { Faults } from './faults.ts'
import type { OutboxRow, Store } from './store/store.ts'

export interface RelayOptions {
  readonly batch: number
  readonly sweepMs: number
  readonly maxBackOffMs: number
  readonly clock: Clock
  readonly onError: (error: unknown) => void
  readonly faults: Faults
}

/** How long taken rows wait to be marked together; nobody waits for that. */
const MARK_MS = 25
/** More of them than this are marked before anything else is sent. */
const MAX_UNMARKED = 1000

export class Relay {
  readonly #store: Store
  readonly #bus: Bus
  readonly #options: RelayOptions
  #sweep: Cancel | undefined
  #draining: Promise<void> | undefined
  #again = false
  #stopped = false
  #failures = 0
  #retryAt = 0
  /** Rows that the bus has taken and the store still calls unsent. */
  readonly #taken = new Set<number>()
  #marking: Cancel | undefined
  #marked: Promise<void> = Promise.resolve()

  constructor (store: Store, bus: Bus, options: RelayOptions) {
    this.#store = store
    this.#bus = bus
    this.#options = options
  }

  /** Consecutive failures; 0 while the bus takes messages. */
  get failures (): number {
    return this.#failures
  }

  start (): void {
    this.#store.onOutbox(() => { this.wake() })
    this.#sweep = this.#options.clock.every(this.#options.sweepMs, () => { this.wake() })
    this.wake()
  }

  async stop (): Promise<void> {
    this.#stopped = true
    this.#sweep?.()
    await this.#draining
    this.#marking?.()
    // What is not marked is sent again at the next start.
    await this.#mark().catch(() => {})
  }

  wake (): void {
    if (this.#stopped || this.#options.clock.elapsed() < this.#retryAt) return
    this.#again = true
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined
      // Woken behind the last look and before this: nobody else would come back before the sweep.
      if (this.#again) this.wake()
    })
  }

  async #drain (): Promise<void> {
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false
        if (await this.#store.outbox.lead()) await this.#drainAll()
      }
      this.#failures = 0
    } catch (error) {
      this.#failures++
      const { sweepMs, maxBackOffMs, clock } = this.#options
      this.#retryAt = clock.elapsed() + Math.min(sweepMs * 2 ** Math.min(this.#failures - 1, 10), maxBackOffMs)
      this.#options.onError(error)
    }
  }

  async #drainAll (): Promise<void> {
    for (;;) {
      if (this.#taken.size > MAX_UNMARKED) await this.#mark()
      this.#markSoon()
      const unsent = await this.#store.outbox.unsent(this.#options.batch + this.#taken.size)
      const rows = unsent.filter(row => !this.#taken.has(row.seq)).slice(0, this.#options.batch)
      if (rows.length === 0 || this.#stopped) return
      // Again for each batch: a lead is lent for a time, and a long backlog outlasts it. Behind the reading, because a
      // store with replicas proves by it that no failover takes these rows back.
      if (!await this.#store.outbox.lead()) return
      this.#options.faults.at('midBatch')
      const results = await Promise.allSettled(byDestination(rows).map(group => this.#send(group)))
      this.#options.faults.at('beforeRelayMark')
      const sent = results.flatMap(result => result.status === 'fulfilled' ? result.value : [])
      for (const row of sent) this.#taken.add(row.seq)
      this.#markSoon()
      const failure = results.find(result => result.status === 'rejected')
      if (failure !== undefined) throw failure.reason as Error
      if (sent.length < rows.length) throw new Error(`${rows.length - sent.length} messages were refused by the bus`)
    }
  }

  /** A store that takes no marks now is asked again at the next look; its own health tells of it. */
  #markSoon (): void {
    if (this.#taken.size === 0) return
    this.#marking ??= this.#options.clock.after(MARK_MS, () => { this.#mark().catch(() => {}) })
  }

  #mark (): Promise<void> {
    this.#marking?.()
    this.#marking = undefined
    this.#marked = this.#marked.catch(() => {}).then(async () => {
      const seqs = [...this.#taken]
      if (seqs.length === 0) return
      await this.#store.outbox.markSent(seqs, this.#options.clock.now())
      for (const seq of seqs) this.#taken.delete(seq)
    })
    return this.#marked
  }

  /** Returns the rows that count as sent: behind a refused row its group stops, or order would be lost. */
  async #send (rows: readonly OutboxRow[]): Promise<OutboxRow[]> {
    const { dest, kind } = rows[0]!
    const outgoing = rows.map(toOutgoing)
    const refused = await (kind === 'event' ? this.#bus.publish(dest, outgoing) : this.#bus.send(dest, outgoing))
    return taken(rows, refused)
  }
}

function toOutgoing ({ id, dedupe, group, type, body }: OutboxRow): Outgoing {
  return { id, dedupe, group, type, body }
}

function byDestination (rows: readonly OutboxRow[]): OutboxRow[][] {
  return [...Map.groupBy(rows, row => row.dest).values()]
}

function taken (rows: readonly OutboxRow[], refused: Refused): OutboxRow[] {
  if (refused.size === 0) return [...rows]
  const stopped = new Set<string>()
  return rows.filter(row => {
    if (refused.has(row.dedupe)) stopped.add(row.group)
    return !stopped.has(row.group)
  })
}
