/** More entries than this are looked up by hash. */
const FEW = 16

/**
 * A map that is never changed and mostly has a handful of entries: names and values in a row, in a third of the
 * memory of a Map, whose table has room for growing. There is one for every instance of a registry.
 */
export function smallMap (entries: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (entries.size === 0) return EMPTY
  // Sliced because `flat` leaves room for more.
  return entries.size > FEW ? entries : new SmallMap([...entries].flat().slice())
}

class SmallMap implements ReadonlyMap<string, string> {
  readonly #row: readonly string[]

  constructor (row: readonly string[]) {
    this.#row = row
  }

  get size (): number {
    return this.#row.length / 2
  }

  get (key: string): string | undefined {
    const at = this.#find(key)
    return at === -1 ? undefined : this.#row[at + 1]
  }

  has (key: string): boolean {
    return this.#find(key) !== -1
  }

  forEach (callback: (value: string, key: string, map: ReadonlyMap<string, string>) => void, self?: unknown): void {
    for (const [key, value] of this) callback.call(self, value, key, this)
  }

  * entries (): Generator<[string, string], undefined, undefined> {
    const row = this.#row
    for (let at = 0; at < row.length; at += 2) yield [row[at]!, row[at + 1]!]
  }

  * keys (): Generator<string, undefined, undefined> {
    for (const [key] of this) yield key
  }

  * values (): Generator<string, undefined, undefined> {
    for (const [, value] of this) yield value
  }

  [Symbol.iterator] (): Generator<[string, string], undefined, undefined> {
    return this.entries()
  }

  #find (key: string): number {
    const row = this.#row
    for (let at = 0; at < row.length; at += 2) if (row[at] === key) return at
    return -1
  }
}

const EMPTY: ReadonlyMap<string, string> = new SmallMap([])
