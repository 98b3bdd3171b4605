/**
 * Consuming from SQS: each receive brings up to ten messages, sorted into lanes by group. A lane is handled in order,
 * lanes side by side. When a message fails, its lane stops, and it and all behind it are given back, the last first, so
 * that none of them can come before the failed one.
 */
import {
  ChangeMessageVisibilityCommand, DeleteMessageBatchCommand, ReceiveMessageCommand, type Message, type SQSClient
} from '@aws-sdk/client-sqs'
import { systemClock } from '../../clock.ts'
import type { Envelope } from '../../envelope.ts'
import { Poison } from '../../errors.ts'
import type { ConsumeOptions, Handler } from '../bus.ts'
import { handle, type Verdict } from '../handling.ts'
import { keepReceiving } from '../receiving.ts'
import { bury } from './dead-letters.ts'
import type { AwsBusOptions } from './options.ts'
import type { Topology } from './topology.ts'

const RECEIVE = 10

export function consumeSqs (
  sqs: SQSClient, topology: Topology, queue: string, handler: Handler, options: AwsBusOptions & ConsumeOptions
): () => Promise<void> {
  const clock = options.clock ?? systemClock
  const lanes = options.lanes ?? 16
  const visibilityMs = options.visibilityMs ?? (options.visibilitySeconds ?? 30) * 1000
  const stopping = new AbortController()
  const working = new Set<Promise<void>>()

  const visibility = async (message: Message, ms: number): Promise<void> => {
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: await topology.queueUrl(queue),
      ReceiptHandle: message.ReceiptHandle!, VisibilityTimeout: Math.ceil(ms / 1000) }))
  }

  /** Waits here while the surroundings are down: given back, each probe would count as a receive. */
  const judge = async (message: Message, behind: readonly Message[]): Promise<Verdict> => {
    for (;;) {
      const verdict = await tryOnce(message, behind)
      if (verdict.kind !== 'wait' || stopping.signal.aborted) return verdict
      await clock.delay(verdict.delayMs, stopping.signal)
    }
  }

  const tryOnce = (message: Message, behind: readonly Message[]): Promise<Verdict> => {
    let envelope: Envelope
    try {
      envelope = JSON.parse(message.Body ?? '') as Envelope
    } catch (cause) {
      return Promise.resolve({ kind: 'dead', error: new Poison('the body is no JSON', { cause }).toString() })
    }
    return handle(handler, { envelope, tries: Number(message.Attributes?.ApproximateReceiveCount ?? 1) }, {
      clock,
      probeMs: options.probeMs ?? 1000,
      extendEveryMs: visibilityMs / 3,
      // Those behind wait in our hands for as long as this one takes.
      extend: async () => { await Promise.all([message, ...behind].map(one => visibility(one, visibilityMs))) },
      ...(options.retryDelaysMs === undefined ? {} : { delaysMs: options.retryDelaysMs })
    })
  }

  const lane = async (messages: readonly Message[]): Promise<void> => {
    const done: Message[] = []
    for (const [at, message] of messages.entries()) {
      const behind = messages.slice(at + 1)
      const verdict = await judge(message, behind)
      if (verdict.kind === 'retry' || verdict.kind === 'wait') {
        await remove(sqs, topology, queue, done)
        for (const one of behind.toReversed()) await visibility(one, verdict.delayMs).catch(() => {})
        await visibility(message, verdict.delayMs).catch(() => {})
        return
      }
      if (verdict.kind === 'dead') await bury(sqs, topology, queue, message, verdict.error)
      done.push(message)
    }
    await remove(sqs, topology, queue, done)
  }

  const receive = async (down: boolean): Promise<void> => {
    if (working.size >= lanes) return Promise.race(working)
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: await topology.queueUrl(queue),
      MaxNumberOfMessages: RECEIVE, WaitTimeSeconds: down ? 0 : options.waitSeconds ?? 20,
      VisibilityTimeout: Math.ceil(visibilityMs / 1000), MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId'] }),
    { abortSignal: stopping.signal })
    for (const messages of Map.groupBy(Messages, one => one.Attributes?.MessageGroupId ?? '').values()) {
      const job = lane(messages).catch(() => {}).finally(() => { working.delete(job) })
      working.add(job)
    }
  }
  return keepReceiving({ ...options, receive, stopping, clock, working: () => working })
}

/** One call for all that is done; what is not deleted comes again and ends at the inbox. */
async function remove (sqs: SQSClient, topology: Topology, queue: string, done: readonly Message[]): Promise<void> {
  if (done.length === 0) return
  await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: await topology.queueUrl(queue),
    Entries: done.map((message, at) => ({ Id: String(at), ReceiptHandle: message.ReceiptHandle! })) }))
}
