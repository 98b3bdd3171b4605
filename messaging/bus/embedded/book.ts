/**
 * The embedded bus's book: queues as lanes on node:sqlite, no HTTP. One row per message, one row per lane (queue and
 * group) that says which message is at its head and until when somebody has it. A receipt is the right to settle the
 * head; it dies when the lane is given to another consumer.
 */
import { randomUUID } from 'node:crypto'
import type { DeadLetter, Outgoing, QueueStat } from '../bus.ts'
import { messagingError } from '../../errors.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import type { SqlTx } from '../../store/store.ts'

export const BUS_TABLES = `
CREATE TABLE IF NOT EXISTS msg (
  seq {{seq}}, queue TEXT NOT NULL, grp TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL,
  sent_at {{int}} NOT NULL, receives {{int}} NOT NULL
) {{strict}};
CREATE INDEX IF NOT EXISTS msg_lane ON msg (queue, grp, seq);
CREATE TABLE IF NOT EXISTS lane (
  queue TEXT NOT NULL, grp TEXT NOT NULL, head {{int}} NOT NULL, free_at {{int}} NOT NULL, receipt TEXT,
  PRIMARY KEY (queue, grp)
) {{strict}};
CREATE INDEX IF NOT EXISTS lane_free ON lane (queue, free_at, head);
CREATE TABLE IF NOT EXISTS seen (
  queue TEXT NOT NULL, id TEXT NOT NULL, at {{int}} NOT NULL, PRIMARY KEY (queue, id)
) {{strict}};
CREATE INDEX IF NOT EXISTS seen_at ON seen (at);
CREATE TABLE IF NOT EXISTS dead (
  id TEXT PRIMARY KEY, queue TEXT NOT NULL, grp TEXT NOT NULL, msg_id TEXT NOT NULL, type TEXT NOT NULL,
  body TEXT NOT NULL, error TEXT NOT NULL, at {{int}} NOT NULL
) {{strict}};
CREATE INDEX IF NOT EXISTS dead_queue ON dead (queue, at);
CREATE TABLE IF NOT EXISTS subscription (
  topic TEXT NOT NULL, queue TEXT NOT NULL, types TEXT NOT NULL, PRIMARY KEY (topic, queue)
) {{strict}};
`

/** As long as SQS remembers; later duplicates are the inbox's to catch. */
const SEEN_MS = 5 * 60_000
/** Dead letters are kept as long as SQS keeps them. */
const DEAD_MS = 14 * 24 * 3_600_000

export interface Received {
  readonly seq: number
  readonly receipt: string
  readonly group: string
  readonly body: string
  readonly receiveCount: number
}

export interface Settlement {
  readonly group: string
  readonly receipt: string
  readonly verdict: 'done' | 'retry' | 'dead'
  readonly delayMs?: number | undefined
  readonly error?: string | undefined
}

interface Message { seq: number, grp: string, id: string, type: string, body: string, receives: number }

export class BusBook {
  readonly #store: SqlStore
  readonly #now: () => number

  constructor (store: SqlStore, now: () => number = Date.now) {
    this.#store = store
    this.#now = now
  }

