import { settingsError } from './errors.ts'
import { toBoolean, toBytes, toDurationMs, toInteger, toList, toNumber, wholeNumber } from './convert.ts'
import type { LiteralText } from './placeholders.ts'
import { isCanonical, joinName, splitName } from './relaxed.ts'
import { MASK, maskValue } from './secrets.ts'
import { Reloads } from './reloads.ts'
import { SettingsIndex } from './settings-index.ts'
import { SettingsValues } from './settings-values.ts'
import type { Entry } from './source-names.ts'
import { unflatten } from './tree.ts'
import type { Tree } from './tree.ts'
import { formatOrigin } from './types.ts'
import type { Property, PropertySource } from './types.ts'
import { environmentName } from './variables.ts'

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
  #values: SettingsValues
  #state: SettingsState
  #index: SettingsIndex
  #refreshing: Promise<string[]> | undefined
  #next: Promise<string[]> | undefined
  /** How changes went; whoever cannot use what a change brought says so here, too. */
  readonly reloads = new Reloads()

  constructor (state: SettingsState, keeper?: SettingsKeeper) {
    this.#state = state
    this.#keeper = keeper
    this.#index = new SettingsIndex(state.sources)
    this.#values = new SettingsValues(this.#index, this.#random)
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

  /**
   * The effective text, placeholders resolved; undefined when nothing sets it. As Spring's `Environment` does, a name
   * that is not in lower case with dashes (`DB_PASSWORD`) is first looked for as it is written. `unresolved: 'keep'`
   * leaves placeholders that stand for nothing as they are; else they are an error.
   */
  get (key: string, unresolved: 'keep' | 'throw' = 'throw'): string | undefined {
    const entry = this.#named(key)
    return entry === undefined ? undefined : this.#values.text(entry, unresolved)
  }

  /** The property that `get` reads: its text as written, with placeholders, and where it stands. */
  property (key: string): Property | undefined {
    return this.#named(key)?.property
  }

  /** What a name stands for in a placeholder. */
  meaning (name: string): string | LiteralText | undefined {
    return this.#values.meaning(name)
  }

  /** `application.yml:14`, `env SERVER_PORT`, `command line`; undefined when nothing sets the key. */
  origin (key: string): string | undefined {
    const property = this.property(key)
    return property === undefined ? undefined : formatOrigin(property.origin)
  }

  string (key: string, fallback?: string): string {
    return this.#typed(key, fallback, text => text, 'text', '')
  }

  integer (key: string, fallback?: number): number {
    const convert = (text: string, isNumber: boolean) => isNumber ? wholeNumber(text) : toInteger(text)
    return this.#typed(key, fallback, convert, 'whole number', 'a number such as 8080')
  }

  number (key: string, fallback?: number): number {
    return this.#typed(key, fallback, toNumber, 'number', 'a number such as 0.5')
  }

  /** One of a few words, in letters of any case. */
  oneOf<const Word extends string> (key: string, words: readonly Word[], fallback?: Word): Word {
    const convert = (text: string) => words.find(word => word === text.toLowerCase())
    return this.#typed(key, fallback, convert, 'choice', `one of ${words.join(', ')}`)
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
    const found = this.#index.list(key)
    if ('key' in found) return toList(this.#values.text(found))
    return found.length === 0 ? [...fallback] : found.map(entry => this.#values.text(entry))
  }

  /** Full flat keys under a prefix (not the prefix itself), as written; all keys for `''`. */
  keys (prefix: string): string[] {
    return this.#index.below(prefix).map(entry => this.#index.keyBelow(entry, 0))
  }

  /**
   * What stands directly under a prefix: each name as written, with the key to ask for it. A name in brackets may
   * hold dots, so it is no part that could be put behind the prefix with one.
   */
  members (prefix: string): Map<string, string> {
    const depth = splitName(prefix).length
    return new Map(this.keys(prefix).map(key => splitName(key).slice(0, depth + 1))
      .map(parts => [parts[depth]?.text ?? '', joinName(parts)]))
  }

  /** Texts under a prefix by the rest of their key, as Spring fills a map: `labels[team/name]` is `team/name`. */
  map (prefix: string): Record<string, string> {
    const map = Object.create(null) as Record<string, string>
    for (const [name, entry] of this.#index.members(prefix)) map[name] = this.#values.text(entry)
    return map
  }

  /**
   * What stands under a prefix as nested objects, lists and scalars; the scalar itself when the prefix is one, an
   * empty object when there is nothing. `unresolved: 'keep'` leaves `${x}` that stands for nothing as it is, which is
   * what Spring's binder does: a gateway's `RewritePath=/a/(?<rest>.*), /${rest}` means its own group.
   */
  tree (prefix: string, unresolved: 'keep' | 'throw' = 'throw'): Tree {
    const own = this.#index.find(prefix)
    const below = this.#index.below(prefix)
    if (own !== undefined && below.length === 0) return this.#values.value(own, unresolved)
    const depth = splitName(prefix).length
    return unflatten(below.map(entry => [this.#index.memberBelow(entry, depth), this.#values.value(entry, unresolved)]))
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
    const state = await this.#keeper.reload().catch((cause: unknown) => {
      this.reloads.refused('settings', cause)
      throw cause
    })
    this.reloads.taken('settings')
    const before = this.#snapshot()
    const known = new Set(this.#state.warnings)
    this.#state = state
    this.#index = new SettingsIndex(state.sources)
    this.#values = new SettingsValues(this.#index, this.#random)
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

  #named (key: string): Entry | undefined {
    return (isCanonical(key) ? undefined : this.#index.written(key)) ?? this.#index.find(key)
  }

  #typed<T> (
    key: string, fallback: T | undefined, convert: (text: string, isNumber: boolean) => T | undefined,
    kind: string, example: string
  ): T {
    const entry = this.#index.find(key)
    const text = entry === undefined ? undefined : this.#values.text(entry)
    // An empty value of a setting that is no text means "not set": that is how a file takes a value back.
    if (entry === undefined || text === undefined || (text.trim() === '' && kind !== 'text')) {
      if (fallback !== undefined) return fallback
      throw settingsError('E_SETTING_MISSING', [key, environmentName(key)])
    }
    const value = convert(text, entry.property.value.kind === 'number')
    if (value !== undefined) return value
    const masked = maskValue(key, text)
    const shown = masked === MASK ? MASK : JSON.stringify(masked)
    throw settingsError('E_SETTING_TYPE', [key, shown, kind, example], { where: formatOrigin(entry.property.origin) })
  }

  /** Effective texts by key; a value whose placeholder cannot be resolved counts by its raw text. */
  #snapshot (): Map<string, string> {
    const texts = new Map<string, string>()
    for (const entry of this.#index.all()) {
      const key = this.#index.keyBelow(entry, 0)
      try {
        texts.set(key, this.#values.text(entry))
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
