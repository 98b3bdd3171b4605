/** One FIFO queue: what it holds, what it has handed out, and what it remembers of what is gone. */
import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { AwsFault, invalidValue } from './fault.ts'
import { DEFAULT_ATTRIBUTES, readRedrivePolicy, type QueueAttributes } from './queue-attributes.ts'
import { Seen } from './seen.ts'
import type { Attributes } from './rules.ts'

/** "Visibility timeout": from the receive to its end, extended or not. */
const MAX_VISIBLE_MS = 43_200_000

export interface Arriving {
  readonly body: string
  readonly attributes: Attributes
  readonly group: string
  readonly dedupe: string
}

export interface Stored extends Arriving {
  readonly id: string
  readonly seq: number
  readonly sentAt: number
  readonly source: string | undefined
  firstAt: number | undefined
  /** Of the last receive. */
  receivedAt: number
  receives: number
  invisibleUntil: number
  receipt: string | undefined
}

/** What a sender is told. */
export interface Added { readonly MessageId: string, readonly SequenceNumber: string }

export interface QueueLimits {
  /** "Amazon SQS message quotas": in flight at the same time; beyond it FIFO queues answer with nothing. */
  readonly inFlight: number
  /** "FIFO delivery logic": how many of the oldest messages are looked through for groups. */
  readonly lookThrough: number
}

export class Queue {
  readonly name: string
  readonly arn: string
  readonly url: string
  readonly clock: Clock
  readonly limits: QueueLimits
  attributes: QueueAttributes
  /** When the policy was last changed. */
  policyAt = -Infinity
  policyBefore: string | undefined
  /** "FIFO delivery logic": messages of different groups may be received out of order. */
  newestGroupFirst = false
  readonly #find: (arn: string) => Queue | undefined
  readonly #seen: Seen<string>
  readonly #wakes = new Set<() => void>()
  #messages: Stored[] = []
  #seq = 0

  constructor (name: string, place: { arn: string, url: string }, attributes: QueueAttributes, clock: Clock,
    limits: QueueLimits, find: (arn: string) => Queue | undefined) {
    this.name = name
    this.arn = place.arn
    this.url = place.url
    this.attributes = { ...DEFAULT_ATTRIBUTES, ...attributes }
    this.clock = clock
    this.limits = limits
    this.#find = find
    this.#seen = new Seen(clock)
  }

