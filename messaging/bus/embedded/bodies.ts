/** Bodies of messages that will soon be handed out: they need not be read from the disk they were written to. */

/** Kept in memory up to this many bytes; the rest is read when its turn comes. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024

export class Bodies {
  readonly #bodies = new Map<number, string>()
  #kept = 0

  keep (seq: number, body: string): void {
    if (this.#kept + bytesOf(body) > MAX_KEPT_BYTES) return
    this.#kept += bytesOf(body)
    this.#bodies.set(seq, body)
  }

  get (seq: number): string | undefined {
    return this.#bodies.get(seq)
  }

  drop (seq: number): void {
    const body = this.#bodies.get(seq)
    if (body === undefined) return
    this.#kept -= bytesOf(body)
    this.#bodies.delete(seq)
  }
}

/** In memory: two for each character, unless all are of Latin-1. */
function bytesOf (body: string): number {
  return 2 * body.length
}
