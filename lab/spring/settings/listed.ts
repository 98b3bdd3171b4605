/** What the lists of differences look at. */
import { isError, type Difference } from './compare.ts'
import type { Answer } from './case.ts'
import type { Listed } from '../tally.ts'

export type ListedSettings = Listed<Difference>

/** Everything that a case is given, to look for a word in. */
export function given ({ asked }: Difference): string {
  return [...Object.values(asked.files), ...asked.args, ...Object.entries(asked.env).map(([name, value]) => `${name}=${value}`)].join('\n')
}

export const isUnset = (answer: Answer): boolean => typeof answer === 'object' && 'unset' in answer

/** The code of an error or refusal of ours; empty where there is none. */
export function codeOf (answer: Answer): string {
  if (typeof answer !== 'object' || Array.isArray(answer)) return ''
  const { error, refused } = answer as { error?: string, refused?: string }
  return /^\w+/.exec(error ?? refused ?? '')?.[0] ?? ''
}

/** The text of an error or refusal of Spring's. */
export const reasonOf = (answer: Answer): string => JSON.stringify(answer)

/** Spring has an error where ours has a value. */
export const oursReads = ({ spring, ours }: Difference): boolean => isError(spring) && !isError(ours)
