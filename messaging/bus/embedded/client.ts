/** The embedded bus as a {@link Bus}: HTTP to its process. */
import type { Clock } from '../../clock.ts'
import type { Bus, DeadLetters, Outgoing, QueueStat, Refused } from '../bus.ts'
import { callsTo, type Calls } from './call.ts'
import { CHUNK, consume } from './consumer.ts'

export interface EmbeddedBusOptions {
  /** `http://127.0.0.1:7070` */
  readonly url: string
  /** Deadline of every call but the waiting receive. Default 2000. */
  readonly timeoutMs?: number
  /** For tests: how long a failed message waits before its next try. */
  readonly retryDelaysMs?: readonly number[]
  /** Between two tries of a handler whose store is down. Default 1000. */
  readonly probeMs?: number
  /** @default the machine's */
  readonly clock?: Clock
}

const NONE_REFUSED: Refused = new Map()

export function embeddedBus (options: EmbeddedBusOptions): Bus {
  const { call, close } = callsTo(options.url, options.timeoutMs ?? 2000)
  const consumers = new Set<() => Promise<void>>()
  const post = async (path: string, messages: readonly Outgoing[]): Promise<Refused> => {
    for (let at = 0; at < messages.length; at += CHUNK) await call('POST', path, { messages: messages.slice(at, at + CHUNK) })
    return NONE_REFUSED
  }
  return {
    description: `embedded ${options.url}`,
    provision: async (queue, subscriptions) => {
      for (const { topic, types } of subscriptions) {
        await call('PUT', `/topics/${topic}/subscriptions/${queue}`, { types })
      }
    },
    publish: (topic, messages) => post(`/topics/${topic}`, messages),
    send: (queue, messages) => post(`/queues/${queue}`, messages),
    consume: (queue, handler, consumeOptions) => {
      const stop = consume(call, queue, handler, { ...options, ...consumeOptions })
      consumers.add(stop)
      return async () => {
        consumers.delete(stop)
        await stop()
      }
    },
    dlq: queue => deadLetters(call, queue),
    stats: queue => call('GET', `/queues/${queue}`) as Promise<QueueStat>,
    close: async () => {
      await Promise.all([...consumers].map(stop => stop()))
      close()
    }
  }
}

function deadLetters (call: Calls['call'], queue: string): DeadLetters {
  const count = async (answer: Promise<unknown>) => (await answer as { count: number }).count
  return {
    list: async limit => (await call('GET', `/queues/${queue}/dead?limit=${limit}`) as
      { items: Awaited<ReturnType<DeadLetters['list']>> }).items,
    redrive: ids => count(call('POST', `/queues/${queue}/dead/redrive`, { ids })),
    drop: ids => count(call('POST', `/queues/${queue}/dead/drop`, { ids }))
  }
}
