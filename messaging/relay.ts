/**
 * The relay: outbox to bus, in the order of writing, woken by each commit and by a sweep in case a wake was lost. It
 * marks a row only after the bus took it; killed in between, it sends the row again and the bus or the inbox drops the
 * second. Rows are marked behind the next ones' sending, so that nothing waits for a mark's flush.
 *
 * A destination that is away is asked again with back-off, and the outbox grows; others go on. A message that the bus
 * will never take is set aside and told, and its group goes on without it, as behind a dead letter: nothing else ever
 * would let it go on.
 */
import { backOffMs } from './back-off.ts'
import type { Bus, Outgoing, Refused } from './bus/bus.ts'
import { within, type Cancel, type Clock } from './clock.ts'
import { isTransient } from './errors.ts'
import type { Faults } from './faults.ts'
import { groupKey, Held, type Trouble } from './relay-held.ts'
import type { OutboxRow, Store } from './store/store.ts'

export interface RelayOptions {
  readonly batch: number
  readonly sweepMs: number
  readonly maxBackOffMs: number
  readonly clock: Clock
  readonly faults: Faults
  /** Each failure: of a destination, of a group in it, or of the store (`''`); and how often in a row. */
  readonly onError: (error: unknown, failures: number, where: string) => void
  /** A message was set aside for ever. */
  readonly onRefused: (row: OutboxRow, reason: string) => void
  /** @default Math.random */
  readonly random?: () => number
}

/** How long taken rows wait to be marked together; nobody waits for that. */
const MARK_MS = 25
/** More of them than this are marked before anything else is sent. */
const MAX_UNMARKED = 1000
/** Who takes longer is not waited for by others. */
const SLOW_MS = 250
/** Numbers are given before the commit: a row may appear behind others that were read, at most so many. */
const LATE_ROWS = 1000

export class Relay {
  readonly #store: Store
  readonly #bus: Bus
  readonly #options: RelayOptions
  readonly #held: Held
  /** All that this relay has ever sent to. */
  readonly #destinations = new Set<string>()
  readonly #sending = new Set<string>()
  /** Those of them that are not waited for any more. */
  readonly #slow = new Map<string, Promise<void>>()
  /** Rows that the bus has taken and the store still calls unsent. */
  readonly #taken = new Set<number>()
  /** What lies before it is sent, or noted as held; 0 where rows may still appear before it. */
  #after = 0
  /** Groups that wait for others to have their turn. */
  readonly #yielding = new Set<string>()
  /** Whether it is time to look for rows that appeared before `#after`. */
  #late = false
  #sweep: Cancel | undefined
  #draining: Promise<void> | undefined
  #again = false
  #stopped = false
  #storeFailures = 0
  #retryAt = 0
  #marking: Cancel | undefined
  #marked: Promise<void> = Promise.resolve()

  constructor (store: Store, bus: Bus, options: RelayOptions) {
    this.#store = store
    this.#bus = bus
    this.#options = options
    const { sweepMs: firstMs, maxBackOffMs: maxMs, clock, random = Math.random } = options
    this.#held = new Held({ firstMs, maxMs, clock, random })
  }

  /** What the bus does not take at present, by destination, or destination and group. Empty while all goes well. */
  get troubles (): ReadonlyMap<string, Trouble> {
    return this.#held.troubles
  }

