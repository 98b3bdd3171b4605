import { toDurationMs } from '@breakwater/starter/settings'
import type { Instance } from '../registry/instance.ts'

/**
 * What an instance asks for by its metadata (`breakwater.check: http`): that the registry calls its healthCheckUrl.
 *
 * | metadata | default |
 * |---|---|
 * | breakwater.check.interval | 10s, at least 1s |
 * | breakwater.check.timeout | 2s |
 * | breakwater.check.failures | 3 in a row make it DOWN |
 * | breakwater.check.successes | 1 makes it UP again |
 * | breakwater.check.evict-after | not set: it stays DOWN as long as it renews |
 */
export interface CheckOptions {
  readonly url: URL
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly failures: number
  readonly successes: number
  readonly evictAfterMs: number | undefined
}

/** Why a check that was asked for is not made. */
export interface Refusal {
  readonly refused: string
}

const KEY = 'breakwater.check'
const MIN_INTERVAL_MS = 1000
const MAX_MS = 3_600_000

/** The check that an instance wants; undefined when it wants none. */
export function checkOf (instance: Instance): CheckOptions | Refusal | undefined {
  if (instance.metadata.get(KEY) !== 'http') return undefined
  const url = URL.parse(instance.healthCheckUrl ?? instance.secureHealthCheckUrl ?? '')
  if (url === null) return { refused: 'it has no healthCheckUrl' }
  const refused = refusalOf(url, instance)
  if (refused !== undefined) return { refused }
  return {
    url,
    intervalMs: duration(instance, 'interval', 10_000, MIN_INTERVAL_MS),
    timeoutMs: duration(instance, 'timeout', 2000, 10),
    failures: count(instance, 'failures', 3),
    successes: count(instance, 'successes', 1),
    evictAfterMs: instance.metadata.has(`${KEY}.evict-after`) ? duration(instance, 'evict-after', 60_000, MIN_INTERVAL_MS) : undefined
  }
}

/**
 * A registration must not make the registry call somebody else: the URL's host is the instance's own registered host
 * or address, its port one of its own, and nobody's password is in it.
 */
function refusalOf (url: URL, { hostName, ipAddr, port, securePort }: Instance): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `${url.protocol} is no protocol of a check`
  if (url.username !== '' || url.password !== '') return 'its URL holds credentials'
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (host !== hostName.toLowerCase() && host !== ipAddr.toLowerCase()) return `${host} is not its registered host`
  const number = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const own = [port, securePort].some(candidate => candidate.enabled && candidate.number === number)
  return own ? undefined : `${number} is not its registered port`
}

function duration (instance: Instance, name: string, fallbackMs: number, minMs: number): number {
  const text = instance.metadata.get(`${KEY}.${name}`)
  const ms = text === undefined ? undefined : toDurationMs(text)
  return Math.min(MAX_MS, Math.max(minMs, ms ?? fallbackMs))
}

function count (instance: Instance, name: string, fallback: number): number {
  const value = Number(instance.metadata.get(`${KEY}.${name}`) ?? fallback)
  return Number.isInteger(value) && value >= 1 && value <= 100 ? value : fallback
}
