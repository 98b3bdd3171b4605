/** The bus on the strict SNS and SQS, for what AWS does and the emulators do not. */
import type { Test } from 'tap'
import { awsBus, readAwsUrl, type AwsBusOptions } from '../aws.ts'
import type { Clock } from '../clock.ts'
import type { Bus } from '../index.ts'
import type { AccountOptions } from './strict-aws/account.ts'
import type { Call } from './strict-aws/hooks.ts'
import { startStrictAws } from './strict-aws/server.ts'

export const QUEUE = 'test-shop-in.fifo'
export const DEAD = 'test-shop-in-dlq.fifo'
export const TOPIC = 'test-shop-events.fifo'

/** What the entries of a batch say, whichever service it was for. */
export interface SentEntry {
  readonly MessageGroupId: string
  readonly MessageDeduplicationId: string
  readonly MessageBody?: string
  readonly Message?: string
}

export async function awsRig (t: Test, options: Partial<AccountOptions> = {}) {
  const server = await startStrictAws(options)
  t.teardown(() => server.stop())
  const { account } = server
  const clock: { clock?: Clock } = options.clock === undefined ? {} : { clock: options.clock }
  const connect = (over: Partial<AwsBusOptions> = {}): Bus => {
    const bus = awsBus({ ...readAwsUrl(`aws://eu-central-1?endpoint=${server.endpoint}`, true), ...clock, waitSeconds: 1,
      visibilitySeconds: 2, retryDelaysMs: [0, 0, 0, 0], probeMs: 20, ...over })
    t.teardown(() => bus.close())
    return bus
  }
  return { account, hooks: account.hooks, endpoint: server.endpoint, connect }
}

/** The calls of an action so far. */
export function callsOf (calls: readonly Call[], action: string): readonly Call[] {
  return calls.filter(call => call.action === action)
}

/** The batches that were sent to queues and topics with something in them, in the order of their calls. */
export function batchesOf (calls: readonly Call[]): ReadonlyArray<readonly SentEntry[]> {
  return calls.map(({ input }) => (input.Entries ?? input.PublishBatchRequestEntries ?? []) as SentEntry[])
    .filter(entries => entries.length > 0 && 'MessageGroupId' in entries[0]!)
}
