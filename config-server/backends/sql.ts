/** Rows in PostgreSQL, by the statements Spring's JDBC store uses; other databases have no driver here. */
import pg from 'pg'
import type { Property, PropertySource } from '@breakwater/starter/settings'
import type { Ask } from '../environment/ask.ts'
import type { Backend } from './backend.ts'
import type { SqlOptions } from './sql-options.ts'
import { createStoreBackend } from './store-backend.ts'

const CONNECTIONS = 4

export function createSqlBackend (options: SqlOptions, onProblem: (store: string, problem: string) => void): Backend {
  const pool = new pg.Pool({
    connectionString: withCredentials(options),
    max: CONNECTIONS,
    connectionTimeoutMillis: options.timeoutMs,
    statement_timeout: options.timeoutMs,
    query_timeout: options.timeoutMs,
    allowExitOnIdle: true
  })
  // An idle connection that breaks would otherwise end the process.
  pool.on('error', () => {})
  return createStoreBackend({
    description: `sql ${options.url}`,
    timeoutMs: options.timeoutMs,
    keepLastKnown: true,
    onProblem,
    stop: async () => pool.end(),
    read: async ask => {
      const sources = await Promise.all(queriesOf(ask, options).map(async ({ name, sql, values }) =>
        sourceOf(name, await rowsOf(pool, sql, values))))
      return { version: null, state: null, sources: sources.filter(({ properties }) => properties.size > 0) }
    }
  })
}

// The driver lets an address without a user win over a user given beside it.
function withCredentials ({ url, username, password }: SqlOptions): string {
  const address = new URL(url)
  address.username = encodeURIComponent(username ?? '')
  address.password = encodeURIComponent(password ?? '')
  return address.toString()
}

interface Query {
  readonly name: string
  readonly sql: string
  readonly values: readonly string[]
}

// `application` and `default` are asked for too, below what the client named.
function queriesOf (ask: Ask, { sql, sqlWithoutProfile, defaultLabel }: SqlOptions): Query[] {
  const labels = (ask.labels.length > 0 ? ask.labels : [defaultLabel]).toReversed()
  const apps = [...new Set(['application', ...ask.names])].toReversed()
  const profiles = [...new Set(['default', ...ask.profiles])].toReversed()
  const special = labels.flatMap(label => profiles.flatMap(profile => apps.map(app =>
    ({ name: `${app}-${profile}`, sql: numbered(sql), values: [app, profile, label] }))))
  const general = labels.flatMap(label => apps.map(app =>
    ({ name: app, sql: numbered(sqlWithoutProfile), values: [app, label] })))
  return [...special, ...general]
}

// JDBC marks parameters with `?`, PostgreSQL with their number; a `?` inside quotes is text.
function numbered (sql: string): string {
  let count = 0
  return sql.replace(/'[^']*'|"[^"]*"|\?/g, part => part === '?' ? `$${++count}` : part)
}

async function rowsOf (pool: pg.Pool, text: string, values: readonly string[]): Promise<string[][]> {
  const { rows } = await pool.query<string[]>({ text, values: [...values], rowMode: 'array' })
  return rows
}

function sourceOf (name: string, rows: readonly (readonly string[])[]): PropertySource {
  const properties = new Map<string, Property>(rows.map(([key, text]) =>
    [String(key), { value: { kind: 'string', text: String(text ?? '') }, origin: { source: name } }]))
  return { name, properties }
}
