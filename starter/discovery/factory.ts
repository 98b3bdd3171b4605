/**
 * Which source of instances a process uses. The profile picks it (local: the registry; consul: Consul; k8s: DNS), so
 * that no service ever asks in which world it runs; `breakwater.discovery.client` overrules.
 */
import type { Settings } from '../settings/index.ts'
import type { Logger } from '../logger.ts'
import { starterError } from '../starter-errors.ts'
import { readConsulConnection } from '../consul/connection.ts'
import { ConsulDiscoveryClient } from './consul/consul-client.ts'
import { ConsulRegistration, readConsulRegistration } from './consul/consul-registration.ts'
import type { DiscoveryClient, Registration } from './discovery-client.ts'
import { createResolver, DnsDiscoveryClient, readDnsOptions } from './dns.ts'
import { EurekaDiscoveryClient } from './eureka/eureka-client.ts'
import { readEurekaOptions } from './eureka/eureka-options.ts'
import { EurekaRegistration } from './eureka/eureka-registration.ts'
import { readOwnInstance } from './eureka/own-instance.ts'
import type { OwnAddress } from './eureka/own-instance.ts'
import { FixedDiscoveryClient, fixedInstances } from './fixed.ts'
import { createKubernetesDiscovery } from './kubernetes.ts'
import { withFixed } from './with-fixed.ts'

/** How one kind of source is made. Without `register` a process of that kind does not announce itself. */
export interface DiscoveryAdapter {
  readonly client: (settings: Settings, log: Logger) => DiscoveryClient
  readonly register?: (settings: Settings, log: Logger, address: OwnAddress) => Registration | undefined
}

/** Every kind by its name in `breakwater.discovery.client`. */
export const DISCOVERY_ADAPTERS: Readonly<Record<string, DiscoveryAdapter>> = {
  eureka: {
    client: (settings, log) => new EurekaDiscoveryClient(readEurekaOptions(settings), log),
    register: registerWithEureka
  },
  dns: {
    client: (settings, log) =>
      new DnsDiscoveryClient(readDnsOptions(settings), createResolver(settings.list('breakwater.dns.servers', [])), log)
  },
  kubernetes: { client: createKubernetesDiscovery },
  consul: {
    client: (settings, log) => new ConsulDiscoveryClient({
      connection: readConsulConnection(settings),
      startTimeoutMs: settings.durationMs('breakwater.discovery.start-timeout', 3_000)
    }, log),
    register: registerWithConsul
  },
  fixed: { client: settings => new FixedDiscoveryClient(fixedInstances(settings)) }
}

/** What each profile uses when nothing else is said. */
const BY_PROFILE: Readonly<Record<string, (settings: Settings) => string>> = {
  k8s: settings => settings.string('breakwater.kubernetes.mode', 'service') === 'endpoints' ? 'kubernetes' : 'dns',
  consul: () => 'consul'
}

/** Makes the client, joined with the instances written in the settings; it does nothing until started. */
export function createDiscoveryClient (settings: Settings, log: Logger): DiscoveryClient {
  const kind = discoveryKind(settings)
  const written = fixedInstances(settings)
  const fetches = kind !== 'eureka' || settings.boolean('eureka.client.fetch-registry', true)
  if (!fetches || kind === 'fixed') return new FixedDiscoveryClient(written)
  return withFixed(adapterOf(kind, settings).client(settings, log), written)
}

/** Makes the registration of this process, or undefined where processes do not register. */
export function createRegistration (settings: Settings, log: Logger, address: OwnAddress): Registration | undefined {
  return adapterOf(discoveryKind(settings), settings).register?.(settings, log, address)
}

/** The name of the kind in use, for logs and `doctor`. */
export function discoveryKind (settings: Settings): string {
  const chosen = settings.get('breakwater.discovery.client')
  if (chosen !== undefined) return chosen
  const profile = settings.profiles.find(name => Object.hasOwn(BY_PROFILE, name))
  if (profile !== undefined) return BY_PROFILE[profile]?.(settings) ?? 'eureka'
  const enabled = settings.boolean('spring.cloud.discovery.enabled', true) && settings.boolean('eureka.client.enabled', true)
  return enabled ? 'eureka' : 'fixed'
}

function adapterOf (kind: string, settings: Settings): DiscoveryAdapter {
  const adapter = Object.hasOwn(DISCOVERY_ADAPTERS, kind) ? DISCOVERY_ADAPTERS[kind] : undefined
  if (adapter !== undefined) return adapter
  throw starterError('E_DISCOVERY_CLIENT', [`"${kind}"`, Object.keys(DISCOVERY_ADAPTERS).join(', ')],
    { where: settings.origin('breakwater.discovery.client') ?? 'breakwater.discovery.client' })
}

function registerWithEureka (settings: Settings, log: Logger, address: OwnAddress): Registration | undefined {
  if (!settings.boolean('eureka.client.register-with-eureka', true)) return undefined
  const options = { ...readEurekaOptions(settings), unregisterOnStop: settings.boolean('eureka.client.should-unregister-on-shutdown', true) }
  return new EurekaRegistration(readOwnInstance(settings, address), options, log)
}

function registerWithConsul (settings: Settings, log: Logger, address: OwnAddress): Registration | undefined {
  if (!settings.boolean('spring.cloud.consul.discovery.register', true)) return undefined
  return new ConsulRegistration(readConsulRegistration(settings, readConsulConnection(settings), address), log)
}
