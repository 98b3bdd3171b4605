/**
 * From settings to adapters, each loaded only where it is used. A service names what it needs; the profile and the
 * URLs decide what it gets, so that no service asks where it runs.
 */
import { join } from 'node:path'
import { withPackage } from '@breakwater/starter/optional-package'
import { maskValue, type Settings } from '@breakwater/starter/settings'
import type { Bus } from './bus/bus.ts'
import { embeddedBus } from './bus/embedded/client.ts'
import type { Notice } from './bus/embedded/notice.ts'
import { messagingError } from './errors.ts'
import { NO_FAULTS, readFaults, type Faults } from './faults.ts'
import { Messaging } from './messaging.ts'
import type { MessagingParts } from './parts.ts'
import { readMessagingOptions } from './options.ts'
import { openSqlite, type SqlStore } from './store/sqlite.ts'
import type { KeyValueStore } from './store/key-value-store.ts'
import type { Tx } from './store/store.ts'

/**
 * The bus at `breakwater.bus.url`: `http://...` is the embedded one's process, `aws://region` is SNS/SQS. `onNotice` is
 * told of places that nobody wants anything from.
 */
export async function openBus (settings: Settings, onNotice?: Notice): Promise<Bus> {
  const url = settings.string('breakwater.bus.url', 'http://127.0.0.1:7070').replace(/\/$/, '')
  if (!url.startsWith('aws:')) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw messagingError('E_BUS_URL', [maskValue('url', url)])
    return embeddedBus({ url, ...(onNotice === undefined ? {} : { onNotice }) })
  }
  const { awsBus, readAwsUrl } = await withPackage('breakwater.bus.url: aws://', () => import('./aws.ts'))
  return awsBus(readAwsUrl(url, settings.boolean('breakwater.bus.provision', false)))
}

/** The folder of a service's embedded files: `breakwater.data.dir` and the service's name. */
export function dataFile (settings: Settings, service: string, file: string): string {
  if (settings.profiles.includes('k8s') && !settings.boolean('allow.embedded', false)) {
    throw messagingError('E_EMBEDDED_REFUSED', [service])
  }
  return join(settings.string('breakwater.data.dir', 'data'), service, file)
}

/** The relational store of a service: PostgreSQL when `breakwater.store.url` names one, else a file of its own. */
export async function openSqlStore (settings: Settings, service: string, tables: string): Promise<SqlStore> {
  const url = settings.string('breakwater.store.url', '')
  if (url !== '') {
    const { openPostgres } = await withPackage('breakwater.store.url: postgres://', () => import('./store/postgres.ts'))
    return openPostgres({ url, tables })
  }
  const synchronous = settings.string('breakwater.store.synchronous', 'full') === 'normal' ? 'normal' : 'full'
  return openSqlite({ file: dataFile(settings, service, `${service}.db`), tables, synchronous })
}

/** The key-value store of a service: Redis when `breakwater.store.url` names one, else a file of its own. */
export async function openKeyValueStore (settings: Settings, service: string): Promise<KeyValueStore> {
  const url = settings.string('breakwater.store.url', '')
  if (url !== '') {
    const { openRedis, readRedisOptions } = await withPackage('breakwater.store.url: redis://', () =>
      import('./store/redis/redis-store.ts'))
    return openRedis({ url, name: service, ...readRedisOptions(settings) })
  }
  const { openLmdb } = await withPackage('A key-value store in a file', () => import('./store/lmdb/lmdb-store.ts'))
  return openLmdb({ file: dataFile(settings, service, `${service}.lmdb`) })
}

/** A service's messaging from its settings. */
export async function createMessaging<T extends Tx> (
  settings: Settings, parts: Omit<MessagingParts<T>, 'bus' | 'options' | 'faults'>
): Promise<Messaging<T>> {
  return new Messaging({ ...parts, bus: await openBus(settings, (text, fields) => { parts.log.warn(fields, text) }),
    options: readMessagingOptions(settings),
    faults: faultsOf(settings) })
}

function faultsOf (settings: Settings): Faults {
  const text = settings.string('breakwater.faults', '')
  // SIGKILL to itself: the only end that runs no handler and flushes nothing, which is what the point is to prove.
  return text === '' ? NO_FAULTS : readFaults(text, Math.random, () => { process.kill(process.pid, 'SIGKILL') })
}
