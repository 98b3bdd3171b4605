/** The bus's process as a {@link Broker}: one HTTP call each. */
import type { DeadLetter, QueueStat } from '../bus.ts'
import type { Received } from './book.ts'
import type { Broker } from './broker.ts'
import { callsTo } from './call.ts'

/** `close` closes its connections. */
export function httpBroker (url: string, timeoutMs: number): { readonly broker: Broker, readonly close: () => void } {
  const { call, close } = callsTo(url, timeoutMs)
  const ask = call as <Answer>(...args: Parameters<typeof call>) => Promise<Answer>
  const broker: Broker = {
    subscribe: async (topic, queue, types) => { await call('PUT', `/topics/${topic}/subscriptions/${queue}`, { types }) },
    unsubscribe: async (topic, queue, types) => {
      await call('DELETE', `/topics/${topic}/subscriptions/${queue}`, { types })
    },
    publish: async (topic, messages) => { await call('POST', `/topics/${topic}`, { messages }) },
    send: async (queue, messages) => { await call('POST', `/queues/${queue}`, { messages }) },
    receive: async (queue, options, signal) => (await ask<{ messages: Received[] }>(
      'POST', `/queues/${queue}/receive`, options, { signal, waitMs: options.waitMs })).messages,
    settle: async (queue, settlements) =>
      (await ask<{ stale: string[] }>('POST', `/queues/${queue}/settle`, { settlements })).stale,
    extend: async (queue, group, receipt, ms) => { await call('POST', `/queues/${queue}/extend`, { group, receipt, ms }) },
    leave: async (queue, consumer, working) => { await call('POST', `/queues/${queue}/leave`, { consumer, working }) },
    dead: async (queue, limit) => (await ask<{ items: DeadLetter[] }>('GET', `/queues/${queue}/dead?limit=${limit}`)).items,
    redrive: async (queue, ids) => (await ask<{ count: number }>('POST', `/queues/${queue}/dead/redrive`, { ids })).count,
    drop: async (queue, ids) => (await ask<{ count: number }>('POST', `/queues/${queue}/dead/drop`, { ids })).count,
    stats: queue => ask<QueueStat>('GET', `/queues/${queue}`)
  }
  return { broker, close }
}
