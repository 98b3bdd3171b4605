/**
 * Definitions to routes: what is plain data in the control loop becomes closures, once per swap, in each worker.
 *
 * A definition's way: enabled? -> its predicates -> default filters and its own, interleaved by order as Spring does
 * -> the policies that filters left in the draft -> the target -> a place in the index.
 */
import { error } from '../errors.ts'
import { corsFilter, type CorsRule } from '../filters/cors.ts'
import { AHEAD_ORDER } from '../filters/orders.ts'
import { FILTERS } from '../filters/filter-factories.ts'
import type { RoutingOptions } from '../options.ts'
import { corsOptions } from '../settings/read-cors.ts'
import type { AdaptiveLimitOptions } from '../upstream/adaptive-limit.ts'
import { clusterName, fixedAddress } from '../upstream/cluster-registry.ts'
import { Args, canonical, type ArgsShape } from './args.ts'
import type { CompileContext } from './context.ts'
import type { RouteDraft } from './factory.ts'
import { missingFactory } from './missing-factory.ts'
import { PREDICATES } from './predicate-factories.ts'
import type { Plugins } from './plugins.ts'
import type { Filter, NamedArgs, Predicate, Route, RouteDefinition, RouteTarget } from './route.ts'
import { IndexedTable } from './table.ts'

export interface TableSource {
  readonly routes: readonly RouteDefinition[]
  readonly defaultFilters: readonly NamedArgs[]
  readonly options: RoutingOptions
}

/** Throws all faults at once, or skips the routes that have some when `fail-on-route-definition-error` is false. */
export function compileTable (source: TableSource, context: CompileContext): IndexedTable {
  const faults: unknown[] = []
  const routes: Route[] = []
  const drafts: RouteDraft[] = []
  const ordered = inOrder(source.routes)
  for (const definition of [...ordered, ...preflightRoutes(ordered, source.options)]) {
    try {
      const draft = newDraft(definition, source, context.plugins)
      routes.push(compileRoute(routes.length, draft, source.defaultFilters, context))
      drafts.push(draft)
    } catch (fault) {
      if (source.options.failOnRouteDefinitionError) faults.push(fault)
      else context.host.log('warn', `route left out: ${String(fault)}`)
    }
  }
  if (faults.length > 0) throw joined(faults)
  return new IndexedTable(routes, drafts, () => context.weights.begin())
}

/**
 * With `add-to-simple-url-handler-mapping` a preflight is answered even when no route takes OPTIONS: by the rule of the
 * first route with a rule of its own whose paths and hosts fit, then by the global ones.
 */
function preflightRoutes (routes: readonly RouteDefinition[], { cors }: RoutingOptions): RouteDefinition[] {
  if (!cors.everywhere) return []
  const own = routes.filter(({ metadata }) => metadata['cors'] !== undefined).map(({ id, predicates, metadata }) => {
    const places = predicates.filter(({ name }) => name === 'Path' || name === 'Host')
    return preflightRoute(`cors-preflight ${id}`, places, { cors: metadata['cors'] })
  })
  return [...own, preflightRoute('cors-preflight', [], {})]
}

function preflightRoute (id: string, predicates: readonly NamedArgs[],
  metadata: RouteDefinition['metadata']): RouteDefinition {
  return {
    id,
    uri: 'no://op',
    order: Number.MAX_SAFE_INTEGER,
    enabled: true,
    predicates: [...predicates, { name: 'Method', args: { method: 'OPTIONS' } },
      { name: 'Header', args: { header: 'Access-Control-Request-Method' } }],
    filters: [],
    metadata
  }
}

/** One fault as it is, several together, each once: whoever corrects a file wants to see all of them. */
function joined (faults: readonly unknown[]): unknown {
  const single = faults.flatMap(fault => fault instanceof AggregateError ? fault.errors as unknown[] : [fault])
  const different = [...new Map(single.map(fault => [String(fault), fault])).values()]
  return different.length === 1 ? different[0] : new AggregateError(different, different.map(String).join('\n'))
}

/** All that can be made, or all the faults of those that cannot. */
function eachOf<In, Out> (list: readonly In[], make: (one: In, at: number) => Out): Out[] {
  const faults: unknown[] = []
  const made = list.flatMap((one, at) => {
    try {
      return [make(one, at)]
    } catch (fault) {
      faults.push(fault)
      return []
    }
  })
  if (faults.length > 0) throw joined(faults)
  return made
}

/** Ascending order; equal ones as they were defined. Disabled ones are not there. */
function inOrder (definitions: readonly RouteDefinition[]): RouteDefinition[] {
  return definitions.filter(one => one.enabled).toSorted((a, b) => a.order - b.order)
}

