/**
 * Route definitions out of settings: the tree below one of Spring's prefixes becomes plain data.
 *
 * Every fault is collected, so that one start shows all of them, each with file:line.
 */
import type { BreakwaterError } from '@breakwater/starter/errors'
import { error } from '../errors.ts'
import { canonical } from './args.ts'
import { didYouMean } from './nearest-name.ts'
import type { NamedArgs, RouteDefinition } from './route.ts'
import { parseFilter, parsePredicate, splitCommas } from './shortcut.ts'

/** Where a key was written: `application.yml:14`. */
export type OriginOf = (key: string) => string | undefined

/** One definition or the reason why there is none. */
export type DefinitionResult =
  | { readonly definition: RouteDefinition }
  | { readonly fault: BreakwaterError }

/** `tree` is the value under `<prefix>.routes`; `key` its full name, for origins. */
export function readRoutes (tree: unknown, key: string, originOf: OriginOf): DefinitionResult[] {
  return asList(tree).map((item, i) => {
    try {
      return { definition: readRoute(item, `${key}[${i}]`, originOf) }
    } catch (fault) {
      return { fault: fault as BreakwaterError }
    }
  })
}

/** `default-filters`: a list of shortcuts or full forms. */
export function readFilters (tree: unknown, key: string, originOf: OriginOf): NamedArgs[] {
  return asList(tree).map((item, i) => readNamed(item, parseFilter, `${key}[${i}]`, originOf))
}

/** `discovery.locator.predicates`: likewise. */
export function readPredicates (tree: unknown, key: string, originOf: OriginOf): NamedArgs[] {
  return asList(tree).map((item, i) => readNamed(item, parsePredicate, `${key}[${i}]`, originOf))
}

const ROUTE_KEYS = ['id', 'uri', 'order', 'enabled', 'predicates', 'filters', 'metadata'] as const

function readRoute (item: unknown, key: string, originOf: OriginOf): RouteDefinition {
  if (typeof item === 'string') return readRouteText(item, originOf(key))
  const fields = fieldsOf(item, key, originOf)
  const origin = originOf(`${key}.id`) ?? originOf(`${key}.uri`) ?? originOf(key)
  const id = text(fields.get('id')) || generatedId(key)
  const definition = {
    id,
    uri: checkUri(id, text(fields.get('uri')), origin),
    order: integer(id, fields.get('order'), origin),
    enabled: text(fields.get('enabled')) !== 'false',
    predicates: readPredicates(fields.get('predicates'), `${key}.predicates`, originOf),
    filters: readFilters(fields.get('filters'), `${key}.filters`, originOf),
    metadata: asObject(fields.get('metadata')),
    ...origin === undefined ? {} : { origin }
  }
  if (fields.has('predicates') && definition.predicates.length === 0) {
    throw error('E_ROUTE_DEFINITION', [id, 'predicates must not be empty'], { where: origin })
  }
  return definition
}

/** Spring's one-line route: `id=uri,Path=/a,Method=GET`. */
function readRouteText (line: string, origin: string | undefined): RouteDefinition {
  const at = line.indexOf('=')
  if (at <= 0) {
    throw error('E_ROUTE_DEFINITION', [line, 'a route of one line is written id=uri,Predicate=value'], { where: origin })
  }
  const id = line.slice(0, at)
  const [uri = '', ...predicates] = splitCommas(line.slice(at + 1))
  return {
    id,
    uri: checkUri(id, uri, origin),
    order: 0,
    enabled: true,
    predicates: predicates.map(predicate => parsePredicate(predicate, origin)),
    filters: [],
    metadata: Object.create(null) as Record<string, unknown>,
    ...origin === undefined ? {} : { origin }
  }
}

/** The schemes a route may have; Spring refuses `localhost:8080` because it reads it as a scheme. */
export const URI_SCHEMES: readonly string[] = ['http', 'https', 'lb', 'ws', 'wss', 'forward', 'no']

/** Throws what Spring would say of a URI it cannot use. */
export function checkUri (id: string, uri: string, origin?: string): string {
  const fail = (reason: string) => error('E_ROUTE_DEFINITION', [id, reason], { where: origin })
  if (uri === '') throw fail('The URI can not be empty')
  const scheme = /^([a-zA-Z][a-zA-Z\d+.-]*):/.exec(uri)?.[1]?.toLowerCase()
  if (scheme === undefined || /^[\w.-]+:\d+(\/|$)/.test(uri)) {
    throw fail(`The parameter [${uri}] format is incorrect, scheme can not be empty. Write http://${uri}?`)
  }
  if (uri.includes('${')) throw fail(`a placeholder in "${uri}" has no value`)
  if (!URI_SCHEMES.includes(scheme)) throw fail(`the scheme of "${uri}" must be one of ${URI_SCHEMES.join(', ')}`)
  return uri
}

