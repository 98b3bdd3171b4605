/** SNS's actions, as the SDK asks for them in its query protocol. */
import { randomUUID } from 'node:crypto'
import { arnOf, type Account } from './account.ts'
import { AwsFault, eachEntry } from './fault.ts'
import type { Arriving } from './queue.ts'
import { bytesOf, checkAttributes, checkBatch, checkFifoId, checkTopicName, type Attributes } from './rules.ts'
import { checkFilter, Topic, type Subscription } from './topic.ts'

type Texts = Readonly<Record<string, string>>
interface TopicInput { readonly TopicArn: string }
interface AttributeInput { readonly AttributeName: string, readonly AttributeValue?: string }

interface PublishEntry {
  readonly Id: string
  readonly Message?: string
  readonly MessageGroupId?: string
  readonly MessageDeduplicationId?: string
  readonly MessageAttributes?: Attributes
}

type Action = (account: Account, input: never) => unknown

const PAGE = 100

export const SNS_ACTIONS: Readonly<Record<string, Action>> = {
  CreateTopic: (account, { Name, Attributes = {} }: { Name: string, Attributes?: Texts }) => {
    const TopicArn = arnOf('sns', Name)
    account.hooks.check('sns', 'CreateTopic', TopicArn)
    checkTopicName(Name)
    createTopic(account, TopicArn, Attributes)
    return { TopicArn }
  },
  GetTopicAttributes: (account, input: TopicInput) =>
    ({ Attributes: texts({ TopicArn: input.TopicArn, ...topicOf(account, 'GetTopicAttributes', input).attributes }) }),
  SetTopicAttributes: (account, input: AttributeInput & TopicInput) => {
    topicOf(account, 'SetTopicAttributes', input).attributes[input.AttributeName] = input.AttributeValue ?? ''
    return {}
  },
  Subscribe: (account, input: TopicInput & { Endpoint: string, Attributes?: Texts }) => {
    const topic = topicOf(account, 'Subscribe', input)
    const { RawMessageDelivery = 'false', FilterPolicy = '' } = input.Attributes ?? {}
    checkFilter(FilterPolicy)
    const present = topic.subscriptions.find(one => one.queueArn === input.Endpoint)
    if (present !== undefined) return { SubscriptionArn: again(present, RawMessageDelivery, FilterPolicy) }
    const arn = `${topic.arn}:${randomUUID()}`
    topic.subscriptions.push({ arn, queueArn: input.Endpoint, raw: RawMessageDelivery === 'true',
      filters: [{ at: account.clock.now(), text: FilterPolicy }] })
    return { SubscriptionArn: arn }
  },
  Unsubscribe: (account, { SubscriptionArn }: { SubscriptionArn: string }) => {
    const { topic, subscription } = subscriptionOf(account, 'Unsubscribe', SubscriptionArn)
    topic.subscriptions.splice(topic.subscriptions.indexOf(subscription), 1)
    return {}
  },
  SetSubscriptionAttributes: (account, input: AttributeInput & { SubscriptionArn: string }) => {
    const { subscription } = subscriptionOf(account, 'SetSubscriptionAttributes', input.SubscriptionArn)
    const value = input.AttributeValue ?? ''
    if (input.AttributeName === 'RawMessageDelivery') subscription.raw = value === 'true'
    if (input.AttributeName === 'FilterPolicy') {
      checkFilter(value)
      subscription.filters.push({ at: account.clock.now(), text: value })
    }
    return {}
  },
  GetSubscriptionAttributes: (account, { SubscriptionArn }: { SubscriptionArn: string }) => {
    const { topic, subscription } = subscriptionOf(account, 'GetSubscriptionAttributes', SubscriptionArn)
    const filter = subscription.filters.at(-1)?.text
    return { Attributes: texts({ SubscriptionArn, TopicArn: topic.arn, Protocol: 'sqs', Endpoint: subscription.queueArn,
      RawMessageDelivery: String(subscription.raw), ...(filter ? { FilterPolicy: filter } : {}) }) }
  },
  ListSubscriptionsByTopic: (account, input: TopicInput & { NextToken?: string }) => {
    const topic = topicOf(account, 'ListSubscriptionsByTopic', input)
    const at = Number(input.NextToken ?? 0)
    const more = topic.subscriptions.length > at + PAGE
    return { Subscriptions: topic.subscriptions.slice(at, at + PAGE).map(({ arn, queueArn }) =>
      ({ SubscriptionArn: arn, Owner: '', Protocol: 'sqs', Endpoint: queueArn, TopicArn: topic.arn })),
    ...(more ? { NextToken: String(at + PAGE) } : {}) }
  },
  PublishBatch: (account, input: TopicInput & { PublishBatchRequestEntries?: PublishEntry[] }) => {
    const [topic, entries] = [topicOf(account, 'PublishBatch', input), input.PublishBatchRequestEntries ?? []]
    checkBatch(entries)
    account.hooks.checkEntries('PublishBatch', entries.map(arriving))
    checkSize(topic, entries)
    return eachEntry(entries, entry => ({ Id: entry.Id, ...publish(account, topic, entry) }))
  }
}

