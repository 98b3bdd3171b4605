/** First in, first out, each in constant time however long it is (`Array.shift` moves all that is left). */
export class Fifo<Item> {
  #items: Item[]
  #head = 0

  constructor (...items: Item[]) {
    this.#items = items
  }

  get size (): number {
    return this.#items.length - this.#head
  }

  /** The next to come out. */
  get first (): Item | undefined {
    return this.#items[this.#head]
  }

  push (item: Item): void {
    this.#items.push(item)
  }

  shift (): Item | undefined {
    const item = this.first
    if (item === undefined) return undefined
    this.#head++
    // What came out is cut off when it is half of all: that moves each item once, on average.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
