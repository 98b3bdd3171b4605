import { settingsError } from './errors.ts'
import { toBoolean, toBytes, toDurationMs, toInteger, toList, toNumber } from './convert.ts'
import { resolvePlaceholders } from './placeholders.ts'
import { randomText } from './random.ts'
import { canonicalName, environmentName, splitName } from './relaxed.ts'
import { isSecretKey, MASK } from './secrets.ts'
import { indexSources, keyBelow } from './settings-index.ts'
import type { Entry, SettingsIndex } from './settings-index.ts'
import { scalarValue, unflatten } from './tree.ts'
import type { Tree } from './tree.ts'
import { formatOrigin } from './types.ts'
import type { PropertySource } from './types.ts'

/** What one reading of all sources gave. */
export interface SettingsState {
  readonly profiles: readonly string[]
  /** Highest priority first. */
  readonly sources: readonly PropertySource[]
  readonly warnings: readonly string[]
}

/** What keeps settings alive after the first reading; handed in by the loader. */
export interface SettingsKeeper {
  /** Reads every source again. */
  reload (): Promise<SettingsState>
  /** Ends all watching. */
  close (): void
}

interface SettingsEvents {
  /** Some effective values changed; the keys as written. */
  change: [changedKeys: string[]]
  /** Something odd that does not stop the service: a config server that does not answer, a failed reload. */
  warning: [text: string]
}

type Listener<K extends keyof SettingsEvents> = (...args: SettingsEvents[K]) => void

/**
 * The settings of a process: an ordered list of sources with Spring's rules for names, lists and placeholders.
 * Values are read when asked for, so a change is seen by the next `get`; `on('change')` tells which keys changed.
 */
export class Settings {
  readonly #keeper: SettingsKeeper | undefined
  readonly #listeners = { change: new Set<Listener<'change'>>(), warning: new Set<Listener<'warning'>>() }
  readonly #random = new Map<string, string>()
  #state: SettingsState
  #index: SettingsIndex
  #texts = new Map<string, string>()
  #refreshing: Promise<string[]> | undefined
  #next: Promise<string[]> | undefined

  constructor (state: SettingsState, keeper?: SettingsKeeper) {
    this.#state = state
    this.#keeper = keeper
    this.#index = indexSources(state.sources)
  }

  /** Active profiles in order, the last one wins; `['default']` when none was asked for. */
  get profiles (): readonly string[] {
    return this.#state.profiles
  }

  /** All sources, highest priority first. */
  get sources (): readonly PropertySource[] {
    return this.#state.sources
  }

  /** What was odd when the sources were read; later oddities come by `on('warning')`. */
  get warnings (): readonly string[] {
    return this.#state.warnings
  }

  /** The effective text, placeholders resolved; undefined when nothing sets it. */
  get (key: string): string | undefined {
    const entry = this.#find(key)
    return entry === undefined ? undefined : this.#text(entry)
  }

  /** The effective text as written, placeholders left in. */
  raw (key: string): string | undefined {
    return this.#find(key)?.property.value.text
  }

  /** `application.yml:14`, `env SERVER_PORT`, `command line`; undefined when nothing sets the key. */
  origin (key: string): string | undefined {
    const entry = this.#find(key)
    return entry === undefined ? undefined : formatOrigin(entry.property.origin)
  }

  string (key: string, fallback?: string): string {
    return this.#typed(key, fallback, text => text, 'text', '')
  }

  integer (key: string, fallback?: number): number {
    return this.#typed(key, fallback, toInteger, 'whole number', 'a number such as 8080')
  }

  number (key: string, fallback?: number): number {
    return this.#typed(key, fallback, toNumber, 'number', 'a number such as 0.5')
  }

  boolean (key: string, fallback?: boolean): boolean {
    return this.#typed(key, fallback, toBoolean, 'boolean', 'true or false')
  }

