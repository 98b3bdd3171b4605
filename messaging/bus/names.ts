/**
 * Names of queues and topics: what SQS and SNS take, on every bus, so that a service whose bus is another one tomorrow
 * keeps its names.
 */
import { messagingError } from '../errors.ts'

/** The dead letters' queue of a queue. */
export function deadLetterName (queue: string): string {
  return queue.replace(/\.fifo$/, '-dlq.fifo')
}

/** Throws E_BUS_NAME for what SQS takes as no queue's name: 80 characters with the suffix. */
export function checkQueueName (name: string): void {
  check('queue', name, 80)
}

/** Throws E_BUS_NAME for what SNS takes as no topic's name: 256 characters with the suffix. */
export function checkTopicName (name: string): void {
  check('topic', name, 256)
}

function check (kind: string, name: string, most: number): void {
  if (/^[A-Za-z0-9_-]+\.fifo$/.test(name) && name.length <= most) return
  throw messagingError('E_BUS_NAME', [JSON.stringify(name), kind, most])
}
