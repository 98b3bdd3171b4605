/**
 * JSON as every reader understands it (RFC 8259 and I-JSON, RFC 7493), or 400. Decoding alone replaces broken UTF-8 by
 * U+FFFD, and parsing lets the last of two members of one name win where a proxy or another service saw the first: both
 * in silence.
 */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { findBadText } from '../text.ts'
import { invalidInput } from './invalid-input.ts'

/** A body nested deeper serves only to exhaust the stack of whoever walks it; Jackson's limit is of the same order. */
const MAX_DEPTH = 500
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[[\]{}]/g

/**
 * Reads `application/json` for an instance. A service that wants the bytes themselves registers its own parser, as with
 * any Fastify: a type given as a string goes before this one.
 */
export function readJson (app: FastifyInstance): void {
  const { onProtoPoisoning = 'error', onConstructorPoisoning = 'error' } = app.initialConfig
  const parse = app.getDefaultJsonParser(onProtoPoisoning, onConstructorPoisoning)
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<Buffer>(/^application\/json(?:;|$)/, { parseAs: 'buffer' }, (request, bytes, done) => {
    if (!isUtf8(bytes)) return done(invalidInput('body', '', 'must be UTF-8'))
    const text = bytes.toString()
    void parse(request, text, (error, value) => {
      const fault = error ?? faultOf(text, value) ?? null
      done(fault, fault === null && text.includes('-0') ? withoutMinusZero(value) : value)
    })
  })
}

function faultOf (text: string, value: unknown): Error | undefined {
  const shape = shapeFault(text)
  if (shape !== undefined) return invalidInput('body', '', shape)
  const bad = findBadText(value)
  return bad === undefined ? undefined : invalidInput('body', bad.at, bad.why)
}

/** Minus zero is 0 to every schema and reader, and back from a store as text it is: so be it from the start. */
function withoutMinusZero (value: unknown): unknown {
  if (value === 0) return 0
  if (typeof value !== 'object' || value === null) return value
  // The depth is bounded by now.
  const members = value as Record<string, unknown>
  for (const name of Object.keys(members)) members[name] = withoutMinusZero(members[name])
  return value
}

/** What parsing hides: how deep it goes, and names that come twice in one object. The text is known to be JSON. */
function shapeFault (text: string): string | undefined {
  const open: Array<Set<string>> = []
  for (const [token, colon] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      if (open.push(new Set()) > MAX_DEPTH) return `must not be nested deeper than ${MAX_DEPTH} levels`
    } else if (token === '}' || token === ']') {
      open.pop()
    } else if (colon !== undefined) {
      const name = JSON.parse(token.slice(0, -colon.length)) as string
      const names = open.at(-1)!
      if (names.has(name)) return `must not have the member "${name}" twice`
      names.add(name)
    }
  }
  return undefined
}
