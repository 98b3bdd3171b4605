/** Things and when their time comes: a binary heap. What was put again or removed leaves its old entry behind. */
interface Entry<Item> { readonly at: number, readonly item: Item }

export class Timetable<Item> {
  readonly #entries = new Map<Item, Entry<Item>>()
  #heap: Array<Entry<Item>> = []

  get size (): number {
    return this.#entries.size
  }

  /** Sets when the item's time comes, or sets it anew. */
  put (item: Item, at: number): void {
    const entry = { at, item }
    this.#entries.set(item, entry)
    // Old entries go when their time comes; items that are put again and again must not fill the memory until then.
    if (this.#heap.length > 2 * this.#entries.size + 16) this.#rebuild()
    else this.#rise(this.#heap.push(entry) - 1)
  }

  remove (item: Item): void {
    this.#entries.delete(item)
  }

  items (): Iterable<Item> {
    return this.#entries.keys()
  }

  /** When the next one's time comes, Infinity when there is none. */
  get nextAt (): number {
    return this.#next()?.at ?? Infinity
  }

  /** Takes out one whose time has come. */
  due (now: number): Item | undefined {
    const next = this.#next()
    if (next === undefined || next.at > now) return undefined
    this.#pop()
    this.#entries.delete(next.item)
    return next.item
  }

  #next (): Entry<Item> | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#entries.get(top.item) === top) return top
      this.#pop()
    }
    return undefined
  }

  #rebuild (): void {
    // What is sorted is a heap.
    this.#heap = [...this.#entries.values()].sort((a, b) => a.at - b.at)
  }

  #pop (): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink()
  }

  #rise (index: number): void {
    for (let at = index; at > 0;) {
      const parent = (at - 1) >> 1
      if (this.#heap[parent]!.at <= this.#heap[at]!.at) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink (): void {
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      if (left < this.#heap.length && this.#heap[left]!.at < this.#heap[least]!.at) least = left
      if (right < this.#heap.length && this.#heap[right]!.at < this.#heap[least]!.at) least = right
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #swap (a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b]!, this.#heap[a]!]
  }
}
