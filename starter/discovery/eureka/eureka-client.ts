/**
 * Discovery from a Eureka registry. Follows our registry's push stream; where something on the way keeps the events to
 * itself (a proxy that buffers) it asks by long poll; where the server has neither (Spring's, Netflix's) it polls as
 * their own client does: everything first, then deltas checked by the hash. Servers that fail are replaced by the
 * next of the list; what was last known keeps serving meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../logger.ts'
import type { DiscoveryClient, InstancesListener, ServiceInstance } from '../discovery-client.ts'
import { InstanceTable } from '../instance-table.ts'
import type { EurekaClientOptions } from './eureka-options.ts'
import { EurekaState } from './eureka-state.ts'
import type { Change } from './eureka-state.ts'
import { EventStreamParser } from './event-stream.ts'
import type { StreamEvent } from './event-stream.ts'
import { RegistryHttp } from './registry-http.ts'
import { ServerList } from './server-url.ts'
import type { ServerUrl } from './server-url.ts'
import { NoSuchWay, Ways } from './ways.ts'
import type { Way } from './ways.ts'

export interface EurekaClientDependencies {
  /** Milliseconds that only grow. */
  readonly now: () => number
  /** 0 to 1: spreads the reconnects of many clients. */
  readonly random: () => number
}

const FIRST_RETRY_MS = 100
const STREAM_RETRY_LIMIT_MS = 5_000
/** The registry says something every 15 s; a stream that resumes and brings nothing for longer is held up. */
const STREAM_SILENCE_MS = 20_000
/** As long as the registry lets a long poll wait by itself. */
const LONG_POLL_MS = 30_000
/** Between two long polls: whatever answers them, it is not asked without end. */
const LONG_POLL_PAUSE_MS = 50
/** Answers that say "no such thing here" rather than "not now". */
const NO_STREAM = new Set([400, 404, 405, 406, 415, 501])

interface StreamMessage {
  readonly index?: string
  readonly instances?: unknown
  readonly action?: unknown
  readonly instance?: unknown
  /** Of a long poll. */
  readonly changes?: unknown
}

