/**
 * The bus on SNS and SQS, both FIFO: a topic per service, a queue per service, the group as MessageGroupId.
 *
 * SQS counts receives, and its redrive policy moves what kills us each time; every other verdict is ours. A dead
 * letter is sent to the DLQ with its error first and deleted second: killed in between, it comes once more.
 */
import { PublishBatchCommand, SNSClient } from '@aws-sdk/client-sns'
import {
  GetQueueAttributesCommand, SendMessageBatchCommand, SQSClient, type MessageAttributeValue
} from '@aws-sdk/client-sqs'
import { systemClock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'
import type { Bus, Outgoing, Refused } from '../bus.ts'
import type { AwsBusOptions } from './options.ts'
import { consumeSqs } from './consumer.ts'
import { sqsDeadLetters } from './dead-letters.ts'
import { deadLetterName, Topology } from './topology.ts'

/** The most SNS and SQS take at once. */
const BATCH = 10

export function awsBus (options: AwsBusOptions): Bus {
  const config = { region: options.region, maxAttempts: 3,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }) }
  const [sns, sqs] = [new SNSClient(config), new SQSClient(config)]
  const visibilitySeconds = options.visibilitySeconds ?? 30
  const topology = new Topology(sns, sqs, options.provision, visibilitySeconds)
  const consumers = new Set<() => Promise<void>>()
  const guard = <Value>(work: Promise<Value>): Promise<Value> =>
    work.catch((error: unknown) => { throw busError(error, options) })

  return {
    description: `SNS/SQS ${options.region}${options.endpoint === undefined ? '' : ` at ${options.endpoint}`}`,
    provision: (queue, subscriptions, topic) => guard(topology.ensure(queue, subscriptions, topic)),
    publish: (topic, messages) => guard(inBatches(messages, async batch => {
      const TopicArn = await topology.topicArn(topic)
      const { Failed } = await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries:
        batch.map(({ body, ...message }, at) => ({ Message: body, ...entryOf(message, at) })) }))
      return Failed ?? []
    })),
    send: (queue, messages) => guard(inBatches(messages, async batch => {
      const QueueUrl = await topology.queueUrl(queue)
      const { Failed } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries:
        batch.map(({ body, ...message }, at) => ({ MessageBody: body, ...entryOf(message, at) })) }))
      return Failed ?? []
    })),
    consume: (queue, handler, consumeOptions = {}) => {
      const stop = consumeSqs(sqs, topology, queue, handler, { ...options, ...consumeOptions })
      consumers.add(stop)
      return async () => {
        consumers.delete(stop)
        await stop()
      }
    },
    dlq: queue => sqsDeadLetters(sqs, topology, queue, options.clock ?? systemClock),
    stats: queue => guard(stats(sqs, topology, queue)),
    close: async () => {
      await Promise.all([...consumers].map(stop => stop()))
      sns.destroy()
      sqs.destroy()
    }
  }
}

type Entry = Omit<Outgoing, 'body'>

function entryOf (message: Entry, at: number) {
  const type: MessageAttributeValue = { DataType: 'String', StringValue: message.type }
  return { Id: String(at), MessageGroupId: message.group, MessageDeduplicationId: message.dedupe,
    MessageAttributes: { type } }
}

/** What SNS and SQS say of an entry they did not take. */
interface FailedEntry { readonly Id?: string | undefined, readonly Message?: string | undefined,
  readonly Code?: string | undefined }

/** One batch after the other: two at a time could overtake each other within a group. */
async function inBatches (
  messages: readonly Outgoing[], send: (batch: readonly Outgoing[]) => Promise<readonly FailedEntry[]>
): Promise<Refused> {
  const refused = new Map<string, Error>()
  const stopped = new Set<string>()
  for (let at = 0; at < messages.length; at += BATCH) {
    // A group with a refused message must not go on, or its order is lost.
    const batch = messages.slice(at, at + BATCH).filter(message => !stopped.has(message.group))
    for (const message of messages.slice(at, at + BATCH)) {
      if (stopped.has(message.group)) refused.set(message.dedupe, new Error('behind a refused message of its group'))
    }
    if (batch.length === 0) continue
    for (const { Id, Message, Code } of await send(batch)) {
      const message = batch[Number(Id)]!
      refused.set(message.dedupe, new Error(`${Code ?? 'refused'} ${Message ?? ''}`))
      stopped.add(message.group)
    }
  }
  return refused
}

async function stats (sqs: SQSClient, topology: Topology, queue: string) {
  const count = async (name: string): Promise<[number, number]> => {
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: await topology.queueUrl(name),
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] }))
    return [Number(Attributes?.ApproximateNumberOfMessages ?? 0),
      Number(Attributes?.ApproximateNumberOfMessagesNotVisible ?? 0)]
  }
  const [waiting, inFlight] = await count(queue)
  const [dead] = await count(deadLetterName(queue))
  // SQS tells the age of the oldest message only to CloudWatch.
  return { queue, waiting, inFlight, dead, oldestMs: 0 }
}

/** What is down, throttled or not reachable may be asked again; everything else is the caller's fault. */
function busError (error: unknown, options: AwsBusOptions): unknown {
  if (!(error instanceof Error) || 'canRetry' in error) return error
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
  const away = status === undefined || status >= 500 || status === 429 || '$retryable' in error
  return away
    ? messagingError('E_BUS_DOWN', [options.endpoint ?? options.region, error.message || error.name], { cause: error })
    : error
}
