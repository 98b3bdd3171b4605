/**
 * One run from its plan:
 *
 *   start   five registries and six clients
 *   busy    clients, operators and faults as planned
 *   heal    the network is whole, everybody runs
 *   equal   5 s later all registries and all readers of their streams have the same
 *   right   a lease later what they have is what was answered
 */
import { createRandom } from '@breakwater/messaging/testing'
import { Cluster } from './cluster.ts'
import { checkEqual, checkRight } from './checks.ts'
import { KINDS } from './kinds.ts'
import { BUSY_MS, type Plan } from './plan.ts'

export interface RunResult {
  readonly plan: Plan
  readonly violations: readonly string[]
  readonly trace: string
  readonly lines: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  readonly events: number
}

const PREPARE_MS = 3000
const EQUAL_AFTER_MS = 5000
/** Who is dead is gone by then, and who lives has said so. */
const RIGHT_AFTER_MS = 9000

export async function runPlan (plan: Plan, traceLines = 0): Promise<RunResult> {
  const cluster = new Cluster(plan.seed, PREPARE_MS + BUSY_MS, traceLines)
  const random = createRandom(plan.seed).fork('skew')
  for (const node of cluster.nodes) {
    node.skewMs = plan.skewMs === 0 ? 0 : random.below(plan.skewMs)
    node.start(false)
  }
  for (const client of cluster.clients) cluster.after(500 + random.below(500), () => { client.start() })
  for (const { atMs, what, args } of plan.steps) {
    cluster.after(PREPARE_MS + atMs, () => {
      cluster.note('plan', `${what} ${JSON.stringify(args)}`)
      cluster.count(`step: ${what}`)
      KINDS[what]!.run(cluster, args)
    })
  }
  await cluster.scheduler.advance(PREPARE_MS + BUSY_MS)
  cluster.note('plan', 'heal')
  cluster.heal()
  await cluster.scheduler.advance(EQUAL_AFTER_MS)
  cluster.violations.push(...checkEqual(cluster, false))
  await cluster.scheduler.advance(RIGHT_AFTER_MS)
  cluster.violations.push(...checkEqual(cluster, true), ...checkRight(cluster, plan.skewMs))
  const { trace, scheduler, counts, network } = cluster
  for (const [what, n] of network.counts) counts.set(`network: ${what}`, n)
  const violations = [...new Set(cluster.violations)]
  return { plan, violations, trace: trace.hash, lines: trace.lines, counts, events: scheduler.steps }
}