  start (): void {
    this.#store.onOutbox(() => { this.wake() })
    this.#sweep = this.#options.clock.every(this.#options.sweepMs, () => {
      this.#late = true
      this.wake()
    })
    this.wake()
  }

  async stop (): Promise<void> {
    this.#stopped = true
    this.#sweep?.()
    await this.#draining
    await Promise.all(this.#slow.values())
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
      this.#storeFailures = 0
      // Each commit wakes, and would read what nobody takes.
      if (this.#allHeld()) this.#retryAt = this.#held.nextAt
    } catch (error) {
      // Whatever was noted as held is found again from the front.
      this.#held.clear()
      this.#after = 0
      const { sweepMs, maxBackOffMs, clock, random = Math.random, onError } = this.#options
      this.#retryAt = clock.elapsed() + backOffMs(++this.#storeFailures, sweepMs, maxBackOffMs, random)
      onError(error, this.#storeFailures, '')
    }
  }

  async #drainAll (): Promise<void> {
    for (let due = this.#held.takeDue(); due !== undefined; due = this.#held.takeDue()) {
      if (due.first <= this.#after && !await this.#scan(due.first - 1, this.#after, due.key)) return
    }
    const after = this.#late ? this.#beforeLate() : this.#after
    this.#late = false
    if (!await this.#scan(after)) return
    // All others had their turn.
    for (const key of this.#yielding) this.#held.release(key)
    if (this.#yielding.size > 0) this.#again = true
    this.#yielding.clear()
    if (this.#held.size === 0 && !this.#store.outbox.ordered) this.#after = 0
  }

  /** From the front, unless that is to read again all that is held. */
  #beforeLate (): number {
    return this.#held.size === 0 ? 0 : Math.max(0, this.#after - LATE_ROWS)
  }

  #allHeld (): boolean {
    return this.#held.size > 0 && [...this.#destinations].every(dest => this.#held.has(dest))
  }

  /**
   * Sends what may be sent behind a number: of all, or up to a number the rows of one destination or group that were
   * passed over before. False when it must stop: another instance leads, or there is a stop.
   */
  async #scan (after: number, end = Infinity, only?: string): Promise<boolean> {
    for (;;) {
      if (this.#taken.size > MAX_UNMARKED) await this.#mark()
      this.#markSoon()
      const page = (await this.#store.outbox.unsent(this.#options.batch, after)).filter(row => row.seq <= end)
      const last = page.at(-1)?.seq
      if (last === undefined) return true
      if (this.#stopped) return false
      const rows = page.filter(row => !this.#taken.has(row.seq) &&
        (only === undefined || only === row.dest || only === groupKey(row)) && !this.#held.pass(row))
      if (rows.length > 0 && !await this.#sendAll(rows)) return false
      // Failed again, or slow: what is left of it was noted.
      if (only !== undefined && this.#held.has(only)) return true
      after = last
      this.#after = Math.max(this.#after, last)
      if (only === undefined && this.#held.nextAt <= this.#options.clock.elapsed()) {
        this.#again = true
        return true
      }
      if (rows.length === 0) await this.#options.clock.turn()
    }
  }

  async #sendAll (rows: readonly OutboxRow[]): Promise<boolean> {
    // Again for each batch: a lead is lent for a time, and a long backlog outlasts it. Behind the reading, because a
    // store with replicas proves by it that no failover takes these rows back.
    if (!await this.#store.outbox.lead()) {
      this.#held.clear()
      this.#after = 0
      return false
    }
    this.#options.faults.at('midBatch')
    const batches = [...Map.groupBy(rows, row => row.dest).values()]
    const sends = batches.map(batch => this.#send(batch))
    await within(Promise.all(sends), SLOW_MS, this.#options.clock)
    for (const [at, batch] of batches.entries()) {
      const { dest } = batch[0]!
      if (!this.#sending.has(dest)) continue
      this.#slow.set(dest, sends[at]!)
      this.#held.hold(dest, Infinity, batch.at(-1)!.seq + 1)
    }
    return true
  }

  /** Rows of one destination; what goes wrong with it is noted and told. */
  async #send (rows: readonly OutboxRow[]): Promise<void> {
    const { dest, kind, seq } = rows[0]!
    const startedAt = this.#options.clock.elapsed()
    this.#destinations.add(dest)
    this.#sending.add(dest)
    try {
      const outgoing = rows.map(toOutgoing)
      const refused = await (kind === 'event' ? this.#bus.publish(dest, outgoing) : this.#bus.send(dest, outgoing))
      this.#options.faults.at('beforeRelayMark')
      await this.#sort(rows, refused)
      this.#held.worked(dest)
      this.#held.release(dest)
      this.#yieldToOthers(rows, this.#options.clock.elapsed() - startedAt)
    } catch (error) {
      this.#failed(dest, seq, error)
    }
    this.#sending.delete(dest)
    if (!this.#slow.delete(dest)) return
    this.#retryAt = 0
    this.wake()
  }

  /** Notes what is to be marked, sets aside what never will be taken, and stops a group behind what must come first. */
  async #sort (rows: readonly OutboxRow[], refused: Refused): Promise<void> {
    const stopped = new Set<string>()
    const never: Array<{ readonly row: OutboxRow, readonly seq: number, readonly reason: string }> = []
    for (const row of rows) {
      const error = refused.get(row.dedupe)
      if (stopped.has(row.group)) continue
      if (error !== undefined && isTransient(error)) {
        stopped.add(row.group)
        this.#failed(groupKey(row), row.seq, error)
        continue
      }
      this.#held.worked(groupKey(row))
      if (error === undefined) this.#taken.add(row.seq)
      else never.push({ row, seq: row.seq, reason: error.message })
    }
    this.#markSoon()
    if (never.length === 0) return
    await this.#store.outbox.refused.add(never, this.#options.clock.now())
    for (const { row, reason } of never) this.#options.onRefused(row, reason)
  }

  #failed (where: string, seq: number, error: unknown): void {
    this.#options.onError(error, this.#held.failed(where, seq, error), where)
  }

  /** Where a group of many messages takes the bus long, the others have their turn for as long. */
  #yieldToOthers (rows: readonly OutboxRow[], tookMs: number): void {
    if (tookMs < SLOW_MS) return
    for (const [key, group] of Map.groupBy(rows, groupKey)) {
      if (group.length <= rows.length / 2) continue
      this.#held.hold(key, tookMs, rows.at(-1)!.seq + 1)
      this.#yielding.add(key)
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
}

function toOutgoing ({ id, dedupe, group, type, body }: OutboxRow): Outgoing {
  return { id, dedupe, group, type, body }
}
