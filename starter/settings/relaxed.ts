/**
 * Relaxed names, as Spring binds them: `service-url`, `serviceUrl`, `SERVICEURL` and `service_url` are one name.
 * Outside brackets only the letters and digits of ASCII tell names apart; what is in brackets stays exactly as written,
 * and is the same name without them where there is nothing to keep: `[team]` is `team`.
 */
export function canonicalName (key: string): string {
  return joinName(splitName(key).map(canonicalPart))
}

/** One part of a canonical name. */
export function canonicalPart ({ text, bracket }: NamePart): NamePart {
  return bracket ? { text, bracket: !PLAIN.test(text) } : { text: uniform(text) || text, bracket }
}

const PLAIN = /^[0-9]*[a-z][a-z0-9]*$/

export interface NamePart {
  readonly text: string
  /** Written in brackets: a list index or a map key that is taken literally. */
  readonly bracket: boolean
}

/** The flat key of parts. */
export function joinName (parts: readonly NamePart[]): string {
  return parts.reduce(appendPart, '')
}

/** A key with one part more. */
export function appendPart (path: string, { text, bracket }: NamePart): string {
  return bracket ? `${path}[${text}]` : path === '' ? text : `${path}.${text}`
}

/** More parts than this no key has; what follows counts as one, so that a hostile key costs no more than its length. */
const MAX_PARTS = 100

/**
 * The parts of a flat key: `a.b[0].c` is a, b, [0], c. Brackets that do not close are ordinary text; empty parts are
 * left out, as Spring does: `a..b` is a.b.
 */
export function splitName (key: string): NamePart[] {
  const parts: NamePart[] = []
  for (let at = 0; at < key.length;) {
    if (parts.length === MAX_PARTS) return [...parts, { text: key.slice(at), bracket: false }]
    const close = key[at] === '[' ? closingBracket(key, at) : -1
    const end = close === -1 ? plainEnd(key, at) : close
    const text = close === -1 ? key.slice(at, end) : key.slice(at + 1, close)
    if (text !== '') parts.push({ text, bracket: close !== -1 })
    at = close === -1 ? end : close + 1
    if (key[at] === '.') at++
  }
  return parts
}

function plainEnd (key: string, from: number): number {
  for (let at = from; at < key.length; at++) {
    if (key[at] === '.') return at
    if (key[at] === '[' && at > from && closingBracket(key, at) !== -1) return at
  }
  return key.length
}

function closingBracket (key: string, open: number): number {
  let depth = 0
  for (let at = open; at < key.length; at++) {
    if (key[at] === '[') depth++
    else if (key[at] === ']' && --depth === 0) return at
  }
  return -1
}

/** Letters and digits in lower case. */
const uniform = (part: string): string => part.toLowerCase().replace(/[^a-z0-9]/g, '')

/** How a part is called in a map: `$n` is n, `two words` is twowords; only brackets keep every character. */
export const memberName = ({ text, bracket }: NamePart): string =>
  bracket ? text : text.replace(/[^A-Za-z0-9_-]/g, '').replace(/^-+/, '')

/** Whether relaxed names reach a key: one with an empty end or a part without a letter is only found as written. */
export function isReachable (key: string, parts: readonly NamePart[]): boolean {
  return parts.length > 0 && !/^\.|\.$/.test(key) && parts.every(part => part.bracket || uniform(part.text) !== '')
}

const CANONICAL = /^(?:[a-z0-9][a-z0-9-]*|\[[^[\]]*\])(?:\.[a-z0-9][a-z0-9-]*|\[[^[\]]*\])*$/

/**
 * Whether a name is in the form that Spring looks up by relaxed rules (`a.my-key[0]`). Any other, such as
 * `DB_PASSWORD` or `maxSize`, stands in a placeholder for the key that is written just so.
 */
export const isCanonical = (name: string): boolean => CANONICAL.test(name)
