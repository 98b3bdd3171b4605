/** Topics, queues and subscriptions on AWS: found, or created where that is allowed. */
import {
  CreateTopicCommand, ListSubscriptionsByTopicCommand, SetSubscriptionAttributesCommand, SubscribeCommand,
  type SNSClient
} from '@aws-sdk/client-sns'
import {
  CreateQueueCommand, GetQueueAttributesCommand, GetQueueUrlCommand, SetQueueAttributesCommand, type QueueAttributeName,
  type SQSClient
} from '@aws-sdk/client-sqs'
import { messagingError } from '../../errors.ts'
import type { Subscription } from '../bus.ts'
import { MAX_TRIES } from '../bus.ts'

const DAY_SECONDS = 86_400

/** The dead letters' queue of a queue. */
export function deadLetterName (queue: string): string {
  return queue.replace(/\.fifo$/, '-dlq.fifo')
}

export class Topology {
  readonly #sns: SNSClient
  readonly #sqs: SQSClient
  readonly #provision: boolean
  readonly #visibilitySeconds: number
  readonly #urls = new Map<string, string>()
  readonly #arns = new Map<string, string>()

  constructor (sns: SNSClient, sqs: SQSClient, provision: boolean, visibilitySeconds: number) {
    this.#sns = sns
    this.#sqs = sqs
    this.#provision = provision
    this.#visibilitySeconds = visibilitySeconds
  }

  async ensure (queue: string, subscriptions: readonly Subscription[], ownTopic: string): Promise<void> {
    await this.topicArn(ownTopic)
    await this.#ensureQueue(queue)
    for (const subscription of subscriptions) await this.#subscribe(queue, subscription)
  }

  /** A queue's URL, asked for once. */
  async queueUrl (queue: string): Promise<string> {
    const known = this.#urls.get(queue)
    if (known !== undefined) return known
    const url = await this.#findQueue(queue)
    if (url === undefined) throw messagingError('E_BUS_PROVISION', [`queue ${queue}`])
    this.#urls.set(queue, url)
    return url
  }

  /**
   * A topic's ARN. CreateTopic answers with the ARN of one that is there already; without the right to create, the
   * ARN is composed from the queue's, which lies in the same account and region.
   */
  async topicArn (topic: string): Promise<string> {
    const known = this.#arns.get(topic)
    if (known !== undefined) return known
    if (!this.#provision) return this.#composeArn(topic)
    const { TopicArn } = await this.#sns.send(new CreateTopicCommand({ Name: topic,
      Attributes: { FifoTopic: 'true', ContentBasedDeduplication: 'false', FifoThroughputScope: 'MessageGroup' } }))
    this.#arns.set(topic, TopicArn!)
    return TopicArn!
  }

  async #composeArn (topic: string): Promise<string> {
    // Every service that publishes has a queue of the same prefix and name.
    const queueArn = await this.queueArn(topic.replace(/-events\.fifo$/, '-in.fifo'))
    const arn = queueArn.replace(':sqs:', ':sns:').replace(/[^:]+$/, topic)
    this.#arns.set(topic, arn)
    return arn
  }

  async queueArn (queue: string): Promise<string> {
    const { Attributes } = await this.#sqs.send(new GetQueueAttributesCommand(
      { QueueUrl: await this.queueUrl(queue), AttributeNames: ['QueueArn'] }))
    return Attributes!.QueueArn!
  }

  async #ensureQueue (queue: string): Promise<void> {
    if (await this.#findQueue(queue) !== undefined) return
    if (!this.#provision) throw messagingError('E_BUS_PROVISION', [`queue ${queue}`])
    const dead = deadLetterName(queue)
    await this.#createQueue(dead, { MessageRetentionPeriod: String(14 * DAY_SECONDS) })
    await this.#createQueue(queue, {
      VisibilityTimeout: String(this.#visibilitySeconds),
      ReceiveMessageWaitTimeSeconds: '20',
      MessageRetentionPeriod: String(4 * DAY_SECONDS),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: await this.queueArn(dead),
        // One more than our own count: the verdict is ours, SQS only catches what kills us each time.
        maxReceiveCount: MAX_TRIES + 1 })
    })
  }

  async #createQueue (queue: string, attributes: Partial<Record<QueueAttributeName, string>>): Promise<void> {
    const { QueueUrl } = await this.#sqs.send(new CreateQueueCommand({ QueueName: queue, Attributes: {
      FifoQueue: 'true', DeduplicationScope: 'messageGroup', FifoThroughputLimit: 'perMessageGroupId', ...attributes } }))
    this.#urls.set(queue, QueueUrl!)
  }

  async #findQueue (queue: string): Promise<string | undefined> {
    try {
      return (await this.#sqs.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl
    } catch (error) {
      // The name of this error differs between AWS's two protocols and the emulators.
      if (error instanceof Error && /NonExistentQueue|QueueDoesNotExist/.test(error.name)) return undefined
      throw error
    }
  }

  async #subscribe (queue: string, { topic, types }: Subscription): Promise<void> {
    const [topicArn, queueArn] = [await this.topicArn(topic), await this.queueArn(queue)]
    const filter = JSON.stringify({ type: types })
    const present = await this.#subscription(topicArn, queueArn)
    if (present !== undefined) {
      if (this.#provision) {
        await this.#sns.send(new SetSubscriptionAttributesCommand(
          { SubscriptionArn: present, AttributeName: 'FilterPolicy', AttributeValue: filter }))
      }
      return
    }
    if (!this.#provision) throw messagingError('E_BUS_PROVISION', [`subscription of ${queue} to ${topic}`])
    await this.#allow(queue, queueArn, topicArn)
    await this.#sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: queueArn,
      Attributes: { RawMessageDelivery: 'true', FilterPolicy: filter } }))
  }

  async #subscription (topicArn: string, queueArn: string): Promise<string | undefined> {
    let next: string | undefined
    do {
      const page = await this.#sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: topicArn, NextToken: next }))
      const found = page.Subscriptions?.find(one => one.Endpoint === queueArn)
      if (found !== undefined) return found.SubscriptionArn
      next = page.NextToken
    } while (next !== undefined)
    return undefined
  }

  /** One statement per topic, beside those that are there. */
  async #allow (queue: string, queueArn: string, topicArn: string): Promise<void> {
    const QueueUrl = await this.queueUrl(queue)
    const { Attributes } = await this.#sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy'] }))
    const policy = JSON.parse(Attributes?.Policy || '{"Version":"2012-10-17","Statement":[]}') as
      { Statement: unknown[] }
    policy.Statement.push({ Effect: 'Allow', Principal: { Service: 'sns.amazonaws.com' }, Action: 'sqs:SendMessage',
      Resource: queueArn, Condition: { ArnEquals: { 'aws:SourceArn': topicArn } } })
    await this.#sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: JSON.stringify(policy) } }))
  }
}
