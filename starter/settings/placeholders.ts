import { settingsError } from './errors.ts'

/** What a placeholder stands for; undefined when nothing is known under the key. */
export type Lookup = (key: string) => string | undefined

export interface PlaceholderOptions {
  /** What becomes of `${key}` without value and default: `keep` leaves it as written. @default 'keep' */
  readonly unresolved?: 'keep' | 'throw'
  /** Where the text stands, for errors. */
  readonly where?: string | undefined
  /** How deep values may refer to values. @default 50 */
  readonly depth?: number
  /** Longest text that may come out; a few nested references can otherwise grow without bound. @default 1 MiB */
  readonly chars?: number
}

const DEPTH = 50
const CHARS = 1_048_576

/**
 * Fills in `${key}` and `${key:default}` as Spring does: keys and defaults may hold placeholders themselves, values
 * found are resolved in turn, white space around keys is ignored, `\${x}` gives `${x}`. A value that refers to itself
 * fails with `E_CONFIG_PLACEHOLDER_LOOP`.
 */
export function resolvePlaceholders (text: string, lookup: Lookup, options: PlaceholderOptions = {}): string {
  if (!text.includes('${')) return text
  return new Resolver(lookup, options).resolve(text, [])
}

class Resolver {
  readonly #lookup: Lookup
  readonly #options: PlaceholderOptions
  #charsLeft: number

  constructor (lookup: Lookup, options: PlaceholderOptions) {
    this.#lookup = lookup
    this.#options = options
    this.#charsLeft = options.chars ?? CHARS
  }

  resolve (text: string, trail: readonly string[]): string {
    let out = ''
    for (let at = 0; at < text.length;) {
      const open = text.indexOf('${', at)
      const close = open === -1 ? -1 : closing(text, open + 2)
      if (close === -1) return this.#take(out + text.slice(at).replaceAll('\\${', '${'))
      if (open > 0 && text[open - 1] === '\\') {
        // An escaped placeholder is text up to its end: nothing in it is looked up.
        out += `${text.slice(at, open - 1)}${text.slice(open, close + 1)}`
      } else out += text.slice(at, open) + this.#placeholder(text.slice(open + 2, close), trail)
      at = close + 1
    }
    return this.#take(out)
  }

  /** Spring first looks for a key that has the colon in it, then for the part before it. */
  #placeholder (body: string, trail: readonly string[]): string {
    const split = separator(body)
    const name = this.resolve((split === -1 ? body : body.slice(0, split)).replaceAll('\\:', ':'), trail).trim()
    for (const key of split === -1 || body.includes('${', split) ? [name] : [body, name]) {
      const value = this.#lookup(key)
      if (value !== undefined) return this.#follow(key, value, trail)
    }
    if (split !== -1) return this.resolve(body.slice(split + 1), trail)
    if (this.#options.unresolved === 'throw') {
      throw settingsError('E_CONFIG_PLACEHOLDER', [name, 'has no value', name], { where: this.#options.where })
    }
    return `\${${body}}`
  }

  #follow (key: string, value: string, trail: readonly string[]): string {
    if (!value.includes('${')) return this.#take(value)
    if (trail.includes(key)) throw this.#error(key, `refers to itself (${[...trail, key].join(' -> ')})`)
    if (trail.length >= (this.#options.depth ?? DEPTH)) throw this.#error(key, 'nests too deeply')
    return this.resolve(value, [...trail, key])
  }

  #take (text: string): string {
    this.#charsLeft -= text.length
    if (this.#charsLeft < 0) throw this.#error('...', 'grows without bound')
    return text
  }

  #error (key: string, what: string): Error {
    return settingsError('E_CONFIG_PLACEHOLDER_LOOP', [key, what], { where: this.#options.where })
  }
}

/** The `}` that closes a placeholder whose body begins at `from`; braces of any kind inside must balance. */
function closing (text: string, from: number): number {
  let depth = 1
  for (let at = from; at < text.length; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) return at
  }
  return -1
}

/** The first `:` that belongs to this placeholder and not to one in its key; `\:` is a colon of the key. */
function separator (body: string): number {
  let depth = 0
  for (let at = 0; at < body.length; at++) {
    if (body[at] === '{') depth++
    else if (body[at] === '}') depth--
    else if (body[at] === ':' && depth === 0 && body[at - 1] !== '\\') return at
  }
  return -1
}
