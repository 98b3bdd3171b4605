/**
 * What a service needs on AWS, as one list from top to bottom: each thing is there, or is put there where that is
 * allowed, or is named. All that is missing is named at once: one start should do, not one for each.
 */
import type { Clock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'
import type { Subscription } from '../bus.ts'
import { deadLetterName } from '../names.ts'
import type { AwsCalls, QueueAttributes } from './calls.ts'
import { canNarrow, narrower, stopped, wider } from './filter.ts'
import { SNS_BYTES } from './limits.ts'
import type { Places } from './places.ts'
import { lets, letting } from './policy.ts'
import { missingRights } from './rights.ts'

/** The longest SQS keeps a message, 14 days. What waits longer is gone: no outage may reach it. */
export const RETENTION_SECONDS = 1_209_600
/**
 * The most SQS allows. Tries are counted by us: SQS counts receives, also those of a message that was given back, or
 * only waited behind another one.
 */
const MAX_RECEIVES = 1000
/** How often something is put there that is not found afterwards, and how long AWS has to find it. */
const TRIES = 3
const SETTLE_MS = 1000

const QUEUE: QueueAttributes = { FifoQueue: 'true', DeduplicationScope: 'messageGroup',
  FifoThroughputLimit: 'perMessageGroupId', MessageRetentionPeriod: String(RETENTION_SECONDS) }
const TOPIC = { FifoTopic: 'true', ContentBasedDeduplication: 'false', FifoThroughputScope: 'MessageGroup' }

export class Provision {
  readonly #calls: AwsCalls
  readonly #places: Places
  readonly #clock: Clock
  /** Whether what is missing may be put there. */
  readonly #may: boolean
  #missing: string[] = []

  constructor (calls: AwsCalls, places: Places, may: boolean, clock: Clock) {
    this.#calls = calls
    this.#places = places
    this.#clock = clock
    this.#may = may
  }

  /** Throws E_BUS_PROVISION with all that is missing, or E_BUS_DENIED with the rights that are. */
  async ensure (queue: string, subscriptions: readonly Subscription[], ownTopic: string): Promise<void> {
    this.#missing = []
    const dead = deadLetterName(queue)
    const hasDead = await this.#ensureQueue(dead)
    // Without a queue nobody knows where the topics would be: see Places.topicArn.
    if (await this.#ensureQueue(queue)) {
      if (hasDead) await this.#ensureRedrive(queue, dead)
      await this.#ensureTopic(ownTopic)
      for (const subscription of subscriptions) await this.#ensureSubscription(queue, subscription)
    }
    if (this.#missing.length > 0) throw messagingError('E_BUS_PROVISION', [this.#missing.join(', no ')])
    const rights = await missingRights(this.#calls, this.#places, { queue, dead, topic: ownTopic })
    if (rights.length > 0) throw messagingError('E_BUS_DENIED', [rights.join(', '), 'asked at start'])
  }

  /** Takes types out of a subscription, and ends one of which nothing is left. */
  async unsubscribe (queue: string, { topic, types }: Subscription): Promise<void> {
    const [topicArn, queueArn] = [await this.#places.topicArn(topic), await this.#places.queueArn(queue)]
    const subscription = await this.#calls.subscriptionArn(topicArn, queueArn)
    if (subscription === undefined) return
    const { FilterPolicy: filter } = await this.#calls.subscriptionAttributes(topicArn, subscription)
    if (!canNarrow(filter, types)) throw messagingError('E_BUS_FILTER', [queue, topic])
    const left = narrower(filter, types)
    if (left === undefined) await this.#calls.unsubscribe(topicArn, subscription)
    else await this.#calls.setSubscription(topicArn, subscription, 'FilterPolicy', left)
  }

  /** Puts there what is missing, or notes its name. Returns whether it is there now. */
  async #need (what: string, there: () => Promise<boolean>, put: () => Promise<void>): Promise<boolean> {
    if (await there()) return true
    if (!this.#may) this.#missing.push(what)
    else await this.#put(there, put)
    return this.#may
  }

  /** Looks again: of two instances that write at once one writes over the other, and AWS knows a new queue late. */
  async #put (there: () => Promise<boolean>, put: () => Promise<void>): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      await put()
      if (await there()) return
      await this.#clock.delay(SETTLE_MS)
      if (await there()) return
    }
  }

  async #ensureQueue (queue: string): Promise<boolean> {
    const there = await this.#need(`queue ${queue}`, () => this.#places.hasQueue(queue),
      () => this.#calls.createQueue(queue, QUEUE))
    if (!there) return false
    await this.#ensureAttribute(queue, 'MessageRetentionPeriod', RETENTION_SECONDS)
    await this.#ensureAttribute(queue, 'MaximumMessageSize', SNS_BYTES)
    return true
  }

  async #ensureAttribute (queue: string, name: 'MessageRetentionPeriod' | 'MaximumMessageSize', least: number): Promise<void> {
    const url = await this.#places.queueUrl(queue)
    const there = async () => Number((await this.#calls.queueAttributes(url, [name]))[name] ?? least) >= least
    await this.#need(`${name} of ${least} at queue ${queue}`, there,
      () => this.#calls.setQueueAttributes(url, { [name]: String(least) }))
  }

  /** That of an older provision is replaced: it moved what was received six times, handled or not. */
  async #ensureRedrive (queue: string, dead: string): Promise<void> {
    const [url, deadArn] = [await this.#places.queueUrl(queue), await this.#places.queueArn(dead)]
    const policy = JSON.stringify({ deadLetterTargetArn: deadArn, maxReceiveCount: MAX_RECEIVES })
    const there = async () => {
      const { RedrivePolicy } = await this.#calls.queueAttributes(url, ['RedrivePolicy'])
      const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(RedrivePolicy || '{}') as Record<string, unknown>
      return deadLetterTargetArn === deadArn && Number(maxReceiveCount) >= MAX_RECEIVES
    }
    await this.#need(`RedrivePolicy of ${MAX_RECEIVES} receives from queue ${queue} to ${dead}`, there,
      () => this.#calls.setQueueAttributes(url, { RedrivePolicy: policy }))
  }

  async #ensureTopic (topic: string): Promise<boolean> {
    return this.#need(`topic ${topic}`, () => this.#places.hasTopic(topic), () => this.#calls.createTopic(topic, TOPIC))
  }

  async #ensureSubscription (queue: string, { topic, types }: Subscription): Promise<void> {
    if (!await this.#ensureTopic(topic)) return
    const [topicArn, queueArn] = [await this.#places.topicArn(topic), await this.#places.queueArn(queue)]
    // Before the subscription: what is published in between would be lost.
    await this.#ensurePolicy(queue, queueArn, topic, topicArn)
    const find = () => this.#calls.subscriptionArn(topicArn, queueArn)
    const there = await this.#need(`subscription of ${queue} to ${topic}`, async () => await find() !== undefined,
      () => this.#calls.subscribe(topicArn, queueArn, { RawMessageDelivery: 'true', FilterPolicy: wider(undefined, types) }))
    const arn = there ? await find() : undefined
    if (arn !== undefined) await this.#ensureDelivery(`${queue} to ${topic}`, topicArn, arn, types)
  }

  async #ensurePolicy (queue: string, queueArn: string, topic: string, topicArn: string): Promise<void> {
    const url = await this.#places.queueUrl(queue)
    const policy = async () => (await this.#calls.queueAttributes(url, ['Policy'])).Policy
    await this.#need(`policy that lets ${topic} send to ${queue}`, async () => lets(await policy(), topicArn),
      async () => this.#calls.setQueueAttributes(url, { Policy: letting(await policy(), queueArn, topicArn) }))
  }

  /** Bodies as they were sent, and at least the types that are handled here. */
  async #ensureDelivery (subscription: string, topicArn: string, arn: string, types: readonly string[]): Promise<void> {
    const attributes = () => this.#calls.subscriptionAttributes(topicArn, arn)
    await this.#need(`RawMessageDelivery for ${subscription}`, async () => (await attributes()).RawMessageDelivery === 'true',
      () => this.#calls.setSubscription(topicArn, arn, 'RawMessageDelivery', 'true'))
    const absent = async () => stopped((await attributes()).FilterPolicy, types)
    await this.#need(`${(await absent()).join(', ')} in the filter of ${subscription}`,
      async () => (await absent()).length === 0,
      async () => this.#calls.setSubscription(topicArn, arn, 'FilterPolicy', wider((await attributes()).FilterPolicy, types)))
  }
}
