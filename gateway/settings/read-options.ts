/** Options from settings, each read once, with Spring's name or ours. */
import { availableParallelism } from 'node:os'
import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import { readDestinations } from '@breakwater/starter/security'
import { type Settings, splitName } from '@breakwater/starter/settings'
import { DATA_PLANE_DEFAULTS, type DataPlaneOptions, type ClientLimits } from '../data-plane-options.ts'
import { readExporterOptions, readSampling } from '@breakwater/starter/trace'
import { error } from '../errors.ts'
import { FILTERS } from '../filters/filter-factories.ts'
import { ROUTING_DEFAULTS, type GatewayOptions, type RoutingOptions, type StaticAnswer } from '../options.ts'
import { canonical } from '../routes/args.ts'
import { PREDICATES } from '../routes/predicate-factories.ts'
import type { OutlierOptions } from '../upstream/outlier.ts'
import { readPrefixLength, readRateLimit, readResponseCache, readSecureHeaders, readSecurity } from './read-filters.ts'
import { checkOwnKeys, GatewaySettings } from './gateway-settings.ts'
import { EMPTY_SEGMENTS } from '../http1/target.ts'
import { readBalancers } from './read-balancers.ts'
import { readGlobalCors } from './read-cors.ts'
import { readListenerTls, readUpstreamTls } from './read-tls.ts'
import { readAdaptive, readBreakers, readBulkheads, readHedging, readTimeLimiters } from './read-resilience.ts'

/** All that `breakwater.gateway.*` knows; `x.*` stands for any name below x. */
export const OWN_KEYS: readonly string[] = [
  'workers', 'plugins', 'fallbacks.*', 'total-timeout', 'max-request-size',
  'retry-budget.ratio', 'retry-budget.floor',
  'adaptive-concurrency.initial-limit', 'adaptive-concurrency.min-limit', 'adaptive-concurrency.max-limit', 'adaptive-concurrency.tolerance',
  'hedging.percentile', 'hedging.min-delay',
  'security.*', 'outlier.consecutive-errors', 'outlier.interval', 'outlier.minimum-requests', 'outlier.failure-rate-percent',
  'outlier.base-ejection', 'outlier.max-ejection', 'outlier.max-ejection-percent', 'outlier.panic-threshold-percent',
  'outlier.slow-start', 'access-log.enabled', 'access-log.file', 'reject-encoded-slash', 'empty-segments', 'routes-file',
  'tls.*', 'upstream-tls.certificate', 'upstream-tls.private-key',
  'max-connections', 'max-connections-per-address', 'ipv6-prefix-length', 'header-timeout', 'keep-alive-timeout', 'max-idle-time',
  'max-headers', 'body-timeout', 'write-timeout', 'stream-idle-timeout',
  'response-cache.stale-if-error', 'response-cache.stale-while-revalidate', 'websocket-on-any-route'
]

export function readOptions (settings: Settings): GatewayOptions {
  checkOwnKeys(settings, OWN_KEYS)
  const gateway = new GatewaySettings(settings)
  return {
    dataPlane: readDataPlane(settings, gateway),
    routing: readRouting(settings, gateway),
    management: readManagement(settings, gateway)
  }
}

function readManagement (settings: Settings, gateway: GatewaySettings): GatewayOptions['management'] {
  return {
    host: settings.string('management.server.address', '127.0.0.1'),
    port: settings.integer('management.server.port', 8081),
    routesFile: settings.get('breakwater.gateway.routes-file'),
    metricsPrefix: gateway.text('metrics.prefix') ?? 'spring.cloud.gateway',
    metricsTags: gateway.texts('metrics.tags')
  }
}

function readRouting (settings: Settings, gateway: GatewaySettings): RoutingOptions {
  const own = (key: string) => `breakwater.gateway.${key}`
  const plain = gateway.text('predicate.host.include-port')
  return {
    ...ROUTING_DEFAULTS,
    basePath: settings.string('spring.webflux.base-path', ''),
    hostIncludesPort: plain === undefined ? undefined : gateway.boolean('predicate.host.include-port', true),
    failOnRouteDefinitionError: gateway.boolean('fail-on-route-definition-error', true),
    disabledPredicates: switchedOff(gateway, 'predicate', [...PREDICATES.keys()], []),
    disabledFilters: switchedOff(gateway, 'filter', [...FILTERS.keys()], ROUTING_DEFAULTS.disabledFilters),
    originalStatusHeader: gateway.text('set-status.original-status-header-name'),
    apiVersion: readApiVersion(settings),
    connectTimeoutMs: gateway.integer('httpclient.connect-timeout', ROUTING_DEFAULTS.connectTimeoutMs),
    responseTimeoutMs: gateway.durationMs('httpclient.response-timeout', 0),
    totalTimeoutMs: settings.durationMs(own('total-timeout'), 0),
    maxRequestBytes: settings.bytes(own('max-request-size'), 0),
    breakers: readBreakers(settings),
    timeLimiters: readTimeLimiters(settings),
    bulkheads: readBulkheads(settings),
    adaptive: readAdaptive(settings),
    hedging: readHedging(settings),
    outlier: readOutlier(settings),
    balancers: readBalancers(settings),
    retryBudget: {
      ratio: settings.number(own('retry-budget.ratio'), 0.2),
      floor: settings.integer(own('retry-budget.floor'), 3),
      workers: Math.max(1, workersOf(settings))
    },
    fallbacks: readFallbacks(settings),
    cors: readGlobalCors(gateway),
    secureHeaders: readSecureHeaders(gateway),
    security: readSecurity(settings),
    rateLimit: readRateLimit(settings, gateway),
    responseCache: readResponseCache(settings, gateway),
    plugins: settings.list(own('plugins')).map(path => pathToFileURL(resolve(path)).href)
  }
}

