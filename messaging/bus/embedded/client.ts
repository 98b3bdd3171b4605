/** The embedded bus as a {@link Bus}. */
import { systemClock, type Clock } from '../../clock.ts'
import type { Bus } from '../bus.ts'
import { Consumers } from '../consumers.ts'
import type { Broker } from './broker.ts'
import { withoutCredentials } from './call.ts'
import { consume } from './consumer.ts'
import { httpBroker } from './http-broker.ts'
import type { Notice } from './notice.ts'
import { Renewal } from './renewal.ts'
import { Unwanted } from './unwanted.ts'

export interface BrokerBusOptions {
  /** For tests: how long a failed message waits before its next try. */
  readonly retryDelaysMs?: readonly number[]
  /** Between two tries of a handler whose store is down. Default 1000. */
  readonly probeMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: () => number
  /** Told of a queue that no service asks for. */
  readonly onNotice?: Notice
  /** Called when the bus is closed. */
  readonly close?: () => void
  /** Tells when the bus has become another one. */
  readonly renewal?: Renewal
}

export interface EmbeddedBusOptions extends Omit<BrokerBusOptions, 'close' | 'renewal'> {
  /** `http://127.0.0.1:7070`; with `user:password@` where the bus asks. */
  readonly url: string
  /** Deadline of every call but the waiting receive. Default 2000. */
  readonly timeoutMs?: number
}

/** The bus whose process listens at a URL. */
export function embeddedBus (options: EmbeddedBusOptions): Bus {
  const renewal = new Renewal(options.clock ?? systemClock)
  const { broker, close } = httpBroker(options.url, options.timeoutMs ?? 2000, () => { renewal.happened() })
  return brokerBus(`embedded ${withoutCredentials(options.url)}`, broker, { ...options, close, renewal })
}

/** A bus on a broker that is reached in some way. */
export function brokerBus (description: string, broker: Broker, options: BrokerBusOptions): Bus {
  const consumers = new Consumers()
  const unwanted = new Unwanted(options.clock ?? systemClock)
  return {
    description,
    provision: async (queue, subscriptions) => {
      await broker.provision(queue)
      for (const { topic, types } of subscriptions) await broker.subscribe(topic, queue, types)
    },
    unsubscribe: (queue, { topic, types }) => broker.unsubscribe(topic, queue, types),
    publish: async (topic, messages) => {
      options.renewal?.check(topic)
      return (await broker.publish(topic, messages)).refused
    },
    send: async (queue, messages) => {
      const { refused, wanted } = await broker.send(queue, messages)
      if (unwanted.met(queue, wanted)) {
        options.onNotice?.('no service has asked for this queue: a mistyped name, or a service that was never started', { queue })
      }
      return refused
    },
    consume: (queue, handler, consumeOptions) =>
      consumers.add(consume(broker, queue, handler, { ...options, ...consumeOptions })),
    dlq: queue => ({
      list: limit => broker.dead(queue, limit),
      redrive: ids => broker.redrive(queue, ids),
      drop: ids => broker.drop(queue, ids)
    }),
    stats: queue => broker.stats(queue),
    onRenewed: listener => { options.renewal?.on(listener) },
    close: async () => {
      await consumers.stop()
      options.close?.()
    }
  }
}
