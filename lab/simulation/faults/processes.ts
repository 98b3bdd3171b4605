/** Processes that end, stand still, are slow, or have a wrong clock. */
import type { FaultPoint } from '@breakwater/messaging'
import type { CrashKind, Random } from '@breakwater/messaging/testing'
import { kind, type Kind, type Kinds } from '../kind.ts'
import { NODES, SERVICES } from '../names.ts'

const POINTS: readonly FaultPoint[] = ['afterCommit', 'beforeAck', 'midBatch', 'beforeRelayMark']
const HOUR_MS = 3_600_000

/** Mostly short; now and then longer than any patience of a saga. */
function outage (random: Random): number {
  return random.chance(0.25) ? 40_000 + random.below(40_000) : random.below(5000)
}

/** In the middle of these, or of anything. */
const MOMENTS = ['in a transaction', 'between commit and flush', null] as const

function crash (how: CrashKind): Kind {
  return kind(8, random => ({ node: random.pick(NODES), events: 1 + random.below(60), moment: random.pick(MOMENTS),
    downMs: outage(random) }),
  (stage, { node, events, moment, downMs }) => {
    stage.crashAfter(node, events, moment ?? undefined, () => { stage.crash(node, how, downMs) })
  })
}

export const PROCESS_FAULTS: Kinds = {
  kill: crash('kill'),
  'power cut': crash('power cut'),
  'kill at a point': kind(6, random => ({ service: random.pick(SERVICES), point: random.pick(POINTS),
    passes: 1 + random.below(3), how: random.pick(['kill', 'power cut'] as const), downMs: outage(random) }),
  (stage, { service, point, passes, how, downMs }) => {
    stage.crashAtPoint(service, point, passes, () => { stage.crash(service, how, downMs) })
  }),
  restart: kind(3, random => ({ service: random.pick(SERVICES), downMs: random.below(3000) }),
    (stage, { service, downMs }) => { stage.restart(service, downMs) }),
  'silent participant': kind(4, random => ({ service: random.pick(['inventory', 'payments'] as const),
    ms: 35_000 + random.below(45_000) }),
  (stage, { service, ms }) => { stage.crash(service, 'kill', ms) }),
  'stand still': kind(3, random => ({ node: random.pick(NODES), ms: outage(random) }), (stage, { node, ms }) => {
    stage.node(node).machine.standStill(ms)
  }),
  'clock jump': kind(4, random => ({ node: random.pick(NODES), ms: random.below(20_000),
    jumpMs: random.pick([HOUR_MS, -HOUR_MS, 35_000, -35_000]) }),
  (stage, { node, ms, jumpMs }) => {
    const { machine } = stage.node(node)
    stage.during(ms, () => { machine.wallOffsetMs = jumpMs }, () => { machine.wallOffsetMs = 0 })
  }),
  'slow participant': kind(2, random => ({ ms: 20_000 + random.below(40_000) }), (stage, { ms }) => {
    const condition = stage.conditions.get('payments')!
    stage.during(ms, () => {
      condition.slowMs = 45_000
      stage.restart('payments', 100)
    }, () => {
      condition.slowMs = 0
      stage.restart('payments', 100)
    })
  })
}