  /** Milliseconds; Spring's forms: `10s`, `500ms`, `PT1M`, a bare number. */
  durationMs (key: string, fallbackMs?: number): number {
    return this.#typed(key, fallbackMs, toDurationMs, 'duration', 'a duration such as 500ms, 10s or PT1M')
  }

  /** Bytes; Spring's forms: `10MB`, `512KB`, a bare number. */
  bytes (key: string, fallback?: number): number {
    return this.#typed(key, fallback, toBytes, 'size', 'a size such as 512KB or 10MB')
  }

  /** The items of `key[0]`, `key[1]`... or of a comma text; empty when nothing sets it and there is no fallback. */
  list (key: string, fallback: readonly string[] = []): string[] {
    const text = this.get(key)
    if (text !== undefined) return toList(text)
    const items = this.#below(key).filter(entry => /^\[\d+\]$/.test(keyBelow(this.#index, entry, splitName(key).length)))
    if (items.length === 0) return [...fallback]
    const position = (entry: Entry) => Number(/\[(\d+)\]$/.exec(entry.canonical)?.[1])
    return items.toSorted((a, b) => position(a) - position(b)).map(entry => this.#text(entry))
  }

  /** Full flat keys under a prefix (not the prefix itself), as written; all keys for `''`. */
  keys (prefix: string): string[] {
    return this.#below(prefix).map(entry => keyBelow(this.#index, entry, 0))
  }

  /** Texts under a prefix by the rest of their key, as written. */
  map (prefix: string): Record<string, string> {
    const depth = splitName(prefix).length
    const map = Object.create(null) as Record<string, string>
    for (const entry of this.#below(prefix)) map[keyBelow(this.#index, entry, depth)] = this.#text(entry)
    return map
  }

  /**
   * What stands under a prefix as nested objects, lists and scalars; the scalar itself when the prefix is one, an
   * empty object when there is nothing. `unresolved: 'keep'` leaves `${x}` that stands for nothing as it is, which is
   * what Spring's binder does: a gateway's `RewritePath=/a/(?<rest>.*), /${rest}` means its own group.
   */
  tree (prefix: string, unresolved: 'keep' | 'throw' = 'throw'): Tree {
    const own = this.#find(prefix)
    const below = this.#below(prefix)
    if (own !== undefined && below.length === 0) return this.#value(own, unresolved)
    const depth = splitName(prefix).length
    return unflatten(below.map(entry => [keyBelow(this.#index, entry, depth), this.#value(entry, unresolved)]))
  }

  on<K extends keyof SettingsEvents> (event: K, listener: Listener<K>): this {
    (this.#listeners[event] as Set<Listener<K>>).add(listener)
    return this
  }

  off<K extends keyof SettingsEvents> (event: K, listener: Listener<K>): this {
    (this.#listeners[event] as Set<Listener<K>>).delete(listener)
    return this
  }

  /**
   * Reads all sources again and tells the keys whose effective value changed. When that fails the old values stay
   * and the error is thrown. A call during a reading waits for one more: the one under way may have read too early.
   */
  refresh (): Promise<string[]> {
    if (this.#refreshing === undefined) return this.#start()
    this.#next ??= this.#refreshing.catch(() => []).then(() => {
      this.#next = undefined
      return this.#start()
    })
    return this.#next
  }

  #start (): Promise<string[]> {
    this.#refreshing = this.#refresh().finally(() => { this.#refreshing = undefined })
    return this.#refreshing
  }

  async #refresh (): Promise<string[]> {
    if (this.#keeper === undefined) return []
    const state = await this.#keeper.reload()
    const before = this.#snapshot()
    const known = new Set(this.#state.warnings)
    this.#state = state
    this.#index = indexSources(state.sources)
    this.#texts = new Map()
    const changed = changedKeys(before, this.#snapshot())
    for (const warning of state.warnings) if (!known.has(warning)) this.#emit('warning', warning)
    if (changed.length > 0) this.#emit('change', changed)
    return changed
  }

  /** Ends watching for changes. Values stay readable. */
  close (): void {
    this.#keeper?.close()
  }

  /** Tells listeners of something odd; used by what watches on behalf of these settings. */
  warn (text: string): void {
    this.#emit('warning', text)
  }

  /** A listener that throws must not keep the others from hearing of the change. */
  #emit<K extends keyof SettingsEvents> (event: K, ...args: SettingsEvents[K]): void {
    for (const listener of [...this.#listeners[event]] as Listener<K>[]) {
      try {
        listener(...args)
      } catch (cause) {
        if (event !== 'warning') this.#emit('warning', `a listener for changed settings failed: ${String(cause)}`)
      }
    }
  }

  /** The entry of a key. Dashes are also tried as dots, for variables such as SPRING_CLOUD_CONFIG_FAIL_FAST. */
  #find (key: string): Entry | undefined {
    const entry = this.#index.entries.get(canonicalName(key))
    if (!key.includes('-')) return entry
    const dotted = this.#index.entries.get(canonicalName(key.replaceAll('-', '.')))
    if (dotted === undefined || !dotted.property.origin.source.startsWith('env ')) return entry
    return entry === undefined || dotted.rank < entry.rank ? dotted : entry
  }

  #below (prefix: string): Entry[] {
    const start = canonicalName(prefix)
    const all = [...this.#index.entries.values()]
    if (start === '') return all
    return all.filter(({ canonical }) => canonical.startsWith(start) &&
      (canonical[start.length] === '.' || canonical[start.length] === '['))
  }

  #text (entry: Entry): string {
    const known = this.#texts.get(entry.canonical)
    if (known !== undefined) return known
    const text = resolvePlaceholders(entry.property.value.text, key => this.#lookup(entry, key),
      { unresolved: 'throw', where: formatOrigin(entry.property.origin) })
    this.#texts.set(entry.canonical, text)
    return text
  }

  /** What a placeholder stands for. A random value is drawn once for each setting, or every refresh would change it. */
  #lookup (entry: Entry, key: string): string | undefined {
    const text = this.#find(key)?.property.value.text
    if (text !== undefined || !key.startsWith('random.')) return text
    const id = `${entry.canonical} ${key}`
    const drawn = this.#random.get(id) ?? randomText(key)
    if (drawn !== undefined) this.#random.set(id, drawn)
    return drawn
  }

  #value (entry: Entry, unresolved: 'keep' | 'throw'): string | number | boolean {
    const { value } = entry.property
    if (value.kind !== 'string') return scalarValue(value)
    return unresolved === 'throw' ? this.#text(entry) : resolvePlaceholders(value.text, key => this.#lookup(entry, key))
  }

  #typed<T> (
    key: string, fallback: T | undefined, convert: (text: string) => T | undefined, kind: string, example: string
  ): T {
    const entry = this.#find(key)
    const text = entry === undefined ? undefined : this.#text(entry)
    // An empty value of a setting that is no text means "not set": that is how a file takes a value back.
    if (entry === undefined || text === undefined || (text === '' && kind !== 'text')) {
      if (fallback !== undefined) return fallback
      throw settingsError('E_SETTING_MISSING', [key, environmentName(key)])
    }
    const value = convert(text)
    if (value !== undefined) return value
    const shown = isSecretKey(key) ? MASK : JSON.stringify(text)
    throw settingsError('E_SETTING_TYPE', [key, shown, kind, example], { where: formatOrigin(entry.property.origin) })
  }

  /** Effective texts by key; a value whose placeholder cannot be resolved counts by its raw text. */
  #snapshot (): Map<string, string> {
    const texts = new Map<string, string>()
    for (const entry of this.#index.entries.values()) {
      const key = keyBelow(this.#index, entry, 0)
      try {
        texts.set(key, this.#text(entry))
      } catch {
        texts.set(key, entry.property.value.text)
      }
    }
    return texts
  }
}

function changedKeys (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const keys = new Set([...before.keys(), ...after.keys()])
  return [...keys].filter(key => before.get(key) !== after.get(key))
}
