/** Where queues and topics are: URLs and ARNs by name, asked for once. */
import { hasCode } from '../../errors.ts'
import { checkQueueName, checkTopicName } from '../names.ts'
import type { AwsCalls } from './calls.ts'

export class Places {
  readonly #calls: AwsCalls
  readonly #urls = new Map<string, string>()
  readonly #arns = new Map<string, string>()

  constructor (calls: AwsCalls) {
    this.#calls = calls
  }

  /** A queue's URL; E_BUS_PROVISION when there is no such queue. */
  async queueUrl (queue: string): Promise<string> {
    checkQueueName(queue)
    const known = this.#urls.get(queue)
    if (known !== undefined) return known
    const url = await this.#calls.queueUrl(queue)
    this.#urls.set(queue, url)
    return url
  }

  async hasQueue (queue: string): Promise<boolean> {
    return this.queueUrl(queue).then(() => true, absent)
  }

  async queueArn (queue: string): Promise<string> {
    const known = this.#arns.get(queue)
    if (known !== undefined) return known
    const { QueueArn } = await this.#calls.queueAttributes(await this.queueUrl(queue), ['QueueArn'])
    this.#arns.set(queue, QueueArn!)
    return QueueArn!
  }

  /**
   * A topic's ARN, whether or not it is there: SNS finds none by name without the right to list or create. It is
   * composed from a queue's, which lies in the same account and Region.
   */
  async topicArn (topic: string): Promise<string> {
    checkTopicName(topic)
    const queueArn = this.#arns.values().next().value ??
      // Every service that publishes has a queue of the same prefix and name.
      await this.queueArn(topic.replace(/-events\.fifo$/, '-in.fifo'))
    return queueArn.replace(':sqs:', ':sns:').replace(/[^:]+$/, topic)
  }

  async hasTopic (topic: string): Promise<boolean> {
    return this.#calls.checkTopic(await this.topicArn(topic)).then(() => true, absent)
  }
}

function absent (error: unknown): boolean {
  if (hasCode(error, 'E_BUS_PROVISION')) return false
  throw error
}
