/** A kind of step: how one is planned, from randomness alone, and how it is done. */
import type { Random } from '@breakwater/messaging/testing'
import type { Stage } from './stage.ts'

export type Args = Readonly<Record<string, unknown>>

export interface Kind {
  /** How often it is planned, against the others. */
  readonly weight: number
  plan (random: Random): Args
  run (stage: Stage, args: Args): void
}

export type Kinds = Readonly<Record<string, Kind>>

/** Keeps the arguments' type from `plan` to `run`; in between they are JSON. */
export function kind<Planned extends Args> (
  weight: number, plan: (random: Random) => Planned, run: (stage: Stage, args: Planned) => void
): Kind {
  return { weight, plan, run: (stage, args) => { run(stage, args as Planned) } }
}
