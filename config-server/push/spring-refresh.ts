/**
 * Refreshes applications that cannot be pushed to: whoever registered with `config-refresh: true` in its metadata gets
 * `POST /actuator/refresh` when its own effective environment has changed. One at a time, with a pause in between, so
 * that not all instances of a service rebuild their beans in the same moment.
 */
import type { DiscoveryClient, Logger, ServiceInstance } from '@breakwater/starter'
import { request, type Agent } from '@breakwater/starter/http'
import { readAsk, type Ask } from '../environment/ask.ts'
import type { Snapshot } from './snapshots.ts'
import { changedKeys } from './watchers.ts'

export interface SpringRefreshOptions {
  /** `breakwater.config-server.refresh-clients.enabled`. @default false */
  readonly enabled: boolean
  /** `breakwater.config-server.refresh-clients.pause`: between two calls. @default 200 */
  readonly pauseMs: number
  /** `breakwater.config-server.refresh-clients.timeout`. @default 10000 */
  readonly timeoutMs: number
  /** `breakwater.config-server.refresh-clients.username` and `password`, for actuators that ask. @default none */
  readonly authorization?: string | undefined
}

export interface SpringRefreshParts {
  readonly discovery: DiscoveryClient
  readonly look: (ask: Ask) => Promise<Snapshot>
  readonly log: Logger
  /** Sends the call; handed in so that tests need no network. */
  readonly post: (url: string, headers: Record<string, string>, timeoutMs: number) => Promise<string>
  /** Ends the connections of the calls. */
  readonly close?: () => Promise<void>
}

/** How many instances may wait for their call; more are left to the next change. */
const MAX_LINE = 10_000
const MAX_ANSWER = 4_096
const OPT_IN = 'config-refresh'

export class SpringRefresh {
  readonly #options: SpringRefreshOptions
  readonly #parts: SpringRefreshParts
  readonly #known = new Map<string, Snapshot>()
  readonly #line = new Map<string, { instance: ServiceInstance, changed: readonly string[] }>()
  readonly #stop = new AbortController()
  #working: Promise<void> | undefined
  #unwatch: (() => void) | undefined

  constructor (options: SpringRefreshOptions, parts: SpringRefreshParts) {
    this.#options = options
    this.#parts = parts
  }

  /** Learns what each service has when it is first seen; nobody is refreshed for that. */
  start (): void {
    this.#unwatch = this.#parts.discovery.watch('*', serviceId => { void this.#checkService(serviceId) })
  }

  async stop (): Promise<void> {
    this.#unwatch?.()
    this.#stop.abort()
    this.#line.clear()
    await this.#working
    await this.#parts.close?.()
  }

  /** Looks at every service that opted in; call it after each change of the store. */
  async check (): Promise<void> {
    for (const serviceId of this.#parts.discovery.services()) await this.#checkService(serviceId)
  }

  async #checkService (serviceId: string): Promise<void> {
    for (const instance of this.#parts.discovery.instances(serviceId)) {
      if (instance.metadata[OPT_IN] === 'true' && instance.status === 'UP') await this.#checkInstance(instance)
    }
    this.#working ??= this.#work().finally(() => { this.#working = undefined })
  }

  async #checkInstance (instance: ServiceInstance): Promise<void> {
    try {
      const now = await this.#parts.look(askOf(instance))
      const before = this.#known.get(instance.instanceId)
      this.#known.set(instance.instanceId, now)
      if (before === undefined || before.print === now.print || this.#line.size >= MAX_LINE) return
      this.#line.set(instance.instanceId, { instance, changed: changedKeys(before, now) })
    } catch (failure) {
      this.#parts.log.warn({ instance: instance.instanceId, err: failure }, 'the environment of an instance cannot be read')
    }
  }

  async #work (): Promise<void> {
    for (let next = this.#take(); next !== undefined && !this.#stop.signal.aborted; next = this.#take()) {
      await this.#refresh(next.instance, next.changed)
      await pause(this.#options.pauseMs, this.#stop.signal)
    }
  }

  #take (): { instance: ServiceInstance, changed: readonly string[] } | undefined {
    const [first] = this.#line
    if (first === undefined) return undefined
    this.#line.delete(first[0])
    return first[1]
  }

  async #refresh (instance: ServiceInstance, changed: readonly string[]): Promise<void> {
    const { log, post } = this.#parts
    const { authorization, timeoutMs } = this.#options
    const fields = { service: instance.serviceId, instance: instance.instanceId, changed: changed.slice(0, 50) }
    try {
      const answer = await post(refreshUrl(instance), authorization === undefined ? {} : { authorization }, timeoutMs)
      log.info({ ...fields, answer: answer.slice(0, 1_000) }, 'refreshed an instance')
    } catch (failure) {
      log.warn({ ...fields, problem: failure instanceof Error ? failure.message : String(failure) }, 'an instance was not refreshed')
    }
  }
}

function askOf ({ serviceId, metadata }: ServiceInstance): Ask {
  return readAsk(serviceId, metadata['config-profiles'] ?? 'default', metadata['config-label'] ?? null)
}

/** Where the actuator of an instance is: its management port and path when its metadata tells them. */
export function refreshUrl ({ host, port, secure, metadata }: ServiceInstance): string {
  const management = Number(metadata['management.port'] ?? port)
  const path = (metadata['management.context-path'] ?? '/actuator').replace(/\/+$/, '')
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${management}${path}/refresh`
}

async function pause (ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** The real call, which follows no redirect; the answer is the list of changed keys, of which the beginning counts. */
export async function postRefresh (
  agent: Agent, url: string, headers: Record<string, string>, timeoutMs: number
): Promise<string> {
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    signal: AbortSignal.timeout(timeoutMs)
  })
  let text = ''
  for await (const chunk of body as AsyncIterable<Buffer>) {
    text = (text + chunk.toString()).slice(0, MAX_ANSWER)
    // Leaving the loop ends the answer, and with it one that has no end.
    if (text.length === MAX_ANSWER) break
  }
  if (statusCode < 200 || statusCode > 299) throw new Error(`status ${statusCode}`)
  return text
}
