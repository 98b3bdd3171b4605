/**
 * The past of an answer that is made of several parts (labels of a repository, stores): the part that is at fault goes
 * back, the others stay as they are. Where none is at fault alone, the youngest goes back, so that the states are
 * those which were served one after the other.
 */
import type { Found } from '../environment/environment.ts'

/** A part of an answer as it is or was. */
export interface State {
  readonly found: Found
  /** Since when it was so; milliseconds since 1970. */
  readonly timeMs: number
}

/** One part, and what it was before, the youngest first. */
export interface StateLine {
  readonly present: State
  readonly earlier: AsyncIterable<State>
}

/** The states before the present one, each as the parts it is made of; ends when no part has an earlier one. */
export async function * earlierStates (lines: readonly StateLine[]): AsyncGenerator<State[]> {
  const pasts = lines.map(({ earlier }) => earlier[Symbol.asyncIterator]())
  const ended = new Set<number>()
  const states = lines.map(({ present }) => present)
  try {
    for (let next = toStep(states, ended); next !== undefined; next = toStep(states, ended)) {
      const { value, done } = await pasts[next]!.next()
      if (done === true) ended.add(next)
      else {
        states[next] = value
        yield [...states]
      }
    }
  } finally {
    await Promise.all(pasts.map(async past => past.return?.()))
  }
}

// A part that is broken and has no past left makes every state from here on a broken one.
function toStep (states: readonly State[], ended: ReadonlySet<number>): number | undefined {
  const broken = states.findIndex(({ found }) => isBroken(found))
  if (broken >= 0) return ended.has(broken) ? undefined : broken
  const open = states.keys().filter(index => !ended.has(index)).toArray()
  return open.toSorted((a, b) => states[b]!.timeMs - states[a]!.timeMs)[0]
}

export function isBroken ({ broken = [] }: Found): boolean {
  return broken.length > 0
}

/** What several parts say of their files; those of one name in two parts are two files: one part may lack it. */
export function joinedFiles (parts: readonly Found[]): Required<Pick<Found, 'files' | 'broken' | 'schemas'>> {
  const mark = (files: readonly string[], part: number): string[] => files.map(file => `${part}:${file}`)
  return {
    files: parts.flatMap(({ files = [] }, part) => mark(files, part)),
    broken: parts.flatMap(({ broken = [] }, part) =>
      broken.map(({ files, problem }) => ({ files: mark(files, part), problem }))),
    // The first part that has a schema says it.
    schemas: new Map(parts.toReversed().flatMap(({ schemas }) => [...schemas ?? []]))
  }
}

/** The past of what has none. */
export async function * noPast (): AsyncGenerator<never> {}
