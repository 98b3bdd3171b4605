/**
 * Which source of instances a process uses. The profile picks it (local: the registry; consul: Consul; k8s: DNS), so
 * that no service ever asks in which world it runs; `breakwater.discovery.client` overrules. Only the one in use is
 * loaded.
 */
import type { Settings } from '../settings/index.ts'
import type { Logger } from '../logger.ts'
import { onDemand } from '../on-demand.ts'
import { starterError } from '../starter-errors.ts'
import type { DiscoveryClient, OwnAddress, Registration } from './discovery-client.ts'
import { FixedDiscoveryClient, fixedInstances } from './fixed.ts'
import { withFixed } from './with-fixed.ts'

/** How one kind of source is made. Without `register` a process of that kind does not announce itself. */
export interface DiscoveryAdapter {
  readonly client: (settings: Settings, log: Logger) => DiscoveryClient
  readonly register?: (settings: Settings, log: Logger, address: OwnAddress) => Registration | undefined
}

const FIXED: DiscoveryAdapter = { client: settings => new FixedDiscoveryClient(fixedInstances(settings)) }

/** Every kind by its name in `breakwater.discovery.client`. */
const ADAPTERS: Readonly<Record<string, () => Promise<DiscoveryAdapter>>> = {
  eureka: async () => (await onDemand.eureka()).eurekaAdapter,
  dns: async () => (await onDemand.dns()).dnsAdapter,
  kubernetes: async () => ({ client: (await onDemand.kubernetes()).createKubernetesDiscovery }),
  consul: async () => (await onDemand.consul()).consulAdapter,
  fixed: async () => FIXED
}

/** What each profile uses when nothing else is said. */
const BY_PROFILE: Readonly<Record<string, (settings: Settings) => string>> = {
  k8s: settings => settings.string('breakwater.kubernetes.mode', 'service') === 'endpoints' ? 'kubernetes' : 'dns',
  consul: () => 'consul'
}

/** Makes the client, joined with the instances written in the settings; it does nothing until started. */
export async function createDiscoveryClient (settings: Settings, log: Logger): Promise<DiscoveryClient> {
  const kind = discoveryKind(settings)
  const written = fixedInstances(settings)
  const fetches = kind !== 'eureka' || settings.boolean('eureka.client.fetch-registry', true)
  if (!fetches || kind === 'fixed') return new FixedDiscoveryClient(written)
  return withFixed((await adapterOf(kind, settings)).client(settings, log), written)
}

/** Makes the registration of this process, or undefined where processes do not register. */
export async function createRegistration (
  settings: Settings, log: Logger, address: OwnAddress
): Promise<Registration | undefined> {
  return (await adapterOf(discoveryKind(settings), settings)).register?.(settings, log, address)
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

async function adapterOf (kind: string, settings: Settings): Promise<DiscoveryAdapter> {
  const adapter = Object.hasOwn(ADAPTERS, kind) ? ADAPTERS[kind] : undefined
  if (adapter !== undefined) return await adapter()
  throw starterError('E_DISCOVERY_CLIENT', [`"${kind}"`, Object.keys(ADAPTERS).join(', ')],
    { where: settings.origin('breakwater.discovery.client') ?? 'breakwater.discovery.client' })
}
