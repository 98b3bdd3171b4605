import { setTimeout as sleep } from 'node:timers/promises'
import type Consul from 'consul'
import type { Logger } from 'pino'
import { ServiceFollower } from '@breakwater/starter/consul'
import type { ConsulReader } from '@breakwater/starter/consul'
import type { Instance } from '../../registry/instance.ts'
import type { Backend, BackendView, BackendWriter } from '../backend.ts'
import { checkId, fromEntries, noteOf, serviceId, toService } from './mapping.ts'

export interface ConsulBackendOptions {
  /** Writes. */
  readonly client: Consul
  readonly reader: ConsulReader
  readonly description: string
  /** The longest that one blocking query waits. */
  readonly waitMs: number
  /** How long the first state is waited for. */
  readonly firstMs: number
  readonly log: Logger | undefined
}

/** The library's types know nothing of it. */
const DEADLINE: object = { timeout: 5000 }
/** Consul's least time before it forgets a service whose check is critical. */
const FORGET_AFTER = '1m'

/**
 * The book kept in Consul: what Eureka's clients register is a service there, with a check that lives as long as the
 * lease, and what others register there is an instance here.
 */
export class ConsulBackend implements Backend {
  readonly description: string
  readonly writer: BackendWriter
  readonly #options: ConsulBackendOptions
  readonly #follower: ServiceFollower
  /** Names that are followed: a service that left the catalog has no instances any more. */
  #names: ReadonlySet<string> = new Set()
  #view: BackendView | undefined

  constructor (options: ConsulBackendOptions) {
    this.#options = options
    this.description = options.description
    this.writer = {
      put: instance => this.#put(instance),
      renew: instance => this.#renew(instance),
      remove: instance => this.#remove(instance)
    }
    const { reader, waitMs, log } = options
    this.#follower = new ServiceFollower({
      reader,
      waitMs,
      onNames: names => this.#named(names),
      onEntries: (name, entries) => this.#view?.replace(name.toUpperCase(), fromEntries(entries)),
      onReached: () => log?.info('Consul answers'),
      onLost: err => log?.warn({ err }, 'Consul does not answer, the last known state is served'),
      onCutOff: most => log?.warn({ shown: most }, 'Consul has more services than are followed')
    })
  }

  get connected (): boolean {
    return this.#follower.connected
  }

  async start (view: BackendView): Promise<void> {
    this.#view = view
    const first = this.#follower.start().then(async () => {
      await Promise.all([...this.#names].map(name => this.#follower.follow(name)))
    })
    await Promise.race([first, sleep(this.#options.firstMs, undefined, { ref: false })])
  }

  async stop (): Promise<void> {
    this.#follower.stop()
    this.#options.reader.close()
    this.#options.client.destroy()
  }

  #named (names: readonly string[]): void {
    const now = new Set(names)
    for (const name of this.#names) {
      if (now.has(name)) continue
      this.#follower.unfollow(name)
      this.#view?.replace(name.toUpperCase(), [])
    }
    this.#names = now
    for (const name of now) void this.#follower.follow(name)
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
