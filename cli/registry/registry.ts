/**
 * `breakwater registry list|show|drain|restore|watch|diff`: what an operator asks and orders of a running registry.
 * Prints lines for people, or with --json one document (of `watch`: one for each change).
 */
import { inColumns, shownAs } from '../output.ts'
import { call, type Target } from './calls.ts'
import { differencesOf, type Difference } from './diff.ts'
import { readRegistryOptions, readUrl, usage, type RegistryOptions } from './options.ts'

export interface Row {
  readonly app: string
  readonly id: string
  readonly host: string
  readonly port?: number
  readonly status: string
  readonly own: string
  readonly override?: string
  readonly note?: { readonly reason?: string, readonly author?: string, readonly until?: number }
  readonly zone: string
  readonly metadata: ReadonlyArray<readonly [string, string]>
}

interface Named { readonly app: string, readonly id: string }

/** The parts of a process that a command uses. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly write: (text: string) => void
  /** Aborted when the user has seen enough. */
  readonly signal: AbortSignal
}

type Command = (options: RegistryOptions, io: Io) => Promise<number>

const COMMANDS: Readonly<Record<string, Command>> = { list, show, drain, restore, watch, diff }
const PAGE_SIZE = 1000
const WAIT_S = 60

/** Runs one of them; returns the exit code. */
export async function registry (args: readonly string[], io: Io): Promise<number> {
  const options = readRegistryOptions(args, io.env)
  const [name = ''] = options.words
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) throw usage(`it takes one of ${Object.keys(COMMANDS).join(', ')}.`)
  return await command(options, io)
}

async function list (options: RegistryOptions, io: Io): Promise<number> {
  const rows: Row[] = []
  const query = { ...options.where, ...(options.status && { status: options.status }), size: String(PAGE_SIZE) }
  for (let page = 1, pages = 1; page <= pages; page++) {
    const found = await call<{ rows: Row[], pages: number }>(options,
      `registry/instances?${new URLSearchParams({ ...query, page: String(page) }).toString()}`)
    rows.push(...found.rows)
    pages = found.pages
  }
  const lines = () => inColumns([['APPLICATION', 'INSTANCE', 'ADDRESS', 'STATUS', 'ZONE', 'SET BY'], ...rows.map(row =>
    [row.app, row.id, `${row.host}:${row.port ?? '-'}`, row.status, row.zone, setBy(row)])])
  print(io, options, rows, lines)
  return 0
}

async function show (options: RegistryOptions, io: Io): Promise<number> {
  const [, app, id] = options.words
  if (app === undefined || id === undefined) throw usage('show takes APPLICATION and INSTANCE.')
  const row = await call<Row>(options, `registry/instances/${encodeURIComponent(app)}/${encodeURIComponent(id)}`)
  const { metadata } = row
  print(io, options, row, () => inColumns([
    ['application', row.app], ['instance', row.id], ['address', `${row.host}:${row.port ?? '-'}`],
    ['status', row.status], ['says of itself', row.own], ['set by', setBy(row)], ['zone', row.zone],
    ...metadata.map(([key, value]) => [`metadata ${key}`, value])
  ]))
  return 0
}

function drain (options: RegistryOptions, io: Io): Promise<number> {
  const { reason, for: duration, until, status = 'OUT_OF_SERVICE' } = options
  return order(options, io, { kind: 'override', status, reason, for: duration, until, author: io.env['USER'] })
}

function restore (options: RegistryOptions, io: Io): Promise<number> {
  return order(options, io, { kind: 'clear override' })
}

async function order (options: RegistryOptions, io: Io, what: object): Promise<number> {
  const { where, dryRun } = options
  if (Object.keys(where).length === 0) throw usage('say whom: --app, --host, --zone, --version or --id.')
  const body = JSON.stringify({ ...what, where, dryRun })
  const { instances } = await call<{ instances: Named[] }>(options, 'registry/actions', { method: 'POST', body })
  print(io, options, { instances }, () => instances.map(({ app, id }) => `${app} ${id}\n`).join('') +
    `${instances.length} instances${dryRun ? ' would be meant' : ''}\n`)
  return 0
}

interface Poll {
  readonly index: string
  readonly instances?: readonly WireNamed[]
  readonly changes?: ReadonlyArray<{ readonly action: string, readonly instance: WireNamed }>
}

interface WireNamed extends Pick<Row, 'app' | 'status'> {
  readonly instanceId?: string
  readonly hostName: string
}

/** Long polls, one after the other, until the user has seen enough. */
async function watch (options: RegistryOptions, io: Io): Promise<number> {
  const apps = options.where['app']
  const query = { wait: `${WAIT_S}s`, ...(apps && { apps }) }
  let index: string | undefined
  while (!io.signal.aborted) {
    const asked = new URLSearchParams({ ...query, ...(index && { index }) }).toString()
    const news = await call<Poll>(options, `eureka/stream?${asked}`,
      { timeoutMs: (WAIT_S + 30) * 1000, signal: io.signal }).catch((failure: unknown) => {
      if (io.signal.aborted) return undefined
      throw failure
    })
    if (news === undefined) break
    for (const instance of news.instances ?? []) tell(io, options, 'SNAPSHOT', instance)
    for (const { action, instance } of news.changes ?? []) tell(io, options, action, instance)
    index = news.index
  }
  return 0
}

function tell (io: Io, options: RegistryOptions, action: string, instance: WireNamed): void {
  const { app, instanceId, hostName, status } = instance
  print(io, options, { action, instance }, () => `${action.padEnd(8)} ${app} ${instanceId ?? hostName} ${status}\n`)
}

/** Ends with 1 when the two registries differ. */
async function diff (options: RegistryOptions, io: Io): Promise<number> {
  const [, text] = options.words
  if (text === undefined) throw usage('diff takes the URL of the other registry.')
  const { url, authorization } = readUrl(text)
  const other: Target = { url, headers: authorization === undefined ? options.headers : { authorization } }
  const differences = await differencesOf(options, other)
  print(io, options, { differences }, () => differences.map(words).join('') +
    (differences.length === 0 ? 'equal\n' : `${differences.length} instances differ\n`))
  return differences.length === 0 ? 0 : 1
}

function words ({ app, id, field, here, there }: Difference): string {
  return `${app} ${id} ${field}: ${here ?? 'absent'} here, ${there ?? 'absent'} there\n`
}

function setBy ({ override, note }: Row): string {
  if (override === undefined) return ''
  const { author = 'somebody', reason, until } = note ?? {}
  const end = until === undefined ? '' : `, until ${new Date(until).toISOString()}`
  return `${author}${reason === undefined ? '' : `: ${reason}`}${end}`
}

function print (io: Io, { json }: RegistryOptions, document: unknown, text: () => string): void {
  io.write(shownAs(json, document, text))
}
