/** What was said to the cluster and what it answered, and whether its end can come from that. */

/** What is judged by itself: an instance's override, one of its metadata entries. */
export interface Word {
  readonly key: string
  /** What is so afterwards. */
  value: string
  readonly node: string
  readonly from: number
  /** When the answer was in; undefined while there is none, or when it never came. */
  to: number | undefined
  /** May be undone: the registry that took it ended before anybody else had it, or the instance was given up by all. */
  void: boolean
}

export class History {
  readonly #words: Word[] = []

  say (key: string, value: string, node: string, now: number): Word {
    const word: Word = { key, value, node, from: now, to: undefined, void: false }
    this.#words.push(word)
    return word
  }

  of (key: string): readonly Word[] {
    return this.#words.filter(word => word.key === key)
  }

  /** Gives up what is known of one key, as far as it was said at one registry, or anywhere. */
  voidWords (key: string, node?: string): void {
    for (const word of this.#words) {
      if (word.key === key && (node === undefined || word.node === node)) word.void = true
    }
  }

  /** Gives up what was said at one registry since. */
  voidSaidAt (node: string, since: number): void {
    for (const word of this.#words) if (word.node === node && (word.to ?? word.from) >= since) word.void = true
  }

  /**
   * What may be so at the end: whatever was said last, and all that was said so close to it that nobody can tell. A
   * word that was not answered may count or not.
   */
  possible (key: string, marginMs: number): ReadonlySet<string> {
    const words = this.of(key)
    const firm = words.filter(word => word.to !== undefined && !word.void)
    const last = words.filter(word => !firm.some(other => isOver(word, other, marginMs)))
    return new Set(last.flatMap(({ value, to }) => to === undefined ? [value, 'none'] : [value]))
  }

  /** Whether somebody has surely said something about the key. */
  isFirm (key: string): boolean {
    return this.of(key).some(word => word.to !== undefined && !word.void)
  }
}

/** Whether another word was said when the first was long answered. */
function isOver (word: Word, other: Word, marginMs: number): boolean {
  return word !== other && word.to !== undefined && other.from > word.to + marginMs
}
