/**
 * Whether a Redis keeps what it acknowledges. Asked at each connection and every few seconds, because a failover or a
 * `CONFIG SET` may put something else behind the same URL.
 */
import type { Redis } from 'ioredis'
import { messagingError } from '../../errors.ts'
import { isOurs } from './names.ts'

/**
 * What the operator answers for, where the server cannot be asked or keeps its word in a way of its own: `durable`
 * (what is acknowledged is flushed), `noeviction`, `shared` (the database is others', too, and they do no harm).
 */
export const ASSUMPTIONS = ['durable', 'noeviction', 'shared'] as const
export type Assumption = typeof ASSUMPTIONS[number]

/** What a server says of itself: the lines of INFO, and of CONFIG GET where it is permitted. */
export interface Said {
  readonly info: ReadonlyMap<string, string>
  readonly config: ReadonlyMap<string, string> | undefined
}

/** Scripts replicate what they did, rights are told by name. */
const MIN_VERSION = [6, 0]
const CONFIG = ['maxmemory-policy', 'appendonly', 'appendfsync', 'no-appendfsync-on-rewrite'] as const

export async function ask (redis: Redis): Promise<Said> {
  const info = new Map((await redis.info()).split('\r\n').map(line => split(line, ':')))
  return { info, config: await askConfig(redis) }
}

/** Managed servers have CONFIG renamed, or forbidden. */
async function askConfig (redis: Redis): Promise<Said['config']> {
  try {
    const answers = await Promise.all(CONFIG.map(name => redis.config('GET', name) as Promise<string[]>))
    return new Map(answers.map(([name = '', value = '']) => [name, value]))
  } catch (error) {
    if (error instanceof Error && /unknown command|NOPERM|not allowed|unsupported/i.test(error.message)) return undefined
    throw error
  }
}

/** Why this server is not to be used, or undefined. */
export function faultOf (said: Said, assume: ReadonlySet<Assumption>, replicas: number): Error | undefined {
  return wrongServer(said.info) ??
    (assume.has('noeviction') ? undefined : evicting(said)) ??
    (assume.has('durable') ? undefined : forgetful(said)) ??
    alone(said, replicas)
}

/** How many replicas follow; one that still gets its first copy does not. */
export function replicasOf ({ info }: Said): number {
  return [...info].filter(([name, value]) => /^slave\d+$/.test(name) && value.includes('state=online')).length
}

function wrongServer (info: Said['info']): Error | undefined {
  if (info.get('loading') === '1') return messagingError('E_STORE_DOWN', ['it is loading its data'])
  const version = info.get('redis_version') ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (version !== '' && (major - MIN_VERSION[0]! || minor - MIN_VERSION[1]!) < 0) {
    return unfit(`it is ${version}`, 'Use Redis 6.0 or newer')
  }
  // A server of a cluster keeps some of the slots, and may hand ours to another one at any time.
  if (info.get('cluster_enabled') === '1') return unfit('it runs in cluster mode', 'Set cluster-enabled no')
  if (info.get('role') === 'slave') {
    return messagingError('E_STORE_READ_ONLY', [`it is a replica of ${info.get('master_host')}:${info.get('master_port')}`])
  }
  return undefined
}

function evicting ({ info, config }: Said): Error | undefined {
  const policy = config?.get('maxmemory-policy') ?? info.get('maxmemory_policy')
  if (policy === undefined) return cannotTell('noeviction', 'whether it evicts entries')
  return policy === 'noeviction'
    ? undefined
    : messagingError('E_STORE_NOT_DURABLE', ['Redis', `maxmemory-policy ${policy}`, 'maxmemory-policy noeviction'])
}

function forgetful ({ info, config }: Said): Error | undefined {
  const append = config?.get('appendonly') ?? (info.get('aof_enabled') === '0' ? 'no' : undefined)
  const [fsync, skipped] = [config?.get('appendfsync'), config?.get('no-appendfsync-on-rewrite')]
  if (append === undefined || (append === 'yes' && (fsync === undefined || skipped === undefined))) {
    return cannotTell('durable', 'whether it flushes what it acknowledges')
  }
  if (append === 'yes' && fsync === 'always' && skipped === 'no') return undefined
  return messagingError('E_STORE_NOT_DURABLE', ['Redis',
    `appendonly ${append}, appendfsync ${fsync ?? 'unknown'}, no-appendfsync-on-rewrite ${skipped ?? 'unknown'}`,
    'appendonly yes, appendfsync always and no-appendfsync-on-rewrite no, or breakwater.store.assume=durable for a ' +
    'server whose provider vouches for it'])
}

function alone (said: Said, replicas: number): Error | undefined {
  const following = replicasOf(said)
  return following >= replicas
    ? undefined
    : unfit(`${following} replicas follow, ${replicas} must acknowledge`,
      'Bring them back, or lower breakwater.store.replicas')
}

function cannotTell (assumption: Assumption, what: string): Error {
  return unfit(`nobody can tell ${what}: CONFIG GET is refused`, `Permit it (for a user of an ACL: +config|get), or, ` +
    `if you answer for it, set breakwater.store.assume=${assumption}`)
}

function unfit (what: string, next: string): Error {
  return messagingError('E_STORE_UNFIT', ['Redis', what, next])
}

const PAGES = 10

/**
 * Throws when somebody else's keys lie in the database: a cache beside our entries fills what they need, and one
 * `FLUSHDB` is the end of both. Looks at some thousand keys, no more.
 */
export async function refuseShared (redis: Redis): Promise<void> {
  let cursor = '0'
  for (let page = 0; page < PAGES; page++) {
    const [next, keys] = await redis.scan(cursor, 'COUNT', 1000)
    const foreign = keys.find(key => !isOurs(key))
    if (foreign !== undefined) {
      throw unfit(`its database has keys of others, ${JSON.stringify(foreign.slice(0, 60))}`,
        'Use a database of its own (redis://host:port/1), or set breakwater.store.assume=shared')
    }
    cursor = next
    if (cursor === '0') return
  }
}

function split (line: string, at: string): [string, string] {
  const index = line.indexOf(at)
  return [line.slice(0, index), line.slice(index + 1)]
}
