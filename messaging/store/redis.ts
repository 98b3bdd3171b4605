/**
 * The shared key-value store: Redis. A transaction reads what it needs, keeps what it read and what it wants to write,
 * and hands both to one script, which writes everything, outbox included, if nothing that was read has changed;
 * otherwise the transaction runs again. All keys lie in one hash slot.
 *
 * Redis must flush before it answers (`appendfsync always`), or an accepted order could vanish with the server.
 */
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { systemClock, type Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import {
  keyValueInbox, keyValueMessaging, keyValueOutbox, keyValuePurge, STATE, type RawTx
} from './key-value-messaging.ts'
import type { KeyValueStore } from './key-value-store.ts'
import type { KeyValueReader, KeyValueTx } from './store.ts'

export interface RedisOptions {
  /** `redis://host:6379/0` */
  readonly url: string
  /** Names the data: `inventory` keeps its entries at `{inventory}:data`. */
  readonly name: string
  /** @default the machine's */
  readonly clock?: Clock
  readonly random?: () => number
}

const MAX_TRIES = 20
const CALL_MS = 2000
const LEAD_MS = 5000

/**
 * KEYS: the hash of entries, the sorted set of their keys. ARGV: number of checks, then key and expected text of each,
 * then key and new text of each write; the empty text stands for "none", JSON never is empty.
 */
const COMMIT = `
local checks = tonumber(ARGV[1])
for i = 1, checks do
  local seen = redis.call('HGET', KEYS[1], ARGV[2 * i]) or ''
  if seen ~= ARGV[2 * i + 1] then return 0 end
end
for i = 2 * checks + 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    redis.call('ZADD', KEYS[2], 0, ARGV[i])
  end
end
return 1
`

/** The leader renews only what is its own. */
const LEAD = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`

/** Connects, and refuses a server that forgets. */
export async function openRedis (options: RedisOptions): Promise<KeyValueStore> {
  const redis = new Redis(options.url, { lazyConnect: true, commandTimeout: CALL_MS, connectTimeout: CALL_MS,
    maxRetriesPerRequest: 1, retryStrategy: tries => Math.min(50 * 2 ** tries, 1000) })
  // Each failed call is reported to its caller; the emitter's copy would end the process.
  redis.on('error', () => {})
  try {
    await redis.connect()
    await refuseForgetful(redis, options.url)
  } catch (error) {
    redis.disconnect()
    throw storeError(error, options)
  }
  return createStore(redis, options)
}

async function refuseForgetful (redis: Redis, url: string): Promise<void> {
  const [, append, , fsync] = [...await redis.config('GET', 'appendonly') as string[],
    ...await redis.config('GET', 'appendfsync') as string[]]
  if (append === 'yes' && fsync === 'always') return
  throw messagingError('E_STORE_NOT_DURABLE', ['Redis', `appendonly ${append}, appendfsync ${fsync}`,
    'appendonly yes and appendfsync always'], { where: withoutCredentials(url) })
}

function createStore (redis: Redis, options: RedisOptions): KeyValueStore {
  const { name, clock = systemClock, random = Math.random } = options
  const now = () => clock.now()
  const [data, index, leadKey, self] = [`{${name}}:data`, `{${name}}:index`, `{${name}}:relay`, randomUUID()]
  const listeners: Array<() => void> = []
  const guard = async <Value>(work: Promise<Value>): Promise<Value> =>
    work.catch((error: unknown) => { throw storeError(error, options) })

  const run = async <Value>(fn: (tx: Attempt) => Promise<Value>): Promise<Value> => {
    for (let tries = 1; ; tries++) {
      const attempt = new Attempt(async key => await redis.hget(data, key) ?? undefined, now)
      const value = await guard(fn(attempt))
      attempt.close()
      if (attempt.writes.size === 0 || await guard(redis.eval(COMMIT, 2, data, index, ...attempt.args())) === 1) {
        if (attempt.appended > 0) for (const wake of listeners) wake()
        return value
      }
      if (tries === MAX_TRIES) throw messagingError('E_STORE_CONFLICT', [], { where: name })
      await clock.delay(random() * 2 ** Math.min(tries, 6))
    }
  }

  const all = reader(redis, data, index, '')
  const write = (fn: (tx: RawTx) => Promise<void>) => run(fn)
  return {
    description: `redis ${withoutCredentials(options.url)} {${name}}`,
    tx: fn => run(attempt => fn(attempt.tx)),
    read: reader(redis, data, index, STATE),
    outbox: keyValueOutbox(all, write,
      async () => await guard(redis.eval(LEAD, 1, leadKey, self, LEAD_MS)) === 1,
      prefix => guard(redis.zlexcount(index, `[${prefix}`, `[${prefix}\u{10FFFF}`))),
    inbox: limit => keyValueInbox((prefix, count) =>
      guard(redis.zrevrangebylex(index, `[${prefix}\u{10FFFF}`, `[${prefix}`, 'LIMIT', 0, count)), limit),
    onOutbox: listener => { listeners.push(listener) },
    purge: before => keyValuePurge(all, write, before),
    check: () => write(async tx => { tx.put('check', now()) }),
    close: async () => { redis.disconnect() }
  }
}

function reader (redis: Redis, data: string, index: string, root: string): KeyValueReader {
  return {
    get: async <Value>(key: string) => {
      const text = await redis.hget(data, root + key)
      return text === null ? undefined : JSON.parse(text) as Value
    },
    range: async <Value>(prefix: string, limit: number) => {
      const keys = await redis.zrangebylex(index, `[${root}${prefix}`, `[${root}${prefix}\u{10FFFF}`, 'LIMIT', 0, limit)
      if (keys.length === 0) return []
      const texts = await redis.hmget(data, ...keys)
      return keys.flatMap((key, at) => texts[at] == null
        ? []
        : [{ key: key.slice(root.length), value: JSON.parse(texts[at]) as Value }])
    }
  }
}

/** One try of a transaction: what it saw and what it wants. */
class Attempt implements RawTx {
  readonly writes = new Map<string, string>()
  readonly tx: KeyValueTx
  appended = 0
  readonly #seen = new Map<string, string>()
  readonly #load: (key: string) => Promise<string | undefined>
  #open = true

  constructor (load: (key: string) => Promise<string | undefined>, now: () => number) {
    this.#load = load
    this.tx = {
      get: key => this.get(STATE + key),
      put: (key, value) => { this.put(STATE + key, value) },
      remove: key => { this.remove(STATE + key) },
      ...keyValueMessaging(this, now, rows => { this.appended += rows })
    }
  }

  async get<Value> (key: string): Promise<Value | undefined> {
    this.#check()
    const text = this.writes.get(key) ?? this.#seen.get(key) ?? await this.#remember(key)
    return text === '' ? undefined : JSON.parse(text) as Value
  }

  put (key: string, value: unknown): void {
    this.#check()
    this.writes.set(key, JSON.stringify(value))
  }

  remove (key: string): void {
    this.#check()
    this.writes.set(key, '')
  }

  close (): void {
    this.#open = false
  }

  args (): string[] {
    return [String(this.#seen.size), ...[...this.#seen].flat(), ...[...this.writes].flat()]
  }

  async #remember (key: string): Promise<string> {
    const text = await this.#load(key) ?? ''
    this.#seen.set(key, text)
    return text
  }

  #check (): void {
    if (!this.#open) throw messagingError('E_TX_CLOSED')
  }
}

/** What ioredis throws when the server is away; everything else is the caller's own. */
function storeError (error: unknown, { url }: RedisOptions): unknown {
  if (!(error instanceof Error) || 'canRetry' in error) return error
  const code = 'code' in error ? String(error.code) : ''
  const away = /^E[A-Z]+$/.test(code) || ['MaxRetriesPerRequestError', 'AbortError'].includes(error.name) ||
    /Command timed out|Connection is closed|ETIMEDOUT|^(LOADING|READONLY|MISCONF|OOM|MASTERDOWN)/.test(error.message)
  return away ? messagingError('E_STORE_DOWN', [error.message], { where: withoutCredentials(url), cause: error }) : error
}

function withoutCredentials (url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}