/** What the XML shows as entries of key and value. */
export function texts (all: Texts): Map<string, string> {
  return new Map(Object.entries(all))
}

function createTopic (account: Account, arn: string, attributes: Texts): void {
  const present = account.topics.get(arn)
  if (present === undefined) {
    account.topics.set(arn, new Topic(arn, { ...attributes }, account))
  } else if (!Object.entries(attributes).every(([name, value]) => present.attributes[name] === value)) {
    throw new AwsFault('InvalidParameter', 'Invalid parameter: Attributes Reason: Topic already exists with different attributes')
  }
}

function topicOf (account: Account, action: string, { TopicArn }: TopicInput): Topic {
  account.hooks.check('sns', action, TopicArn)
  const topic = account.topicByArn(TopicArn)
  if (topic.attributes.FifoThroughputScope !== 'MessageGroup') account.meter.count(action, TopicArn)
  return topic
}

function subscriptionOf (account: Account, action: string, arn: string): { topic: Topic, subscription: Subscription } {
  account.hooks.check('sns', action, arn)
  for (const topic of account.topics.values()) {
    const subscription = topic.subscriptions.find(one => one.arn === arn)
    if (subscription !== undefined) return { topic, subscription }
  }
  throw new AwsFault('NotFound', 'Subscription does not exist', 404)
}

function again (present: Subscription, raw: string, filter: string): string {
  if (String(present.raw) === raw && present.filters.at(-1)?.text === filter) return present.arn
  throw new AwsFault('InvalidParameter', 'Invalid parameter: Attributes Reason: Subscription already exists with different attributes')
}

/** "PublishBatch": the sum of all messages, body and attributes, must not exceed the topic's MaximumMessageSize. */
function checkSize (topic: Topic, entries: readonly PublishEntry[]): void {
  const sum = entries.reduce((sum, entry) => sum + bytesOf(entry.Message, entry.MessageAttributes ?? {}), 0)
  if (sum > Number(topic.attributes.MaximumMessageSize)) {
    throw new AwsFault('BatchRequestTooLong', 'The length of all the batch messages put together is more than the limit.')
  }
}

function arriving (entry: PublishEntry): Arriving {
  const { Message: body = '', MessageAttributes: attributes = {} } = entry
  return { body, attributes, group: entry.MessageGroupId ?? '', dedupe: entry.MessageDeduplicationId ?? '' }
}

function publish (account: Account, topic: Topic, entry: PublishEntry): object {
  const { Message: body, MessageAttributes: attributes = {} } = entry
  const { MessageGroupId: group, MessageDeduplicationId: dedupe } = entry
  if (!body) throw new AwsFault('InvalidParameter', 'Invalid parameter: Empty message')
  checkAttributes(attributes)
  checkFifoId('MessageGroupId', group)
  checkFifoId('MessageDeduplicationId', dedupe)
  const message = { body, attributes, group, dedupe }
  account.hooks.checkEntry('PublishBatch', message)
  return topic.publish(message)
}
