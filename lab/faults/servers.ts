/** Faults of the servers that services share. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@breakwater/messaging/testing'
import type { Platform } from '../platform/platform.ts'
import { ask } from '../platform/shared-servers.ts'
import { seen, storeIsDown } from './fault.ts'

const INSIST_MS = 30_000

/** Its own crash: every session ends at once, the next start recovers from its log. */
export async function killPostgres (platform: Platform, random: Random): Promise<boolean> {
  return killServer(platform, 'postgres', 'orders', random)
}

export async function killRedis (platform: Platform, random: Random): Promise<boolean> {
  return killServer(platform, 'redis', 'inventory', random)
}

async function killServer (
  platform: Platform, kind: 'postgres' | 'redis', service: string, random: Random
): Promise<boolean> {
  const server = platform.servers![kind]
  await server.kill()
  const [bit] = await Promise.all([seen(() => storeIsDown(platform.process(service)), 3000), delay(random.below(3000))])
  await server.start()
  return bit
}

/** A failover has left the service with a standby: it reads, and refuses to write. */
export async function readOnlyPostgres (platform: Platform, random: Random): Promise<boolean> {
  const { url } = platform.servers!.postgres
  const others = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL'
  await insist(url, ["ALTER SYSTEM SET default_transaction_read_only = 'on'", 'SELECT pg_reload_conf()', others])
  const [bit] = await Promise.all([seen(() => storeIsDown(platform.process('orders')), 3000),
    delay(1000 + random.below(4000))])
  // The setting holds for the one who takes it back, too.
  await insist(url, ['SET default_transaction_read_only = off', 'ALTER SYSTEM RESET default_transaction_read_only',
    'SELECT pg_reload_conf()'])
  return bit
}

/** Somebody alters a table, and everybody waits. */
export async function lockTable (platform: Platform, random: Random): Promise<boolean> {
  const url = platform.servers!.urls[random.pick(['orders', 'payments', 'order-history'])]!
  const ms = 1000 + random.below(4000)
  // Another fault may end the session, or the server; then the lock is gone as well.
  return ask(url, ['BEGIN', 'LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE', `SELECT pg_sleep(${ms / 1000})`, 'COMMIT'])
    .then(() => true, () => false)
}

/** The server may be down by another fault; what must be set back is set back. */
async function insist (url: string, statements: readonly string[]): Promise<void> {
  await seen(() => ask(url, statements).then(() => true, () => false), INSIST_MS)
}
