/** Hashes in Redis, as Spring reads them: `<app>-<profile>` above `<app>`; a hash without fields is a source too. */
import { Redis } from 'ioredis'
import type { Property, PropertySource } from '@breakwater/starter/settings'
import type { Ask } from '../environment/ask.ts'
import type { Backend } from './backend.ts'
import { createStoreBackend } from './store-backend.ts'

export interface RedisOptions {
  /** `redis://host:6379/0`, without credentials. @default redis://localhost:6379 */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** @default 2000 */
  readonly timeoutMs: number
}

const LONGEST_PAUSE_MS = 2_000

export function createRedisBackend (
  options: RedisOptions, onProblem: (store: string, problem: string) => void
): Backend {
  const redis = new Redis(options.url, {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    lazyConnect: true,
    connectTimeout: options.timeoutMs,
    commandTimeout: options.timeoutMs,
    maxRetriesPerRequest: 1,
    retryStrategy: attempt => Math.min(50 * 2 ** attempt, LONGEST_PAUSE_MS)
  })
  // Without a listener a lost connection would end the process; reads tell of it themselves.
  redis.on('error', () => {})
  return createStoreBackend({
    description: `redis ${options.url}`,
    timeoutMs: options.timeoutMs,
    keepLastKnown: true,
    onProblem,
    stop: async () => redis.disconnect(),
    read: async ask => ({
      version: null,
      state: null,
      sources: await Promise.all(keysOf(ask).map(async key => sourceOf(key, await redis.hgetall(key))))
    })
  })
}

function keysOf ({ names, profiles }: Ask): string[] {
  const apps = names.toReversed()
  return [...profiles.toReversed().flatMap(profile => apps.map(app => `${app}-${profile}`)), ...apps]
}

function sourceOf (key: string, fields: Record<string, string>): PropertySource {
  const name = `redis:${key}`
  const properties = new Map<string, Property>(Object.entries(fields).map(([field, text]) =>
    [field, { value: { kind: 'string', text }, origin: { source: name } }]))
  return { name, properties }
}