/** See the head of this file. */
export class EurekaDiscoveryClient implements DiscoveryClient {
  connected = false
  readonly #options: EurekaClientOptions
  readonly #log: Logger
  readonly #now: () => number
  readonly #random: () => number
  readonly #http: RegistryHttp
  readonly #servers: ServerList
  readonly #state: EurekaState
  readonly #table: InstanceTable
  readonly #stopped = new AbortController()
  readonly #first = Promise.withResolvers<void>()
  readonly #onConnect = new Set<() => void>()
  readonly #ways = new Ways()
  #lastIndex: string | undefined
  #failures = 0
  #mode: Way = 'stream'
  #sweepTimer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  constructor (options: EurekaClientOptions, log: Logger, dependencies?: Partial<EurekaClientDependencies>) {
    this.#options = options
    this.#log = log.child({ logger: 'discovery' })
    this.#now = dependencies?.now ?? (() => performance.now())
    this.#random = dependencies?.random ?? Math.random
    this.#http = new RegistryHttp(options)
    this.#servers = new ServerList(options.servers)
    this.#state = new EurekaState(options.preferIp)
    this.#table = new InstanceTable(err => this.#log.error({ err }, 'a watcher of instances failed'))
  }

  get description (): string {
    return `eureka-${this.#mode} ${this.#servers.current.url}`
  }

  async start (): Promise<void> {
    this.#running ??= this.#run()
    await Promise.race([this.#first.promise, sleep(this.#options.startTimeoutMs, undefined, { ref: false })])
  }

  async stop (): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#sweepTimer)
    await this.#http.close()
    await this.#running
  }

  instances (serviceId: string): readonly ServiceInstance[] {
    return this.#table.instances(serviceId)
  }

  services (): readonly string[] {
    return this.#table.services()
  }

  watch (serviceId: string, listener: InstancesListener): () => void {
    return this.#table.watch(serviceId, listener)
  }

  /** Called each time the registry is reached again: the moment to look whether it still knows us. */
  onConnect (listener: () => void): () => void {
    this.#onConnect.add(listener)
    return () => this.#onConnect.delete(listener)
  }

  async #run (): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const server = this.#servers.current
      try {
        const way = this.#options.push ? this.#ways.of(server, this.#now()) : 'poll'
        if (way === 'stream') await this.#follow(server)
        else if (way === 'long-poll') await this.#waitForChange(server)
        else await this.#poll(server)
      } catch (failure) {
        if (this.#stopped.signal.aborted) return
        if (failure instanceof NoSuchWay) this.#stepDown(server, failure.instead)
        else await this.#recover(server, failure)
      }
    }
  }

  #stepDown (server: ServerUrl, way: Way): void {
    this.#ways.stepDown(server, way, this.#now())
    // The first long poll is answered at once, with everything.
    this.#lastIndex = undefined
    this.#log.info({ server: server.url, way }, 'no push stream from the registry')
  }

  #streamPath (more: Readonly<Record<string, string>> = {}): string {
    const apps = this.#options.apps.map(app => app.toUpperCase()).join(',')
    const query = new URLSearchParams({ ...(apps === '' ? {} : { apps }), ...more }).toString()
    return query === '' ? 'stream' : `stream?${query}`
  }

  /** Reads the stream until it ends, which a stream never does by itself: its end is a failure like any other. */
  async #follow (server: ServerUrl): Promise<void> {
    const path = this.#streamPath()
    const silence = new AbortController()
    const limitMs = this.#lastIndex === undefined ? this.#options.readTimeoutMs : STREAM_SILENCE_MS
    const timer = setTimeout(() => silence.abort(new NoSuchWay('long-poll')), limitMs)
    try {
      await this.#readStream(server, path, silence.signal, () => clearTimeout(timer))
    } finally {
      clearTimeout(timer)
    }
  }

  async #readStream (server: ServerUrl, path: string, silent: AbortSignal, heard: () => void): Promise<void> {
    const signal = AbortSignal.any([silent, this.#stopped.signal])
    const response = await this.#http.stream(server, path, this.#lastIndex, signal)
    const type = String(response.headers['content-type'] ?? '')
    if (response.statusCode !== 200 || !type.startsWith('text/event-stream')) {
      // Destroying an unread body is reported as its error; unheard, that would end the process.
      response.body.on('error', () => {}).destroy()
      if (response.statusCode === 200) throw new NoSuchWay('long-poll')
      if (NO_STREAM.has(response.statusCode)) throw new NoSuchWay('poll')
      throw new Error(`GET ${path} answered ${response.statusCode}`)
    }
    this.#mode = 'stream'
    if (this.#lastIndex !== undefined) this.#reached(server)
    const decoder = new TextDecoder()
    const parser = new EventStreamParser(event => this.#onEvent(event, server))
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      heard()
      parser.feed(decoder.decode(chunk, { stream: true }))
    }
    throw new Error('the registry ended the stream')
  }

  #onEvent (event: StreamEvent, server: ServerUrl): void {
    const message = JSON.parse(event.data) as StreamMessage
    const index = event.id ?? message.index ?? ''
    if (event.event === 'snapshot' && Array.isArray(message.instances)) {
      this.#state.snapshot(message.instances, index, this.#now())
      this.#publish()
    } else if (event.event === 'change' && typeof message.action === 'string') {
      this.#applyChange(this.#state.change(message.action, message.instance))
    } else return
    this.#lastIndex = index
    this.#reached(server)
  }

  /** One question that the registry answers when there is something to tell, or when it has waited long enough. */
  async #waitForChange (server: ServerUrl): Promise<void> {
    const index = this.#lastIndex
    const path = this.#streamPath({ wait: `${LONG_POLL_MS}ms`, ...(index === undefined ? {} : { index }) })
    const timeoutMs = this.#options.readTimeoutMs + (index === undefined ? 0 : LONG_POLL_MS)
    const reply = await this.#http.call(server, path, { signal: this.#stopped.signal, timeoutMs })
    if (NO_STREAM.has(reply.status)) throw new NoSuchWay('poll')
    if (reply.status !== 200) throw new Error(`GET ${path} answered ${reply.status}`)
    const message = JSON.parse(reply.text) as StreamMessage
    if (typeof message.index !== 'string') throw new NoSuchWay('poll')
    if (Array.isArray(message.instances)) {
      this.#state.snapshot(message.instances, message.index, this.#now())
      this.#publish()
    }
    for (const { action, instance } of Array.isArray(message.changes) ? message.changes as StreamMessage[] : []) {
      if (typeof action === 'string') this.#applyChange(this.#state.change(action, instance))
    }
    this.#mode = 'long-poll'
    this.#lastIndex = message.index
    this.#reached(server)
    await sleep(LONG_POLL_PAUSE_MS, undefined, { signal: this.#stopped.signal })
  }

  /** Touches the one service only: with thousands of instances a change must not cost a look at all of them. */
  #applyChange (change: Change | undefined): void {
    if (change === undefined) return
    if (change.instance === undefined) this.#table.remove(change.serviceId, change.instanceId)
    else this.#table.put(change.instance)
  }

  /** One fetch, then the pause until the next. */
  async #poll (server: ServerUrl): Promise<void> {
    const needsAll = this.#state.size === 0 || this.#options.disableDelta || !await this.#fetchDelta(server)
    if (needsAll) await this.#fetchAll(server)
    this.#mode = 'poll'
    // What a stream told before says nothing about this server's index.
    this.#lastIndex = undefined
    this.#publish()
    this.#reached(server)
    await sleep(this.#options.fetchIntervalMs, undefined, { signal: this.#stopped.signal })
  }

  async #fetchAll (server: ServerUrl): Promise<void> {
    const reply = await this.#http.call(server, 'apps/', { signal: this.#stopped.signal })
    if (reply.status !== 200) throw new Error(`GET apps/ answered ${reply.status}`)
    this.#state.full(JSON.parse(reply.text))
  }

  /** False when everything must be fetched instead: no deltas there (403, 404), or the hash differs. */
  async #fetchDelta (server: ServerUrl): Promise<boolean> {
    const reply = await this.#http.call(server, 'apps/delta', { signal: this.#stopped.signal })
    if (reply.status === 403 || reply.status === 404) return false
    if (reply.status !== 200) throw new Error(`GET apps/delta answered ${reply.status}`)
    return this.#state.delta(JSON.parse(reply.text))
  }

  #publish (): void {
    clearTimeout(this.#sweepTimer)
    const nowMs = this.#now()
    const next = this.#state.sweep(nowMs)
    if (next !== undefined) this.#sweepTimer = setTimeout(() => this.#publish(), next - nowMs + 1).unref()
    this.#table.replaceAll(this.#state.instances())
  }

  #reached (server: ServerUrl): void {
    this.#failures = 0
    if (this.connected) return
    this.connected = true
    this.#log.info({ server: server.url, mode: this.#mode, services: this.services().length }, 'registry reached')
    this.#first.resolve()
    for (const listener of this.#onConnect) listener()
  }

  async #recover (server: ServerUrl, failure: unknown): Promise<void> {
    if (this.connected || this.#failures === 0) {
      this.#log.warn({ err: failure, server: server.url }, 'registry lost, the last known instances go on serving')
    }
    this.connected = false
    this.#servers.demote(server)
    const waitMs = this.#retryMs()
    this.#failures++
    await sleep(waitMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined)
  }

  /** The other servers of the list are tried at once; after a round of them pauses double, and vary by half. */
  #retryMs (): number {
    const round = Math.floor((this.#failures + 1) / this.#servers.size)
    if (round === 0) return 0
    const { fetchIntervalMs, backOffBound } = this.#options
    const limitMs = this.#mode === 'poll' ? fetchIntervalMs * backOffBound : STREAM_RETRY_LIMIT_MS
    return Math.min(FIRST_RETRY_MS * 2 ** Math.min(round - 1, 20), limitMs) * (0.5 + this.#random() / 2)
  }
}
