/**
 * The embedded bus's book, no HTTP: messages on node:sqlite, and in memory who has which (see `lanes.ts`). A message is
 * flushed before its sender is told that it was taken. What is done with is erased together with what comes in next:
 * an erasure that a kill swallows is a second delivery, which every consumer's inbox ends.
 */
import { randomUUID } from 'node:crypto'
import { systemClock, type Cancel, type Clock } from '../../clock.ts'
import type { DeadLetter, Outgoing, QueueStat } from '../bus.ts'
import { messagingError } from '../../errors.ts'
import type { Verdict } from '../handling.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import type { SqlTx } from '../../store/store.ts'
import { Bodies } from './bodies.ts'
import { Lanes, type Counts, type Lane, type QueueLanes } from './lanes.ts'

/** As long as SQS remembers; later duplicates are the inbox's to catch. */
const SEEN_MS = 5 * 60_000
/** Dead letters are kept as long as SQS keeps them. */
const DEAD_MS = 14 * 24 * 3_600_000
/** A message whose consumer ended this often without a word is what ends it. (A handler's own failures end earlier.) */
const MAX_UNANSWERED = 20
const BURY_AGAIN_MS = 1000
/** Erasures wait this long for something to be flushed with; nobody waits for them. */
const ERASE_MS = 25

export interface Received {
  readonly seq: number
  readonly receipt: string
  readonly group: string
  readonly body: string
  readonly tries: number
}

export interface Settlement {
  readonly group: string
  readonly receipt: string
  /** `untried` gives back what nobody has looked at. */
  readonly verdict: Verdict['kind'] | 'untried'
  /** For `wait` and `retry`. */
  readonly delayMs?: number | undefined
  /** For `dead`. */
  readonly error?: string | undefined
}

/** A message that was written and is not in its lane yet. */
interface Entered { readonly queue: string, readonly group: string, readonly seq: number, readonly body: string }

export class BusBook {
  readonly #store: SqlStore
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #lanes: Promise<Lanes>
  readonly #bodies = new Bodies()
  #done: number[] = []
  #counted = new Map<number, Counts>()
  /** The last message that was there at the start. */
  #oldSeq = 0
  #erasing: Cancel | undefined

  /** `onError` is told of what the disk did not take and the bus has nobody to tell of. */
  constructor (store: SqlStore, clock: Clock = systemClock, onError: (error: unknown) => void = () => {}) {
    this.#store = store
    this.#clock = clock
    this.#onError = onError
    this.#lanes = this.#readLanes()
    // Told to whoever asks first; without a listener it would end the process.
    this.#lanes.catch(() => {})
  }

  /** Beside the types that the queue gets already. */
  subscribe (topic: string, queue: string, types: readonly string[]): Promise<void> {
    return this.#changeTypes(topic, queue, known => [...new Set([...known, ...types])])
  }

  unsubscribe (topic: string, queue: string, types: readonly string[]): Promise<void> {
    return this.#changeTypes(topic, queue, known => known.filter(type => !types.includes(type)))
  }

