/**
 * Secrets within a text that is none as a whole: connection strings, URLs, command lines, headers, keys. Each rule goes
 * through the text once; what can be read in two ways is hidden.
 */

type IsSecret = (name: string) => boolean

/** A longer word is no name that anybody gave to a value. */
const MAX_NAME = 120
const NAME_AT_END = /([\w.%-]{1,120})["']?\s{0,3}$/
const QUOTES: ReadonlyMap<string, string> = new Map([['"', '"'], ["'", "'"], ['{', '}']])
/** A value that is not quoted may hold spaces and commas; these end it in every grammar. */
const PAIR_END = /[;&\n\r]/g
const SCHEMES = /\b(basic|bearer|digest|negotiate|apikey)(\s{1,3})[\w+/=.~-]{6,}/gi
const KEYS = [
  // PEM, to its end or to that of the text.
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*/g,
  // JWT and its kin.
  /\beyJ[\w-]{8,}\.[\w-]{2,}\.?[\w-]*/g,
  // Keys that say whose they are.
  /\b(?:AKIA|ASIA)[A-Z\d]{16}\b|\bgh[opsur]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[a-z]-[\w-]{10,}|\b[sr]k_(?:live|test)_\w{10,}|\bAIza[\w-]{30,}/g,
  /\b[\da-f]{64,}\b/gi
]
const WORD = /[A-Za-z\d+/_-]{40,}={0,2}/g

/** The text with the mask in place of each secret in it; `isSecret` tells of the name of a pair. */
export function maskWithin (text: string, isSecret: IsSecret, mask: string): string {
  const withoutKeys = KEYS.reduce((left, key) => left.replace(key, mask), text)
  const withoutWords = withoutKeys.replace(WORD, word => isRandom(word) ? mask : word)
  const withoutUsers = maskUsers(withoutWords, mask)
  return maskOptions(maskPairs(withoutUsers.replace(SCHEMES, `$1$2${mask}`), isSecret, mask), isSecret, mask)
}

/** Letters of both cases and digits throughout: nobody wrote that by hand. */
function isRandom (word: string): boolean {
  return (word.match(/\d/g)?.length ?? 0) > 2 && /[a-z]/.test(word) && /[A-Z]/.test(word) && !/^\/|\/.*\/.*\//.test(word)
}

/** `scheme://user:password@`, `jdbc:oracle:thin:user/password@` and `user:password@host`. */
function maskUsers (text: string, mask: string): string {
  return text.split(/(\s+|["'<>]|,(?=[a-z][a-z\d+.-]{0,30}:\/\/))/i).map(part => maskUser(part, mask)).join('')
}

function maskUser (part: string, mask: string): string {
  const last = part.lastIndexOf('@')
  if (last < 0) return part
  const slashes = part.indexOf('://')
  if (slashes < 0) return /^jdbc:oracle:|^[^\s:@/]{1,120}:[^\s]*@/.test(part) ? mask + part.slice(last) : part
  const begin = slashes + 3
  const authority = /^[^/?#]*/.exec(part.slice(begin))?.[0] ?? ''
  // A slash within a password: no port ends there, or something that looks like one.
  const end = authority.includes(':') && !authority.includes('@') ? last : begin + authority.lastIndexOf('@')
  return end < begin ? part : part.slice(0, begin) + mask + part.slice(end)
}

/** `name=value` and `name: value`, in queries, connection strings, JSON, and one after the other. */
function maskPairs (text: string, isSecret: IsSecret, mask: string): string {
  let shown = ''
  let from = 0
  for (const { index } of text.matchAll(/[=:]/g)) {
    if (index < from || text.startsWith('://', index)) continue
    const name = NAME_AT_END.exec(text.slice(Math.max(from, index - MAX_NAME), index))?.[1]
    if (name === undefined || !isSecret(name)) continue
    const [begin, end] = valueAfter(text, index + 1)
    if (begin === end) continue
    shown += text.slice(from, begin) + mask
    from = end
  }
  return shown + text.slice(from)
}

/** Where a value stands: between its quotes, or up to what ends it. */
function valueAfter (text: string, from: number): [number, number] {
  const begin = from + (/^[^\S\n\r]{0,3}/.exec(text.slice(from, from + 3))?.[0].length ?? 0)
  const closing = QUOTES.get(text[begin] ?? '')
  if (closing !== undefined) {
    const close = text.indexOf(closing, begin + 1)
    return [begin + 1, close < 0 ? text.length : close]
  }
  PAIR_END.lastIndex = begin
  return [begin, PAIR_END.exec(text)?.index ?? text.length]
}

/** `--password VALUE`: the value is the next word, and what follows may still be part of it. */
function maskOptions (text: string, isSecret: IsSecret, mask: string): string {
  for (const found of text.matchAll(/(?:^|\s)-{1,2}([\w.-]{1,120})\s+(?=\S)/g)) {
    if (isSecret(found[1] ?? '')) return text.slice(0, found.index + found[0].length) + mask
  }
  return text
}
