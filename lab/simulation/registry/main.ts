/** `npm run simulation:registry`: five registries, six clients, operators and readers. Its options: `../command.ts`. */
import { runCommand } from '../command.ts'
import { missing } from './coverage.ts'
import { makePlan, type Plan } from './plan.ts'
import { runPlan } from './run.ts'

await runCommand<Plan>({ seeds: 300, tellEvery: 1000, makePlan, missing, run: runPlan,
  kindOf: violation => violation.split(' ', 1)[0]! })
