/**
 * One run from its plan:
 *
 *   start    the samples and the bus, under virtual time
 *   busy     customers, operators and faults as planned; what must always hold is looked at all the time
 *   calm     everything is put right
 *   rest     until nothing is under way any more (INV-0); dead letters are sent again
 *   rebuild  the read model once more from the first event
 *   check    INV-1 to INV-8, by the lab's own rules
 */
import { checkAlways } from '../checks/always.ts'
import { checkInvariants } from '../checks/invariants.ts'
import { prepare, ACTIONS } from './actions.ts'
import { tally } from './coverage.ts'
import { unanswered } from './customers.ts'
import { FAULTS } from './faults/faults.ts'
import { Look } from './look.ts'
import { BUSY_MS, type Plan } from './plan.ts'
import { checkRebuild } from '../checks/rebuild.ts'
import { comeToRest, rebuildOf } from './rest.ts'
import { Stage } from './stage.ts'

export interface RunOptions {
  /** Lines of the trace that are kept. */
  readonly traceLines: number
  /** Promises that failed unheard since the last call. @default none are looked for */
  readonly unhandled?: () => string[]
}

export interface RunResult {
  readonly plan: Plan
  /** Empty is what we want. */
  readonly violations: readonly string[]
  /** The same for each run of the same plan. */
  readonly trace: string
  readonly lines: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  readonly events: number
  readonly virtualMs: number
}

/** Between two looks at everything, in events. */
const LOOK_EVERY = 50
const PREPARE_MS = 2000
/** Behind the last step that is planned, so that what it began can have its effect. */
const CALM_AT_MS = BUSY_MS + 55_000

export async function runPlan (plan: Plan, { traceLines, unhandled = () => [] }: RunOptions): Promise<RunResult> {
  const stage = new Stage(plan.seed, traceLines)
  try {
    await perform(stage, plan).catch((error: unknown) => { stage.violations.push(`RUN ${textOf(error)}`) })
    const { trace, scheduler } = stage.world
    const uncaught = [...stage.world.uncaught, ...unhandled()].map(text => `UNCAUGHT ${text}`)
    return { plan, violations: [...new Set([...stage.violations, ...uncaught])], trace: trace.hash,
      lines: trace.lines, counts: stage.counts, events: scheduler.steps, virtualMs: scheduler.nowMs }
  } finally {
    stage.world.close()
  }
}

async function perform (stage: Stage, plan: Plan): Promise<void> {
  await stage.start()
  prepare(stage)
  for (const { atMs, what, args } of plan.steps) {
    stage.after(PREPARE_MS + atMs, () => {
      stage.note('plan', `${what} ${JSON.stringify(args)}`)
      stage.count(`step: ${what}`)
      const kind = ACTIONS[what] ?? FAULTS[what]!
      kind.run(stage, args)
    })
  }
  const look = new Look(stage)
  await beBusy(stage, look)
  stage.note('plan', 'calm')
  stage.calm()
  if (stage.violations.length === 0) await settle(stage, look)
}

async function beBusy (stage: Stage, look: Look): Promise<void> {
  const { scheduler } = stage.world
  while (scheduler.nowMs < CALM_AT_MS && stage.violations.length === 0) {
    const owner = await scheduler.step()
    stage.stepped(owner!.name)
    if (scheduler.steps % LOOK_EVERY === 0) checkNow(stage, look)
  }
}

function checkNow (stage: Stage, look: Look): void {
  const stores = look.read()
  if (stores === undefined) return
  stage.count('looks')
  stage.violations.push(...checkAlways(stores, stage.log))
}

async function settle (stage: Stage, look: Look): Promise<void> {
  const moving = await comeToRest(stage, look)
  const late = unanswered(stage.log).map(({ path, key }) => `INV-0 ${path} ${key} was never answered`)
  stage.violations.push(...moving.map(what => `INV-0 not quiet: ${what}`), ...late)
  if (stage.violations.length > 0) return
  stage.violations.push(...await checkRebuild(rebuildOf(stage, look)))
  const stores = look.read()!
  const harms = { lost: stage.world.deliveries.lost, poisoned: stage.poisoned }
  stage.violations.push(...checkInvariants(stores, stage.log, harms))
  tally(stage, look)
}

export function textOf (error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error)
}
