import { ImportedEnvironment } from './imported-environment.ts'
import type { RemoteConfig, RemoteRequest, RemoteSources } from '../settings/options.ts'

/** The client of Spring Cloud Config servers and of our own, which also tell of changes. */
export class ConfigServerClient implements RemoteConfig {
  readonly #imports = new Map<string, ImportedEnvironment>()

  async fetch (request: RemoteRequest): Promise<RemoteSources> {
    let environment = this.#imports.get(request.location)
    if (environment === undefined) this.#imports.set(request.location, environment = new ImportedEnvironment())
    return await environment.fetch(request)
  }

  watch (changed: () => void, warn: (text: string) => void): void {
    for (const environment of this.#imports.values()) environment.watch(changed, warn)
  }

  close (): void {
    for (const environment of this.#imports.values()) environment.close()
  }
}
