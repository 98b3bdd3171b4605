/** ReceiveMessage: the wait, the ways to ask again, and what is told of each message. */
import { invalidValue } from './fault.ts'
import { md5, type Queue, type Stored } from './queue.ts'

const REPEAT_MS = 300_000

export interface ReceiveInput {
  readonly MaxNumberOfMessages?: number
  readonly VisibilityTimeout?: number
  readonly WaitTimeSeconds?: number
  readonly ReceiveRequestAttemptId?: string
  readonly MessageAttributeNames?: readonly string[]
  readonly MessageSystemAttributeNames?: readonly string[]
}

/** What a receive brought, and how each message stood then. */
interface Attempt {
  readonly at: number
  readonly messages: readonly Stored[]
  readonly stood: ReadonlyArray<{ readonly receipt: string | undefined, readonly until: number }>
}

const attempts = new WeakMap<Queue, Map<string, Attempt>>()

/** Waits as long as it was told to, whether or not the asker is still there: nobody tells a queue that it has left. */
export async function receiveMessage (queue: Queue, input: ReceiveInput): Promise<object> {
  const max = whole('MaxNumberOfMessages', input.MaxNumberOfMessages ?? 1, 1, 10)
  const visibilityMs = whole('VisibilityTimeout',
    input.VisibilityTimeout ?? Number(queue.attributes.VisibilityTimeout), 0, 43_200) * 1000
  const waitMs = whole('WaitTimeSeconds',
    input.WaitTimeSeconds ?? Number(queue.attributes.ReceiveMessageWaitTimeSeconds), 0, 20) * 1000
  const again = repeat(queue, input.ReceiveRequestAttemptId, visibilityMs)
  const messages = again ?? await longPoll(queue, max, visibilityMs, waitMs)
  remember(queue, input.ReceiveRequestAttemptId, messages)
  return messages.length === 0 ? {} : { Messages: messages.map(message => told(message, input)) }
}

async function longPoll (queue: Queue, max: number, visibilityMs: number, waitMs: number): Promise<readonly Stored[]> {
  const deadline = queue.clock.now() + waitMs
  for (;;) {
    const messages = queue.receive(max, visibilityMs)
    const left = deadline - queue.clock.now()
    if (messages.length > 0 || left <= 0) return messages
    await queue.changed(Math.max(Math.min(left, queue.nextVisible()), 1))
  }
}

/** "ReceiveMessage", ReceiveRequestAttemptId: the same messages and receipts, while none of them was changed. */
function repeat (queue: Queue, id: string | undefined, visibilityMs: number): readonly Stored[] | undefined {
  const attempt = id === undefined ? undefined : attempts.get(queue)?.get(id)
  const now = queue.clock.now()
  if (attempt === undefined || now - attempt.at >= REPEAT_MS || attempt.messages.length === 0) return undefined
  const same = attempt.messages.every((message, n) => {
    const { receipt, until } = attempt.stood[n]!
    return queue.messages.includes(message) && message.receipt === receipt && message.invisibleUntil === until &&
      until > now
  })
  if (!same) return undefined
  for (const message of attempt.messages) message.invisibleUntil = now + visibilityMs
  return attempt.messages
}

function remember (queue: Queue, id: string | undefined, messages: readonly Stored[]): void {
  if (id === undefined) return
  const known = attempts.get(queue) ?? new Map<string, Attempt>()
  attempts.set(queue, known.set(id, { at: queue.clock.now(), messages,
    stood: messages.map(({ receipt, invisibleUntil: until }) => ({ receipt, until })) }))
}

function told (message: Stored, input: ReceiveInput): object {
  const system: Record<string, string | undefined> = { ApproximateReceiveCount: String(message.receives),
    MessageGroupId: message.group, MessageDeduplicationId: message.dedupe, SentTimestamp: String(message.sentAt),
    SequenceNumber: String(message.seq).padStart(20, '0'), ApproximateFirstReceiveTimestamp: String(message.firstAt),
    DeadLetterQueueSourceArn: message.source }
  const wanted = (names: readonly string[] = [], name: string) => names.includes('All') || names.includes(name)
  return { MessageId: message.id, ReceiptHandle: message.receipt, Body: message.body, MD5OfBody: md5(message.body),
    Attributes: only(system, name => wanted(input.MessageSystemAttributeNames, name)),
    MessageAttributes: only(message.attributes, name => wanted(input.MessageAttributeNames, name)) }
}

function only<Value> (all: Readonly<Record<string, Value>>, wanted: (name: string) => boolean): object | undefined {
  const entries = Object.entries(all).filter(([name, value]) => value !== undefined && wanted(name))
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function whole (name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw invalidValue(name, value, `Must be between ${least} and ${most}, if provided.`)
}
