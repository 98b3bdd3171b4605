/** A command of the command line. */
import type { Flags } from './flags.ts'

export interface Verb {
  readonly name: string
  /** One line of the overview. */
  readonly summary: string
  /** What stands behind it: `SERVICE METHOD PATH [JSON]`. */
  readonly words?: string
  readonly flags: Flags
  /** The exit code; undefined: it is a server, and ends by itself. Throws what is to be told. */
  readonly run: (process: NodeJS.Process, args: readonly string[]) => Promise<number | undefined>
}

/** Exit codes of every verb. */
export const OK = 0
export const FAILED = 1
export const USAGE = 2
export const TIMEOUT = 3

/** For machines and programs: what each verb takes. */
export const JSON_FLAG = { type: 'boolean', help: 'for machines' } as const
export const DATA_FLAG = { type: 'string', value: 'FOLDER', help: 'the data folder of the stack; default: data' } as const
