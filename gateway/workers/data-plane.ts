/** Makes the data plane: event loops in worker threads, or one in this thread. */
import { extname } from 'node:path'
import type { Clock } from '../clock.ts'
import type { DataPlaneOptions } from '../data-plane-options.ts'
import { createCompiler } from '../routes/compile.ts'
import type { CreateCompiler, DataPlane, WorkerHost } from './contract.ts'
import { LocalDataPlane } from './local-data-plane.ts'
import { ThreadedDataPlane } from './threaded-data-plane.ts'

/** Worker threads load this module's `createCompiler`; a function could not cross to them. */
const COMPILER_MODULE = new URL(`../routes/compile${extname(import.meta.url)}`, import.meta.url).href

export interface DataPlaneParts {
  /** For `workers: 0`. */
  readonly createCompiler?: CreateCompiler
  /** For `workers: 0`: what all deadlines are reckoned by. Worker threads have clocks of their own. */
  readonly clock?: Clock
  /** For worker threads: URL of a module that exports `createCompiler`. */
  readonly compilerModule?: string
}

/** Nothing runs before `start`. `log` gets what the event loops have to say, never anything per request. */
export function createDataPlane (options: DataPlaneOptions, log: WorkerHost['log'], parts: DataPlaneParts = {}): DataPlane {
  return options.workers === 0
    ? new LocalDataPlane(options, log, parts.createCompiler ?? createCompiler, parts.clock)
    : new ThreadedDataPlane(options, log, parts.compilerModule ?? COMPILER_MODULE)
}
