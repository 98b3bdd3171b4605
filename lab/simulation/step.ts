/** The steps of a plan: what kinds there are, and how one is drawn. The same for every simulation. */
import type { Random } from '@breakwater/messaging/testing'

export type Args = Readonly<Record<string, unknown>>

/** Something that is done, or that goes wrong, at a moment. */
export interface Step {
  readonly atMs: number
  /** The name of its kind. */
  readonly what: string
  readonly args: Args
}

/** A kind of step: how one is planned, from randomness alone, and how it is done in a place. */
export interface KindIn<Place> {
  /** How often it is planned, against the others. */
  readonly weight: number
  plan (random: Random): Args
  run (place: Place, args: Args): void
}

/** Makes kinds that keep their arguments' type from `plan` to `run`; in between they are JSON. */
export function kindIn<Place> () {
  return <Planned extends Args>(
    weight: number, plan: (random: Random) => Planned, run: (place: Place, args: Planned) => void
  ): KindIn<Place> => ({ weight, plan, run: (place, args) => { run(place, args as Planned) } })
}

/** A name, the heavier the more often. */
export function pickBy (random: Random, kinds: Readonly<Record<string, { readonly weight: number }>>): string {
  const total = Object.values(kinds).reduce((sum, { weight }) => sum + weight, 0)
  let left = random.next() * total
  for (const [name, { weight }] of Object.entries(kinds)) {
    left -= weight
    if (left < 0) return name
  }
  return Object.keys(kinds)[0]!
}
