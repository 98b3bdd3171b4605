/** What becomes of messages on their way, and messages that nobody should have sent. */
import type { Envelope, Outgoing } from '@breakwater/messaging'
import type { Harm, Random } from '@breakwater/messaging/testing'
import { kind, type Kind, type Kinds } from '../kind.ts'
import { NODES, SERVICES } from '../names.ts'
import type { Stage } from '../stage.ts'

const HOUR_MS = 3_600_000

/** For a while network or bus are bad in one way. */
function harm (weight: number, plan: (random: Random) => Partial<Harm>): Kind {
  return kind(weight, random => ({ harm: plan(random), ms: 5000 + random.below(30_000) }), (stage, args) => {
    const { deliveries, network } = stage.world
    const before = { ...deliveries.harm, ...network.harm }
    stage.during(args.ms, () => { stage.world.harm({ ...before, ...args.harm }) }, () => { stage.world.harm('calm') })
  })
}

/** What sagas and read model get over: the loss of it for good. News of users, and poison, would be missed. */
const LOSSES: Readonly<Record<string, (message: Envelope, queue: string) => boolean>> = {
  commands: ({ type }) => /\.(Reserve|Release|Commit|Capture|Cancel)[A-Z]/.test(type),
  replies: ({ type }, queue) => queue.includes('-orders-in') && /^(inventory|payments)\./.test(type),
  'order events': ({ id }, queue) => queue.includes('-order-history-in') && !id.startsWith('poison-')
}

function lose (stage: Stage, what: string, chance: number, ms: number): void {
  const chosen = LOSSES[what]!
  stage.during(ms, () => {
    stage.world.deliveries.lose = (message, queue) => chosen(message, queue) && stage.random.chance(chance)
  }, () => { stage.world.deliveries.lose = () => false })
}

/** From outside, straight to the bus; it may refuse. */
function send (stage: Stage, dest: string, message: Outgoing, onTaken: () => void): void {
  const { bus } = stage.world
  if (!bus.running) return
  const sent = dest.includes('-events') ? bus.broker().publish(dest, [message]) : bus.broker().send(dest, [message])
  sent.then(onTaken, () => { stage.count('a message of ours that the bus did not take') })
}

export const MESSAGE_FAULTS: Kinds = {
  duplicates: harm(3, () => ({ duplicate: 0.4 })),
  reorder: harm(3, () => ({ reorder: 0.4 })),
  drops: harm(3, () => ({ drop: 0.3 })),
  'lossy network': harm(2, () => ({ loss: 0.1 })),
  'calls that arrive twice': harm(2, () => ({ twice: 0.3 })),
  'slow network': harm(2, random => ({ latencyMs: 200 + random.below(1500) })),
  'lost for good': kind(4, random => ({ what: random.pick(Object.keys(LOSSES)), chance: 0.3 + random.next() * 0.7,
    ms: 2000 + random.below(40_000) }),
  (stage, { what, chance, ms }) => { lose(stage, what, chance, ms) }),
  'cut off': kind(3, random => ({ node: random.pick(NODES), ms: random.below(30_000) }), (stage, { node, ms }) => {
    const { machine } = stage.node(node)
    const { network } = stage.world
    stage.during(ms, () => { network.cut(machine, true) }, () => { network.cut(machine, false) })
  }),
  poison: kind(2, random => ({ service: random.pick(SERVICES.slice(1)), id: `poison-${random.below(1e9)}` }),
    (stage, { service, id }) => {
      const body = JSON.stringify({ specversion: '1.0', id, type: 'orders.OrderPlaced.v1', subject: id, data: 7 })
      send(stage, stage.queue(service), { id, dedupe: id, group: id, type: 'orders.OrderPlaced.v1', body },
        () => { stage.poisoned.add(id) })
    }),
  'messages of the past': kind(3, random => ({ picks: Array.from({ length: 6 }, () => random.below(1000)) }),
    (stage, { picks }) => {
      const { bus, sent } = stage.world
      if (sent.length === 0) return
      // The bus has forgotten what it saw an hour ago: only the inboxes know.
      stage.during(1000, () => { bus.machine.wallOffsetMs = HOUR_MS }, () => { bus.machine.wallOffsetMs = 0 })
      for (const pick of picks) {
        const { dest, dedupe, envelope } = sent[pick % sent.length]!
        const { id, subject: group, type } = envelope
        send(stage, dest, { id, dedupe, group, type, body: JSON.stringify(envelope) },
          () => { stage.count('messages of the past') })
      }
    })
}
