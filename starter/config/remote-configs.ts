import { ConfigServerClient } from './config-server-client.ts'
import type { ConsulConfig } from './consul-kv.ts'
import { onDemand } from '../on-demand.ts'
import type { RemoteConfig, RemoteRequest, RemoteSources } from '../settings/options.ts'

/** Hands each import to the one that understands it: a config server, or Consul. */
export class RemoteConfigs implements RemoteConfig {
  readonly #server = new ConfigServerClient()
  readonly #consul = new Map<string, ConsulConfig>()

  async fetch (request: RemoteRequest): Promise<RemoteSources> {
    if (request.kind === 'configserver') return await this.#server.fetch(request)
    const consul = this.#consul.get(request.location) ?? new (await onDemand.consulConfig()).ConsulConfig()
    this.#consul.set(request.location, consul)
    return await consul.fetch(request)
  }

  watch (changed: () => void, warn: (text: string) => void): void {
    this.#server.watch(changed, warn)
    for (const consul of this.#consul.values()) consul.watch(changed, warn)
  }

  close (): void {
    this.#server.close()
    for (const consul of this.#consul.values()) consul.close()
  }
}
