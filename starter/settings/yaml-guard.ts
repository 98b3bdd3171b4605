import { Lexer } from 'yaml'
import type { ParseLimits } from './types.ts'

/** Tokens of the lexer that are no text of the file: document start, end of a flow error, "a scalar follows". */
const MARKS = new Set(['\x02', '\x18', '\x1f'])
const SCALAR_FOLLOWS = '\x1f'
const TOKENS_PER_NODE = 5
/** Below this many characters the parser itself says so soon enough. */
const SMALL = 4096

/**
 * Finds what would make parsing slow or overflow the stack, by a cheap look at the tokens: the parser is recursive
 * and its time grows faster than the text does. Undefined when all is well.
 */
export function findExcess (text: string, limits: ParseLimits): { what: string, offset: number } | undefined {
  if (text.length < SMALL) return undefined
  let offset = 0
  let tokens = 0
  let brackets = 0
  let indicators = 0
  let last = ''
  for (const token of new Lexer().lex(text)) {
    if (last !== SCALAR_FOLLOWS) {
      if (token === '[' || token === '{') brackets++
      else if (token === ']' || token === '}') brackets--
      else if (token === '-' || token === '?') indicators++
      else if (token === '\n' || token === '\r\n') indicators = 0
    }
    if (brackets + indicators > limits.depth) return { what: `nested deeper than ${limits.depth} levels`, offset }
    if (++tokens > limits.nodes * TOKENS_PER_NODE) return { what: `more than ${limits.nodes} values`, offset }
    if (!MARKS.has(token)) offset += token.length
    last = token
  }
  return undefined
}
