import type { Agent } from 'undici'
import { ConfigWatch } from './config-watch.ts'
import type { WatchTarget } from './config-watch.ts'
import { discoverServers } from './discover.ts'
import { parseEnvironment } from './environment.ts'
import type { RemoteEnvironment } from './environment.ts'
import { configError } from './errors.ts'
import { fetchEnvironment, reason } from './fetch-environment.ts'
import type { FetchedEnvironment } from './fetch-environment.ts'
import { readKnown, saveKnown } from './last-known-good.ts'
import { readConfigClientOptions } from './options.ts'
import type { ConfigClientOptions, ConfigServerAddress } from './options.ts'
import { retry, retryDelaysMs } from './retry.ts'
import { createAgent } from './server-request.ts'
import type { RemoteRequest, RemoteSources } from '../settings/options.ts'
import type { Property, PropertySource } from '../settings/types.ts'

const NOTHING: RemoteSources = { profile: [], plain: [], warnings: [] }

/**
 * One `configserver:` import, from the first request to the last change. The road: options -> where is a server ->
 * ask, again and again when an answer is needed -> else what is known (in memory, in a file) -> else nothing, or a
 * failed start.
 */
export class ImportedEnvironment {
  readonly #stop = new AbortController()
  #agent: Agent | undefined
  #options: ConfigClientOptions | undefined
  #servers: readonly ConfigServerAddress[] = []
  #last: FetchedEnvironment | undefined
  /** Whether the settings in use are what the server said last. */
  #isFresh = false
  #watch: ConfigWatch | undefined

  async fetch (request: RemoteRequest): Promise<RemoteSources> {
    const options = readConfigClientOptions(request)
    this.#options = options
    if (!options.enabled) return NOTHING
    const agent = this.#agent ??= createAgent(options)
    const isNeeded = (options.failFast || !request.optional) && this.#last === undefined
    try {
      const attempt = async () => await this.#ask(agent, options)
      this.#last = await retry(attempt, isNeeded ? retryDelaysMs(options.retry) : [], this.#stop.signal)
    } catch (failure) {
      this.#isFresh = false
      return await this.#withoutAnswer(options, failure, isNeeded, request.where)
    }
    this.#isFresh = true
    const warnings = await this.#save(options, this.#last.text)
    return { ...split(this.#last.environment, options.profile), warnings }
  }

  /** The registry is asked anew for every reading: servers move. */
  async #ask (agent: Agent, options: ConfigClientOptions): Promise<FetchedEnvironment> {
    this.#servers = options.discovery === undefined
      ? options.servers
      : await discoverServers(agent, options.discovery, this.#stop.signal)
    const state = this.#last?.environment.state
    return await fetchEnvironment(agent, options, this.#servers, state, this.#stop.signal)
  }

  async #withoutAnswer (
    options: ConfigClientOptions, failure: unknown, isNeeded: boolean, where: string
  ): Promise<RemoteSources> {
    const why = reason(failure)
    if (this.#last !== undefined) {
      return { ...split(this.#last.environment, options.profile), warnings: [`${why}; the configuration read before stays`] }
    }
    const known = options.cacheFolder === undefined ? undefined : await readKnown(options.cacheFolder, options)
    if (known !== undefined) {
      const environment = parseEnvironment(known.text, 'last known configuration')
      const warning = `${why}; using the configuration known since ${known.savedAt}`
      return { ...split(environment, options.profile), warnings: [warning] }
    }
    if (isNeeded) throw configError('E_CONFIG_SERVER', [`${options.name}/${options.profile}`, why], { where, cause: failure })
    return { ...NOTHING, warnings: [`${why}; started without the config server's settings`] }
  }

  /** A disk that cannot be written must not stop a service that has its configuration. */
  async #save (options: ConfigClientOptions, text: string): Promise<string[]> {
    if (options.cacheFolder === undefined) return []
    try {
      await saveKnown(options.cacheFolder, options, text, new Date())
      return []
    } catch (cause) {
      return [`the last known configuration cannot be kept in ${options.cacheFolder} (${reason(cause)})`]
    }
  }

  watch (changed: () => void, warn: (text: string) => void): void {
    const options = this.#options
    const agent = this.#agent
    if (this.#watch !== undefined || agent === undefined || !options?.enabled || !options.watch.enabled) return
    const target = async (lastFailed: boolean) => await this.#target(agent, options, lastFailed)
    this.#watch = new ConfigWatch({ agent, options, target, changed, warn })
    this.#watch.start()
  }

  /** Where to hold on: the server that answered, or the next one in turn when it is gone. */
  async #target (agent: Agent, options: ConfigClientOptions, lastFailed: boolean): Promise<WatchTarget> {
    if (this.#isFresh && !lastFailed && this.#last !== undefined) return this.#last
    if (options.discovery !== undefined) {
      this.#servers = await discoverServers(agent, options.discovery, this.#stop.signal)
    }
    const [server, ...others] = this.#servers.length > 0 ? this.#servers : options.servers
    if (server === undefined) throw new Error('no address of a config server is known')
    this.#servers = [...others, server]
    return { server, label: this.#last?.label ?? options.labels[0] ?? '', etag: undefined, text: undefined }
  }

  close (): void {
    this.#stop.abort()
    this.#watch?.stop()
    void this.#agent?.destroy()
  }
}

/** Spring's rule: a source whose name has the profile in it, and `overrides`, count as profile specific. */
function split (environment: RemoteEnvironment, profiles: string): RemoteSources {
  const names = profiles.split(',').map(name => name.trim()).filter(name => name !== '' && name !== 'default')
  const patterns = names.map(name => new RegExp(`[-,]${escapeRegExp(name)}\\b`))
  const isProfile = ({ name }: PropertySource) =>
    name === 'configserver:overrides' || patterns.some(pattern => pattern.test(name))
  return {
    profile: environment.sources.filter(isProfile),
    plain: [...environment.sources.filter(source => !isProfile(source)), clientSource(environment)],
    warnings: []
  }
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** What Spring's client tells of the answer itself: `config.client.version` and `config.client.state`. */
function clientSource ({ version, state }: RemoteEnvironment): PropertySource {
  const properties = new Map<string, Property>()
  for (const [name, text] of [['version', version], ['state', state]] as const) {
    if (text === undefined) continue
    properties.set(`config.client.${name}`, { value: { kind: 'string', text }, origin: { source: 'configClient' } })
  }
  return { name: 'configClient', properties }
}
