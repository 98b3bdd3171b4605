import type Consul from 'consul'
import type { Logger } from 'pino'
import type { Instance } from '../../registry/instance.ts'
import type { Backend, BackendView, BackendWriter } from '../backend.ts'
import { checkId, fromEntries, noteOf, serviceId, toService } from './mapping.ts'

export interface ConsulBackendOptions {
  readonly client: Consul
  readonly description: string
  /** The longest that one blocking query waits. */
  readonly waitSecs: number
  /** How long the first state is waited for. */
  readonly firstMs: number
  readonly log: Logger | undefined
}

type Watch = ReturnType<Consul['watch']>

/** Consul's own service is no application. */
const OWN = 'consul'
/** The library's types know nothing of it. */
const DEADLINE: object = { timeout: 5000 }
const MAX_BACKOFF_MS = 5000
const MAX_SERVICES = 2000
/** Consul's least time before it forgets a service whose check is critical. */
const FORGET_AFTER = '1m'

/**
 * The book kept in Consul: what Eureka's clients register is a service there, with a check that lives as long as the
 * lease, and what others register there is an instance here. One blocking query watches the names, one each service.
 */
export class ConsulBackend implements Backend {
  readonly description: string
  readonly writer: BackendWriter
  readonly #options: ConsulBackendOptions
  readonly #watches = new Map<string, Watch>()
  readonly #pending = new Set<string>()
  #names: Watch | undefined
  #view: BackendView | undefined
  #connected = false
  #first = () => {}

  constructor (options: ConsulBackendOptions) {
    this.#options = options
    this.description = options.description
    this.writer = {
      put: instance => this.#put(instance),
      renew: instance => this.#renew(instance),
      remove: instance => this.#remove(instance)
    }
  }

  get connected (): boolean {
    return this.#connected
  }

  async start (view: BackendView): Promise<void> {
    this.#view = view
    const { client, waitSecs, firstMs, log } = this.#options
    const first = new Promise<void>(resolve => { this.#first = resolve })
    this.#names = client.watch({
      method: (options: object) => client.catalog.service.list(options), options: { wait: `${waitSecs}s` }, backoffMax: MAX_BACKOFF_MS
    })
    this.#names.on('change', (names: Record<string, unknown>) => this.#follow(Object.keys(names)))
    this.#names.on('error', (failure: Error) => {
      if (this.#connected) log?.warn({ reason: failure.message }, 'Consul does not answer, the last known state is served')
      this.#connected = false
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => { timer = setTimeout(resolve, firstMs) })
    await Promise.race([first, late])
    clearTimeout(timer)
  }

  async stop (): Promise<void> {
    this.#names?.end()
    for (const watch of this.#watches.values()) watch.end()
    this.#watches.clear()
    this.#options.client.destroy()
  }

  #follow (names: readonly string[]): void {
    this.#connected = true
    const wanted = new Set(names.filter(name => name !== OWN).slice(0, MAX_SERVICES))
    if (names.length > MAX_SERVICES + 1) this.#options.log?.warn({ services: names.length, shown: MAX_SERVICES }, 'Consul has more services than are followed')
    for (const [name, watch] of this.#watches) {
      if (wanted.has(name)) continue
      watch.end()
      this.#watches.delete(name)
      this.#fill(name, [])
    }
    for (const name of wanted) if (!this.#watches.has(name)) this.#watch(name)
    if (this.#pending.size === 0) this.#first()
  }

  #watch (name: string): void {
    const { client, waitSecs } = this.#options
    const watch = client.watch({
      method: (options: object) => client.health.service({ service: name, ...options }),
      options: { wait: `${waitSecs}s` },
      backoffMax: MAX_BACKOFF_MS
    })
    this.#watches.set(name, watch)
    this.#pending.add(name)
    watch.on('change', (entries: unknown) => {
      this.#connected = true
      this.#fill(name, fromEntries(entries))
    })
    // The watch of the names says whether Consul answers.
    watch.on('error', () => {})
  }

  #fill (name: string, instances: readonly Instance[]): void {
    this.#view?.replace(name.toUpperCase(), instances)
    this.#pending.delete(name)
    if (this.#pending.size === 0) this.#first()
  }

  async #put (instance: Instance): Promise<void> {
    const { agent } = this.#options.client
    const check = {
      name: 'Eureka lease',
      ttl: `${instance.lease.durationSecs}s`,
      status: 'passing',
      deregistercriticalserviceafter: FORGET_AFTER
    }
    await agent.service.register({ ...toService(instance), check, ...DEADLINE } as never)
    if (instance.status !== 'UP') await this.#renew(instance)
  }

  /** A warning is alive for Consul, but not `passing`: what it has for an instance that is not to be called. */
  async #renew (instance: Instance): Promise<boolean> {
    const { check } = this.#options.client.agent
    const id = checkId(instance)
    try {
      if (instance.status === 'UP') await check.pass({ id, ...DEADLINE })
      else await check.warn({ id, note: noteOf(instance.status), ...DEADLINE })
      return true
    } catch (failure) {
      if (isUnknown(failure)) return false
      throw failure
    }
  }

  async #remove (instance: Instance): Promise<void> {
    try {
      await this.#options.client.agent.service.deregister({ id: serviceId(instance), ...DEADLINE })
    } catch (failure) {
      if (!isUnknown(failure)) throw failure
    }
  }
}

/** The agent answers 404, older ones 500 with words, for what it does not know. */
function isUnknown (failure: unknown): boolean {
  const { message, statusCode } = failure as Error & { statusCode?: number }
  return statusCode === 404 || /unknown (check|service)|does not have associated TTL/i.test(message)
}
