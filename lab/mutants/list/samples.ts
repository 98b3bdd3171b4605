/** Faults of the sample services: their domain, their doors, their stores. */
import type { Mutant } from '../mutant.ts'

export const SAMPLES: readonly Mutant[] = []
