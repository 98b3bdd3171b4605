/** Commands that got in each other's way go on one after the other: each by its key, others never wait. */
export class KeyLanes {
  readonly #last = new Map<string, Promise<void>>()

  /** Resolves when those who came before have left; the returned function lets the next one in. */
  async enter (key: string): Promise<() => void> {
    const before = this.#last.get(key)
    let leave = (): void => {}
    const mine = new Promise<void>(resolve => { leave = resolve })
    this.#last.set(key, mine)
    await before
    return () => {
      if (this.#last.get(key) === mine) this.#last.delete(key)
      leave()
    }
  }
}
