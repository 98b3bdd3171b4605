/** Everything that one account holds in one Region, and how a test may disturb it. */
import type { Clock } from '../../clock.ts'
import { AwsFault } from './fault.ts'
import { Hooks } from './hooks.ts'
import { Meter } from './meter.ts'
import type { Queue, QueueLimits } from './queue.ts'
import type { Delays, Topic } from './topic.ts'

export const REGION = 'eu-central-1'
export const ACCOUNT = '123456789012'

export interface AccountOptions extends Partial<QueueLimits> {
  readonly clock: Clock
  /** Calls of one action a second on a queue or topic without high throughput. Default 300. */
  readonly callsPerSecond?: number
}

export class Account {
  readonly clock: Clock
  readonly hooks = new Hooks()
  readonly meter: Meter
  readonly limits: QueueLimits
  readonly delays: Delays = { filterMs: 0, policyMs: 0 }
  /** By name. */
  readonly queues = new Map<string, Queue>()
  /** By ARN. */
  readonly topics = new Map<string, Topic>()
  /** Where it listens, once it does. */
  endpoint = ''

  constructor ({ clock, inFlight = 20_000, lookThrough = 20_000, callsPerSecond = 300 }: AccountOptions) {
    this.clock = clock
    this.limits = { inFlight, lookThrough }
    this.meter = new Meter(clock, callsPerSecond)
  }

  queueByArn (arn: string): Queue | undefined {
    return [...this.queues.values()].find(queue => queue.arn === arn)
  }

  queueByUrl (url: string): Queue {
    const queue = this.queues.get(url.slice(url.lastIndexOf('/') + 1))
    if (queue === undefined) {
      throw new AwsFault('AWS.SimpleQueueService.NonExistentQueue', 'The specified queue does not exist.')
    }
    return queue
  }

  /** The queue of a name that a test knows to be there. */
  queue (name: string): Queue {
    return this.queueByUrl(`/${name}`)
  }

  topicByArn (arn: string): Topic {
    const topic = this.topics.get(arn)
    if (topic === undefined) throw new AwsFault('NotFound', 'Topic does not exist', 404)
    return topic
  }

  topic (name: string): Topic {
    return this.topicByArn(arnOf('sns', name))
  }
}

export function arnOf (service: 'sns' | 'sqs', name: string): string {
  return `arn:aws:${service}:${REGION}:${ACCOUNT}:${name}`
}
