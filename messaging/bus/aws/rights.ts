/**
 * Whether a service may do what it will do, asked by calls that change nothing: batches without entries, and a receive
 * of eleven. Where AWS looks at rights first, a missing one is known at start; where it looks at the call first, the
 * first use tells.
 */
import { hasCode } from '../../errors.ts'
import type { AwsCalls } from './calls.ts'
import type { Places } from './places.ts'

export interface Used { readonly queue: string, readonly dead: string, readonly topic: string }

/** `sns:Publish on topic x`, for each right that is missing. */
export async function missingRights (calls: AwsCalls, places: Places, { queue, dead, topic }: Used): Promise<string[]> {
  const [url, deadUrl, arn] = [await places.queueUrl(queue), await places.queueUrl(dead), await places.topicArn(topic)]
  const asked: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
    [`sns:Publish on topic ${topic}`, () => calls.publish(arn, [])],
    // An emulator that takes eleven gives what it brings back at once.
    [`sqs:ReceiveMessage on queue ${queue}`,
      () => calls.receive({ QueueUrl: url, MaxNumberOfMessages: 11, VisibilityTimeout: 0, WaitTimeSeconds: 0 })],
    [`sqs:DeleteMessage on queue ${queue}`, () => calls.remove(url, [])],
    [`sqs:ChangeMessageVisibility on queue ${queue}`, () => calls.changeVisibility(url, [])],
    [`sqs:SendMessage on queue ${dead}`, () => calls.send(deadUrl, [])]
  ]
  const missing: string[] = []
  for (const [right, ask] of asked) {
    if (await ask().then(() => false, isDenied)) missing.push(right)
  }
  return missing
}

/** Every other error is the one that was asked for. */
function isDenied (error: unknown): boolean {
  return hasCode(error, 'E_BUS_DENIED')
}