/** An item of predicates or filters: `Name=a,b`, or `{name, args}`. */
export function readNamed (item: unknown, parse: (text: string, origin?: string) => NamedArgs, key: string,
  originOf: OriginOf): NamedArgs {
  const named = typeof item === 'string' ? parse(item, originOf(key)) : readFull(item, key, originOf)
  checkPlaceholders(named)
  return named
}

/** `${rest}` is a group of the pattern beside it; where no pattern has such a group, somebody forgot to set a value. */
function checkPlaceholders ({ name, args, origin }: NamedArgs): void {
  const values = Object.values(args)
  for (const [, group = ''] of values.flatMap(value => [...value.matchAll(/\$\{([^}]*)\}/g)])) {
    if (values.some(value => value.includes(`(?<${group}>`))) continue
    throw error('E_ROUTE_ARGUMENT', [name, `placeholder "\${${group}}" has no value, and no pattern beside it has a group of that name`],
      { where: origin })
  }
}

function readFull (item: unknown, key: string, originOf: OriginOf): NamedArgs {
  const origin = originOf(`${key}.name`) ?? originOf(key)
  const fields = asObject(item)
  for (const name of Object.keys(fields)) {
    if (canonical(name) !== 'name' && canonical(name) !== 'args') {
      const guess = /^[A-Z]/.test(name) ? ` Write it as one text: "${name}=...".` : didYouMean(name, ['name', 'args'])
      throw error('E_GATEWAY_KEY', [name, guess], { where: origin ?? key })
    }
  }
  if (typeof fields['name'] !== 'string') {
    throw error('E_ROUTE_ARGUMENT', [key, 'name is required'], { where: origin })
  }
  return { name: fields['name'], args: flatArgs(fields['args']), ...origin === undefined ? {} : { origin } }
}

/** Nested arguments as Spring flattens them: lists `patterns.0`, objects `redis-rate-limiter.burstCapacity`. */
export function flatArgs (tree: unknown): Record<string, string> {
  const flat: Record<string, string> = Object.create(null)
  flatten(tree, '', flat, 0)
  return flat
}

function flatten (value: unknown, key: string, flat: Record<string, string>, depth: number): void {
  if (depth > 8) throw error('E_ROUTE_ARGUMENT', [key, 'arguments nest too deep'])
  if (value === null || value === undefined) return
  if (typeof value !== 'object') flat[key] = text(value)
  // An empty list must stay visible: `series: []` of Retry means none, not the default.
  else if (Array.isArray(value) && value.length === 0) flat[key] = ''
  else for (const [name, item] of Object.entries(value)) flatten(item, key === '' ? name : `${key}.${name}`, flat, depth + 1)
}

function fieldsOf (item: unknown, key: string, originOf: OriginOf): Map<string, unknown> {
  const fields = new Map<string, unknown>()
  for (const [name, value] of Object.entries(asObject(item))) {
    if (!ROUTE_KEYS.some(known => known === canonical(name))) {
      const where = originOf(`${key}.${name}`) ?? key
      throw error('E_GATEWAY_KEY', [name, didYouMean(name, ROUTE_KEYS)], { where })
    }
    fields.set(canonical(name), value)
  }
  return fields
}

/** Spring makes an id when there is none; this one is the same at every start. */
function generatedId (key: string): string {
  return `route-${/\[(\d+)\]$/.exec(key)?.[1] ?? '0'}`
}

function integer (id: string, value: unknown, origin: string | undefined): number {
  const order = Number(text(value) || 0)
  if (!Number.isInteger(order) || Math.abs(order) > 2 ** 31) {
    throw error('E_ROUTE_DEFINITION', [id, `order must be a whole number, not "${text(value)}"`], { where: origin })
  }
  return order
}

function text (value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

function asList (tree: unknown): unknown[] {
  if (tree === undefined || tree === null || tree === '') return []
  if (typeof tree === 'string') return splitCommas(tree)
  return Array.isArray(tree) ? tree : Object.values(tree as object)
}

function asObject (tree: unknown): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null)
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree) ? Object.assign(out, tree) : out
}
