/** Who wants what: queues that services have asked for, and the types of a topic that go to each of them. */
import type { SqlStore } from '../../store/sqlite.ts'
import type { SqlTx } from '../../store/store.ts'

export interface TopicStat {
  readonly topic: string
  readonly subscriptions: ReadonlyArray<{ readonly queue: string, readonly types: readonly string[] }>
  /** Events that came while nobody had subscribed, since the bus was started. */
  readonly unrouted: number
}

interface Row { readonly topic: string, readonly queue: string, readonly types: string }

const MAX_UNROUTED = 1000
const ONE = 'SELECT topic, queue, types FROM subscription WHERE topic = ? AND queue = ?'

export class Directory {
  readonly #store: SqlStore
  readonly #queues = new Set<string>()
  readonly #unrouted = new Map<string, number>()

  constructor (store: SqlStore) {
    this.#store = store
  }

  /** Reads which queues there are; before anything else is asked. */
  async load (): Promise<void> {
    const rows = await this.#store.read.all<{ name: string }>('SELECT name FROM queue')
    for (const { name } of rows) this.#queues.add(name)
  }

  /** A service has asked for its queue: from now on what is sent there is somebody's. */
  async provision (queue: string, now: number): Promise<void> {
    if (this.#queues.has(queue)) return
    await this.#store.tx(tx => tx.run('INSERT INTO queue (name, at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING', queue, now))
    this.#queues.add(queue)
  }

  isProvisioned (queue: string): boolean {
    return this.#queues.has(queue)
  }

  /**
   * Adds types to those that a queue gets. None is ever taken away here: an older instance that starts beside a newer
   * one, in a rolling deploy or a rollback, would take away what the newer one has asked for.
   */
  async subscribe (topic: string, queue: string, types: readonly string[]): Promise<void> {
    await this.#store.tx(async tx => {
      const row = await tx.get<Row>(ONE, topic, queue)
      await write(tx, topic, queue, [...new Set([...row === undefined ? [] : read(row), ...types])])
    })
  }

  /** What a person does when nobody wants these types any more; all of them when none is named. */
  async unsubscribe (topic: string, queue: string, types: readonly string[]): Promise<void> {
    await this.#store.tx(async tx => {
      const row = await tx.get<Row>(ONE, topic, queue)
      const left = row === undefined || types.length === 0 ? [] : read(row).filter(type => !types.includes(type))
      if (left.length > 0) return write(tx, topic, queue, left)
      await tx.run('DELETE FROM subscription WHERE topic = ? AND queue = ?', topic, queue)
    })
  }

  /** Queues of a topic and what each of them wants. */
  async subscribers (tx: SqlTx, topic: string): Promise<Array<{ queue: string, types: ReadonlySet<string> }>> {
    const rows = await tx.all<Row>('SELECT topic, queue, types FROM subscription WHERE topic = ?', topic)
    return rows.map(row => ({ queue: row.queue, types: new Set(read(row)) }))
  }

  /** Counts events of a topic that nobody has subscribed to. */
  unrouted (topic: string, events: number): void {
    const before = this.#unrouted.get(topic)
    // Anybody may publish to any name.
    if (before === undefined && this.#unrouted.size === MAX_UNROUTED) return
    this.#unrouted.set(topic, (before ?? 0) + events)
  }

  async topics (): Promise<TopicStat[]> {
    const rows = await this.#store.read.all<Row>('SELECT topic, queue, types FROM subscription ORDER BY topic, queue')
    const names = new Set([...rows.map(row => row.topic), ...this.#unrouted.keys()])
    return [...names].sort().map(topic => ({ topic, unrouted: this.#unrouted.get(topic) ?? 0,
      subscriptions: rows.filter(row => row.topic === topic).map(row => ({ queue: row.queue, types: read(row) })) }))
  }

  /** Queues that were asked for or that subscribe to something. */
  async queues (): Promise<string[]> {
    const rows = await this.#store.read.all<{ queue: string }>('SELECT queue FROM subscription')
    return [...this.#queues, ...rows.map(row => row.queue)]
  }
}

async function write (tx: SqlTx, topic: string, queue: string, types: readonly string[]): Promise<void> {
  await tx.run('INSERT INTO subscription (topic, queue, types) VALUES (?, ?, ?) ' +
    'ON CONFLICT (topic, queue) DO UPDATE SET types = excluded.types', topic, queue, JSON.stringify(types))
}

function read ({ types }: Row): string[] {
  return JSON.parse(types) as string[]
}
