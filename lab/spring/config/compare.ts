/** Where the answers of the two config servers differ. */
import { isDeepStrictEqual } from 'node:util'
import type { Listed } from '../tally.ts'
import type { ConfigAnswer, ConfigCase, ConfigQuestion } from './case.ts'

export type ListedConfig = Listed<ConfigDifference>

export interface ConfigDifference {
  readonly asked: ConfigCase
  readonly question: ConfigQuestion
  readonly spring: ConfigAnswer
  readonly ours: ConfigAnswer
}

export function differences (
  asked: ConfigCase, spring: readonly ConfigAnswer[], ours: readonly ConfigAnswer[]
): ConfigDifference[] {
  return asked.questions.flatMap((question, at) =>
    isDeepStrictEqual(spring[at], ours[at]) ? [] : [{ asked, question, spring: spring[at]!, ours: ours[at]! }])
}

/** A difference for people. */
export function show ({ asked, question: { method, path, accept, body }, spring, ours }: ConfigDifference): string {
  return [
    ...Object.entries(asked.files).map(([name, text]) => `${name}:\n${text.replaceAll(/^/gm, '    ').trimEnd()}`),
    `asked: ${method} ${path} as ${accept}${body === undefined ? '' : ` with ${JSON.stringify(body)}`}`,
    `Spring: ${JSON.stringify(spring)}`, `ours:   ${JSON.stringify(ours)}`
  ].join('\n')
}
