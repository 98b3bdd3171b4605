/** The SDK on a strict SNS and SQS whose time stands still, and short ways to ask it. */
import {
  CreateTopicCommand, PublishBatchCommand, SNSClient, SubscribeCommand, type PublishBatchRequestEntry
} from '@aws-sdk/client-sns'
import {
  ChangeMessageVisibilityCommand, CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand,
  SendMessageBatchCommand, SetQueueAttributesCommand, SQSClient, type Message, type ReceiveMessageCommandInput,
  type SendMessageBatchRequestEntry
} from '@aws-sdk/client-sqs'
import type { Test } from 'tap'
import { ManualClock } from '../manual-clock.ts'
import type { AccountOptions } from './account.ts'
import { startStrictAws } from './server.ts'

/** Attributes of a FIFO queue with the high throughput of its groups. */
export const HIGH = { FifoQueue: 'true', DeduplicationScope: 'messageGroup', FifoThroughputLimit: 'perMessageGroupId' }

export async function rig (t: Test, options: Partial<AccountOptions> = {}) {
  const clock = new ManualClock()
  const aws = await startStrictAws({ clock, ...options })
  const { account, endpoint } = aws
  const credentials = { accessKeyId: 'a', secretAccessKey: 's' }
  const config = { region: 'eu-central-1', endpoint, maxAttempts: 1, credentials }
  const [sns, sqs] = [new SNSClient(config), new SQSClient(config)]
  t.teardown(async () => {
    sns.destroy()
    sqs.destroy()
    await aws.stop()
  })
  return { clock, account, sns, sqs, ...queueCalls(sqs), ...topicCalls(sns) }
}

function queueCalls (sqs: SQSClient) {
  return {
    create: async (QueueName: string, Attributes: Record<string, string> = HIGH) =>
      (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl!,
    send: async (QueueUrl: string, ...Entries: SendMessageBatchRequestEntry[]) =>
      sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries })),
    receive: async (QueueUrl: string, input: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> =>
      (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0,
        MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'], ...input }))).Messages ?? [],
    change: async (QueueUrl: string, ReceiptHandle: string, VisibilityTimeout: number) =>
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout })),
    remove: async (QueueUrl: string, ReceiptHandle: string) =>
      sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })),
    set: async (QueueUrl: string, Attributes: Record<string, string>) =>
      sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }))
  }
}

function topicCalls (sns: SNSClient) {
  return {
    topic: async (Name: string, Attributes: Record<string, string> = {}) =>
      (await sns.send(new CreateTopicCommand({ Name, Attributes: { FifoTopic: 'true', ...Attributes } }))).TopicArn!,
    publish: async (TopicArn: string, ...entries: PublishBatchRequestEntry[]) =>
      sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: entries })),
    subscribe: async (TopicArn: string, Endpoint: string, FilterPolicy: string, RawMessageDelivery = 'true') =>
      (await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint,
        Attributes: { RawMessageDelivery, FilterPolicy } }))).SubscriptionArn!
  }
}

/** A message for a queue. */
export const entry = (Id: string, group: string, MessageBody = Id): SendMessageBatchRequestEntry =>
  ({ Id, MessageBody, MessageGroupId: group, MessageDeduplicationId: Id })

/** A message for a topic. */
export const news = (Id: string, group: string, type = 'a', Message = Id): PublishBatchRequestEntry =>
  ({ Id, Message, MessageGroupId: group, MessageDeduplicationId: Id, MessageAttributes: { type: attribute(type) } })

export const bodies = (messages: readonly Message[]) => messages.map(message => message.Body)

export const attribute = (StringValue: string, DataType = 'String') => ({ DataType, StringValue })

/** A queue's policy that lets a topic send to it. */
export const allow = (topicArn: string) => JSON.stringify({ Statement: [{ Effect: 'Allow', Action: 'sqs:SendMessage',
  Principal: { Service: 'sns.amazonaws.com' }, Resource: '*', Condition: { ArnEquals: { 'aws:SourceArn': topicArn } } }] })
