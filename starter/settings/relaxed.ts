import type { Property, PropertySource } from './types.ts'

/**
 * Relaxed names, as Spring binds them: `service-url`, `serviceUrl`, `SERVICEURL` and `service_url` are one name.
 * Everything is looked up by its canonical form; what is in brackets and no number stays exactly as written.
 */
export function canonicalName (key: string): string {
  return splitName(key).map((part, index) => {
    if (part.bracket) return `[${part.text}]`
    return (index === 0 ? '' : '.') + uniform(part.text)
  }).join('')
}

export interface NamePart {
  readonly text: string
  /** Written in brackets: a list index or a map key that is taken literally. */
  readonly bracket: boolean
}

/** More parts than this no key has; what follows counts as one, so that a hostile key costs no more than its length. */
const MAX_PARTS = 100

/** The parts of a flat key: `a.b[0].c` is a, b, [0], c. Brackets that do not close are ordinary text. */
export function splitName (key: string): NamePart[] {
  const parts: NamePart[] = []
  for (let at = 0; at < key.length;) {
    if (parts.length === MAX_PARTS) return [...parts, { text: key.slice(at), bracket: false }]
    const close = key[at] === '[' ? closingBracket(key, at) : -1
    if (close !== -1) {
      parts.push({ text: key.slice(at + 1, close), bracket: true })
      at = close + 1
      if (key[at] === '.') at++
    } else {
      const end = plainEnd(key, at)
      // Spring leaves empty parts out: `a..b` is a.b.
      if (end > at) parts.push({ text: key.slice(at, end), bracket: false })
      at = key[end] === '.' ? end + 1 : end
    }
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
    else if (key[at] === ']' && --depth === 0) {
      const after = key[at + 1]
      return after === undefined || after === '.' || after === '[' ? at : -1
    }
  }
  return -1
}

/** Letters and digits in lower case; a part of only other characters stays as it is. */
function uniform (part: string): string {
  const letters = part.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
  return letters === '' ? part : letters
}

/** The key an environment variable stands for: `A_B_0_C` is `a.b[0].c`; undefined when it can be none. */
export function environmentKey (name: string): string | undefined {
  if (name.includes('.')) return name
  const parts = name.split('_').filter(part => part !== '')
  if (parts.length === 0) return undefined
  return parts.map((part, index) => {
    if (/^\d+$/.test(part) && index > 0) return `[${part}]`
    return (index === 0 ? '' : '.') + part.toLowerCase()
  }).join('')
}

/** The environment variable that sets a key, for messages: `a.service-url` is `A_SERVICEURL`. */
export function environmentName (key: string): string {
  return splitName(key).map(part => part.text.replace(/-/g, '').replace(/[^A-Za-z0-9]+/g, '_').toUpperCase()).join('_')
}

/** Name of the source that holds the environment variables. */
export const ENVIRONMENT = 'environment'

/**
 * The environment as a source. A name such as `SPRING_CLOUD_CONFIG_FAIL_FAST` cannot tell `fail-fast` from
 * `fail.fast`: both keys find it, because look-ups also try the dashes of a key as dots.
 */
export function environmentSource (env: Readonly<Record<string, string | undefined>>): PropertySource {
  const properties = new Map<string, Property>()
  for (const [name, text] of Object.entries(env)) {
    const key = environmentKey(name)
    if (key === undefined || text === undefined) continue
    properties.set(key, { value: { kind: 'string', text }, origin: { source: `env ${name}` } })
  }
  return { name: ENVIRONMENT, properties }
}
