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

/** A value on the way through another one; its place is written down only if it is asked for. */
interface Step { readonly value: unknown, readonly name: string, readonly within: Step | undefined }

/** The first text in a JSON value that no store must be given, names of members included; undefined: there is none. */
export function findBadText (root: unknown): TextFault | undefined {
  // No recursion: what comes from elsewhere may be nested deeper than the stack.
  const open: Step[] = [{ value: root, name: '', within: undefined }]
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    const { value } = step
    if (typeof value === 'string') {
      const why = faultOf(value)
      if (why !== undefined) return { at: pointerTo(step), why }
    } else if (typeof value === 'object' && value !== null) {
      for (const name of Object.keys(value)) {
        const inner = { value: (value as Record<string, unknown>)[name], name, within: step }
        const why = faultOf(name)
        if (why !== undefined) return { at: pointerTo(inner), why: `has a name that ${why}` }
        open.push(inner)
      }
    }
  }
  return undefined
}

function faultOf (text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain NUL (U+0000)'
  return text.isWellFormed() ? undefined : 'must be well-formed Unicode (it has half of a surrogate pair)'
}

function pointerTo (last: Step): string {
  let pointer = ''
  for (let step = last; step.within !== undefined; step = step.within) {
    pointer = `/${step.name.replaceAll('~', '~0').replaceAll('/', '~1')}${pointer}`
  }
  return pointer
}
