/** The bus as a process sees it from elsewhere: the product's own broker behind a network that fails. */
import type { Outgoing } from '../bus/bus.ts'
import type { Broker, Sent } from '../bus/embedded/broker.ts'
import { messagingError } from '../errors.ts'
import type { Deliveries } from './deliveries.ts'
import type { Machine } from './machine.ts'
import type { Network } from './network.ts'
import type { Owner } from './scheduler.ts'

/** As the client over HTTP has it. */
const TIMEOUT_MS = 2000

export interface RemoteBrokerParts {
  readonly network: Network
  readonly from: Owner
  readonly bus: Machine
  /** The broker of the process that runs there. */
  readonly broker: () => Broker
  /** Undefined for who sends and does not consume. */
  readonly deliveries?: Deliveries
  /** What becomes of a message on its way to the bus. */
  readonly change?: (message: Outgoing) => Outgoing
  /** Told of what the bus has taken, with the topic or queue. */
  readonly onTaken?: (dest: string, messages: readonly Outgoing[]) => void
}

export function remoteBroker (parts: RemoteBrokerParts): Broker {
  const { network, from, bus, broker, deliveries, change = message => message, onTaken = () => {} } = parts
  const call = <Answer>(
    serve: (broker: Broker, gone: AbortSignal) => Promise<Answer>, waitMs = 0, signal?: AbortSignal
  ): Promise<Answer> => network.call(from, bus, (_process, gone) => serve(broker(), gone),
    { timeoutMs: TIMEOUT_MS + waitMs, signal })
    .catch((cause: unknown) => { throw messagingError('E_BUS_DOWN', ['the bus', String(cause)], { cause }) })
  /** What goes over the wire is JSON: whether somebody wants it. */
  const sent = async (
    dest: string, messages: readonly Outgoing[], send: (there: Broker, messages: readonly Outgoing[]) => Promise<Sent>
  ): Promise<Sent> => {
    const wanted = await call(async there => {
      const { wanted } = await send(there, messages)
      onTaken(dest, messages)
      return wanted
    })
    return { wanted, refused: new Map() }
  }
  return {
    provision: queue => call(there => there.provision(queue)),
    subscribe: (topic, queue, types) => call(there => there.subscribe(topic, queue, types)),
    unsubscribe: (topic, queue, types) => call(there => there.unsubscribe(topic, queue, types)),
    publish: (topic, messages) => sent(topic, messages.map(change), (there, changed) => there.publish(topic, changed)),
    send: (queue, messages) => sent(queue, messages.map(change), (there, changed) => there.send(queue, changed)),
    receive: (queue, options, signal) => call(async (there, gone) => {
      const messages = await there.receive(queue, options, gone)
      return deliveries === undefined ? messages : deliveries.pass(queue, messages, there)
    }, options.waitMs, signal),
    settle: (queue, settlements) => call(there => there.settle(queue, settlements)),
    extend: (queue, group, receipt, ms) => call(there => there.extend(queue, group, receipt, ms)),
    leave: (queue, consumer, working) => call(there => there.leave(queue, consumer, working)),
    dead: (queue, limit) => call(there => there.dead(queue, limit)),
    redrive: (queue, ids) => call(there => there.redrive(queue, ids)),
    drop: (queue, ids) => call(there => there.drop(queue, ids)),
    stats: queue => call(there => there.stats(queue))
  }
}
