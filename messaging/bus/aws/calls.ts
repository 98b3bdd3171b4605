/**
 * The calls to SNS and SQS, each with its deadline and with errors that say what they mean. The SDK repeats nothing by
 * itself: the relay, the consumer's loop and the hand do, each at its own pace, and two that repeat would multiply.
 */
import {
  CreateTopicCommand, GetSubscriptionAttributesCommand, GetTopicAttributesCommand, ListSubscriptionsByTopicCommand,
  PublishBatchCommand, SetSubscriptionAttributesCommand, SNSClient, SubscribeCommand, UnsubscribeCommand,
  type PublishBatchRequestEntry
} from '@aws-sdk/client-sns'
import {
  ChangeMessageVisibilityBatchCommand, CreateQueueCommand, DeleteMessageBatchCommand, GetQueueAttributesCommand,
  GetQueueUrlCommand, ReceiveMessageCommand, SendMessageBatchCommand, SetQueueAttributesCommand, SQSClient,
  type ChangeMessageVisibilityBatchRequestEntry, type DeleteMessageBatchRequestEntry, type Message,
  type QueueAttributeName, type ReceiveMessageCommandInput, type SendMessageBatchRequestEntry
} from '@aws-sdk/client-sqs'
import { systemClock, type Clock } from '../../clock.ts'
import { failureOf } from './failures.ts'
import type { AwsBusOptions } from './options.ts'

export type QueueAttributes = Partial<Record<QueueAttributeName, string>>
type Texts = Readonly<Record<string, string>>

/** What SNS and SQS say of an entry they did not take. */
export interface FailedEntry {
  readonly Id?: string | undefined
  readonly Code?: string | undefined
  readonly Message?: string | undefined
}

/** The longest an answer is waited for, beside the wait that a receive asks for. */
const DEADLINE_MS = 10_000

export class AwsCalls {
  readonly #sns: SNSClient
  readonly #sqs: SQSClient
  readonly #clock: Clock
  readonly #where: string

