/**
 * Dead letters on SQS: a FIFO queue of their own. There is no way to look into a queue without receiving, so listing
 * receives with a short visibility and finds again by id; SQS's own redrive task is not used, because it would send
 * under the old dedupe id.
 */
import {
  ChangeMessageVisibilityCommand, DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand, type Message,
  type SQSClient
} from '@aws-sdk/client-sqs'
import type { Clock } from '../../clock.ts'
import type { DeadLetter, DeadLetters } from '../bus.ts'
import { deadLetterName, type Topology } from './topology.ts'

const RECEIVE = 10
const HOLD_SECONDS = 10

/** To the dead letters, with the reason. The caller deletes it from its queue afterwards. */
export async function bury (
  sqs: SQSClient, topology: Topology, queue: string, message: Message, error: string
): Promise<void> {
  const text = (value: string) => ({ DataType: 'String', StringValue: value.slice(0, 1000) || '-' })
  await sqs.send(new SendMessageCommand({
    QueueUrl: await topology.queueUrl(deadLetterName(queue)),
    MessageBody: message.Body!,
    // A group of its own for each letter: letters must not hide behind one another.
    MessageGroupId: message.MessageId!,
    MessageDeduplicationId: `${message.MessageId!}:${message.Attributes?.ApproximateReceiveCount ?? ''}`,
    MessageAttributes: { error: text(error), group: text(message.Attributes?.MessageGroupId ?? ''),
      type: message.MessageAttributes?.type ?? text('unknown') }
  }))
}

export function sqsDeadLetters (sqs: SQSClient, topology: Topology, queue: string, clock: Clock): DeadLetters {
  const url = () => topology.queueUrl(deadLetterName(queue))
  const remove = async (message: Message): Promise<void> => {
    await sqs.send(new DeleteMessageCommand({ QueueUrl: await url(), ReceiptHandle: message.ReceiptHandle! }))
  }
  /** Takes hold of letters, uses the wanted ones, and lets the others go. */
  const visit = async (
    limit: number, wanted: (message: Message) => boolean, use: (message: Message) => Promise<void>
  ): Promise<number> => {
    const held = await hold(sqs, await url(), limit)
    const chosen = held.filter(wanted)
    for (const message of chosen) await use(message)
    await release(sqs, await url(), held.filter(message => !chosen.includes(message)))
    return chosen.length
  }
  return {
    list: async limit => {
      const held = await hold(sqs, await url(), limit)
      await release(sqs, await url(), held)
      return held.slice(0, limit).map(letterOf)
    },
    redrive: ids => visit(1000, message => ids === 'all' || ids.includes(message.MessageId!), async message => {
      await sqs.send(new SendMessageCommand({ QueueUrl: await topology.queueUrl(queue), MessageBody: message.Body!,
        MessageGroupId: letterOf(message).group,
        MessageDeduplicationId: `${message.MessageId!}:r${clock.now()}`,
        MessageAttributes: { type: message.MessageAttributes!.type! } }))
      await remove(message)
    }),
    drop: ids => visit(1000, message => ids.includes(message.MessageId!), remove)
  }
}

async function hold (sqs: SQSClient, QueueUrl: string, limit: number): Promise<Message[]> {
  const held: Message[] = []
  while (held.length < limit) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: RECEIVE,
      VisibilityTimeout: HOLD_SECONDS, WaitTimeSeconds: 0, MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['SentTimestamp', 'MessageGroupId'] }))
    if (Messages.length === 0) break
    held.push(...Messages)
  }
  return held
}

async function release (sqs: SQSClient, QueueUrl: string, messages: readonly Message[]): Promise<void> {
  for (const message of messages) {
    await sqs.send(new ChangeMessageVisibilityCommand(
      { QueueUrl, ReceiptHandle: message.ReceiptHandle!, VisibilityTimeout: 0 }))
  }
}

/** What SQS moved here by itself, because it killed its consumer each time, has no error and keeps its group. */
function letterOf (message: Message): DeadLetter {
  const attribute = (name: string) => message.MessageAttributes?.[name]?.StringValue
  return {
    id: message.MessageId!,
    group: attribute('group') ?? message.Attributes?.MessageGroupId ?? '',
    type: attribute('type') ?? 'unknown',
    body: message.Body ?? '',
    error: attribute('error') ?? 'received too often without an answer',
    at: Number(message.Attributes?.SentTimestamp ?? 0)
  }
}
