/** What the lists of differences look at. */
import { isDeepStrictEqual } from 'node:util'
import type { ConfigDifference } from './compare.ts'

const FLAT = /^(?:\/[^/]+)?\/[^/]+\.(?:yml|yaml|json|properties)(?:\?|$)/

/** The extension of a flat form that was asked for; empty for everything else. */
export const flatForm = ({ question: { path } }: ConfigDifference): string =>
  FLAT.test(path) ? /\.(\w+)(?:\?|$)/.exec(path)![1]! : ''

/** A question for a text file, by its path: behind a label, or with `useDefaultLabel`. */
export const asksFile = ({ question: { path } }: ConfigDifference): boolean =>
  /[?&]useDefaultLabel/.test(path) || path.split('?')[0]!.split('/').length > 4

export const bothAnswer = ({ spring, ours }: ConfigDifference): boolean => spring.status < 400 && ours.status < 400

/** An answer in JSON, with what `change` makes of each value in it. */
function parsed (body: string | undefined, change: (name: string, value: unknown) => unknown): unknown {
  try {
    return JSON.parse(body ?? '', change) as unknown
  } catch {
    return body
  }
}

function withoutOrigin (_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('origin' in value && 'value' in value)) return value
  return value.value
}

/** Whether both have the same values, in whatever order (of JSON) and with whatever origins. */
export const sameValues = ({ spring, ours }: ConfigDifference): boolean =>
  isDeepStrictEqual(parsed(spring.body, withoutOrigin), parsed(ours.body, withoutOrigin))

const lines = (body: string | undefined): string[] =>
  (body ?? '').split('\n').map(line => line.replace(/'([\d.]+)'$/, '$1'))

/** Whether both have the same lines, but for quotes around numbers. */
export const sameButQuotes = ({ spring, ours }: ConfigDifference): boolean =>
  isDeepStrictEqual(lines(spring.body), lines(ours.body))

/** Whether both have the same lines, in whatever order. */
export const sameLines = ({ spring, ours }: ConfigDifference): boolean =>
  isDeepStrictEqual(lines(spring.body).toSorted(), lines(ours.body).toSorted())

/** Whether some file has a text that matches. */
export const filesHave = ({ asked }: ConfigDifference, pattern: RegExp): boolean =>
  Object.values(asked.files).some(text => pattern.test(text))