function newDraft (definition: RouteDefinition, source: TableSource, plugins: Plugins): RouteDraft {
  const { options, defaultFilters } = source
  const responseMs = metadataMs(definition, 'response-timeout')
  return {
    id: definition.id,
    definition,
    hasPlugins: definition.predicates.some(({ name }) => plugins.predicates.has(name)) ||
      [...definition.filters, ...defaultFilters].some(({ name }) => plugins.filters.has(name)),
    variables: new Set(),
    pathPrefixes: null,
    hosts: null,
    breaker: undefined,
    fallback: undefined,
    failureStatuses: null,
    retry: undefined,
    hedge: undefined,
    bulkhead: undefined,
    adaptive: undefined,
    connectTimeoutMs: metadataMs(definition, 'connect-timeout') ?? options.connectTimeoutMs,
    // A negative response-timeout switches the global one off, as in Spring.
    responseTimeoutMs: Math.max(0, responseMs ?? options.responseTimeoutMs),
    totalTimeoutMs: metadataMs(definition, 'total-timeout') ?? options.totalTimeoutMs,
    maxRequestBytes: options.maxRequestBytes
  }
}

function metadataMs (definition: RouteDefinition, key: string): number | undefined {
  const found = metadataEntry(definition.metadata, key)
  if (found === undefined) return undefined
  const ms = Number(found[1])
  if (!Number.isFinite(ms)) {
    throw error('E_ROUTE_DEFINITION', [definition.id, `metadata.${found[0]} must be milliseconds, not "${String(found[1])}"`],
      { where: definition.origin })
  }
  return ms
}

/**
 * What routes say of the version of HTTP that their cluster speaks, true before false. Faults wait for the compilation
 * of their route.
 */
export function http2ByCluster (routes: readonly RouteDefinition[]): ReadonlyMap<string, boolean> {
  const said = new Map<string, boolean>()
  for (const { enabled, metadata, uri } of routes) {
    const text = String(metadataEntry(metadata, 'http2')?.[1])
    if (!enabled || !/^(?:true|false)$/.test(text) || !URL.canParse(uri)) continue
    const name = clusterName(uri)
    said.set(name, said.get(name) === true || text === 'true')
  }
  return said
}

function metadataEntry (metadata: RouteDefinition['metadata'], key: string): [string, unknown] | undefined {
  return Object.entries(metadata).find(([name]) => canonical(name) === canonical(key))
}

function metadataFlag (definition: RouteDefinition, key: string): boolean | undefined {
  const found = metadataEntry(definition.metadata, key)
  if (found === undefined) return undefined
  const text = String(found[1])
  if (text === 'true' || text === 'false') return text === 'true'
  throw error('E_ROUTE_DEFINITION', [definition.id, `metadata.${found[0]} must be true or false, not "${text}"`],
    { where: definition.origin })
}

function compileRoute (index: number, draft: RouteDraft, defaults: readonly NamedArgs[],
  context: CompileContext): Route {
  const { definition } = draft
  const predicates = eachOf(definition.predicates, named => compilePredicate(named, draft, context))
  const filters = compileFilters(definition, defaults, draft, context)
  const responseFilters = inAnswerOrder(filters)
  const target = compileTarget(definition.uri, context)
  addPolicies(draft, target, context)
  return {
    id: draft.id,
    index,
    definition,
    predicates,
    filters,
    requestFilters: filters.filter(filter => filter.request !== undefined),
    responseFilters,
    replyFilters: responseFilters.filter(({ ahead, onReplies }) => onReplies ?? ahead),
    finishFilters: filters.filter(filter => filter.finished !== undefined),
    insteadFilter: filters.find(filter => filter.instead !== undefined),
    target,
    breaker: draft.breaker,
    fallback: draft.fallback,
    failureStatuses: draft.failureStatuses,
    retry: draft.retry,
    hedge: draft.hedge,
    bulkhead: draft.bulkhead,
    connectTimeoutMs: draft.connectTimeoutMs,
    responseTimeoutMs: draft.responseTimeoutMs,
    totalTimeoutMs: draft.totalTimeoutMs,
    maxRequestBytes: draft.maxRequestBytes,
    http2: metadataFlag(definition, 'http2')
  }
}

/** What a route has without a filter asking for it. */
function addPolicies (draft: RouteDraft, target: RouteTarget, context: CompileContext): void {
  if (target.kind !== 'cluster') return
  if (draft.breaker !== undefined) context.breakers.link(target.cluster.name, draft.breaker.name)
  const { bulkheads } = context.options
  const name = draft.breaker?.name ?? draft.id
  const limit = bulkheads.instances[name] ?? bulkheads.default
  const { adaptive } = draft
  if (limit === 0 && adaptive === undefined) return
  const bulkhead = adaptive === undefined
    ? context.bulkheads.fixed(name, limit)
    : context.bulkheads.adaptive(name, limit === 0 ? adaptive : cappedAt(limit, adaptive))
  const statistics = context.breakers.get(name)?.statistics
  bulkhead.onRefused = () => statistics?.count('bulkhead', context.host.now())
  draft.bulkhead = bulkhead
}

