/** One service's messaging over a bus that only writes down, with a clock that the test moves. */
import {
  DEFAULTS, Messaging, openSqlite, Schemas, uuidv7, type Bus, type ConsumeOptions, type DeadLetter, type DeadLetters,
  type Delivery, type Envelope, type Handler, type MessageSchema, type MessagingParts, type Outgoing, type QueueStat,
  type SqlReader, type SqlTx, type Store, type Subscription
} from '../index.ts'
import { ManualClock } from './manual-clock.ts'

export { ManualClock }

/** Keeps what it is given, and delivers what the test hands it. */
export class NoteBus implements Bus {
  readonly description = 'a note of what was sent'
  readonly sent: Array<Outgoing & { dest: string }> = []
  subscriptions: readonly Subscription[] = []
  provisions = 0
  handler: Handler | undefined
  /** What every sending is refused with, while there is such an error. */
  refusal: Error | undefined
  /** What a message of a type is refused with. */
  readonly refused = new Map<string, Error>()
  readonly letters: DeadLetter[] = []

  /** Why nobody may join now. */
  closed: Error | undefined
  consuming: ConsumeOptions | undefined

  async provision (_queue: string, subscriptions: readonly Subscription[]): Promise<void> {
    if (this.closed !== undefined) throw this.closed
    this.provisions++
    this.subscriptions = subscriptions
  }

  async publish (dest: string, messages: readonly Outgoing[]): Promise<ReadonlyMap<string, Error>> {
    if (this.refusal !== undefined) throw this.refusal
    const isTaken = ({ type }: Outgoing): boolean => !this.refused.has(type)
    this.sent.push(...messages.filter(isTaken).map(message => ({ ...message, dest })))
    return new Map(messages.filter(message => !isTaken(message))
      .map(({ dedupe, type }) => [dedupe, this.refused.get(type)!]))
  }

  send (dest: string, messages: readonly Outgoing[]): Promise<ReadonlyMap<string, Error>> {
    return this.publish(dest, messages)
  }

  consume (_queue: string, handler: Handler, options: ConsumeOptions): () => Promise<void> {
    this.handler = handler
    this.consuming = options
    return async () => { this.handler = undefined }
  }

  /** Commands and events by type, as envelopes. */
  of (type: string): Envelope[] {
    return this.sent.filter(message => message.type === type).map(message => JSON.parse(message.body) as Envelope)
  }

  /** Rejects with what the handler threw. */
  async deliver (envelope: Envelope, tries = 1): Promise<void> {
    await this.handler!({ envelope, tries } satisfies Delivery)
  }

  async unsubscribe (): Promise<void> {}

  dlq (): DeadLetters {
    const take = (ids: readonly string[] | 'all'): number => {
      const left = ids === 'all' ? [] : this.letters.filter(({ id }) => !ids.includes(id))
      return this.letters.splice(0, this.letters.length, ...left).length - left.length
    }
    const list = async (limit: number): Promise<DeadLetter[]> => this.letters.slice(0, limit)
    return { list, redrive: async ids => take(ids), drop: async ids => take(ids) }
  }

  async stats (queue: string): Promise<QueueStat> {
    return { queue, waiting: 0, inFlight: 0, dead: this.letters.length, oldestMs: 0 }
  }

  async close (): Promise<void> {}
}

/** A reply to a command, as its service would publish it. */
export function replyTo (
  command: Envelope, type: string, data: Record<string, unknown> = {}, subject = command.subject
): Envelope {
  return { specversion: '1.0', id: uuidv7(), source: `/${type.split('.')[0]}`, type, subject, time: command.time,
    datacontenttype: 'application/json', aggregatetype: 'thing', aggregateversion: 1, causationid: command.id, data,
    ...(command.correlationid === undefined ? {} : { correlationid: command.correlationid }) }
}

/** Types whose data may be anything. */
export function anyData (...types: string[]): MessageSchema[] {
  return types.map($id => ({ $id, type: 'object' }))
}

interface Teardown { testdir (): string, teardown (fn: () => unknown): void }

export interface RigParts extends Partial<Omit<MessagingParts<SqlTx>, 'schemas' | 'store'>> {
  readonly schemas?: MessageSchema[]
  readonly tables?: string
  readonly store?: Store<SqlTx, SqlReader>
}

/** A service called `shop`; what it logged is in `lines`. A store that is handed in is closed by who opened it. */
export async function rig (t: Teardown, { schemas = [], tables = '', ...parts }: RigParts) {
  const clock = new ManualClock()
  const bus = new NoteBus()
  const lines: Array<{ level: string, text: string } & Record<string, unknown>> = []
  const line = (level: string) => (fields: object, text: string): void => { lines.push({ level, text, ...fields }) }
  const log = { info: line('info'), warn: line('warn'), error: line('error') }
  const store = parts.store ?? openSqlite({ file: `${t.testdir()}/shop.db`, tables, synchronous: 'normal' })
  const messaging = new Messaging<SqlTx>({ service: 'shop', bus, options: DEFAULTS, log, clock, ...parts, store,
    schemas: new Schemas(schemas) })
  t.teardown(async () => {
    await messaging.stop()
    if (parts.store === undefined) await store.close()
  })
  return { messaging, store, bus, clock, lines, log }
}
