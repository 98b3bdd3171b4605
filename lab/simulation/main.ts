/** `npm run simulation`: all samples and the bus in one process. Its options: `command.ts`. */
import { runCommand } from './command.ts'
import { missing } from './coverage.ts'
import { makePlan, type Plan } from './plan.ts'
import { runPlan, textOf } from './run.ts'

/** Promises that failed and nobody looked at: each would end a process. */
const unhandled: string[] = []
process.on('unhandledRejection', error => { unhandled.push(textOf(error)) })

await runCommand<Plan>({ seeds: 500, tellEvery: 100, makePlan, missing,
  run: (plan, traceLines) => runPlan(plan, { traceLines, unhandled: () => unhandled.splice(0) }),
  kindOf: violation => violation.split(':', 1)[0]! })
