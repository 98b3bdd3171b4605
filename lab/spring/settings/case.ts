/** What is laid before both, Spring Boot and `loadSettings`: what a process is given, and what it is asked. */

/** Stands in files, variables and arguments for the folder of the case, which is another one at each run. */
export const FOLDER = '@FOLDER@'

export type QuestionKind =
  'profiles' | 'get' | 'map' | 'tree' | 'list' | 'integer' | 'number' | 'boolean' | 'duration' | 'bytes'

export interface Question {
  readonly kind: QuestionKind
  /** Empty for `profiles`. */
  readonly key: string
}

export interface SettingsCase {
  /** By their path in the folder. */
  readonly files: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly args: readonly string[]
  readonly questions: readonly Question[]
}

export type Answer =
  string | boolean | readonly (string | null)[] | { readonly [name: string]: string | boolean | null }

/** Either the start was refused, or there is an answer to each question. */
export interface Answers {
  readonly refused?: string
  readonly answers?: readonly Answer[]
}

/** The case with the folder's path filled in. */
export function placed (asked: SettingsCase, folder: string): SettingsCase {
  return JSON.parse(JSON.stringify(asked).replaceAll(FOLDER, folder)) as SettingsCase
}