  constructor (options: AwsBusOptions, where: string) {
    const config = { region: options.region, maxAttempts: 1,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }) }
    this.#sns = new SNSClient(config)
    this.#sqs = new SQSClient(config)
    this.#clock = options.clock ?? systemClock
    this.#where = where
  }

  close (): void {
    this.#sns.destroy()
    this.#sqs.destroy()
  }

  async publish (TopicArn: string, entries: PublishBatchRequestEntry[]): Promise<readonly FailedEntry[]> {
    const command = new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: entries })
    return (await this.#ask('sns:Publish', topicOf(TopicArn), signal => this.#sns.send(command, signal))).Failed ?? []
  }

  async send (QueueUrl: string, Entries: SendMessageBatchRequestEntry[]): Promise<readonly FailedEntry[]> {
    const command = new SendMessageBatchCommand({ QueueUrl, Entries })
    return (await this.#ask('sqs:SendMessage', queueOf(QueueUrl), signal => this.#sqs.send(command, signal))).Failed ?? []
  }

  async receive (input: ReceiveMessageCommandInput): Promise<readonly Message[]> {
    const command = new ReceiveMessageCommand(input)
    const waitMs = (input.WaitTimeSeconds ?? 0) * 1000
    const answer = await this.#ask('sqs:ReceiveMessage', queueOf(input.QueueUrl!),
      signal => this.#sqs.send(command, signal), DEADLINE_MS + waitMs)
    return answer.Messages ?? []
  }

  async remove (QueueUrl: string, Entries: DeleteMessageBatchRequestEntry[]): Promise<readonly FailedEntry[]> {
    const command = new DeleteMessageBatchCommand({ QueueUrl, Entries })
    return (await this.#ask('sqs:DeleteMessage', queueOf(QueueUrl), signal => this.#sqs.send(command, signal))).Failed ?? []
  }

  async changeVisibility (
    QueueUrl: string, Entries: ChangeMessageVisibilityBatchRequestEntry[]
  ): Promise<readonly FailedEntry[]> {
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries })
    return (await this.#ask('sqs:ChangeMessageVisibility', queueOf(QueueUrl),
      signal => this.#sqs.send(command, signal))).Failed ?? []
  }

  /** One that is there, and was made otherwise, is no error. */
  async createQueue (QueueName: string, Attributes: QueueAttributes): Promise<void> {
    const command = new CreateQueueCommand({ QueueName, Attributes })
    await this.#ask('sqs:CreateQueue', `queue ${QueueName}`, signal => this.#sqs.send(command, signal)).catch(ifItExists)
  }

  /** Throws E_BUS_PROVISION when there is none. */
  async queueUrl (QueueName: string): Promise<string> {
    const command = new GetQueueUrlCommand({ QueueName })
    const answer = await this.#ask('sqs:GetQueueUrl', `queue ${QueueName}`, signal => this.#sqs.send(command, signal))
    return answer.QueueUrl!
  }

  async queueAttributes (QueueUrl: string, AttributeNames: QueueAttributeName[]): Promise<QueueAttributes> {
    const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames })
    const answer = await this.#ask('sqs:GetQueueAttributes', queueOf(QueueUrl), signal => this.#sqs.send(command, signal))
    return answer.Attributes ?? {}
  }

  async setQueueAttributes (QueueUrl: string, Attributes: QueueAttributes): Promise<void> {
    const command = new SetQueueAttributesCommand({ QueueUrl, Attributes })
    await this.#ask('sqs:SetQueueAttributes', queueOf(QueueUrl), signal => this.#sqs.send(command, signal))
  }

  async createTopic (Name: string, Attributes: Texts): Promise<void> {
    const command = new CreateTopicCommand({ Name, Attributes })
    await this.#ask('sns:CreateTopic', `topic ${Name}`, signal => this.#sns.send(command, signal))
  }

  /** Throws E_BUS_PROVISION when there is none. */
  async checkTopic (TopicArn: string): Promise<void> {
    const command = new GetTopicAttributesCommand({ TopicArn })
    await this.#ask('sns:GetTopicAttributes', topicOf(TopicArn), signal => this.#sns.send(command, signal))
  }

  async subscribe (TopicArn: string, Endpoint: string, Attributes: Texts): Promise<void> {
    const command = new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes })
    await this.#ask('sns:Subscribe', topicOf(TopicArn), signal => this.#sns.send(command, signal))
  }

  async unsubscribe (TopicArn: string, SubscriptionArn: string): Promise<void> {
    const command = new UnsubscribeCommand({ SubscriptionArn })
    await this.#ask('sns:Unsubscribe', topicOf(TopicArn), signal => this.#sns.send(command, signal))
  }

  /** The ARN of a queue's subscription, if it has one. */
  async subscriptionArn (TopicArn: string, queueArn: string): Promise<string | undefined> {
    let NextToken: string | undefined
    do {
      const command = new ListSubscriptionsByTopicCommand({ TopicArn, NextToken })
      const page = await this.#ask('sns:ListSubscriptionsByTopic', topicOf(TopicArn), signal => this.#sns.send(command, signal))
      const found = page.Subscriptions?.find(one => one.Endpoint === queueArn)
      if (found !== undefined) return found.SubscriptionArn
      NextToken = page.NextToken
    } while (NextToken !== undefined)
    return undefined
  }

  async subscriptionAttributes (TopicArn: string, SubscriptionArn: string): Promise<Texts> {
    const command = new GetSubscriptionAttributesCommand({ SubscriptionArn })
    const answer = await this.#ask('sns:GetSubscriptionAttributes', topicOf(TopicArn),
      signal => this.#sns.send(command, signal))
    return answer.Attributes ?? {}
  }

  async setSubscription (
    TopicArn: string, SubscriptionArn: string, AttributeName: string, AttributeValue: string
  ): Promise<void> {
    const command = new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue })
    await this.#ask('sns:SetSubscriptionAttributes', topicOf(TopicArn), signal => this.#sns.send(command, signal))
  }

  async #ask<Answer> (
    right: string, on: string, ask: (options: { abortSignal: AbortSignal }) => Promise<Answer>, deadlineMs = DEADLINE_MS
  ): Promise<Answer> {
    const over = new AbortController()
    const cancel = this.#clock.after(deadlineMs, () => { over.abort() })
    try {
      return await ask({ abortSignal: over.signal })
    } catch (error) {
      throw failureOf(error, { right, on }, this.#where)
    } finally {
      cancel()
    }
  }
}

function topicOf (arn: string): string {
  return `topic ${arn.slice(arn.lastIndexOf(':') + 1)}`
}

function queueOf (url: string): string {
  return `queue ${url.slice(url.lastIndexOf('/') + 1)}`
}

function ifItExists (error: unknown): void {
  if (!(error instanceof Error) || !/QueueAlreadyExists|QueueNameExists/.test(error.name)) throw error
}
