/**
 * What text may be, wherever it comes in: well-formed Unicode without U+0000. A lone surrogate has no UTF-8 form, and
 * PostgreSQL keeps neither it nor NUL: one store takes what the next refuses, long after the caller was told yes.
 * JSON bodies, paths and queries of every service are held to it, and so is every message.
 */

/** Where in a value the text is, as a JSON Pointer (RFC 6901), and what is wrong with it. */
export interface TextFault {
  readonly at: string
  readonly why: string
}

/** The first text in a JSON value that no store must be given, names of members included; undefined: there is none. */
export function findBadText (root: unknown): TextFault | undefined {
  // No recursion: what comes from elsewhere may be nested deeper than the stack.
  const open: Array<readonly [value: unknown, at: string]> = [[root, '']]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, at] = next
    if (typeof value === 'string') {
      const why = faultOf(value)
      if (why !== undefined) return { at, why }
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        const why = faultOf(name)
        if (why !== undefined) return { at: at + step(name), why: `has a name that ${why}` }
        open.push([inner, at + step(name)])
      }
    }
  }
  return undefined
}

function faultOf (text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain NUL (U+0000)'
  return text.isWellFormed() ? undefined : 'must be well-formed Unicode (it has half of a surrogate pair)'
}

function step (name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