  async #changeTypes (
    topic: string, queue: string, change: (known: readonly string[]) => readonly string[]
  ): Promise<void> {
    await this.#store.tx(async tx => {
      const row = await tx.get<{ types: string }>(
        'SELECT types FROM subscription WHERE topic = ? AND queue = ?', topic, queue)
      const types = change(row === undefined ? [] : JSON.parse(row.types) as string[])
      await tx.run('INSERT INTO subscription (topic, queue, types) VALUES (?, ?, ?) ' +
        'ON CONFLICT (topic, queue) DO UPDATE SET types = excluded.types', topic, queue, JSON.stringify(types))
    })
  }

  /** Returns the queues that got something, for waking their consumers. */
  publish (topic: string, messages: readonly Outgoing[]): Promise<string[]> {
    return this.#enter(async tx => {
      const rows = await tx.all<{ queue: string, types: string }>(
        'SELECT queue, types FROM subscription WHERE topic = ?', topic)
      const entered: Array<Entered | undefined> = []
      for (const { queue, types } of rows) {
        const wanted = new Set(JSON.parse(types) as string[])
        for (const message of messages.filter(one => wanted.has(one.type))) {
          entered.push(await this.#enqueue(tx, queue, message))
        }
      }
      return entered
    })
  }

  send (queue: string, messages: readonly Outgoing[]): Promise<string[]> {
    return this.#enter(async tx => {
      const entered: Array<Entered | undefined> = []
      for (const message of messages) entered.push(await this.#enqueue(tx, queue, message))
      return entered
    })
  }

  /** Hands out the heads of up to `max` free lanes. */
  async receive (queue: string, max: number, visibilityMs: number, consumer = ''): Promise<Received[]> {
    const lanes = (await this.#lanes).of(queue)
    const [deadly, taken] = partition(lanes.take(max, this.#clock.elapsed(), visibilityMs, consumer), isDead)
    for (const lane of deadly) await this.#end(lanes, lane, lane.dead ?? 'received too often without an answer')
    // Before anything is waited for: a lane that moves on meanwhile must not change what is handed out here.
    const heads = taken.map(({ seqs, receipt, group, failures, unanswered }) =>
      ({ seq: seqs.first!, receipt: receipt!, group, tries: failures + 1, counts: { failures, unanswered } }))
    // A consumer that dies of a message must not make it young again by taking the bus along: of what was there when
    // the bus started, nobody knows whether it ended it.
    const again = heads.filter(({ seq, counts }) => counts.unanswered > 1 || seq <= this.#oldSeq)
    // On a full disk nothing is counted, and yet handed out: what is handled makes room.
    if (again.length > 0) {
      await this.#store.tx(tx => writeCounts(tx, again.map(({ seq, counts }) => [seq, counts]))).catch(this.#onError)
    }
    return Promise.all(heads.map(async ({ seq, receipt, group, tries }) =>
      ({ seq, receipt, group, tries, body: await this.#bodyOf(seq) })))
  }

  /** Settles each; returns the receipts that were stale. */
  async settle (queue: string, settlements: readonly Settlement[]): Promise<string[]> {
    const lanes = (await this.#lanes).of(queue)
    const stale: string[] = []
    for (const settlement of settlements) {
      const lane = lanes.find(settlement.group, settlement.receipt)
      if (lane === undefined) stale.push(settlement.receipt)
      else await this.#settle(lanes, lane, settlement)
    }
    return stale
  }

  async #settle (lanes: QueueLanes, lane: Lane, { verdict, delayMs = 0, error = '' }: Settlement): Promise<void> {
    if (verdict === 'done' || verdict === 'dead') return this.#end(lanes, lane, verdict === 'dead' ? error : undefined)
    const now = this.#clock.elapsed()
    if (verdict === 'retry') lanes.retry(lane, now, delayMs)
    else if (verdict === 'wait') lanes.wait(lane, now, delayMs)
    else lanes.giveBack(lane)
    this.#count(lane)
  }

  /** Gives back what the consumer holds, but what it still works at. */
  async leave (queue: string, consumer: string, working: readonly string[]): Promise<void> {
    const lanes = (await this.#lanes).of(queue)
    const kept = new Set(working)
    for (const lane of lanes.heldBy(consumer)) {
      if (kept.has(lane.receipt!)) continue
      lanes.giveBack(lane)
      this.#count(lane)
    }
  }

  async extend (queue: string, group: string, receipt: string, ms: number): Promise<void> {
    const lanes = (await this.#lanes).of(queue)
    const lane = lanes.find(group, receipt)
    if (lane === undefined) throw messagingError('E_STALE_RECEIPT', [], { where: queue })
    lanes.holdUntil(lane, this.#clock.elapsed() + ms)
  }

  dead (queue: string, limit: number): Promise<DeadLetter[]> {
    return this.#store.read.all<DeadLetter>('SELECT id, grp AS "group", type, body, error, at FROM dead ' +
      'WHERE queue = ? ORDER BY at, id LIMIT ?', queue, limit)
  }

  /** A new dedupe id each time: the queue still remembers the first one. */
  async redrive (queue: string, ids: readonly string[] | 'all'): Promise<number> {
    let count = 0
    await this.#enter(async tx => {
      const rows = await tx.all<{ id: string, grp: string, msg_id: string, type: string, body: string }>(
        'SELECT id, grp, msg_id, type, body FROM dead WHERE queue = ? ORDER BY at, id', queue)
      const chosen = ids === 'all' ? rows : rows.filter(row => ids.includes(row.id))
      const entered: Array<Entered | undefined> = []
      for (const { id, grp, msg_id: dedupe, type, body } of chosen) {
        entered.push(await this.#enqueue(tx, queue, { id: dedupe, dedupe: `${dedupe}:${id}`, group: grp, type, body }))
        await tx.run('DELETE FROM dead WHERE id = ?', id)
      }
      count = chosen.length
      return entered
    })
    return count
  }

  drop (queue: string, ids: readonly string[]): Promise<number> {
    return this.#store.tx(async tx => {
      let dropped = 0
      for (const id of ids) dropped += await tx.run('DELETE FROM dead WHERE queue = ? AND id = ?', queue, id)
      return dropped
    })
  }

  async stats (queue: string): Promise<QueueStat> {
    const lanes = (await this.#lanes).of(queue)
    const inFlight = lanes.inFlight(this.#clock.elapsed())
    const count = (sql: string, param: string | number) => this.#store.read.get<{ n: number }>(sql, param)
    const dead = await count('SELECT count(*) AS n FROM dead WHERE queue = ?', queue)
    const { oldest } = lanes
    const sentAt = oldest === undefined ? undefined : await count('SELECT sent_at AS n FROM msg WHERE seq = ?', oldest)
    return { queue, waiting: lanes.size - inFlight, inFlight, dead: dead?.n ?? 0,
      oldestMs: sentAt === undefined ? 0 : this.#clock.now() - sentAt.n }
  }

  async queues (): Promise<string[]> {
    const rows = await this.#store.read.all<{ queue: string }>('SELECT queue FROM subscription UNION SELECT queue FROM dead')
    return [...new Set([...(await this.#lanes).names, ...rows.map(row => row.queue)])]
  }

  /** Milliseconds until something can be handed out, Infinity when nothing is there. */
  async nextFree (queue: string): Promise<number> {
    const now = this.#clock.elapsed()
    return (await this.#lanes).of(queue).freeAt(now) - now
  }

  async purge (): Promise<void> {
    await this.#store.tx(async tx => {
      await tx.run('DELETE FROM seen WHERE at < ?', this.#clock.now() - SEEN_MS)
      await tx.run('DELETE FROM dead WHERE at < ?', this.#clock.now() - DEAD_MS)
    })
  }

  /** Writes what is still to be erased; before the store is closed. */
  async close (): Promise<void> {
    await this.#flush()
  }

  async #readLanes (): Promise<Lanes> {
    const lanes = new Lanes()
    const rows = await this.#store.read.all<Counts & { seq: number, queue: string, grp: string }>(
      'SELECT seq, queue, grp, failures, unanswered FROM msg ORDER BY seq')
    for (const { seq, queue, grp, ...counts } of rows) lanes.add(queue, grp, seq, counts)
    this.#oldSeq = rows.at(-1)?.seq ?? 0
    return lanes
  }

  /** Writes messages, and puts them into their lanes once they are flushed: nobody gets what a crash could undo. */
  async #enter (write: (tx: SqlTx) => Promise<Array<Entered | undefined>>): Promise<string[]> {
    const lanes = await this.#lanes
    const flushed = this.#flush()
    const entered = (await this.#store.tx(write)).filter(one => one !== undefined)
    for (const { queue, group, seq, body } of entered) {
      lanes.add(queue, group, seq)
      this.#bodies.keep(seq, body)
    }
    await flushed
    return [...new Set(entered.map(one => one.queue))]
  }

  async #enqueue (tx: SqlTx, queue: string, message: Outgoing): Promise<Entered | undefined> {
    const now = this.#clock.now()
    // A row older than the window counts as not seen, whether or not the purge has come by.
    const fresh = await tx.run('INSERT INTO seen (queue, id, at) VALUES (?, ?, ?) ON CONFLICT (queue, id) ' +
      'DO UPDATE SET at = excluded.at WHERE seen.at < ?', queue, message.dedupe, now, now - SEEN_MS)
    if (fresh === 0) return undefined
    const row = await tx.get<{ seq: number }>('INSERT INTO msg (queue, grp, id, type, body, sent_at) ' +
      'VALUES (?, ?, ?, ?, ?, ?) RETURNING seq', queue, message.group, message.id, message.type, message.body, now)
    return { queue, group: message.group, seq: row!.seq, body: message.body }
  }

  async #bodyOf (seq: number): Promise<string> {
    const kept = this.#bodies.get(seq)
    if (kept !== undefined) return kept
    const row = await this.#store.read.get<{ body: string }>('SELECT body FROM msg WHERE seq = ?', seq)
    return row!.body
  }

  /** The head has been handled, or has failed for good with an error. */
  async #end (lanes: QueueLanes, lane: Lane, error: string | undefined): Promise<void> {
    const seq = lane.seqs.first!
    if (error === undefined) this.#erase(seq)
    else if (!await this.#bury(lanes, lane, error)) return
    this.#bodies.drop(seq)
    lanes.advance(lane)
  }

  /** False when the disk takes nothing now: the verdict stands, and is written when its turn comes again. */
  async #bury (lanes: QueueLanes, lane: Lane, error: string): Promise<boolean> {
    const seq = lane.seqs.first!
    // Nobody's until it is written: told twice, the same verdict must not bury the next message as well.
    lane.receipt = undefined
    lane.dead = error
    lanes.holdUntil(lane, Infinity)
    try {
      await this.#store.tx(async tx => {
        await tx.run('INSERT INTO dead (id, queue, grp, msg_id, type, body, error, at) ' +
          'SELECT ?, queue, grp, id, type, body, ?, ? FROM msg WHERE seq = ?', randomUUID(), error, this.#clock.now(), seq)
        await tx.run('DELETE FROM msg WHERE seq = ?', seq)
      })
      return true
    } catch (cause) {
      this.#onError(cause)
      lanes.holdUntil(lane, this.#clock.elapsed() + BURY_AGAIN_MS)
      return false
    }
  }

  #erase (seq: number): void {
    this.#counted.delete(seq)
    this.#done.push(seq)
    this.#flushSoon()
  }

  #count ({ seqs, failures, unanswered }: Lane): void {
    this.#counted.set(seqs.first!, { failures, unanswered })
    this.#flushSoon()
  }

  #flushSoon (): void {
    this.#erasing ??= this.#clock.after(ERASE_MS, () => { void this.#flush() })
  }

  async #flush (): Promise<void> {
    this.#erasing?.()
    this.#erasing = undefined
    const [seqs, counted] = [this.#done, this.#counted]
    if (seqs.length === 0 && counted.size === 0) return
    this.#done = []
    this.#counted = new Map()
    await this.#store.tx(async tx => {
      for (const seq of seqs) await tx.run('DELETE FROM msg WHERE seq = ?', seq)
      await writeCounts(tx, counted)
    }).catch((error: unknown) => {
      this.#onError(error)
      // A full or locked disk: they are written with the next ones, or come again after a restart.
      this.#done = [...seqs, ...this.#done]
      this.#counted = new Map([...counted, ...this.#counted])
    })
  }
}

function isDead (lane: Lane): boolean {
  return lane.dead !== undefined || lane.unanswered > MAX_UNANSWERED
}

function partition<Item> (items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter(item => !test(item))]
}

async function writeCounts (tx: SqlTx, counts: Iterable<readonly [seq: number, counts: Counts]>): Promise<void> {
  for (const [seq, { failures, unanswered }] of counts) {
    await tx.run('UPDATE msg SET failures = ?, unanswered = ? WHERE seq = ?', failures, unanswered, seq)
  }
}