/**
 * A target is part of the head: whoever allows larger heads allows larger targets, unless Netty's own setting says
 * otherwise.
 */
function readHeadLimits (settings: Settings): Pick<ClientLimits, 'maxHeadBytes' | 'maxHeaders' | 'maxTargetBytes'> {
  const { limits } = DATA_PLANE_DEFAULTS
  const maxHeadBytes = settings.bytes('server.max-http-request-header-size', limits.maxHeadBytes)
  const ratio = limits.maxTargetBytes / limits.maxHeadBytes
  return {
    maxHeadBytes,
    maxHeaders: settings.integer('breakwater.gateway.max-headers', limits.maxHeaders),
    maxTargetBytes: settings.bytes('server.netty.max-initial-line-length', Math.max(limits.maxTargetBytes, maxHeadBytes * ratio))
  }
}

function readDataPlane (settings: Settings, gateway: GatewaySettings): DataPlaneOptions {
  const own = (key: string) => `breakwater.gateway.${key}`
  const { limits, upstream } = DATA_PLANE_DEFAULTS
  const fixed = gateway.text('httpclient.pool.type')?.toLowerCase() === 'fixed'
  return {
    ...DATA_PLANE_DEFAULTS,
    service: settings.string('spring.application.name', DATA_PLANE_DEFAULTS.service),
    host: settings.string('server.address', DATA_PLANE_DEFAULTS.host),
    port: settings.integer('server.port', DATA_PLANE_DEFAULTS.port),
    workers: workersOf(settings),
    removeHeaders: readRemovedHeaders(gateway),
    rejectEncodedSlash: settings.boolean(own('reject-encoded-slash'), DATA_PLANE_DEFAULTS.rejectEncodedSlash),
    emptySegments: settings.oneOf(own('empty-segments'), EMPTY_SEGMENTS, DATA_PLANE_DEFAULTS.emptySegments),
    limits: {
      ...limits,
      ...readHeadLimits(settings),
      bodyTimeoutMs: settings.durationMs(own('body-timeout'), limits.bodyTimeoutMs),
      writeTimeoutMs: settings.durationMs(own('write-timeout'), limits.writeTimeoutMs),
      streamIdleTimeoutMs: settings.durationMs(own('stream-idle-timeout'), limits.streamIdleTimeoutMs),
      headerTimeoutMs: settings.durationMs(own('header-timeout'), limits.headerTimeoutMs),
      keepAliveTimeoutMs: settings.durationMs(own('keep-alive-timeout'), limits.keepAliveTimeoutMs),
      maxConnections: settings.integer(own('max-connections'), limits.maxConnections),
      maxConnectionsPerAddress: settings.integer(own('max-connections-per-address'), limits.maxConnectionsPerAddress),
      ipv6PrefixLength: readPrefixLength(settings)
    },
    upstream: {
      ...upstream,
      connectTimeoutMs: gateway.integer('httpclient.connect-timeout', ROUTING_DEFAULTS.connectTimeoutMs),
      maxConnections: fixed ? gateway.integer('httpclient.pool.max-connections', 500) : upstream.maxConnections,
      acquireTimeoutMs: gateway.integer('httpclient.pool.acquire-timeout', upstream.acquireTimeoutMs),
      maxIdleTimeMs: gateway.durationMs('httpclient.pool.max-idle-time', upstream.maxIdleTimeMs),
      maxLifeTimeMs: gateway.durationMs('httpclient.pool.max-life-time', upstream.maxLifeTimeMs),
      // As in Spring: whoever switches HTTP/2 on gets it on both sides.
      http2: settings.boolean('server.http2.enabled', upstream.http2)
    },
    upstreamTls: readUpstreamTls(settings, gateway),
    destinations: readDestinations(settings),
    tls: readListenerTls(settings),
    forwarded: readForwarded(gateway),
    accessLog: {
      enabled: settings.boolean(own('access-log.enabled'), DATA_PLANE_DEFAULTS.accessLog.enabled),
      file: settings.get(own('access-log.file'))
    },
    tracing: readTracing(settings),
    http2: settings.boolean('server.http2.enabled', DATA_PLANE_DEFAULTS.http2),
    webSocketsOnAnyRoute: settings.boolean(own('websocket-on-any-route'), DATA_PLANE_DEFAULTS.webSocketsOnAnyRoute)
  }
}

