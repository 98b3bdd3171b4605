/**
 * One `consul:` import: settings from Consul's key/value store, as Spring Cloud Consul reads them, and word of their
 * changes by blocking queries. What was read last stays in force while Consul is away.
 */
import { connectConsul, consulError, describeConsul } from '../consul/connection.ts'
import { activeDocuments } from '../settings/activation.ts'
import { parseProperties } from '../settings/properties.ts'
import { parseYaml } from '../settings/yaml.ts'
import { readConsulConfigOptions } from './consul-options.ts'
import { retry, retryDelaysMs } from './retry.ts'
import { followBlocking } from '../consul/blocking-query.ts'
import { ConsulReader } from '../consul/reader.ts'
import type Consul from 'consul'
import type { RemoteConfig, RemoteRequest, RemoteSources } from '../settings/options.ts'
import type { ConfigDocument, Property, PropertySource } from '../settings/types.ts'
import type { ConsulConfigOptions, ConsulContext } from './consul-options.ts'

/** A key as the store returns it; a value is absent for a "folder". */
interface Pair { readonly Key: string, readonly Value: string | null, readonly ModifyIndex: number }

interface Followed {
  readonly consul: Consul
  readonly reader: ConsulReader
  readonly options: ConsulConfigOptions
  readonly prefix: string
}

const REQUEST_TIMEOUT_MS = 5_000
/** A store that holds more below one folder holds something else than settings. */
const MAX_KEYS = 10_000
const NOTHING: RemoteSources = { profile: [], plain: [], warnings: [] }

/** See the head of this file. */
export class ConsulConfig implements RemoteConfig {
  readonly #stop = new AbortController()
  #reader: ConsulReader | undefined
  /** What was read per folder: which pairs, and when they changed last. */
  readonly #read = new Map<string, string>()
  #consul: Consul | undefined
  #options: ConsulConfigOptions | undefined
  #last: RemoteSources | undefined

  async fetch (request: RemoteRequest): Promise<RemoteSources> {
    const options = this.#options ??= readConsulConfigOptions(request)
    if (!options.enabled) return NOTHING
    const consul = this.#consul ??= connectConsul(options.connection)
    const isNeeded = (options.failFast || !request.optional) && this.#last === undefined
    try {
      const delays = isNeeded ? retryDelaysMs(options.retry) : []
      this.#last = await retry(() => this.#ask(consul, options), delays, this.#stop.signal)
      return this.#last
    } catch (failure) {
      const why = `${describeConsul(options.connection)}: ${reason(failure)}`
      if (isNeeded) throw consulError('E_CONSUL_KV', [why], { where: request.where, cause: failure })
      const instead = this.#last === undefined ? 'started without its settings' : 'the configuration read before stays'
      return { ...this.#last ?? NOTHING, warnings: [`${why}; ${instead}`] }
    }
  }

  async #ask (consul: Consul, options: ConsulConfigOptions): Promise<RemoteSources> {
    const found = await Promise.all(options.contexts.map(async (context) => {
      const pairs = await pairsBelow(consul, context.path)
      this.#read.set(context.path, fingerprint(pairs))
      return { context, sources: sourcesOf(options, context, pairs ?? []) }
    }))
    const part = (profile: boolean) =>
      found.filter((one) => one.context.profile === profile).flatMap((one) => one.sources)
    return { profile: part(true), plain: part(false), warnings: [] }
  }