  async subscribe (topic: string, queue: string, types: readonly string[]): Promise<void> {
    await this.#store.tx(tx => tx.run('INSERT INTO subscription (topic, queue, types) VALUES (?, ?, ?) ' +
      'ON CONFLICT (topic, queue) DO UPDATE SET types = excluded.types', topic, queue, JSON.stringify(types)))
  }

  /** Returns the queues that got something, for waking their consumers. */
  publish (topic: string, messages: readonly Outgoing[]): Promise<string[]> {
    return this.#store.tx(async tx => {
      const woken = new Set<string>()
      const rows = await tx.all<{ queue: string, types: string }>(
        'SELECT queue, types FROM subscription WHERE topic = ?', topic)
      for (const { queue, types } of rows) {
        const wanted = new Set(JSON.parse(types) as string[])
        for (const message of messages) {
          if (wanted.has(message.type) && await this.#enqueue(tx, queue, message)) woken.add(queue)
        }
      }
      return [...woken]
    })
  }

  send (queue: string, messages: readonly Outgoing[]): Promise<void> {
    return this.#store.tx(async tx => {
      for (const message of messages) await this.#enqueue(tx, queue, message)
    })
  }

  /** Hands out the heads of up to `max` free lanes, oldest first. */
  receive (queue: string, max: number, visibilityMs: number): Promise<Received[]> {
    return this.#store.tx(async tx => {
      const now = this.#now()
      const lanes = await tx.all<{ grp: string, head: number }>(
        'SELECT grp, head FROM lane WHERE queue = ? AND free_at <= ? ORDER BY head LIMIT ?', queue, now, max)
      const received: Received[] = []
      for (const lane of lanes) received.push(await this.#take(tx, queue, lane, now + visibilityMs))
      return received
    })
  }

  /** Settles each; returns the receipts that were stale. */
  settle (queue: string, settlements: readonly Settlement[]): Promise<string[]> {
    return this.#store.tx(async tx => {
      const stale: string[] = []
      for (const settlement of settlements) {
        if (!await this.#settleOne(tx, queue, settlement)) stale.push(settlement.receipt)
      }
      return stale
    })
  }

  async extend (queue: string, group: string, receipt: string, ms: number): Promise<void> {
    const changed = await this.#store.tx(tx => tx.run(
      'UPDATE lane SET free_at = ? WHERE queue = ? AND grp = ? AND receipt = ?', this.#now() + ms, queue, group, receipt))
    if (changed === 0) throw messagingError('E_STALE_RECEIPT', [], { where: queue })
  }

  dead (queue: string, limit: number): Promise<DeadLetter[]> {
    return this.#store.read.all<DeadLetter>('SELECT id, grp AS "group", type, body, error, at FROM dead ' +
      'WHERE queue = ? ORDER BY at, id LIMIT ?', queue, limit)
  }

  /** A new dedupe id each time: the queue still remembers the first one. */
  redrive (queue: string, ids: readonly string[] | 'all'): Promise<number> {
    return this.#store.tx(async tx => {
      const rows = await tx.all<{ id: string, grp: string, msg_id: string, type: string, body: string }>(
        'SELECT id, grp, msg_id, type, body FROM dead WHERE queue = ? ORDER BY at, id', queue)
      const chosen = ids === 'all' ? rows : rows.filter(row => ids.includes(row.id))
      for (const { id, grp, msg_id: dedupe, type, body } of chosen) {
        await this.#enqueue(tx, queue, { id: dedupe, dedupe: `${dedupe}:${id}`, group: grp, type, body })
        await tx.run('DELETE FROM dead WHERE id = ?', id)
      }
      return chosen.length
    })
  }

  drop (queue: string, ids: readonly string[]): Promise<number> {
    return this.#store.tx(async tx => {
      let dropped = 0
      for (const id of ids) dropped += await tx.run('DELETE FROM dead WHERE queue = ? AND id = ?', queue, id)
      return dropped
    })
  }

  async stats (queue: string): Promise<QueueStat> {
    const now = this.#now()
    const count = (sql: string, ...params: Array<string | number>) =>
      this.#store.read.get<{ n: number, oldest?: number }>(sql, ...params)
    const all = await count('SELECT count(*) AS n, min(sent_at) AS oldest FROM msg WHERE queue = ?', queue)
    const flying = await count('SELECT count(*) AS n FROM lane WHERE queue = ? AND free_at > ?', queue, now)
    const dead = await count('SELECT count(*) AS n FROM dead WHERE queue = ?', queue)
    const inFlight = flying?.n ?? 0
    return { queue, waiting: (all?.n ?? 0) - inFlight, inFlight, dead: dead?.n ?? 0,
      oldestMs: typeof all?.oldest === 'number' ? now - all.oldest : 0 }
  }

  async queues (): Promise<string[]> {
    const rows = await this.#store.read.all<{ queue: string }>(
      'SELECT queue FROM lane UNION SELECT queue FROM subscription UNION SELECT queue FROM dead')
    return rows.map(row => row.queue)
  }

  /** When the first busy lane comes free again, so that a waiting consumer can be woken then. */
  async nextFree (queue: string): Promise<number | undefined> {
    const row = await this.#store.read.get<{ at: number | null }>(
      'SELECT min(free_at) AS at FROM lane WHERE queue = ?', queue)
    return row?.at ?? undefined
  }

  async purge (): Promise<void> {
    await this.#store.tx(async tx => {
      await tx.run('DELETE FROM seen WHERE at < ?', this.#now() - SEEN_MS)
      await tx.run('DELETE FROM dead WHERE at < ?', this.#now() - DEAD_MS)
    })
  }

  async #enqueue (tx: SqlTx, queue: string, message: Outgoing): Promise<boolean> {
    const now = this.#now()
    // A row older than the window counts as not seen, whether or not the purge has come by.
    const fresh = await tx.run('INSERT INTO seen (queue, id, at) VALUES (?, ?, ?) ON CONFLICT (queue, id) ' +
      'DO UPDATE SET at = excluded.at WHERE seen.at < ?', queue, message.dedupe, now, now - SEEN_MS)
    if (fresh === 0) return false
    await tx.run('INSERT INTO msg (queue, grp, id, type, body, sent_at, receives) VALUES (?, ?, ?, ?, ?, ?, 0)',
      queue, message.group, message.id, message.type, message.body, now)
    await tx.run('INSERT INTO lane (queue, grp, head, free_at) SELECT ?, ?, max(seq), 0 FROM msg WHERE queue = ? ' +
      'AND grp = ? ON CONFLICT (queue, grp) DO NOTHING', queue, message.group, queue, message.group)
    return true
  }

  async #take (tx: SqlTx, queue: string, lane: { grp: string, head: number }, freeAt: number): Promise<Received> {
    const receipt = randomUUID()
    await tx.run('UPDATE lane SET free_at = ?, receipt = ? WHERE queue = ? AND grp = ?', freeAt, receipt, queue, lane.grp)
    await tx.run('UPDATE msg SET receives = receives + 1 WHERE seq = ?', lane.head)
    const message = (await tx.get<Message>('SELECT seq, body, receives FROM msg WHERE seq = ?', lane.head))!
    return { seq: message.seq, receipt, group: lane.grp, body: message.body, receiveCount: message.receives }
  }

  async #settleOne (tx: SqlTx, queue: string, settlement: Settlement): Promise<boolean> {
    const { group, receipt, verdict } = settlement
    const lane = await tx.get<{ head: number }>(
      'SELECT head FROM lane WHERE queue = ? AND grp = ? AND receipt = ?', queue, group, receipt)
    if (lane === undefined) return false
    if (verdict === 'retry') {
      await tx.run('UPDATE lane SET free_at = ?, receipt = NULL WHERE queue = ? AND grp = ?',
        this.#now() + (settlement.delayMs ?? 0), queue, group)
      return true
    }
    if (verdict === 'dead') await this.#bury(tx, queue, lane.head, settlement.error ?? '')
    await this.#advance(tx, queue, group, lane.head)
    return true
  }

  async #bury (tx: SqlTx, queue: string, seq: number, error: string): Promise<void> {
    await tx.run('INSERT INTO dead (id, queue, grp, msg_id, type, body, error, at) ' +
      'SELECT ?, queue, grp, id, type, body, ?, ? FROM msg WHERE seq = ?', randomUUID(), error, this.#now(), seq)
  }

  async #advance (tx: SqlTx, queue: string, group: string, head: number): Promise<void> {
    await tx.run('DELETE FROM msg WHERE seq = ?', head)
    const next = await tx.get<{ seq: number | null }>(
      'SELECT min(seq) AS seq FROM msg WHERE queue = ? AND grp = ?', queue, group)
    if (typeof next?.seq === 'number') {
      await tx.run('UPDATE lane SET head = ?, free_at = 0, receipt = NULL WHERE queue = ? AND grp = ?',
        next.seq, queue, group)
    } else {
      await tx.run('DELETE FROM lane WHERE queue = ? AND grp = ?', queue, group)
    }
  }
}