/** `filter.remove-hop-by-hop.headers`. The RFC's own go in any case: passing them on would be an error of ours. */
function readRemovedHeaders (gateway: GatewaySettings): readonly string[] {
  const names = gateway.list('filter.remove-hop-by-hop.headers').map(name => name.toLowerCase())
  return names.length === 0 ? DATA_PLANE_DEFAULTS.removeHeaders : names
}

function readForwarded (gateway: GatewaySettings): DataPlaneOptions['forwarded'] {
  const on = (name: string) => gateway.boolean('x-forwarded.enabled', true) && gateway.boolean(`x-forwarded.${name}-enabled`, true)
  const appends = (name: string) => gateway.boolean(`x-forwarded.${name}-append`, true)
  return {
    trustedProxies: gateway.list('trusted-proxies'),
    for: on('for'),
    host: on('host'),
    port: on('port'),
    proto: on('proto'),
    prefix: on('prefix'),
    append: { for: appends('for'), host: appends('host'), port: appends('port'), proto: appends('proto'), prefix: appends('prefix') },
    forwarded: gateway.boolean('forwarded.enabled', DATA_PLANE_DEFAULTS.forwarded.forwarded),
    by: gateway.boolean('forwarded.by.enabled', DATA_PLANE_DEFAULTS.forwarded.by)
  }
}

/** OpenTelemetry's and Spring's names, as in every service. */
function readTracing (settings: Settings): DataPlaneOptions['tracing'] {
  const exporter = readExporterOptions(settings)
  return exporter === undefined ? undefined : { exporter, sampling: readSampling(settings) }
}

/** As many event loops as cores, since one loop fills one core. 0 = in the thread of the control loop. */
function workersOf (settings: Settings): number {
  return settings.integer('breakwater.gateway.workers', availableParallelism())
}

/** `predicate.<kebab-name>.enabled: false`; a filter that is off by default is switched on the same way. */
function switchedOff (gateway: GatewaySettings, kind: string, names: readonly string[],
  off: readonly string[]): string[] {
  const written = new Map(gateway.names(kind).map(name => [canonical(name), name]))
  return names.filter(name => {
    const key = written.get(canonical(name))
    return !gateway.boolean(`${kind}.${key ?? name}.enabled`, !off.includes(name))
  })
}

function readApiVersion (settings: Settings): RoutingOptions['apiVersion'] {
  const use = (key: string) => settings.get(`spring.webflux.apiversion.use.${key}`)
  const [header, queryParameter, mediaTypeParameter, pathSegment] =
    [use('header'), use('query-parameter'), use('media-type-parameter'), use('path-segment')]
  return {
    ...header === undefined ? {} : { header },
    ...queryParameter === undefined ? {} : { queryParameter },
    ...mediaTypeParameter === undefined ? {} : { mediaTypeParameter },
    ...pathSegment === undefined ? {} : { pathSegment: Number(pathSegment) }
  }
}

function readOutlier (settings: Settings): OutlierOptions {
  const key = (name: string) => `breakwater.gateway.outlier.${name}`
  const { outlier } = ROUTING_DEFAULTS
  return {
    consecutiveErrors: settings.integer(key('consecutive-errors'), outlier.consecutiveErrors),
    intervalMs: settings.durationMs(key('interval'), outlier.intervalMs),
    minimumRequests: settings.integer(key('minimum-requests'), outlier.minimumRequests),
    failureRatePercent: settings.number(key('failure-rate-percent'), outlier.failureRatePercent),
    baseEjectionMs: settings.durationMs(key('base-ejection'), outlier.baseEjectionMs),
    maxEjectionMs: settings.durationMs(key('max-ejection'), outlier.maxEjectionMs),
    maxEjectionPercent: settings.number(key('max-ejection-percent'), outlier.maxEjectionPercent),
    panicThresholdPercent: settings.number(key('panic-threshold-percent'), outlier.panicThresholdPercent),
    slowStartMs: settings.durationMs(key('slow-start'), outlier.slowStartMs)
  }
}

/** `fallbacks: { "[/fallback/users]": { status, content-type, body } }`; brackets are Spring's for odd keys. */
function readFallbacks (settings: Settings): StaticAnswer[] {
  const prefix = 'breakwater.gateway.fallbacks'
  const found = new Map<string, Record<string, string>>()
  for (const key of settings.keys(prefix)) {
    const parts = splitName(key).slice(splitName(prefix).length).map(({ text }) => text)
    const field = canonical(parts.pop() ?? '')
    if (parts.length === 0 || !['status', 'contenttype', 'body'].includes(field)) {
      throw error('E_GATEWAY_KEY', [key, ' A fallback has status, content-type and body.'], { where: settings.origin(key) })
    }
    const path = parts.join('.')
    const answer = found.get(path) ?? Object.create(null) as Record<string, string>
    answer[field] = settings.string(key)
    found.set(path, answer)
  }
  return [...found].map(([path, fields]) => ({
    path: path.startsWith('/') ? path : `/${path}`,
    status: Number(fields['status'] ?? 503),
    contentType: fields['contenttype'] ?? 'application/json',
    body: fields['body'] ?? ''
  }))
}
