/**
 * Cuts attributes out of the text of a JSON document. What stays keeps every byte: a number that JavaScript cannot
 * hold (64-bit ids of Java services), the order, the spelling, a name that stands twice.
 *
 * One pass, by bytes: in UTF-8 nothing that structures JSON occurs within a longer character.
 */

/** As deep as Jackson goes. */
const MAX_DEPTH = 1_000

/** `deep` false: the root's attributes only. Throws on what is no JSON. */
export function cutAttributes (body: Buffer, names: ReadonlySet<string>, deep: boolean): Buffer {
  const cutter = new Cutter(body.toString('latin1'), names, deep)
  cutter.document()
  return cutter.cuts.length === 0 ? body : without(body, cutter.cuts)
}

type Cut = readonly [from: number, to: number]

function without (body: Buffer, cuts: readonly Cut[]): Buffer {
  const kept: Buffer[] = []
  let at = 0
  for (const [from, to] of cuts) {
    kept.push(body.subarray(at, from))
    at = to
  }
  return Buffer.concat([...kept, body.subarray(at)])
}

const QUOTE = 34
const BACKSLASH = 92
const ESCAPED = /["\\/bfnrt]|u[\dA-Fa-f]{4}/y
const PLAIN = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

class Cutter {
  /** Ascending; none within another. */
  readonly cuts: Cut[] = []
  readonly #text: string
  readonly #names: ReadonlySet<string>
  readonly #deep: boolean
  #at = 0

  constructor (text: string, names: ReadonlySet<string>, deep: boolean) {
    this.#text = text
    this.#names = names
    this.#deep = deep
  }

  document (): void {
    this.#space()
    this.#value(0, true)
    this.#space()
    if (this.#at < this.#text.length) throw this.#fault()
  }

  /** `live` false: no attribute is cut in here. */
  #value (depth: number, live: boolean): void {
    if (depth > MAX_DEPTH) throw new Error(`JSON nests deeper than ${MAX_DEPTH}`)
    switch (this.#text[this.#at]) {
      case '{': return this.#object(depth, live)
      case '[': return this.#array(depth, live)
      case '"': return this.#string()
      default: this.#match(PLAIN)
    }
  }

  #array (depth: number, live: boolean): void {
    this.#at++
    if (this.#empty(']')) return
    do {
      this.#space()
      this.#value(depth + 1, live && this.#deep)
      this.#space()
    } while (this.#takes(','))
    this.#expect(']')
  }

  #object (depth: number, live: boolean): void {
    this.#at++
    if (this.#empty('}')) return
    /** Where a cut of the member at hand begins: behind the last one that stays, or at the first's name. */
    let from = -1
    let kept = false
    do {
      const comma = this.#at - 1
      this.#space()
      const start = this.#at
      if (!kept && from >= 0) this.cuts.push([from, start])
      from = -1
      if (!this.#member(depth, live)) kept = true
      else if (kept) this.cuts.push([comma, this.#at])
      else from = start
      this.#tail = this.#at
      this.#space()
    } while (this.#takes(','))
    if (from >= 0) this.cuts.push([from, this.#tail])
    this.#expect('}')
  }

  /** The end of the member read last. */
  #tail = 0

  /** Reads name and value; true when the member is to go. */
  #member (depth: number, live: boolean): boolean {
    const start = this.#at
    if (this.#text[start] !== '"') throw this.#fault()
    this.#string()
    const goes = live && this.#names.has(nameOf(this.#text.slice(start, this.#at)))
    this.#space()
    this.#expect(':')
    this.#space()
    this.#value(depth + 1, live && this.#deep && !goes)
    return goes
  }

  #string (): void {
    for (this.#at++; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at)
      // NaN, past the end, is no less than a blank.
      if (!(code >= 32)) throw this.#fault()
      if (code === QUOTE) break
      if (code !== BACKSLASH) continue
      this.#at++
      this.#match(ESCAPED)
      this.#at--
    }
    this.#at++
  }

  #match (pattern: RegExp): void {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) throw this.#fault()
    this.#at = pattern.lastIndex
  }

  #empty (close: string): boolean {
    this.#space()
    return this.#takes(close)
  }

  #takes (char: string): boolean {
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #expect (char: string): void {
    if (!this.#takes(char)) throw this.#fault()
  }

  #space (): void {
    for (;; this.#at++) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return
    }
  }

  #fault (): Error {
    return new Error(`no JSON at byte ${this.#at}`)
  }
}

/** A name may be spelt with escapes; its bytes are UTF-8. */
function nameOf (quoted: string): string {
  return JSON.parse(Buffer.from(quoted, 'latin1').toString('utf8')) as string
}
