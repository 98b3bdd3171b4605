/**
 * The bus on SNS and SQS, both FIFO: a topic per service, a queue per service, the group as MessageGroupId.
 *
 * SQS counts receives, tries are counted here; its redrive policy only catches what is beyond us. A dead letter is sent
 * to the DLQ with its error first and deleted second: killed in between, it comes once more.
 */
import { systemClock } from '../../clock.ts'
import type { Bus, Outgoing, QueueStat } from '../bus.ts'
import { Consumers } from '../consumers.ts'
import { deadLetterName } from '../names.ts'
import { AwsCalls } from './calls.ts'
import { consumeSqs } from './consumer.ts'
import { SqsDeadLetters } from './dead-letters.ts'
import { SNS_BYTES, SQS_BYTES } from './limits.ts'
import { idOf } from './names.ts'
import type { AwsBusOptions } from './options.ts'
import { Places } from './places.ts'
import { Provision, RETENTION_SECONDS } from './provision.ts'
import { entryOf, sendInBatches } from './sending.ts'

export function awsBus (options: AwsBusOptions): Bus {
  const where = options.endpoint === undefined ? options.region : `${options.region} at ${new URL(options.endpoint).host}`
  const calls = new AwsCalls(options, where)
  const places = new Places(calls)
  const provision = new Provision(calls, places, options.provision, options.clock ?? systemClock)
  const consumers = new Consumers()
  const letters = new Map<string, SqsDeadLetters>()

  return {
    description: `SNS/SQS ${where}`,
    retentionMs: RETENTION_SECONDS * 1000,
    provision: (queue, subscriptions, topic) => provision.ensure(queue, subscriptions, topic),
    unsubscribe: (queue, subscription) => provision.unsubscribe(queue, subscription),
    publish: async (topic, messages) => {
      const arn = await places.topicArn(topic)
      return sendInBatches(messages, SNS_BYTES, batch => calls.publish(arn,
        batch.map((message, at) => ({ Message: message.body, ...entryOfGroup(message, at) }))))
    },
    send: async (queue, messages) => {
      const url = await places.queueUrl(queue)
      return sendInBatches(messages, SQS_BYTES, batch => calls.send(url,
        batch.map((message, at) => ({ MessageBody: message.body, ...entryOfGroup(message, at) }))))
    },
    consume: (queue, handler, consumeOptions = {}) =>
      consumers.add(consumeSqs(calls, places, queue, handler, { ...options, ...consumeOptions })),
    dlq: queue => {
      const known = letters.get(queue) ??
        new SqsDeadLetters(calls, places, queue, { waitSeconds: Math.min(options.waitSeconds ?? 1, 1) })
      letters.set(queue, known)
      return known
    },
    stats: queue => stats(calls, places, queue),
    close: async () => {
      await consumers.stop()
      calls.close()
    }
  }
}

function entryOfGroup (message: Outgoing, at: number) {
  return entryOf(message, at, idOf(message.group))
}

async function stats (calls: AwsCalls, places: Places, queue: string): Promise<QueueStat> {
  const count = async (name: string): Promise<[number, number]> => {
    const { ApproximateNumberOfMessages: visible = 0, ApproximateNumberOfMessagesNotVisible: invisible = 0 } =
      await calls.queueAttributes(await places.queueUrl(name),
        ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'])
    return [Number(visible), Number(invisible)]
  }
  const [waiting, inFlight] = await count(queue)
  // Those that somebody looks at are letters, too.
  const [dead, looked] = await count(deadLetterName(queue))
  // SQS tells the age of the oldest message only to CloudWatch.
  return { queue, waiting, inFlight, dead: dead + looked, oldestMs: 0 }
}
