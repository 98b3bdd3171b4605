import { hostname } from 'node:os'
import { configError } from './errors.ts'
import type { RemoteRequest } from '../settings/options.ts'

/** How to reach the config server and what to ask it for; Spring's names and defaults. */
export interface ConfigClientOptions {
  /** False: imports of a config server are ignored. @default true */
  readonly enabled: boolean
  /** Addresses in the order they are tried. @default http://localhost:8888 */
  readonly servers: readonly ConfigServerAddress[]
  /** Application name. @default spring.application.name */
  readonly name: string
  /** Profiles, comma separated. @default the active profiles */
  readonly profile: string
  /** Labels, the first that exists is used; empty: the server's default. */
  readonly labels: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  /** Sent as X-Config-Token, for Vault. */
  readonly token: string | undefined
  /** Sent as X-Config-Instance, which keeps a process on its side of a rollout. @default its id in the registry */
  readonly instance: string
  readonly mediaType: string
  /** Ask the next address after any failure, or only when a server cannot be reached. @default always */
  readonly strategy: 'always' | 'connection-timeout-only'
  /** Do not start without an answer, even when the import is optional. @default false */
  readonly failFast: boolean
  readonly connectTimeoutMs: number
  readonly readTimeoutMs: number
  readonly retry: RetryOptions
  /** Find the server in the registry under this name. */
  readonly discovery: DiscoveryOptions | undefined
  /** Folder for the last known configuration; unset: none is kept. Holds secrets: files get mode 0600. */
  readonly cacheFolder: string | undefined
  readonly watch: WatchOptions
}

export interface ConfigServerAddress {
  /** Without credentials and without a slash at the end. */
  readonly url: string
  readonly authorization: string | undefined
}

export interface RetryOptions {
  /** @default 6 */
  readonly maxAttempts: number
  /** @default 1000 ms */
  readonly initialIntervalMs: number
  /** @default 1.1 */
  readonly multiplier: number
  /** @default 2000 ms */
  readonly maxIntervalMs: number
}

export interface DiscoveryOptions {
  /** @default configserver */
  readonly serviceId: string
  /** Eureka addresses, with credentials where needed. */
  readonly zones: readonly string[]
}

export interface WatchOptions {
  /** Hold a connection that tells of changes. @default true */
  readonly enabled: boolean
  /** How often a server without push is asked. @default 60 s */
  readonly pollIntervalMs: number
}

/** Spring's default: a server that fetches a slow git repository may take minutes. */
const READ_TIMEOUT_MS = 185_000
const CONNECT_TIMEOUT_MS = 10_000
export const V2_MEDIA_TYPE = 'application/vnd.spring-cloud.config-server.v2+json'

/** Options of one import: what stands behind `configserver:` wins over `spring.cloud.config.*`. */
export function readConfigClientOptions ({ location, settings, where }: RemoteRequest): ConfigClientOptions {
  const key = (name: string) => `spring.cloud.config.${name}`
  const { addresses, query } = splitLocation(location)
  const uris = addresses.length > 0 ? addresses : settings.list(key('uri'), ['http://localhost:8888'])
  const user = settings.get(key('username'))
  const password = settings.get(key('password'))
  const label = settings.get(key('label')) ?? ''
  return {
    enabled: settings.boolean(key('enabled'), true),
    servers: uris.map(uri => readAddress(uri, user, password, where)),
    name: settings.get(key('name')) ?? settings.string('spring.application.name', 'application'),
    profile: settings.get(key('profile')) ?? settings.profiles.join(','),
    labels: settings.boolean(key('send-all-labels'), false) ? [label] : label.split(',').map(item => item.trim()),
    headers: settings.map(key('headers')),
    token: settings.get(key('token')),
    instance: readInstance(settings),
    mediaType: settings.string(key('media-type'), V2_MEDIA_TYPE),
    strategy: settings.string(key('multiple-uri-strategy'), 'always').toLowerCase().replaceAll('_', '-') === 'always'
      ? 'always'
      : 'connection-timeout-only',
    failFast: query.has('fail-fast') ? query.get('fail-fast') !== 'false' : settings.boolean(key('fail-fast'), false),
    connectTimeoutMs: settings.durationMs(key('request-connect-timeout'), CONNECT_TIMEOUT_MS),
    readTimeoutMs: settings.durationMs(key('request-read-timeout'), READ_TIMEOUT_MS),
    retry: readRetry(settings, query),
    discovery: readDiscovery(settings),
    cacheFolder: settings.get('breakwater.config-client.cache-folder'),
    watch: {
      enabled: settings.boolean('breakwater.config-client.watch', true),
      pollIntervalMs: settings.durationMs('breakwater.config-client.poll-interval', 60_000)
    }
  }
}

// The same as in the registry wherever the port is known before the start, and the same after a restart.
function readInstance (settings: RemoteRequest['settings']): string {
  const host = settings.string('eureka.instance.hostname', hostname())
  const [name, port] = [settings.get('spring.application.name') ?? 'application', settings.get('server.port') ?? '0']
  return settings.get('eureka.instance.instance-id') ?? `${host}:${name}:${port}`
}

function splitLocation (location: string): { addresses: string[], query: URLSearchParams } {
  const [before = '', ...query] = location.split('?')
  const addresses = before.split(',').map(item => item.trim()).filter(item => item !== '')
  return { addresses, query: new URLSearchParams(query.join('?')) }
}

function readRetry (settings: RemoteRequest['settings'], query: URLSearchParams): RetryOptions {
  const number = (name: string, fallback: number): number => {
    const asked = Number(query.get(name) ?? undefined)
    return Number.isFinite(asked) ? asked : settings.number(`spring.cloud.config.retry.${name}`, fallback)
  }
  return {
    maxAttempts: Math.max(1, number('max-attempts', 6)),
    initialIntervalMs: number('initial-interval', 1000),
    multiplier: Math.max(1, number('multiplier', 1.1)),
    maxIntervalMs: number('max-interval', 2000)
  }
}

function readDiscovery (settings: RemoteRequest['settings']): DiscoveryOptions | undefined {
  if (!settings.boolean('spring.cloud.config.discovery.enabled', false)) return undefined
  const urls = Object.values(settings.map('eureka.client.service-url')).flatMap(zone => zone.split(','))
  const zones = [...new Set(urls)]
  return {
    serviceId: settings.string('spring.cloud.config.discovery.service-id', 'configserver'),
    zones: (zones.length > 0 ? zones : ['http://localhost:8761/eureka/']).map(zone => zone.trim())
  }
}

/** Takes the credentials out of an address, so that it can be shown. */
export function readAddress (
  uri: string, user: string | undefined, password: string | undefined, where: string
): ConfigServerAddress {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw configError('E_CONFIG_SERVER_ANSWER', ['an address must begin with http:// or https://'], { where })
  }
  const name = url.username === '' ? user : decodeURIComponent(url.username)
  const secret = url.password === '' ? password : decodeURIComponent(url.password)
  url.username = url.password = url.search = url.hash = ''
  url.pathname = url.pathname.replace(/\/{2,}/g, '/')
  return { url: url.href.replace(/\/+$/, ''), authorization: basic(name, secret) }
}

/** Spring's default user is `user` when only a password is given. */
function basic (user: string | undefined, password: string | undefined): string | undefined {
  if (user === undefined && password === undefined) return undefined
  return `Basic ${Buffer.from(`${user ?? 'user'}:${password ?? ''}`).toString('base64')}`
}