  /** Takes a message; one whose dedupe id is remembered is answered in the same way and not kept. */
  add (message: Arriving, { id, source }: { id?: string, source?: string } = {}): Added {
    const perGroup = this.attributes.DeduplicationScope === 'messageGroup'
    const key = JSON.stringify(perGroup ? [message.group, message.dedupe] : [message.dedupe])
    const known = source === undefined ? this.#seen.get(key) : undefined
    const MessageId = known ?? id ?? randomUUID()
    const SequenceNumber = String(++this.#seq).padStart(20, '0')
    if (known === undefined) {
      this.#seen.set(key, MessageId)
      this.#messages.push({ ...message, id: MessageId, seq: this.#seq, sentAt: this.clock.now(), source,
        firstAt: undefined, receivedAt: -Infinity, receives: 0, invisibleUntil: -Infinity, receipt: undefined })
      this.wake()
    }
    return { MessageId, SequenceNumber }
  }

  /**
   * "FIFO delivery logic": as many as possible of one group first, in order. "Interleaving multiple ordered message
   * groups": a group with an invisible message gives none, not even one that stands before it.
   */
  receive (max: number, visibilityMs: number): Stored[] {
    this.#expire()
    if (this.#inFlight().length >= this.limits.inFlight) return []
    const taken: Stored[] = []
    const groups = Map.groupBy(this.#messages.slice(0, this.limits.lookThrough), message => message.group)
    for (const messages of this.newestGroupFirst ? [...groups.values()].toReversed() : groups.values()) {
      if (messages.some(message => this.#invisible(message))) continue
      for (const message of messages) {
        if (taken.length >= max) break
        if (this.#move(message)) continue
        this.#hand(message, visibilityMs)
        taken.push(message)
      }
    }
    return taken
  }

  /** The message that a receipt still stands for; a message that is gone is no error, as with SQS. */
  held (receipt: string): Stored | undefined {
    const [id] = receipt.split('#')
    const message = this.#messages.find(message => message.id === id)
    if (!/^[\w-]+#[\w-]+$/.test(receipt)) throw new AwsFault('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.')
    return message
  }

  /** re:Post "SQS receipt handle error", aws/aws-sdk-js#1279: a FIFO queue takes no receipt behind its visibility. */
  remove (receipt: string): void {
    const message = this.held(receipt)
    if (message === undefined) return
    if (message.receipt !== receipt || !this.#invisible(message)) {
      throw invalidValue('ReceiptHandle', receipt, 'The receipt handle has expired.')
    }
    this.#messages = this.#messages.filter(one => one !== message)
    this.wake()
  }

  /** "Visibility timeout": whole seconds, 0 to 12 h, and 12 h in all from the receive. */
  changeVisibility (receipt: string, seconds: number): void {
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > 43_200) {
      throw invalidValue('VisibilityTimeout', seconds, 'Must be between 0 and 43200, if provided.')
    }
    const message = this.held(receipt)
    if (message === undefined || message.receipt !== receipt || !this.#invisible(message)) {
      throw new AwsFault('MessageNotInflight', 'The message is not available for visibility timeout change.')
    }
    const until = this.clock.now() + seconds * 1000
    if (until > message.receivedAt + MAX_VISIBLE_MS) {
      throw invalidValue('VisibilityTimeout', seconds, 'Total VisibilityTimeout for the message is beyond the limit [43200 seconds]')
    }
    message.invisibleUntil = until
    this.wake()
  }

  /** What it holds, oldest first, for a test's eyes. */
  get messages (): readonly Stored[] {
    this.#expire()
    return this.#messages
  }

  get counts (): { visible: number, invisible: number } {
    const invisible = this.messages.filter(message => this.#invisible(message)).length
    return { visible: this.#messages.length - invisible, invisible }
  }

  /** Milliseconds until a message becomes visible by itself. */
  nextVisible (): number {
    return Math.min(...this.#inFlight().map(message => message.invisibleUntil)) - this.clock.now()
  }

  wake (): void {
    for (const wake of this.#wakes) wake()
  }

  /** Resolves when something has changed, or `ms` later. */
  changed (ms: number): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        cancel()
        this.#wakes.delete(done)
        resolve()
      }
      const cancel = this.clock.after(ms, done)
      this.#wakes.add(done)
    })
  }

  #hand (message: Stored, visibilityMs: number): void {
    const now = this.clock.now()
    message.firstAt ??= now
    message.receivedAt = now
    message.receives++
    message.invisibleUntil = now + visibilityMs
    message.receipt = `${message.id}#${randomUUID()}`
  }

  /** "Using dead-letter queues": what was received `maxReceiveCount` times is moved instead of returned. */
  #move (message: Stored): boolean {
    const policy = readRedrivePolicy(this.attributes.RedrivePolicy)
    if (policy === undefined || message.receives < policy.maxReceiveCount) return false
    const dead = this.#find(policy.deadLetterTargetArn)
    if (dead === undefined) return false
    this.#messages = this.#messages.filter(one => one !== message)
    dead.add(message, { id: message.id, source: this.arn })
    return true
  }

  #invisible (message: Stored): boolean {
    return message.invisibleUntil > this.clock.now()
  }

  #inFlight (): Stored[] {
    return this.#messages.filter(message => this.#invisible(message))
  }

  /** "Amazon SQS message quotas": what is older than the retention is gone, in flight or not. */
  #expire (): void {
    const oldest = this.clock.now() - Number(this.attributes.MessageRetentionPeriod) * 1000
    this.#messages = this.#messages.filter(message => message.sentAt > oldest)
  }
}

/** The digest that the SDK compares a body with. */
export function md5 (text: string): string {
  return createHash('md5').update(text).digest('hex')
}
