/** What may be said of a queue, and what stands where nothing is said ("CreateQueue", "Amazon SQS message quotas"). */
import { AwsFault, invalidValue } from './fault.ts'
import type { Queue } from './queue.ts'

export type QueueAttributes = Readonly<Record<string, string>>

export const DEFAULT_ATTRIBUTES: QueueAttributes = {
  VisibilityTimeout: '30',
  MessageRetentionPeriod: '345600',
  MaximumMessageSize: '1048576',
  ReceiveMessageWaitTimeSeconds: '0',
  DelaySeconds: '0',
  FifoQueue: 'true',
  ContentBasedDeduplication: 'false',
  DeduplicationScope: 'queue',
  FifoThroughputLimit: 'perQueue'
}

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  VisibilityTimeout: [0, 43_200],
  MessageRetentionPeriod: [60, 1_209_600],
  MaximumMessageSize: [1024, 1_048_576],
  ReceiveMessageWaitTimeSeconds: [0, 20],
  DelaySeconds: [0, 900]
}

/** Throws what SQS says of attributes that cannot be; `find` knows the queues by ARN. */
export function checkQueueAttributes (given: QueueAttributes, find: (arn: string) => Queue | undefined): void {
  for (const [name, value] of Object.entries(given)) {
    const range = RANGES[name]
    if (range !== undefined) checkWhole(name, value, range)
    else if (name === 'Policy') checkPolicy(value)
    else if (name === 'RedrivePolicy') checkRedrivePolicy(value, find)
    else if (DEFAULT_ATTRIBUTES[name] === undefined) throw new AwsFault('InvalidAttributeName', `Unknown Attribute ${name}.`)
  }
}

export interface RedrivePolicy {
  readonly deadLetterTargetArn: string
  readonly maxReceiveCount: number
}

export function readRedrivePolicy (value: string | undefined): RedrivePolicy | undefined {
  if (!value) return undefined
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(value) as Record<string, unknown>
  return { deadLetterTargetArn: String(deadLetterTargetArn), maxReceiveCount: Number(maxReceiveCount) }
}

function checkWhole (name: string, value: string, [least, most]: readonly [number, number]): void {
  if (!/^\d+$/.test(value) || Number(value) < least || Number(value) > most) {
    throw new AwsFault('InvalidAttributeValue', `Invalid value for the parameter ${name}.`)
  }
}

/** "Amazon SQS message quotas": 8,192 bytes and 20 statements. */
function checkPolicy (value: string): void {
  if (value === '') return
  const { Statement: statements } = JSON.parse(value) as { Statement?: unknown[] }
  if (!Array.isArray(statements)) throw new AwsFault('InvalidAttributeValue', 'Invalid value for the parameter Policy.')
  if (Buffer.byteLength(value) > 8192 || statements.length > 20) {
    throw new AwsFault('OverLimit', 'The policy has more than 8192 bytes or more than 20 statements.', 403)
  }
}

/** "Using dead-letter queues": FIFO, of the same account and Region, and it must exist; 1 to 1,000 receives. */
function checkRedrivePolicy (value: string, find: (arn: string) => Queue | undefined): void {
  const policy = readRedrivePolicy(value)
  if (policy === undefined) return
  const { deadLetterTargetArn, maxReceiveCount } = policy
  if (!Number.isInteger(maxReceiveCount) || maxReceiveCount < 1 || maxReceiveCount > 1000) {
    throw invalidValue('RedrivePolicy', value, 'Invalid value for maxReceiveCount.')
  }
  if (find(deadLetterTargetArn) === undefined) {
    throw invalidValue('RedrivePolicy', value, 'Dead letter target does not exist.')
  }
}
