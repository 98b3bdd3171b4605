/**
 * A source of instances plus those written in the settings, as Spring's composite client joins them: a service
 * that registers nowhere stands beside those that do.
 */
import type { DiscoveryClient, InstancesListener, ServiceInstance } from './discovery-client.ts'
import { FixedDiscoveryClient } from './fixed.ts'
import { ALL } from './instance-table.ts'

/** Returns the source itself when nothing is written. */
export function withFixed (source: DiscoveryClient, written: readonly ServiceInstance[]): DiscoveryClient {
  return written.length === 0 ? source : new JoinedDiscoveryClient(source, new FixedDiscoveryClient(written))
}

class JoinedDiscoveryClient implements DiscoveryClient {
  readonly #source: DiscoveryClient
  readonly #fixed: FixedDiscoveryClient

  constructor (source: DiscoveryClient, fixed: FixedDiscoveryClient) {
    this.#source = source
    this.#fixed = fixed
  }

  get description (): string {
    return `${this.#source.description} and a ${this.#fixed.description}`
  }

  get connected (): boolean {
    return this.#source.connected
  }

  start (): Promise<void> {
    return this.#source.start()
  }

  stop (): Promise<void> {
    return this.#source.stop()
  }

  instances (serviceId: string): readonly ServiceInstance[] {
    return this.#join(serviceId, this.#source.instances(serviceId))
  }

  services (): readonly string[] {
    return [...new Set([...this.#fixed.services(), ...this.#source.services()])]
  }

  watch (serviceId: string, listener: InstancesListener): () => void {
    if (serviceId === ALL) for (const name of this.#fixed.services()) listener(name, this.instances(name))
    return this.#source.watch(serviceId, (name, instances) => listener(name, this.#join(name, instances)))
  }

  async ensure (serviceId: string): Promise<void> {
    await this.#source.ensure?.(serviceId)
  }

  onConnect (listener: () => void): () => void {
    return this.#source.onConnect?.(listener) ?? (() => {})
  }

  #join (serviceId: string, instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
    const fixed = this.#fixed.instances(serviceId)
    return fixed.length === 0 ? instances : [...fixed, ...instances]
  }
}
