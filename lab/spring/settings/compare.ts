/** Where the two answers to a case differ. */
import { isDeepStrictEqual } from 'node:util'
import type { Answer, Answers, Question, SettingsCase } from './case.ts'

export interface Difference {
  readonly asked: SettingsCase
  /** Undefined when one side refused to start and the other did not. */
  readonly question?: Question
  readonly spring: Answer
  readonly ours: Answer
}

/** How an error or a refusal is worded is each side's own matter. */
export function differences (asked: SettingsCase, spring: Answers, ours: Answers): Difference[] {
  if (spring.answers === undefined || ours.answers === undefined) {
    if (spring.answers === ours.answers) return []
    return [{ asked, spring: start(spring), ours: start(ours) }]
  }
  return asked.questions.flatMap((question, at) => {
    const [theirs, own] = [spring.answers![at]!, ours.answers![at]!]
    return same(question, theirs, own) ? [] : [{ asked, question, spring: theirs, ours: own }]
  })
}

const start = ({ refused }: Answers): Answer => refused === undefined ? { starts: true } : { refused }

function same ({ kind }: Question, spring: Answer, ours: Answer): boolean {
  if (isError(spring) && isError(ours)) return true
  if (typeof spring === 'string' && typeof ours === 'string' && kind !== 'get') return sameNumber(spring, ours)
  if (kind === 'tree') return sameTree(spring, ours)
  return isDeepStrictEqual(spring, ours)
}

/** Ours has numbers in trees, which JavaScript writes in its own way. */
function sameTree (spring: Answer, ours: Answer): boolean {
  const [one, other] = [Object.entries(spring), Object.entries(ours)].map(entries => new Map<string, string>(entries))
  return one!.size === other!.size && [...one!].every(([path, text]) => sameNumber(text, other!.get(path) ?? ''))
}

/** Nanoseconds are written as fractions of milliseconds, in which a double errs. */
const sameNumber = (one: string, other: string): boolean =>
  one === other || Math.abs(Number(one) - Number(other)) <= Math.abs(Number(one)) * 1e-9

export const isError = (answer: Answer): boolean => typeof answer === 'object' && 'error' in answer

/** A difference for people: the files, what was given, what was asked, both answers. */
export function show ({ asked, question, spring, ours }: Difference): string {
  const given = Object.entries(asked.env).map(([name, value]) => `env ${name}=${value}`)
  return [
    ...Object.entries(asked.files).map(([name, text]) => `${name}:\n${text.replaceAll(/^/gm, '    ').trimEnd()}`), ...given,
    ...asked.args.map(arg => `argument ${arg}`), `asked: ${question === undefined ? 'to start' : `${question.kind} ${question.key}`}`,
    `Spring: ${JSON.stringify(spring)}`, `ours:   ${JSON.stringify(ours)}`
  ].join('\n')
}
