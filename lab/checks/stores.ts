/** The stores as they lie on the disk, read without a line of the services' code. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { open } from 'lmdb'
import { Redis } from 'ioredis'
import { STOCK_WATCH, type Platform } from '../platform/platform.ts'
import { readActiveGeneration, readDocumentRows, readRows, type Entries, type Query } from './read-rows.ts'
import type { DocumentRow, Stores } from './rows.ts'

/** The stores of one run. */
export interface RunStores {
  /** Everything, once the services have ended. */
  readonly read: () => Promise<Stores>
  /** The read model while its service runs; another reader does not disturb it. */
  readonly documents: () => DocumentRow[]
  /** The generation of the read model that readers get. */
  readonly generation: () => number
}

type Name = 'orders' | 'users' | 'payments' | 'order-history' | 'bus'

const MAX_ANSWER = 256 * 1024 * 1024

/** `dir` is the run's folder. The bus keeps its own file also where the services share their stores. */
export function storesOf ({ dir, servers }: Pick<Platform, 'dir' | 'servers'>): RunStores {
  const data = join(dir, 'data')
  const query = (name: Name): Query => servers === undefined || name === 'bus'
    ? fileQuery(join(data, name, `${name}.db`))
    : serverQuery(servers.urls[name]!)
  const withInventory = servers === undefined
    ? <Value>(use: (entries: Entries) => Value) => withEntries(join(data, 'inventory', 'inventory.lmdb'), use)
    : <Value>(use: (entries: Entries) => Value) => withHash(servers.urls.inventory!, use)
  return {
    read: () => withInventory(inventory => readRows({
      orders: query('orders'), users: query('users'), payments: query('payments'), history: query('order-history'),
      bus: query('bus'), inventory, stockViolations: linesOf(join(dir, STOCK_WATCH))
    })),
    documents: () => readDocumentRows(query('order-history')),
    generation: () => readActiveGeneration(query('order-history'))
  }
}

function linesOf (file: string): string[] | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(line => line !== '') : undefined
}

function fileQuery (file: string): Query {
  return <Row>(sql: string) => {
    const database = new DatabaseSync(file, { readOnly: true })
    try {
      return database.prepare(sql).all() as Row[]
    } finally {
      database.close()
    }
  }
}

/** By psql, because a check asks and goes on. */
function serverQuery (url: string): Query {
  return <Row>(sql: string) => JSON.parse(execFileSync('psql', [url, '-XAtqc',
    `SELECT coalesce(json_agg(t), '[]') FROM (${sql}) t`], { encoding: 'utf8', maxBuffer: MAX_ANSWER })) as Row[]
}

async function withHash<Value> (url: string, use: (entries: Entries) => Value): Promise<Value> {
  const redis = new Redis(url)
  try {
    const all = Object.entries(await redis.hgetall('{inventory}:data')).map(([key, value]) => ({ key, value }))
      .toSorted((a, b) => a.key < b.key ? -1 : 1)
    return use(prefix => all.filter(entry => entry.key.startsWith(prefix)))
  } finally {
    redis.disconnect()
  }
}

async function withEntries<Value> (path: string, use: (entries: Entries) => Value): Promise<Value> {
  const database = open<string, string>({ path, encoding: 'string', noSubdir: true, readOnly: true })
  try {
    // Each value has a checksum of eight digits before it.
    return use(prefix => [...database.getRange({ start: prefix, end: `${prefix}\u{10FFFF}` })]
      .map(({ key, value }) => ({ key, value: value.slice(8) })))
  } finally {
    await database.close()
  }
}
