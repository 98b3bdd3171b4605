/**
 * What a request target and a Host may look like.
 *
 * Routes are matched on the raw path and the raw path is forwarded: both must mean the same place to whatever stands
 * behind. So a path that some server would read as another one is refused here: dot segments (also encoded, also with
 * `;parameters`), backslashes, encoded NUL and control characters, overlong UTF-8. `%252e` and `%2f` pass untouched:
 * one decoding does not change the segments that routes see.
 */
import { HEX, HOST } from './characters.ts'

const PERCENT = 37
const SLASH = 47
const DOT = 46
const SEMICOLON = 59

/** How the paths of requests are read. */
export interface PathRules {
  /** `%2f` and `%5c` in a path are refused with 400. */
  readonly rejectEncodedSlash: boolean
  /**
   * Segments with nothing in them (`//admin`): merged before a route is looked for, as Spring merges them when it
   * forwards; refused with 400, as Spring Security's firewall does; or kept as they are.
   */
  readonly emptySegments: EmptySegments
}

export const EMPTY_SEGMENTS = ['merge', 'reject', 'keep'] as const
export type EmptySegments = typeof EMPTY_SEGMENTS[number]

/**
 * The path to route on and to forward, or undefined for one that is refused. A segment of parameters alone (`/;/`) is
 * an empty one to servers that cut parameters off, and nobody means it.
 */
export function withoutEmptySegments (path: string, rule: EmptySegments): string | undefined {
  if (rule === 'keep') return path
  if (path.includes('/;')) return undefined
  if (!path.includes('//')) return path
  return rule === 'reject' ? undefined : path.replaceAll(/\/{2,}/g, '/')
}

/** True when the path is safe to route on; `path` begins with `/` and holds TARGET characters only. */
export function isPlainPath (path: string, rejectEncodedSlash: boolean): boolean {
  if (path.indexOf('%') >= 0) return isPlainEncodedPath(path, rejectEncodedSlash)
  return path.indexOf('/.') < 0 || !hasDotSegment(path)
}

function isPlainEncodedPath (path: string, rejectEncodedSlash: boolean): boolean {
  const decoded = decodeOnce(path, rejectEncodedSlash)
  return decoded !== undefined && !hasDotSegment(decoded)
}

/** Latin1 text of the decoded bytes, or undefined when the encoding is broken or dangerous. */
function decodeOnce (path: string, rejectEncodedSlash: boolean): string | undefined {
  let out = ''
  let before = 0
  for (let i = 0; i < path.length; i++) {
    let code = path.charCodeAt(i)
    if (code === PERCENT) {
      const high = HEX[path.charCodeAt(i + 1) & 255]!
      const low = HEX[path.charCodeAt(i + 2) & 255]!
      if (i + 2 >= path.length || high > 15 || low > 15) return undefined
      code = (high << 4) | low
      i += 2
      if (!isHarmlessByte(code, before)) return undefined
      if (rejectEncodedSlash && code === SLASH) return undefined
    }
    before = code
    out += String.fromCharCode(code)
  }
  return out
}

/** Control characters and backslash never; nor bytes that begin an overlong or impossible UTF-8 sequence. */
function isHarmlessByte (code: number, before: number): boolean {
  if (code < 32 || code === 127 || code === 92) return false
  if (code === 0xc0 || code === 0xc1 || code > 0xf4) return false
  return !((before === 0xe0 && code < 0xa0) || (before === 0xf0 && code < 0x90))
}

/** `.` or `..` as a whole segment, with or without `;parameters`: Tomcat cuts those off before it resolves dots. */
function hasDotSegment (path: string): boolean {
  for (let at = path.indexOf('/.'); at >= 0; at = path.indexOf('/.', at + 1)) {
    const second = path.charCodeAt(at + 2)
    const after = second === DOT ? path.charCodeAt(at + 3) : second
    if (Number.isNaN(after) || after === SLASH || after === SEMICOLON) return true
  }
  return false
}

/** Whether two authorities of one scheme are the same, in letters of any case, with or without its own port. */
export function isSameAuthority (one: string, other: string, secure: boolean): boolean {
  const ownPort = secure ? /:(?:443)?$/ : /:(?:80)?$/
  const plain = (authority: string): string => authority.toLowerCase().replace(ownPort, '')
  return plain(one) === plain(other)
}

/** `host[:port]` as RFC 3986 has it, IPv6 in brackets; empty only where no authority is meant. */
export function isHost (text: string): boolean {
  if (text.charCodeAt(0) === 91) return isBracketed(text)
  let at = 0
  while (at < text.length && HOST[text.charCodeAt(at)] === 1) at++
  return at > 0 && isPort(text, at)
}

function isBracketed (text: string): boolean {
  const close = text.indexOf(']')
  return close > 2 && /^[0-9a-f:.]+$/i.test(text.slice(1, close)) && isPort(text, close + 1)
}

function isPort (text: string, at: number): boolean {
  if (at === text.length) return true
  if (text.charCodeAt(at) !== 58 || text.length - at > 6) return false
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 48 || code > 57) return false
  }
  return text.length > at + 1
}
