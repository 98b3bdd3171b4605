/** Bodies of messages that will soon be handed out: they need not be read from the disk they were written to. */

/** Kept in memory up to this many characters; the rest is read when its turn comes. */
const MAX_KEPT = 16 * 1024 * 1024

export class Bodies {
  readonly #bodies = new Map<number, string>()
  #kept = 0

  keep (seq: number, body: string): void {
    if (this.#kept + body.length > MAX_KEPT) return
    this.#kept += body.length
    this.#bodies.set(seq, body)
  }

  get (seq: number): string | undefined {
    return this.#bodies.get(seq)
  }

  drop (seq: number): void {
    this.#kept -= this.#bodies.get(seq)?.length ?? 0
    this.#bodies.delete(seq)
  }
}
