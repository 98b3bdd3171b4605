/** PostgreSQL and Redis for a run on shared stores: processes of its own, with a database for each service. */
import pg from 'pg'
import { noPostgres, noRedis, startPostgres, startRedis, type TestServer } from '../../messaging/test/servers.ts'

const RELATIONAL = ['users', 'orders', 'payments', 'order-history'] as const

export interface SharedServers {
  readonly postgres: TestServer
  readonly redis: TestServer
  /** The store's URL by service. */
  readonly urls: Readonly<Record<string, string>>
  stop (): Promise<void>
}

/** Why they cannot be had here, or false. */
export const noSharedServers = noPostgres || noRedis

export async function startSharedServers (): Promise<SharedServers> {
  const [postgres, redis] = await Promise.all([startPostgres(),
    startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])])
  return {
    postgres,
    redis,
    urls: await storesOn(postgres.url, redis.url),
    stop: async () => { await Promise.all([postgres.stop(), redis.stop()]) }
  }
}

/** Two services in one database would share one outbox. */
async function storesOn (postgres: string, redis: string): Promise<Record<string, string>> {
  await ask(postgres, RELATIONAL.map(name => `CREATE DATABASE "${name}"`))
  return { inventory: redis, ...Object.fromEntries(RELATIONAL.map(name => [name, new URL(`/${name}`, postgres).href])) }
}

/** Statements, one after the other, on a connection of their own. */
export async function ask (url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end().catch(() => {})
  }
}
