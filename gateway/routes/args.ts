/**
 * The arguments of one predicate or filter, read once at compile time.
 *
 * Positional (shortcut) arguments get their names from the factory's field order; in the full form names bind
 * relaxed (`first-backoff` = `firstBackoff`). Every fault names the argument, the reason and file:line.
 */
import type { NamedArgs } from './route.ts'
import type { BreakwaterError } from '@breakwater/starter/errors'
import { error } from '../errors.ts'
import { parseStatus } from '../http-status.ts'
import { didYouMean } from './nearest-name.ts'
import { GENERATED_KEY, splitCommas } from './shortcut.ts'
import { parseBytes, parseDurationMs } from './units.ts'

/** How a factory names its arguments; `gather`: all values are one list (Spring's ShortcutType). */
export interface ArgsShape {
  readonly name: string
  /** Positional order, first ones first; names beyond those in `extra` are refused. */
  readonly fields: readonly string[]
  /** Names of the full form only. A trailing `*` accepts any name with that beginning. */
  readonly extra?: readonly string[]
  readonly gather?: 'list' | 'list-tail-flag'
}

export class Args {
  readonly origin: string | undefined
  /** Values of a shortcut beyond its last name. */
  readonly surplus: string[] = []
  readonly #shape: ArgsShape
  readonly #values = new Map<string, string>()
  readonly #lists = new Map<string, string[]>()

  constructor (named: NamedArgs, shape: ArgsShape) {
    this.#shape = shape
    this.origin = named.origin
    const entries = Object.entries(named.args)
    for (const [key, value] of entries) this.#refuseExpression(key, value)
    if (shape.gather !== undefined) this.#gather(entries)
    else for (const [i, [key, value]] of entries.entries()) this.#putNamed(key, i, value)
  }

  /**
   * `#{...}` is SpEL in Spring, and let whoever could write a route run code (CVE-2022-22947), later read and change
   * the environment (CVE-2025-41243, CVE-2025-41253). Only the name of a plugin is understood here.
   */
  #refuseExpression (key: string, value: string): void {
    const text = value.trim()
    if (!text.startsWith('#{') || !text.endsWith('}') || /^#\{@[\w.-]+\}$/.test(text)) return
    throw error('E_EXPRESSION', [`${this.#shape.name} ${key}`, text], { where: this.origin })
  }

  has (key: string): boolean {
    return this.#values.has(canonical(key)) || this.#lists.has(canonical(key))
  }

  optional (key: string): string | undefined {
    return this.#values.get(canonical(key)) ?? this.#lists.get(canonical(key))?.join(',')
  }

  string (key: string, fallback?: string): string {
    const value = this.optional(key) ?? fallback
    if (value === undefined) throw this.fail(`${key} is required`)
    return value
  }

  list (key: string): string[] {
    return this.#lists.get(canonical(key)) ?? splitCommas(this.#values.get(canonical(key)) ?? '')
  }

  /** True when the list was given, even empty: an empty `series:` means none, not the default. */
  hasList (key: string): boolean {
    return this.has(key)
  }

  integer (key: string, fallback?: number, least = 0): number {
    const text = this.string(key, fallback?.toString())
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < least) {
      throw this.fail(`${key} must be a whole number of at least ${least}, not "${text}"`)
    }
    return value
  }

  number (key: string, fallback?: number): number {
    const text = this.string(key, fallback?.toString())
    const value = Number(text)
    if (text.trim() === '' || !Number.isFinite(value)) throw this.fail(`${key} must be a number, not "${text}"`)
    return value
  }

  boolean (key: string, fallback?: boolean): boolean {
    const text = this.string(key, fallback?.toString()).toLowerCase()
    if (text !== 'true' && text !== 'false') throw this.fail(`${key} must be true or false, not "${text}"`)
    return text === 'true'
  }

  durationMs (key: string, fallback?: string): number {
    const text = this.string(key, fallback)
    const value = parseDurationMs(text)
    if (value === undefined) throw this.fail(`${key} must be a duration such as 200ms or 5s, not "${text}"`)
    return value
  }

  bytes (key: string, fallback?: string): number {
    const text = this.string(key, fallback)
    const value = parseBytes(text)
    if (value === undefined) throw this.fail(`${key} must be a size such as 64KB or 5MB, not "${text}"`)
    return value
  }

  status (key: string, fallback?: string): number {
    const text = this.string(key, fallback)
    const value = parseStatus(text)
    if (value === undefined) throw this.fail(`${key} must be a status such as 404 or NOT_FOUND, not "${text}"`)
    return value
  }

  choice<T extends string> (key: string, choices: readonly T[], fallback?: T): T {
    const text = this.string(key, fallback)
    const found = choices.find(choice => canonical(choice) === canonical(text))
    if (found === undefined) throw this.fail(`${key} must be one of ${choices.join(', ')}, not "${text}"`)
    return found
  }

  /** Compiles with whatever may throw (a pattern, a date), and says which argument it was. */
  parsed<T> (key: string, parse: (text: string) => T, text = this.string(key)): T {
    try {
      return parse(text)
    } catch (cause) {
      throw this.fail(`${key} "${text}" does not parse: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
    }
  }

  fail (reason: string, cause?: unknown): BreakwaterError {
    return error('E_ROUTE_ARGUMENT', [this.#shape.name, reason], { where: this.origin, cause })
  }

  #gather (entries: Array<[string, string]>): void {
    const [listKey = '', flagKey = ''] = this.#shape.fields
    const values: string[] = []
    for (const [key, value] of entries) {
      if (this.#shape.gather === 'list-tail-flag' && canonical(key) === canonical(flagKey)) this.#put(flagKey, value)
      else if (this.#isExtra(key)) this.#put(key, value)
      else values.push(value)
    }
    const last = values.at(-1)?.toLowerCase()
    if (this.#shape.gather === 'list-tail-flag' && !this.has(flagKey) && (last === 'true' || last === 'false')) {
      this.#put(flagKey, values.pop() ?? '')
    }
    this.#lists.set(canonical(listKey), values)
  }

  #put (key: string, value: string): void {
    const [, name = key, index] = /^(.*?)(?:\.(\d+)|\[(\d+)\])$/.exec(key) ?? [undefined, key]
    if (index === undefined && name === key) this.#values.set(canonical(key), value)
    else this.#append(canonical(name), value)
  }

  #append (name: string, value: string): void {
    const list = this.#lists.get(name)
    if (list === undefined) this.#lists.set(name, [value])
    else list.push(value)
  }

  #putNamed (key: string, position: number, value: string): void {
    const name = key.startsWith(GENERATED_KEY) ? this.#shape.fields[position] : this.#named(key)
    if (name === undefined) this.surplus.push(value)
    else this.#put(name, value)
  }

  #named (key: string): string {
    const bare = canonical(key.replace(/(\.\d+|\[\d+\])$/, ''))
    if (this.#shape.fields.some(field => canonical(field) === bare) || this.#isExtra(key)) return key
    const known = [...this.#shape.fields, ...this.#shape.extra ?? []].filter(name => !name.endsWith('*'))
    throw this.fail(`"${key}" is no argument of it.${didYouMean(key, known)}`)
  }

  #isExtra (key: string): boolean {
    const bare = canonical(key.replace(/(\.\d+|\[\d+\])$/, ''))
    return (this.#shape.extra ?? []).some(name =>
      name.endsWith('*') ? bare.startsWith(canonical(name.slice(0, -1))) : canonical(name) === bare)
  }
}

/** Relaxed binding: dashes, underscores and case do not count. */
export function canonical (key: string): string {
  return key.replaceAll(/[-_]/g, '').toLowerCase()
}
