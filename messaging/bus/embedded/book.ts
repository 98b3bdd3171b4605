/**
 * The embedded bus's book, no HTTP: messages on node:sqlite, and in memory who has which (see `lanes.ts`). A message is
 * flushed before its sender is told that it was taken. What is done with is erased together with what comes in next:
 * an erasure that a kill swallows is a second delivery, which every consumer's inbox ends.
 */
import { systemClock, type Clock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import type { DeadLetter, Outgoing, QueueStat } from '../bus.ts'
import { listDead } from './dead-letters.ts'
import { Directory } from './directory.ts'
import { Erasures } from './erasures.ts'
import { Handout } from './handout.ts'
import { purge } from './housekeeping.ts'
import { check, inspect, type Check } from './inspection.ts'
import { Intake, type TakenIn } from './intake.ts'
import type { Lanes } from './lanes.ts'
import type { Mark } from './mark.ts'
import type { Notice } from './notice.ts'
import { readLanes } from './reading.ts'
import type { Received, Settlement } from './settlement.ts'
import { Unwanted } from './unwanted.ts'

export interface BookOptions {
  /** @default the machine's */
  readonly clock?: Clock
  /** Told of what the disk did not take, and nobody else can be told of. */
  readonly onError?: (error: unknown) => void
  readonly onNotice?: Notice
  /** What was acknowledged, beside the database. */
  readonly mark?: Mark
  /** Beyond so many bytes on the disk nothing is taken. @default no bound */
  readonly maxBytes?: number
}

export interface BookStat extends QueueStat {
  /** False when no service has ever asked for the queue. */
  readonly provisioned: boolean
  /** Messages that were not what they had been when they were read from the disk. */
  readonly damaged: number
}

export class BusBook {
  readonly directory: Directory
  readonly #store: SqlStore
  readonly #clock: Clock
  readonly #notice: Notice
  readonly #mark: Mark | undefined
  readonly #erasures: Erasures
  readonly #intake: Intake
  readonly #handout: Handout
  readonly #unwanted: Unwanted
  readonly #lanes: Promise<Lanes>
  #identity = ''
  /** Beyond so many bytes on the disk nothing is taken. */
  readonly maxBytes: number

  constructor (store: SqlStore, options: BookOptions = {}) {
    const { clock = systemClock, onError = () => {}, onNotice: notice = () => {}, mark, maxBytes = Infinity } = options
    this.#store = store
    this.#clock = clock
    this.#notice = notice
    this.#mark = mark
    this.maxBytes = maxBytes
    this.#unwanted = new Unwanted(clock)
    this.directory = new Directory(store)
    const erasures = new Erasures(store, clock, onError)
    const handout = new Handout({ store, clock, erasures, notice, onError })
    this.#erasures = erasures
    this.#handout = handout
    const lanes = this.#start()
    this.#lanes = lanes
    this.#intake = new Intake({ store, clock, directory: this.directory, erasures, notice, mark, maxBytes, lanes,
      bodies: handout.bodies })
    // Told to whoever asks first; without a listener it would end the process.
    lanes.catch(() => {})
  }

  /** Resolves when all messages are in their lanes. */
  async ready (): Promise<void> {
    await this.#lanes
  }

  /** Another database has another; empty until {@link ready}. */
  get identity (): string {
    return this.#identity
  }

  async #start (): Promise<Lanes> {
    const { lost, missing, identity } = await inspect(this.#store, this.#mark)
    this.#identity = identity
    const where = { store: this.#store.description }
    if (lost > 0) this.#notice(`${lost} acknowledged messages are gone with the end of the log`, where)
    if (missing > 0) this.#notice(`${missing} messages are gone that nobody has handled`, where)
    await this.directory.load()
    const { lanes, last } = await readLanes(this.#store, this.#clock)
    this.#handout.oldSeq = last
    return lanes
  }

  async provision (queue: string): Promise<void> {
    await this.#lanes
    await this.directory.provision(queue, this.#clock.now())
  }

  publish (topic: string, messages: readonly Outgoing[]): Promise<TakenIn> {
    return this.#intake.publish(topic, messages)
  }

  send (queue: string, messages: readonly Outgoing[]): Promise<TakenIn> {
    return this.#intake.send(queue, messages)
  }

  /** Hands out the heads of up to `max` free lanes, as many as one answer can hold. */
  async receive (queue: string, max: number, visibilityMs: number, consumer = ''): Promise<Received[]> {
    return this.#handout.receive((await this.#lanes).of(queue), max, visibilityMs, consumer)
  }

  /** Settles each; returns the receipts that were stale. */
  async settle (queue: string, settlements: readonly Settlement[]): Promise<string[]> {
    const lanes = (await this.#lanes).of(queue)
    const stale: string[] = []
    for (const settlement of settlements) {
      if (!await this.#handout.settle(lanes, settlement)) stale.push(settlement.receipt)
    }
    return stale
  }

  async extend (queue: string, group: string, receipt: string, ms: number): Promise<void> {
    const lanes = (await this.#lanes).of(queue)
    const lane = lanes.find(group, receipt)
    if (lane === undefined) throw messagingError('E_STALE_RECEIPT', [], { where: queue })
    lanes.holdUntil(lane, this.#clock.elapsed() + ms)
  }

  /** Gives back what the consumer holds, but what it still works at. */
  async leave (queue: string, consumer: string, working: readonly string[]): Promise<void> {
    const lanes = (await this.#lanes).of(queue)
    const kept = new Set(working)
    for (const lane of lanes.heldBy(consumer)) if (!kept.has(lane.receipt!)) this.#handout.giveBack(lanes, lane)
  }

  dead (queue: string, limit: number): Promise<DeadLetter[]> {
    return listDead(this.#store, queue, limit)
  }

  redrive (queue: string, ids: readonly string[] | 'all'): Promise<number> {
    return this.#intake.redrive(queue, ids)
  }

  drop (queue: string, ids: readonly string[]): Promise<number> {
    return this.#store.tx(async tx => {
      let dropped = 0
      for (const id of ids) dropped += await tx.run('DELETE FROM dead WHERE queue = ? AND id = ?', queue, id)
      return dropped
    })
  }

  async stats (queue: string): Promise<BookStat> {
    const lanes = (await this.#lanes).of(queue)
    const inFlight = lanes.inFlight(this.#clock.elapsed())
    const { oldest } = lanes
    const ask = async (sql: string, param: string | number): Promise<number | undefined> =>
      (await this.#store.read.get<{ n: number }>(sql, param))?.n
    const sentAt = oldest === undefined ? undefined : await ask('SELECT sent_at AS n FROM msg WHERE seq = ?', oldest)
    return {
      queue,
      waiting: lanes.size - inFlight,
      inFlight,
      dead: await ask('SELECT count(*) AS n FROM dead WHERE queue = ?', queue) ?? 0,
      oldestMs: sentAt === undefined ? 0 : this.#clock.now() - sentAt,
      provisioned: this.isProvisioned(queue),
      damaged: await ask('SELECT count(*) AS n FROM damaged WHERE queue = ?', queue) ?? 0
    }
  }

  /** Queues that somebody has asked for or that have, or had, messages or dead letters. */
  async queues (): Promise<string[]> {
    const rows = await this.#store.read.all<{ queue: string }>('SELECT DISTINCT queue FROM dead')
    return [...new Set([...(await this.#lanes).names, ...await this.directory.queues(), ...rows.map(row => row.queue)])]
  }

  /** What the database takes on the disk, as of a moment ago. */
  bytes (): Promise<number> {
    return this.#intake.bytes()
  }

  /** Milliseconds until something can be handed out, Infinity when nothing is there. */
  async nextFree (queue: string): Promise<number> {
    const now = this.#clock.elapsed()
    return (await this.#lanes).of(queue).freeAt(now) - now
  }

  isProvisioned (queue: string): boolean {
    return this.directory.isProvisioned(queue)
  }

  /** Makes dead letters of what was sent to a queue before a time; returns how many. */
  async giveUp (queue: string, sentBefore: number, error: string): Promise<number> {
    const lanes = (await this.#lanes).of(queue)
    let count = 0
    for (; lanes.oldest !== undefined; count++) {
      const row = await this.#store.read.get<{ grp: string, at: number }>(
        'SELECT grp, sent_at AS at FROM msg WHERE seq = ?', lanes.oldest)
      const lane = row === undefined || row.at >= sentBefore ? undefined : lanes.ofGroup(row.grp)
      if (lane === undefined || !await this.#handout.end(lanes, lane, error)) break
    }
    return count
  }

  /** Forgets what is old enough. */
  async purge (): Promise<void> {
    await this.#lanes
    await purge(this.#store, this, this.#unwanted, this.#clock, this.#notice)
    await this.#intake.tellUnrouted()
  }

  /** Looks at everything on the disk; holds everybody up meanwhile. */
  async check (): Promise<Check> {
    await this.#lanes
    return check(this.#store, this.#clock)
  }

  /** Writes what is still to be written; before the store is closed. */
  async close (): Promise<void> {
    await this.#erasures.flush()
    this.#mark?.close()
  }
}
