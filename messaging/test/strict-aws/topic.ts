/** One FIFO topic: what it takes, and to which queues it goes. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { AwsFault } from './fault.ts'
import { lets } from './policy.ts'
import type { Added, Arriving, Queue } from './queue.ts'
import { bytesOf, legalText, SNS_DEFAULT_BYTES } from './rules.ts'
import { Seen } from './seen.ts'

type Wanted = string | { readonly prefix?: string, readonly exists?: boolean }
export type FilterPolicy = Readonly<Record<string, readonly Wanted[]>>

export interface Subscription {
  readonly arn: string
  readonly queueArn: string
  raw: boolean
  /** Of now and of before: a filter takes its time to change. */
  filters: Array<{ readonly at: number, readonly text: string }>
}

/** How long a change takes to reach all of AWS. */
export interface Delays {
  /** "Amazon SNS subscription filter policies": up to 15 minutes. */
  filterMs: number
  /** A new queue policy: a moment. */
  policyMs: number
}

/** What a topic needs to know of its account. */
export interface TopicAccount {
  readonly clock: Clock
  readonly delays: Delays
  queueByArn (arn: string): Queue | undefined
}

export class Topic {
  readonly arn: string
  readonly attributes: Record<string, string>
  readonly subscriptions: Subscription[] = []
  /** What a subscribed queue did not get, and why; AWS says it nowhere. */
  readonly undelivered: Array<{ readonly queueArn: string, readonly dedupe: string, readonly why: string }> = []
  readonly #account: TopicAccount
  readonly #seen: Seen<string>
  #seq = 0

  constructor (arn: string, attributes: Record<string, string>, account: TopicAccount) {
    this.arn = arn
    this.attributes = { MaximumMessageSize: String(SNS_DEFAULT_BYTES), ...attributes }
    this.#account = account
    this.#seen = new Seen(account.clock)
  }

  /** Takes a message once in five minutes and brings it to the queues that want it. */
  publish (message: Arriving): Added {
    const perGroup = this.attributes.FifoThroughputScope === 'MessageGroup'
    const key = JSON.stringify(perGroup ? [message.group, message.dedupe] : [message.dedupe])
    const known = this.#seen.get(key)
    const MessageId = known ?? randomUUID()
    const SequenceNumber = String(++this.#seq).padStart(20, '0')
    if (known === undefined) {
      this.#seen.set(key, MessageId)
      for (const subscription of this.subscriptions) this.#deliver(subscription, message)
    }
    return { MessageId, SequenceNumber }
  }

  /** The filter that deliveries are judged by. */
  filterOf (subscription: Subscription): FilterPolicy | undefined {
    const since = this.#account.clock.now() - this.#account.delays.filterMs
    const first = subscription.filters[0]
    // A new subscription begins with its filter; only changes are late.
    const text = (subscription.filters.findLast(filter => filter.at <= since) ?? first)?.text
    return text ? JSON.parse(text) as FilterPolicy : undefined
  }

  #deliver (subscription: Subscription, message: Arriving): void {
    if (!matches(this.filterOf(subscription), message)) return
    const why = this.#obstacle(subscription, message)
    const queue = this.#account.queueByArn(subscription.queueArn)
    if (why === undefined) queue!.add(subscription.raw ? message : this.#wrapped(message))
    else this.undelivered.push({ queueArn: subscription.queueArn, dedupe: message.dedupe, why })
  }

  #obstacle (subscription: Subscription, message: Arriving): string | undefined {
    const queue = this.#account.queueByArn(subscription.queueArn)
    if (queue === undefined) return 'the queue is gone'
    const late = this.#account.clock.now() - queue.policyAt < this.#account.delays.policyMs
    if (!lets(late ? queue.policyBefore : queue.attributes.Policy, this.arn)) return 'the queue\'s policy forbids it'
    if (bytesOf(message.body, message.attributes) > Number(queue.attributes.MaximumMessageSize)) return 'it is too large'
    return legalText(message.body) ? undefined : 'the queue takes no such characters'
  }

  /** Without raw delivery the queue gets an envelope of SNS's own, and no attribute. */
  #wrapped (message: Arriving): Arriving {
    const body = JSON.stringify({ Type: 'Notification', TopicArn: this.arn, Message: message.body })
    return { ...message, attributes: {}, body }
  }
}

function matches (policy: FilterPolicy | undefined, { attributes }: Arriving): boolean {
  return Object.entries(policy ?? {}).every(([name, wanted]) => wanted.some(one => {
    const value = attributes[name]?.StringValue
    if (typeof one === 'string') return value === one
    if (one.prefix !== undefined) return value?.startsWith(one.prefix) === true
    return (value !== undefined) === one.exists
  }))
}

/** "Subscription filter policies": at most five attributes, whose values multiplied are at most 150. */
export function checkFilter (text: string): void {
  const policy = JSON.parse(text || '{}') as FilterPolicy
  const counts = Object.values(policy).map(values => values.length)
  if (counts.length > 5 || counts.reduce((product, count) => product * count, 1) > 150) {
    throw new AwsFault('InvalidParameter', 'Invalid parameter: FilterPolicy: Filter policy is too complex')
  }
  if (counts.includes(0)) throw new AwsFault('InvalidParameter', 'Invalid parameter: FilterPolicy: Filter policy is empty')
}
