import type { Agent } from 'undici'
import { configError } from './errors.ts'
import { reason } from './fetch-environment.ts'
import { readAddress } from './options.ts'
import type { ConfigServerAddress, DiscoveryOptions } from './options.ts'
import { getText } from './server-request.ts'

interface EurekaInstance {
  readonly status?: unknown
  readonly hostName?: unknown
  readonly port?: { '$'?: unknown, '@enabled'?: unknown }
  readonly securePort?: { '$'?: unknown, '@enabled'?: unknown }
  readonly metadata?: Record<string, unknown>
}

/**
 * Finds the config server in the registry by plain Eureka GETs: settings are read before a discovery client exists.
 * The registries are tried in order until one knows an instance that is up.
 */
export async function discoverServers (
  agent: Agent, options: DiscoveryOptions, signal: AbortSignal
): Promise<ConfigServerAddress[]> {
  const failures: string[] = []
  for (const zone of options.zones) {
    const registry = readAddress(zone, undefined, undefined, 'eureka.client.service-url')
    try {
      const servers = await askRegistry(agent, registry, options.serviceId, signal)
      if (servers.length > 0) return servers
      failures.push(`${registry.url}: none is up`)
    } catch (failure) {
      failures.push(`${registry.url}: ${reason(failure)}`)
    }
  }
  throw configError('E_CONFIG_SERVER_DISCOVERY', [options.serviceId, failures.join('; ')])
}

async function askRegistry (
  agent: Agent, registry: ConfigServerAddress, serviceId: string, signal: AbortSignal
): Promise<ConfigServerAddress[]> {
  // A virtual address first, as Spring's client asks; the name of the application where nobody announces it.
  const named = await ask(agent, registry, `vips/${encodeURIComponent(serviceId)}`, signal)
  const instances = named.length > 0 ? named : await ask(agent, registry, `apps/${serviceIdPath(serviceId)}`, signal)
  return instances.filter(instance => instance.status === 'UP').map(serverOf).filter(server => server !== undefined)
}

const serviceIdPath = (serviceId: string): string => encodeURIComponent(serviceId.toUpperCase())

type OneOrMany<Thing> = Thing | readonly Thing[]
interface Application { readonly instance?: OneOrMany<EurekaInstance> }

async function ask (
  agent: Agent, registry: ConfigServerAddress, path: string, signal: AbortSignal
): Promise<EurekaInstance[]> {
  const answer = await getText(agent, `${registry.url}/${path}`, {
    accept: 'application/json', ...(registry.authorization === undefined ? {} : { authorization: registry.authorization })
  }, signal)
  if (answer.status === 404) return []
  if (answer.status !== 200) throw new Error(`status ${answer.status}`)
  const body = JSON.parse(answer.text) as
    { application?: Application, applications?: { application?: OneOrMany<Application> } }
  const applications = [body.application ?? body.applications?.application ?? []].flat()
  return applications.flatMap(({ instance }) => [instance ?? []].flat())
}

/** The address of an instance; Spring's servers put `user`, `password` and `configPath` into their metadata. */
function serverOf (instance: EurekaInstance): ConfigServerAddress | undefined {
  const secure = String(instance.securePort?.['@enabled']) === 'true'
  const port = Number((secure ? instance.securePort : instance.port)?.['$'])
  if (typeof instance.hostName !== 'string' || !Number.isInteger(port)) return undefined
  const text = (key: string): string | undefined => {
    const value = instance.metadata?.[key]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const path = (text('configPath') ?? '').replace(/^\/*/, '/')
  const password = text('password')
  const user = password === undefined ? undefined : text('user') ?? 'user'
  const url = `${secure ? 'https' : 'http'}://${instance.hostName}:${port}${path}`
  return URL.canParse(url) ? readAddress(url, user, password, 'metadata of the config server') : undefined
}
