/** The embedded bus as a {@link Bus}. */
import type { Clock } from '../../clock.ts'
import type { Bus, Outgoing, Refused } from '../bus.ts'
import type { Broker } from './broker.ts'
import { consume } from './consumer.ts'
import { httpBroker } from './http-broker.ts'
import { MAX_ITEMS } from './limits.ts'

export interface BrokerBusOptions {
  /** For tests: how long a failed message waits before its next try. */
  readonly retryDelaysMs?: readonly number[]
  /** Between two tries of a handler whose store is down. Default 1000. */
  readonly probeMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: () => number
  /** Called when the bus is closed. */
  readonly close?: () => void
}

export interface EmbeddedBusOptions extends Omit<BrokerBusOptions, 'close'> {
  /** `http://127.0.0.1:7070` */
  readonly url: string
  /** Deadline of every call but the waiting receive. Default 2000. */
  readonly timeoutMs?: number
}

/** The bus whose process listens at a URL. */
export function embeddedBus (options: EmbeddedBusOptions): Bus {
  const { broker, close } = httpBroker(options.url, options.timeoutMs ?? 2000)
  return brokerBus(`embedded ${options.url}`, broker, { ...options, close })
}

const NONE_REFUSED: Refused = new Map()

/** A bus on a broker that is reached in some way. */
export function brokerBus (description: string, broker: Broker, options: BrokerBusOptions): Bus {
  const consumers = new Set<() => Promise<void>>()
  const inChunks = async (messages: readonly Outgoing[], send: (chunk: readonly Outgoing[]) => Promise<void>) => {
    for (let at = 0; at < messages.length; at += MAX_ITEMS) await send(messages.slice(at, at + MAX_ITEMS))
    return NONE_REFUSED
  }
  return {
    description,
    provision: async (queue, subscriptions) => {
      for (const { topic, types } of subscriptions) await broker.subscribe(topic, queue, types)
    },
    unsubscribe: (queue, { topic, types }) => broker.unsubscribe(topic, queue, types),
    publish: (topic, messages) => inChunks(messages, chunk => broker.publish(topic, chunk)),
    send: (queue, messages) => inChunks(messages, chunk => broker.send(queue, chunk)),
    consume: (queue, handler, consumeOptions) => {
      const stop = consume(broker, queue, handler, { ...options, ...consumeOptions })
      consumers.add(stop)
      return async () => {
        consumers.delete(stop)
        await stop()
      }
    },
    dlq: queue => ({
      list: limit => broker.dead(queue, limit),
      redrive: ids => broker.redrive(queue, ids),
      drop: ids => broker.drop(queue, ids)
    }),
    stats: queue => broker.stats(queue),
    close: async () => {
      await Promise.all([...consumers].map(stop => stop()))
      options.close?.()
    }
  }
}
