/**
 * First in, first out, each step in constant time however long it is: `Array.shift` moves all that is left, and the
 * first of a `Set` is looked for behind all that were deleted before it.
 */
export class Fifo<Item> {
  #items: Item[]
  #head = 0

  constructor (items: readonly Item[] = []) {
    this.#items = [...items]
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

interface Place<Item> { readonly item: Item }

/** A {@link Fifo} of things that may leave it from the middle. */
export class Line<Item> {
  readonly #places = new Map<Item, Place<Item>>()
  #line = new Fifo<Place<Item>>()

  get size (): number {
    return this.#places.size
  }

  /** Puts it at the end; what stands in the line keeps its place. */
  add (item: Item): void {
    if (this.#places.has(item)) return
    const place = { item }
    this.#places.set(item, place)
    this.#line.push(place)
  }

  delete (item: Item): void {
    if (!this.#places.delete(item)) return
    // Its place stays until it comes to the front; too many of them are thrown out together.
    if (this.#line.size > 2 * this.#places.size + 16) this.#line = new Fifo([...this.#places.values()])
  }

  get first (): Item | undefined {
    for (let place = this.#line.first; place !== undefined; place = this.#line.first) {
      if (this.#places.get(place.item) === place) return place.item
      this.#line.shift()
    }
    return undefined
  }

  shift (): Item | undefined {
    const item = this.first
    if (item !== undefined) {
      this.#places.delete(item)
      this.#line.shift()
    }
    return item
  }
}
