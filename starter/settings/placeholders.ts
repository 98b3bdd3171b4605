import { settingsError } from './errors.ts'

/** A value that holds no placeholders, whatever it looks like. */
export interface LiteralText { readonly literal: string }

/** What a placeholder stands for; undefined when nothing is known under the key. */
export type Lookup = (key: string) => string | LiteralText | undefined

export interface PlaceholderOptions {
  /** What becomes of `${key}` without value and default: `keep` leaves it as written. @default 'keep' */
  readonly unresolved?: 'keep' | 'throw'
  /** Where the text stands, for errors. */
  readonly where?: string | undefined
  /** How deep placeholders may nest and values may refer to values. @default 50 */
  readonly depth?: number
  /** Longest text that may come out; a few nested references can otherwise grow without bound. @default 1 MiB */
  readonly chars?: number
}

const DEPTH = 50
const CHARS = 1_048_576

/**
 * Fills in `${key}` and `${key:default}` as Spring does: keys and defaults may hold placeholders themselves, values
 * found are resolved in turn, blanks belong to the key, `\${x}` gives `${x}` with what is inside `x` filled in. A
 * value that refers to itself fails with `E_CONFIG_PLACEHOLDER_LOOP`.
 */
export function resolvePlaceholders (text: string, lookup: Lookup, options: PlaceholderOptions = {}): string {
  if (!text.includes('${')) return text
  return new Resolver(lookup, options).resolve(text, [], 0)
}

class Resolver {
  readonly #lookup: Lookup
  readonly #options: PlaceholderOptions
  readonly #depth: number
  #charsLeft: number

  constructor (lookup: Lookup, options: PlaceholderOptions) {
    this.#lookup = lookup
    this.#options = options
    this.#depth = options.depth ?? DEPTH
    this.#charsLeft = options.chars ?? CHARS
  }

  /** `trail` is the keys whose values led here, `level` how many placeholders are around the text. */
  resolve (text: string, trail: readonly string[], level: number): string {
    if (level > this.#depth) throw this.#error('...', 'nests too deeply')
    const closing = closingBraces(text)
    let out = ''
    let at = 0
    for (let open = text.indexOf('${'); open !== -1; open = text.indexOf('${', at)) {
      const close = closing.get(open + 1)
      const isEscaped = text[open - 1] === '\\'
      out += text.slice(at, isEscaped && close !== undefined ? open - 1 : open)
      // Neither an escaped placeholder nor one without an end is any, but one inside it is.
      out += close === undefined || isEscaped ? '${' : this.#placeholder(text.slice(open + 2, close), trail, level + 1)
      at = close === undefined || isEscaped ? open + 2 : close + 1
    }
    return this.#take(out + text.slice(at))
  }

  #placeholder (body: string, trail: readonly string[], level: number): string {
    const split = separator(body)
    const key = split === -1 ? body : body.slice(0, split)
    const name = this.resolve(key.replaceAll('\\:', ':'), trail, level)
    // Spring first looks for a key that has the colon in it, then for the part before it.
    for (const candidate of split === -1 || body.includes('${') ? [name] : [body, name]) {
      const value = this.#lookup(candidate)
      if (value !== undefined) return this.#follow(candidate, value, trail)
    }
    if (split !== -1) return this.resolve(body.slice(split + 1), trail, level)
    if (this.#options.unresolved !== 'throw') return `\${${name}}`
    throw settingsError('E_CONFIG_PLACEHOLDER', [name, 'has no value', name], { where: this.#options.where })
  }

  #follow (key: string, value: string | LiteralText, trail: readonly string[]): string {
    if (typeof value !== 'string') return this.#take(value.literal)
    if (!value.includes('${')) return this.#take(value)
    if (trail.includes(key)) throw this.#error(key, `refers to itself (${[...trail, key].join(' -> ')})`)
    if (trail.length >= this.#depth) throw this.#error(key, 'nests too deeply')
    return this.resolve(value, [...trail, key], 0)
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

/** The `}` of each `{`, in one pass: a text of a million `${` without an end must not be searched a million times. */
function closingBraces (text: string): ReadonlyMap<number, number> {
  const closing = new Map<number, number>()
  const open: number[] = []
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') open.push(at)
    else if (text[at] === '}') {
      const begin = open.pop()
      if (begin !== undefined) closing.set(begin, at)
    }
  }
  return closing
}

/** The first `:` of a placeholder that is in no placeholder within it; `\:` is a colon of the key. */
function separator (body: string): number {
  const closing = closingBraces(body)
  for (let at = 0; at < body.length; at++) {
    if (body[at] === '$') at = closing.get(at + 1) ?? at
    else if (body[at] === ':' && body[at - 1] !== '\\') return at
  }
  return -1
}
