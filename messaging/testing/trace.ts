/** What happened in a world, in its order: a hash to tell two runs apart by, and on demand lines for a reader. */

export class Trace {
  #hash = 0x811c9dc5
  readonly #lines: string[] | undefined
  readonly #limit: number

  /** Keeps the last `limit` lines; none when it is 0. */
  constructor (limit = 0) {
    this.#limit = limit
    this.#lines = limit === 0 ? undefined : []
  }

  /** The same for two runs in which the same things happened at the same moments. */
  get hash (): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  get lines (): readonly string[] {
    return this.#lines ?? []
  }

  /** Something that only the hash is told of: there are thousands. */
  step (atMs: number, who: string): void {
    this.#mix(who)
    this.#hash = Math.imul(this.#hash ^ Math.round(atMs * 1000), 0x01000193)
  }

  note (atMs: number, who: string, text: string): void {
    this.step(atMs, who)
    this.#mix(text)
    if (this.#lines === undefined) return
    this.#lines.push(`${(atMs / 1000).toFixed(3).padStart(10)} s  ${who.padEnd(14)} ${text}`)
    if (this.#lines.length > this.#limit) this.#lines.shift()
  }

  /** FNV-1a. */
  #mix (text: string): void {
    let hash = this.#hash
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    this.#hash = hash
  }
}
