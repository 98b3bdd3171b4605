/** What a registry, and what a reader of its push stream, says of every instance. */
import { createDiscoveryClient, type DiscoveryClient, type ServiceInstance } from '@breakwater/starter/discovery'
import { createLogger } from '@breakwater/starter/logger'
import { loadSettings } from '@breakwater/starter/settings'
import { call } from './http.ts'

/** Of one instance. */
export interface View {
  readonly status: string
  readonly port: number
  readonly added: string | undefined
  /** Readers are not told. */
  readonly overridden?: string
  readonly dirty?: number
}

/** By instance id. */
export type Views = ReadonlyMap<string, View>

interface RawInstance {
  instanceId: string, status: string, overriddenStatus: string, lastDirtyTimestamp: string
  port: { $: number }, metadata: Record<string, string>
}

/** The list of one registry, as it gives it to its clients. */
export async function readList (url: string): Promise<Views> {
  const { text } = await call('GET', `${url}apps`)
  const { applications } = JSON.parse(text) as { applications: { application: Array<{ instance: RawInstance[] }> } }
  return new Map(applications.application.flatMap(({ instance }) => instance).map(raw => [raw.instanceId, {
    status: raw.status, port: raw.port.$, added: raw.metadata['added'], overridden: raw.overriddenStatus, dirty: Number(raw.lastDirtyTimestamp)
  }]))
}

/** Follows one registry by the starter's own client, and another one when that fails. */
export class Reader {
  readonly name: string
  readonly #services = new Map<string, ReadonlyMap<string, ServiceInstance>>()
  #client: DiscoveryClient | undefined

  constructor (name: string) {
    this.name = name
  }

  async start (urls: readonly string[]): Promise<void> {
    const settings = await loadSettings({
      name: 'reader', env: {}, watch: false, folder: '/nonexistent',
      args: { 'eureka.client.service-url.defaultZone': urls.join(), 'logging.level.root': 'off' }
    })
    this.#client = await createDiscoveryClient(settings, createLogger(settings))
    this.#client.watch('*', (service, instances) => {
      this.#services.set(service, new Map(instances.map(instance => [instance.instanceId, instance])))
    })
    await this.#client.start()
  }

  /** The address of the registry that it hears now; undefined while it looks for one. */
  get follows (): string | undefined {
    return this.#client?.connected === true ? this.#client.description.split(' ')[1] : undefined
  }

  has (app: string, id: string): boolean {
    return this.#services.get(app.toLowerCase())?.has(id) === true
  }

  views (): Views {
    const instances = [...this.#services.values()].flatMap(service => [...service.values()])
    return new Map(instances.map(({ instanceId, status, port, metadata }) => [instanceId, { status, port, added: metadata['added'] }]))
  }

  async stop (): Promise<void> {
    await this.#client?.stop()
  }
}
