/** Global settings of single filters: SecureHeaders, Authenticate, RequestRateLimiter, LocalResponseCache. */
import type { Settings } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import { parseStatus } from '../http-status.ts'
import {
  ROUTING_DEFAULTS, type RateLimitOptions, type ResponseCacheOptions, type SecureHeadersOptions, type SecurityOptions
} from '../options.ts'
import { parseBytes } from '../routes/units.ts'
import { IPV6_PREFIX_LENGTH } from '../security/networks.ts'
import type { GatewaySettings } from './gateway-settings.ts'

/** `filter.secure-headers.*`: lists and one value per header, in kebab case. */
export function readSecureHeaders (gateway: GatewaySettings): SecureHeadersOptions {
  const prefix = 'filter.secure-headers'
  const values: Record<string, string> = Object.create(null)
  for (const [key, value] of Object.entries(gateway.texts(prefix))) {
    values[key.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())] = value
  }
  return { enable: gateway.list(`${prefix}.enable`), disable: gateway.list(`${prefix}.disable`), values }
}

/** `breakwater.gateway.security.{users,api-keys}[n]` and Spring's names for tokens. */
export function readSecurity (settings: Settings): SecurityOptions {
  const jwt = 'spring.security.oauth2.resourceserver.jwt'
  const own = 'breakwater.gateway.security'
  return {
    jwt: {
      jwkSetUri: settings.get(`${jwt}.jwk-set-uri`),
      issuer: settings.get(`${jwt}.issuer-uri`),
      audiences: settings.list(`${jwt}.audiences`),
      allowedHosts: settings.list('breakwater.security.allowed-hosts')
    },
    users: entries(settings, `${own}.users`, 'password').map(({ name, secret, scopes }) => ({ name, password: secret, scopes })),
    apiKeys: {
      header: settings.string(`${own}.api-key-header`, 'x-api-key').toLowerCase(),
      keys: entries(settings, `${own}.api-keys`, 'key').map(({ name, secret, scopes }) => ({ name, key: secret, scopes }))
    }
  }
}

function entries (settings: Settings, prefix: string, secretKey: string) {
  const found: Array<{ name: string, secret: string, scopes: string[] }> = []
  for (let i = 0; settings.get(`${prefix}[${i}].name`) !== undefined; i++) {
    found.push({
      name: settings.string(`${prefix}[${i}].name`),
      secret: settings.string(`${prefix}[${i}].${secretKey}`),
      scopes: settings.list(`${prefix}[${i}].scopes`)
    })
  }
  return found
}

/** `spring.data.redis.*` says where; without it each gateway counts for itself. */
export function readRateLimit (settings: Settings, gateway: GatewaySettings): RateLimitOptions {
  const filter = 'filter.request-rate-limiter'
  const status = gateway.text(`${filter}.empty-key-status-code`) ?? gateway.text(`${filter}.empty-key-status`)
  const number = (key: string) => gateway.text(key) === undefined ? undefined : gateway.integer(key, 0)
  return {
    redisUrl: redisUrl(settings),
    denyEmptyKey: gateway.boolean(`${filter}.deny-empty-key`, true),
    emptyKeyStatus: parseStatus(status ?? '403') ?? 403,
    includeHeaders: gateway.boolean('redis-rate-limiter.include-headers', true),
    replenishRate: number('redis-rate-limiter.config.replenish-rate'),
    burstCapacity: number('redis-rate-limiter.config.burst-capacity'),
    requestedTokens: number('redis-rate-limiter.config.requested-tokens') ?? 1,
    ipv6PrefixLength: readPrefixLength(settings)
  }
}

/** So many bits of an IPv6 address are one client. */
export function readPrefixLength (settings: Settings): number {
  const key = 'breakwater.gateway.ipv6-prefix-length'
  const bits = settings.integer(key, IPV6_PREFIX_LENGTH)
  if (bits >= 1 && bits <= 128) return bits
  throw error('E_GATEWAY_SETTING', [`${key} must be from 1 to 128, not ${bits}.`], { where: settings.origin(key) })
}

function redisUrl (settings: Settings): string | undefined {
  for (const prefix of ['spring.data.redis', 'spring.redis']) {
    const url = settings.get(`${prefix}.url`)
    if (url !== undefined) return url
    const host = settings.get(`${prefix}.host`)
    if (host === undefined) continue
    const password = settings.get(`${prefix}.password`)
    const user = settings.string(`${prefix}.username`, '')
    const login = password === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`
    const scheme = settings.boolean(`${prefix}.ssl.enabled`, false) ? 'rediss' : 'redis'
    return `${scheme}://${login}${host}:${settings.integer(`${prefix}.port`, 6379)}/${settings.integer(`${prefix}.database`, 0)}`
  }
  return undefined
}

/** `filter.local-response-cache.{time-to-live,size}`, and ours. */
export function readResponseCache (settings: Settings, gateway: GatewaySettings): ResponseCacheOptions {
  const { responseCache } = ROUTING_DEFAULTS
  const text = gateway.text('filter.local-response-cache.size')
  const maxBytes = text === undefined ? responseCache.maxBytes : parseBytes(text)
  if (maxBytes === undefined) {
    throw error('E_GATEWAY_SETTING', [`filter.local-response-cache.size must be a size such as 10MB, not "${text}".`])
  }
  const ttl = gateway.durationMs('filter.local-response-cache.time-to-live', responseCache.timeToLiveMs)
  const own = (key: string, fallback: number) => settings.durationMs(`breakwater.gateway.response-cache.${key}`, fallback)
  return {
    ...responseCache, timeToLiveMs: ttl, maxBytes,
    staleIfErrorMs: own('stale-if-error', responseCache.staleIfErrorMs),
    staleWhileRevalidateMs: own('stale-while-revalidate', responseCache.staleWhileRevalidateMs)
  }
}
