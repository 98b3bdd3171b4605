/** The `{name:value}` prefixes of a cipher: they choose the key and are no part of the cipher text. */

/** What an encrypted value begins with. */
export const CIPHER = '{cipher}'

export interface Prefixed {
  readonly prefixes: ReadonlyMap<string, string>
  /** The prefixes as written. */
  readonly head: string
  readonly text: string
}

// Names are words, so that a JSON text is not taken for a prefix.
const PREFIX = /^\{([A-Za-z][\w.-]*):([^{}]*)\}/
const PLAIN = '{plain}'
const MAX_PREFIXES = 16

/** Splits prefixes off; `{plain}` ends them, so that a text may begin with braces itself. */
export function readPrefixes (value: string): Prefixed {
  const prefixes = new Map<string, string>()
  let rest = value
  for (let count = 0; count < MAX_PREFIXES; count++) {
    const match = PREFIX.exec(rest)
    if (match === null) break
    prefixes.set(match[1] ?? '', match[2] ?? '')
    rest = rest.slice(match[0].length)
  }
  const head = value.slice(0, value.length - rest.length)
  return { prefixes, head, text: rest.startsWith(PLAIN) ? rest.slice(PLAIN.length) : rest }
}
