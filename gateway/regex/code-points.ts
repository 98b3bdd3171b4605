/** Sets of code points as ascending ranges that do not touch: what Java's character classes come down to. */

export type Range = readonly [first: number, last: number]
export type CodePoints = readonly Range[]

export const LAST = 0x10ffff
export const ALL: CodePoints = [[0, LAST]]
export const NONE: CodePoints = []

/** Every range may overlap with any other. */
export function setOf (ranges: readonly Range[]): CodePoints {
  const merged: Array<[number, number]> = []
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = merged.at(-1)
    if (before === undefined || first > before[1] + 1) merged.push([first, last])
    else before[1] = Math.max(before[1], last)
  }
  return merged
}

export function charsOf (text: string): CodePoints {
  return setOf(Array.from(text, char => [char.codePointAt(0)!, char.codePointAt(0)!]))
}

export function union (...sets: readonly CodePoints[]): CodePoints {
  return setOf(sets.flat())
}

export function complement (set: CodePoints): CodePoints {
  const left: Range[] = []
  let from = 0
  for (const [first, last] of set) {
    if (first > from) left.push([from, first - 1])
    from = last + 1
  }
  return from > LAST ? left : [...left, [from, LAST]]
}

export function intersection (a: CodePoints, b: CodePoints): CodePoints {
  return complement(union(complement(a), complement(b)))
}

export function meet (a: CodePoints, b: CodePoints): boolean {
  return intersection(a, b).length > 0
}

/** Java's `(?i)` folds ASCII only. */
export function folded (set: CodePoints): CodePoints {
  const moved = (low: number, by: number): Range[] =>
    intersection(set, [[low, low + 25]]).map(([first, last]) => [first + by, last + by])
  return union(set, moved(65, 32), moved(97, -32))
}

/** As a class of JavaScript's or RE2's, by `escape`. */
export function classText (set: CodePoints, escape: (code: number) => string): string {
  const range = ([first, last]: Range) => first === last ? escape(first) : `${escape(first)}-${escape(last)}`
  return `[${set.map(range).join('')}]`
}
