/** The bus's process as a {@link Broker}: one HTTP call each, or several where one would be too large. */
import type { DeadLetter, Outgoing, QueueStat } from '../bus.ts'
import type { Broker, Sent } from './broker.ts'
import { callsTo } from './call.ts'
import { inCalls } from './in-calls.ts'
import type { Received } from './settlement.ts'

/** A redrive may move many. */
const REDRIVE_MS = 60_000

const queueAt = (queue: string): string => `/queues/${encodeURIComponent(queue)}`
const topicAt = (topic: string): string => `/topics/${encodeURIComponent(topic)}`
const inTopic = (topic: string, queue: string): string => `${topicAt(topic)}/subscriptions/${encodeURIComponent(queue)}`

/** `onRenewed` is called when another bus answers than before; `close` closes its connections. */
export function httpBroker (
  url: string, timeoutMs: number, onRenewed: () => void = () => {}
): { readonly broker: Broker, readonly close: () => void } {
  const { call, close } = callsTo(url, timeoutMs, onRenewed)
  const ask = call as <Answer>(...args: Parameters<typeof call>) => Promise<Answer>
  const post = async (path: string, messages: readonly Outgoing[]): Promise<Sent> => {
    let wanted = true
    const refused = await inCalls(messages, message => message.group, async json => {
      ({ wanted } = await ask<Pick<Sent, 'wanted'>>('POST', path, `{"messages":[${json}]}`))
    })
    return { wanted, refused: new Map([...refused].map(([message, error]) => [message.dedupe, error])) }
  }
  const broker: Broker = {
    provision: async queue => { await call('PUT', queueAt(queue)) },
    subscribe: async (topic, queue, types) => { await call('PUT', inTopic(topic, queue), { types }) },
    unsubscribe: async (topic, queue, types) => {
      const query = new URLSearchParams(types.map(type => ['type', type])).toString()
      await call('DELETE', `${inTopic(topic, queue)}?${query}`)
    },
    publish: (topic, messages) => post(topicAt(topic), messages),
    send: (queue, messages) => post(queueAt(queue), messages),
    receive: async (queue, options, signal) => (await ask<{ messages: Received[] }>(
      'POST', `${queueAt(queue)}/receive`, options, { signal, waitMs: options.waitMs })).messages,
    settle: async (queue, settlements) => {
      const stale: string[] = []
      await inCalls(settlements, settlement => settlement.receipt, async json => {
        const answer = await ask<{ stale: string[] }>('POST', `${queueAt(queue)}/settle`, `{"settlements":[${json}]}`)
        stale.push(...answer.stale)
      })
      return stale
    },
    extend: async (queue, group, receipt, ms) => { await call('POST', `${queueAt(queue)}/extend`, { group, receipt, ms }) },
    leave: async (queue, consumer, working) => { await call('POST', `${queueAt(queue)}/leave`, { consumer, working }) },
    dead: async (queue, limit) => (await ask<{ items: DeadLetter[] }>('GET', `${queueAt(queue)}/dead?limit=${limit}`)).items,
    redrive: async (queue, ids) => (await ask<{ count: number }>(
      'POST', `${queueAt(queue)}/dead/redrive`, { ids }, { waitMs: REDRIVE_MS })).count,
    drop: async (queue, ids) => (await ask<{ count: number }>('POST', `${queueAt(queue)}/dead/drop`, { ids })).count,
    stats: queue => ask<QueueStat>('GET', queueAt(queue))
  }
  return { broker, close }
}
