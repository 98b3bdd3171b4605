/**
 * Instances written in the settings, as Spring's SimpleDiscoveryClient reads them:
 * `spring.cloud.discovery.client.simple.instances.<service>[0].uri: http://10.0.0.1:8080`.
 */
import { maskValue } from '../settings/index.ts'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import type { DiscoveryClient, InstancesListener, ServiceInstance } from './discovery-client.ts'
import { InstanceTable } from './instance-table.ts'

const PREFIX = 'spring.cloud.discovery.client.simple.instances'

/** A fixed list; always connected. */
export class FixedDiscoveryClient implements DiscoveryClient {
  readonly description = 'fixed list'
  readonly connected = true
  readonly #table = new InstanceTable(failure => { throw failure })

  constructor (instances: Iterable<ServiceInstance>) {
    this.#table.replaceAll(instances)
  }

  async start (): Promise<void> {}
  async stop (): Promise<void> {}

  instances (serviceId: string): readonly ServiceInstance[] {
    return this.#table.instances(serviceId)
  }

  services (): readonly string[] {
    return this.#table.services()
  }

  watch (serviceId: string, listener: InstancesListener): () => void {
    return this.#table.watch(serviceId, listener)
  }
}

/** Reads the list; throws E_DISCOVERY_URL with the place of a URI that is none. */
export function fixedInstances (settings: Settings): ServiceInstance[] {
  const instances: ServiceInstance[] = []
  for (const [service, key] of settings.members(PREFIX)) {
    for (const item of settings.members(key).values()) {
      if (settings.get(`${item}.uri`) !== undefined) instances.push(instanceOf(settings, service, item))
    }
  }
  return instances
}

function instanceOf (settings: Settings, service: string, key: string): ServiceInstance {
  const text = settings.string(`${key}.uri`)
  const uri = URL.canParse(text) ? new URL(text) : undefined
  if (uri === undefined || !/^https?:$/.test(uri.protocol)) {
    throw starterError('E_DISCOVERY_URL', [maskValue('uri', text)], { where: settings.origin(`${key}.uri`) ?? key })
  }
  const secure = uri.protocol === 'https:'
  const metadata = settings.map(`${key}.metadata`)
  return {
    instanceId: settings.string(`${key}.instance-id`, uri.host),
    serviceId: service,
    host: uri.hostname.replace(/^\[|\]$/g, ''),
    port: uri.port === '' ? (secure ? 443 : 80) : Number(uri.port),
    secure,
    status: 'UP',
    zone: metadata['zone'],
    metadata,
    written: true
  }
}