  /** One question for all folders that begin alike: a connection each would be four of the agent's 200. */
  watch (changed: () => void, warn: (text: string) => void): void {
    const [consul, options] = [this.#consul, this.#options]
    if (consul === undefined || options === undefined || !options.watch || this.#reader !== undefined) return
    this.#reader = new ConsulReader(options.connection)
    const followed = { consul, reader: this.#reader, options }
    for (const prefix of commonPrefixes(options.contexts)) void this.#follow({ ...followed, prefix }, changed, warn)
  }

  async #follow (
    { consul, reader, options, prefix }: Followed, changed: () => void, warn: (text: string) => void
  ): Promise<void> {
    // Names of folders only: what they hold is read when the index says that something changed.
    const path = `/kv/${prefix.split('/').map(encodeURIComponent).join('/')}`
    let away = false
    await followBlocking({
      ask: ({ query, ...more }) =>
        reader.get(path, { ...more, query: { ...query, keys: '', separator: '/' }, missing: [] }),
      waitMs: options.waitMs,
      onAnswer: (names, isNew) => {
        if (!Array.isArray(names)) throw new Error('the keys are no list: is this Consul?')
        away = false
        if (isNew) void this.#look(consul, options).then(differs => { if (differs) changed() }, onFailure)
      },
      onFailure
    }, this.#stop.signal)
    function onFailure (failure: unknown): void {
      if (!away) warn(`${describeConsul(options.connection)} tells of no changes (${reason(failure)}), the settings stay as they are`)
      away = true
    }
  }

  /** Whether the folders hold something else than what was read: the index also moves by what other services keep. */
  async #look (consul: Consul, options: ConsulConfigOptions): Promise<boolean> {
    const pairs = await Promise.all(options.contexts.map(({ path }) => pairsBelow(consul, path)))
    if (this.#stop.signal.aborted) return false
    return options.contexts.some(({ path }, at) => fingerprint(pairs[at]) !== this.#read.get(path))
  }

  close (): void {
    this.#stop.abort()
    this.#reader?.close()
    this.#consul?.destroy()
  }
}

async function pairsBelow (consul: Consul, path: string): Promise<Pair[] | undefined> {
  const query = { key: path, recurse: true, timeout: REQUEST_TIMEOUT_MS }
  // Its type tells of one pair; with `recurse` there are many, and none is undefined.
  return await consul.kv.get(query) as unknown as Pair[] | undefined
}

/** The longest beginnings that whole folders share, one for each folder at the top: `config/` for `config/users/`. */
function commonPrefixes (contexts: readonly ConsulContext[]): string[] {
  const tops = Map.groupBy(contexts, ({ path }) => path.slice(0, path.indexOf('/') + 1))
  return Array.from(tops.values(), ([first, ...others]) => others.reduce((common, { path }) => shared(common, path), first?.path ?? ''))
}

function shared (a: string, b: string): string {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, a.slice(0, length).lastIndexOf('/') + 1)
}

/** A refused connection to a name with several addresses has a code and no message. */
function reason (failure: unknown): string {
  const { code, message } = failure as { code?: unknown, message?: unknown }
  return String(message || code)
}

function fingerprint (pairs: readonly Pair[] | undefined): string {
  return (pairs ?? []).map((pair) => `${pair.ModifyIndex} ${pair.Key}`).join('\n')
}

/** Highest priority first. */
function sourcesOf (options: ConsulConfigOptions, { path }: ConsulContext, pairs: readonly Pair[]): PropertySource[] {
  if (pairs.length > MAX_KEYS) throw new Error(`${path} has more than ${MAX_KEYS} keys`)
  if (options.format === 'KEY_VALUE') return pairs.length === 0 ? [] : [keyValueSource(path, pairs)]
  const text = pairs.find((pair) => pair.Key === `${path}${options.dataKey}`)?.Value
  return text == null ? [] : fileSources(options, `consul:${path}${options.dataKey}`, text)
}

function keyValueSource (path: string, pairs: readonly Pair[]): PropertySource {
  const properties = new Map<string, Property>()
  for (const { Key, Value } of pairs) {
    if (Value === null || Key.endsWith('/')) continue
    const name = Key.slice(path.length).replaceAll('/', '.')
    properties.set(name, { value: { kind: 'string', text: Value }, origin: { source: `consul:${Key}` } })
  }
  return { name: `consul:${path}`, properties }
}

function fileSources (options: ConsulConfigOptions, name: string, text: string): PropertySource[] {
  const documents: ConfigDocument[] = options.format === 'YAML' ? parseYaml(text, name) : parseProperties(text, name)
  return activeDocuments(documents, { profiles: new Set(options.profiles), cloudPlatform: undefined }).toReversed()
}
