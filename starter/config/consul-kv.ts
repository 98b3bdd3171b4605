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
import type Consul from 'consul'
import type { RemoteConfig, RemoteRequest, RemoteSources } from '../settings/options.ts'
import type { ConfigDocument, Property, PropertySource } from '../settings/types.ts'
import type { ConsulConfigOptions, ConsulContext } from './consul-options.ts'

type Watch = ReturnType<Consul['watch']>

/** A key as the store returns it; a value is absent for a "folder". */
interface Pair { readonly Key: string, readonly Value: string | null, readonly ModifyIndex: number }

const REQUEST_TIMEOUT_MS = 5_000
/** A store that holds more below one folder holds something else than settings. */
const MAX_KEYS = 10_000
const NOTHING: RemoteSources = { profile: [], plain: [], warnings: [] }

/** See the head of this file. */
export class ConsulConfig implements RemoteConfig {
  readonly #stop = new AbortController()
  readonly #watches: Watch[] = []
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
      const query = { key: context.path, recurse: true, timeout: REQUEST_TIMEOUT_MS }
      // Its type tells of one pair; with `recurse` there are many, and none is undefined.
      const pairs = await consul.kv.get(query) as unknown as Pair[] | undefined
      this.#read.set(context.path, fingerprint(pairs))
      return { context, sources: sourcesOf(options, context, pairs ?? []) }
    }))
    const part = (profile: boolean) =>
      found.filter((one) => one.context.profile === profile).flatMap((one) => one.sources)
    return { profile: part(true), plain: part(false), warnings: [] }
  }

  watch (changed: () => void, warn: (text: string) => void): void {
    const [consul, options] = [this.#consul, this.#options]
    if (consul === undefined || options === undefined || !options.watch || this.#watches.length > 0) return
    for (const context of options.contexts) this.#watches.push(this.#follow(consul, options, context, changed, warn))
  }

  #follow (
    consul: Consul, options: ConsulConfigOptions, { path }: ConsulContext, changed: () => void,
    warn: (text: string) => void
  ): Watch {
    const watch = consul.watch({
      method: (query: Parameters<typeof consul.kv.get>[0]) => consul.kv.get(query),
      // The library's type wants texts only; its code passes everything on to the method.
      options: { key: path, recurse: true, wait: `${options.waitMs}ms` } as never,
      backoffMax: 30_000
    })
    let away = false
    watch.on('change', (pairs: Pair[] | undefined) => {
      away = false
      // The first answer repeats what was read; a blocking query may also return without a change.
      if (fingerprint(pairs) !== this.#read.get(path)) changed()
    })
    watch.on('error', (failure: unknown) => {
      if (!away) warn(`${describeConsul(options.connection)} tells of no changes (${reason(failure)}), the settings stay as they are`)
      away = true
    })
    return watch
  }

  close (): void {
    this.#stop.abort()
    for (const watch of this.#watches) watch.end()
    this.#consul?.destroy()
  }
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
