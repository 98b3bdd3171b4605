import { resolvePlaceholders } from './placeholders.ts'
import type { LiteralText } from './placeholders.ts'
import { randomText } from './random.ts'
import { isCanonical } from './relaxed.ts'
import type { SettingsIndex } from './settings-index.ts'
import type { Entry } from './source-names.ts'
import { scalarValue } from './tree.ts'
import { formatOrigin } from './types.ts'

/** The values of one reading of all sources, placeholders resolved. */
export class SettingsValues {
  readonly #index: SettingsIndex
  readonly #random: Map<string, string>
  readonly #texts = new Map<Entry, string>()

  /** @param random what was drawn so far; it outlives the reading, or every refresh would change it */
  constructor (index: SettingsIndex, random: Map<string, string>) {
    this.#index = index
    this.#random = random
  }

  text (entry: Entry, unresolved: 'keep' | 'throw' = 'throw'): string {
    const known = this.#texts.get(entry)
    if (known !== undefined) return known
    const text = this.#resolve(entry, unresolved)
    if (unresolved === 'throw') this.#texts.set(entry, text)
    return text
  }

  /** Numbers and booleans as they are, texts resolved. */
  value (entry: Entry, unresolved: 'keep' | 'throw'): string | number | boolean {
    const { value } = entry.property
    return value.kind === 'string' ? this.text(entry, unresolved) : scalarValue(value)
  }

  /**
   * What a name stands for in a placeholder. One in another form than `a.my-key` stands for what is written just so
   * and for nothing else: `db-password: ${DB_PASSWORD:none}` must not find itself.
   */
  meaning (name: string): string | LiteralText | undefined {
    const found = (isCanonical(name) ? this.#index.find(name) : this.#index.written(name))?.property
    return found?.literal ? { literal: found.value.text } : found?.value.text
  }

  #resolve (entry: Entry, unresolved: 'keep' | 'throw'): string {
    const { value, origin, literal } = entry.property
    if (literal) return value.text
    const options = { unresolved, where: formatOrigin(origin) }
    return resolvePlaceholders(value.text, key => this.meaning(key) ?? this.#draw(entry, key), options)
  }

  /** A random value is drawn once for each setting. */
  #draw (entry: Entry, key: string): string | undefined {
    if (!key.startsWith('random.')) return undefined
    const id = `${entry.canonical} ${key}`
    const drawn = this.#random.get(id) ?? randomText(key)
    if (drawn !== undefined) this.#random.set(id, drawn)
    return drawn
  }
}
