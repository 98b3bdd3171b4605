/**
 * Whether a text is what a pattern with `*` (any characters, or none) says. Steps are at most pattern times text: a
 * regular expression with several `.*` would take their power, and clients choose the text.
 */
export function matchesWildcard (pattern: string, text: string): boolean {
  let [at, star, resume] = [0, -1, 0]
  for (let index = 0; index < text.length;) {
    if (pattern[at] === '*') [star, resume] = [at++, index]
    else if (pattern[at] === text[index]) [at, index] = [at + 1, index + 1]
    else if (star >= 0) [at, index] = [star + 1, ++resume]
    else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
