/**
 * Predicates, filters, key resolvers and local handlers of the user's own, in modules listed under
 * `breakwater.gateway.plugins` and loaded in every worker.
 *
 * A plugin is the only code a configuration can name: `#{@name}`, or its name where Spring's would stand.
 * @example
 * export const plugin: Plugin = {
 *   filters: [{ name: 'Stamp', fields: ['value'], create: (args, draft, context, order) => ({ ... }) }]
 * }
 */
import type { Exchange } from '../exchange.ts'
import { error } from '../errors.ts'
import type { LocalHandler } from '../workers/contract.ts'
import type { FilterFactory, PredicateFactory } from './factory.ts'
import { didYouMean } from './nearest-name.ts'

/** Whose budget a request is charged to; undefined: nobody's (RequestRateLimiter's `deny-empty-key` decides). */
export type KeyResolver = (x: Exchange) => string | undefined

/** What a plugin module exports as `plugin`. */
export interface Plugin {
  readonly predicates?: readonly PredicateFactory[]
  readonly filters?: readonly FilterFactory[]
  /** By name, for `key-resolver: "#{@name}"`. */
  readonly keyResolvers?: Readonly<Record<string, KeyResolver>>
  /** By path, for `forward:/path` and `fallbackUri`. */
  readonly handlers?: Readonly<Record<string, LocalHandler>>
}

/** All registered plugins by name. */
export class Plugins {
  readonly predicates = new Map<string, PredicateFactory>()
  readonly filters = new Map<string, FilterFactory>()
  readonly keyResolvers = new Map<string, KeyResolver>()
  readonly handlers = new Map<string, LocalHandler>()

  add (plugin: Plugin): this {
    for (const predicate of plugin.predicates ?? []) this.predicates.set(predicate.name, predicate)
    for (const filter of plugin.filters ?? []) this.filters.set(filter.name, filter)
    for (const [name, resolver] of Object.entries(plugin.keyResolvers ?? {})) this.keyResolvers.set(name, resolver)
    for (const [path, handler] of Object.entries(plugin.handlers ?? {})) this.handlers.set(path, handler)
    return this
  }
}

/**
 * The plugin that `#{@name}` means; `what` and `where` are for the error. Anything else between the braces would be
 * SpEL, which let anyone who could write a route run code in the gateway (CVE-2022-22947): refused.
 */
export function reference<T> (text: string, registered: ReadonlyMap<string, T>, what: string, where?: string): T {
  const name = /^#\{@([\w.-]+)\}$/.exec(text.trim())?.[1]
  if (name === undefined) throw error('E_EXPRESSION', [what, text], { where })
  const found = registered.get(name)
  if (found === undefined) {
    throw error('E_PLUGIN_MISSING', [what, name, didYouMean(name, registered.keys())], { where })
  }
  return found
}