/** A fixed limit beside an adaptive one is the most that the latter may find. */
function cappedAt (limit: number, options: AdaptiveLimitOptions): AdaptiveLimitOptions {
  const { initialLimit, minLimit, maxLimit } = options
  return {
    ...options,
    initialLimit: Math.min(limit, initialLimit),
    minLimit: Math.min(limit, minLimit),
    maxLimit: Math.min(limit, maxLimit)
  }
}

function compilePredicate (named: NamedArgs, draft: RouteDraft, context: CompileContext): Predicate {
  const factory = context.plugins.predicates.get(named.name) ?? PREDICATES.get(named.name)
  if (factory === undefined || context.options.disabledPredicates.includes(named.name)) {
    const known = [...PREDICATES.keys(), ...context.plugins.predicates.keys()]
    const hint = missingFactory(named.name, 'predicate', factory !== undefined, known)
    throw error('E_ROUTE_PREDICATE', [named.name, hint], { where: named.origin ?? draft.id })
  }
  return factory.create(argsOf(named, factory, context), draft, context)
}

/** As in Spring values beyond the last name have no effect; here that is said. */
function argsOf (named: NamedArgs, shape: ArgsShape, context: CompileContext): Args {
  const args = new Args(named, shape)
  if (args.surplus.length > 0) {
    const taken = shape.fields.length === 0 ? 'takes none' : `takes ${shape.fields.join(', ')}`
    context.warn(`${named.origin ?? named.name}: ${named.name} ${taken}; without effect: ${args.surplus.join(', ')}`)
  }
  return args
}

/** Spring numbers default filters and a route's own separately and sorts: default 1, own 1, default 2, own 2. */
function compileFilters (definition: RouteDefinition, defaults: readonly NamedArgs[], draft: RouteDraft,
  context: CompileContext): Filter[] {
  const numbered = (list: readonly NamedArgs[]) => list.map((named, at) => ({ named, order: at + 1 }))
  const all = [...numbered(defaults), ...numbered(definition.filters)]
  const rules = corsRules(definition, draft, context.options)
  const cors = rules.length === 0 ? [] : [corsFilter(rules)]
  return [...cors, ...eachOf(all, ({ named, order }) => compileFilter(named, draft, context, order))]
    .toSorted((a, b) => a.order - b.order)
}

/**
 * The way back through the chain: in Spring a filter's work on the answer stands behind `chain.filter(exchange)`, so
 * the one listed first sees the answer last. Files rely on it: what cleans up is listed before what makes the mess.
 */
function inAnswerOrder (filters: readonly Filter[]): Filter[] {
  const place = ({ ahead, order }: Filter) => ahead === true ? AHEAD_ORDER : order
  return filters.filter(filter => filter.response !== undefined).toReversed().toSorted((a, b) => place(b) - place(a))
}

/** A route's own rule takes the place of the global ones. */
function corsRules (definition: RouteDefinition, draft: RouteDraft, options: RoutingOptions): CorsRule[] {
  const own = definition.metadata['cors']
  if (own === undefined) return [...options.cors.configurations]
  const where = definition.origin ?? draft.id
  return [{ pattern: '/**', options: corsOptions(own, where) }]
}

function compileFilter (named: NamedArgs, draft: RouteDraft, context: CompileContext, order: number): Filter {
  const factory = context.plugins.filters.get(named.name) ?? FILTERS.get(named.name)
  if (factory === undefined || context.options.disabledFilters.includes(named.name)) {
    const known = [...FILTERS.keys(), ...context.plugins.filters.keys()]
    const hint = missingFactory(named.name, 'filter', factory !== undefined, known)
    throw error('E_ROUTE_FILTER', [named.name, hint], { where: named.origin ?? draft.id })
  }
  return factory.create(argsOf(named, factory, context), draft, context, order)
}

function compileTarget (uri: string, context: CompileContext): RouteTarget {
  if (uri.startsWith('forward:')) return { kind: 'forward', path: uri.slice('forward:'.length).replace(/^\/*/, '/') }
  if (uri.startsWith('no:')) return { kind: 'none' }
  const webSocket = /^(lb:)?wss?:/i.test(uri)
  if (/^lb:/i.test(uri)) return { kind: 'cluster', cluster: context.clusters.cluster(clusterName(uri)), webSocket }
  const { host, port, secure } = fixedAddress(uri)
  return { kind: 'cluster', cluster: context.clusters.fixed(host, port, secure), webSocket }
}
