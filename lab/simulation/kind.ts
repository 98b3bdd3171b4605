/** Kinds of steps on the stage of the samples. */
import type { Stage } from './stage.ts'
import { kindIn, type KindIn } from './step.ts'

export type Kind = KindIn<Stage>
export type Kinds = Readonly<Record<string, Kind>>

export const kind = kindIn<Stage>()
