/** Versions: one with a fault, one that is older than its neighbours, and neighbours that are newer. */
import type { Outgoing } from '@breakwater/messaging'
import { kind, type Kinds } from '../kind.ts'
import { SERVICES } from '../names.ts'

export const DEPLOY_FAULTS: Kinds = {
  'faulty version': kind(3, random => ({ service: random.pick(SERVICES.slice(1)), ms: 1000 + random.below(40_000) }),
    (stage, { service, ms }) => {
      const condition = stage.conditions.get(service)!
      stage.during(ms, () => { condition.faulty = true }, () => { condition.faulty = false })
    }),
  'older version': kind(2, random => ({ ms: 2000 + random.below(30_000) }), (stage, { ms }) => {
    const condition = stage.conditions.get('order-history')!
    stage.during(ms, () => {
      condition.older = true
      stage.restart('order-history', 100)
    }, () => {
      condition.older = false
      // Not a clean end: what is still starting would go on as the older one for ever.
      stage.crash('order-history', 'kill', 100)
    })
  }),
  'newer senders': kind(2, random => ({ ms: 2000 + random.below(30_000) }), (stage, { ms }) => {
    const { world } = stage
    const [from, before] = [world.now, world.changeSent]
    world.changeSent = message => madeBetween(from, from + ms, message) ? withNewFields(message) : before(message)
  })
}

/** By when it was made, not sent: sent again, also much later, a message is what it was. */
function madeBetween (fromMs: number, toMs: number, { body }: Outgoing): boolean {
  const made = Date.parse((JSON.parse(body) as { time: string }).time)
  return fromMs <= made && made < toMs
}

function withNewFields (message: Outgoing): Outgoing {
  const envelope = JSON.parse(message.body) as { data: object }
  const data = { ...envelope.data, giftNote: 'for you', loyalty: { points: 7, tier: null } }
  return { ...message, body: JSON.stringify({ ...envelope, dataregion: 'eu', data }) }
}
