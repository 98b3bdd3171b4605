/** The platform's own processes: registry, config server, bus, gateway. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { UpOptions } from '../options.ts'
import type { GatewayPart, ConfigServerPart, PlatformPart, StackFile } from '../stack-file/stack-file.ts'
import type { Addresses, ProcessSpec } from './process-spec.ts'
import { routesFile } from './routes-file.ts'

type Name = keyof StackFile['platform']

/** Registry and config server are the local profile's: the other profiles expect theirs to exist. */
export function planPlatform ({ platform }: StackFile, options: UpOptions): ProcessSpec[] {
  const local = options.profile.split(',').includes('local')
  const { discovery, bus, gateway, 'config-server': configServer } = platform
  const before = [
    ...(local && discovery !== undefined ? [planDiscovery(discovery, options)] : []),
    ...(local && configServer !== undefined ? [planConfigServer(configServer, options, discovery !== undefined)] : [])
  ]
  return [
    ...before,
    ...(bus === undefined ? [] : [planBus(bus, options)]),
    ...(gateway === undefined ? [] : [planGateway(gateway, options, before.map(({ name }) => name))])
  ]
}

function planDiscovery (part: PlatformPart, options: UpOptions): ProcessSpec {
  return planPart('discovery', part, options, {
    args: ['--spring.application.name=discovery'],
    env: () => ({ BREAKWATER_DISCOVERY_SNAPSHOTFILE: join(options.dataFolder, 'discovery/registry.json') })
  })
}

function planConfigServer (part: ConfigServerPart, options: UpOptions, registers: boolean): ProcessSpec {
  return planPart('config-server', part, options, {
    args: ['--spring.application.name=configserver', '--spring.profiles.include=native',
      `--eureka.client.register-with-eureka=${registers}`],
    dependsOn: registers ? ['discovery'] : [],
    env: addresses => ({
      ...(part.settings === undefined ? {} : { SPRING_CLOUD_CONFIG_SERVER_NATIVE_SEARCHLOCATIONS: `file:${part.settings}/` }),
      ...registryEnv(addresses)
    })
  })
}

function planBus (part: PlatformPart, options: UpOptions): ProcessSpec {
  return planPart('bus', part, options, { env: () => ({ BREAKWATER_DATA_DIR: options.dataFolder }) })
}

function planGateway (part: GatewayPart, options: UpOptions, dependsOn: readonly string[]): ProcessSpec {
  return planPart('gateway', part, options, {
    // All services share this machine: one event loop forwards more than they can answer, and leaves them the cores.
    args: ['--spring.application.name=gateway', '--breakwater.gateway.workers=1', '--breakwater.gateway.access-log.enabled=true'],
    dependsOn,
    env: addresses => ({
      MANAGEMENT_SERVER_PORT: String(options.ports['gateway-management'] ?? part.managementPort),
      BREAKWATER_GATEWAY_ACCESSLOG_FILE: join(options.dataFolder, 'logs/access.log'),
      BREAKWATER_GATEWAY_ROUTESFILE: routesFile(options.dataFolder),
      ...registryEnv(addresses)
    })
  })
}

interface PartPlan {
  /** Used without a settings file: with one, it says everything itself. */
  readonly args?: readonly string[]
  readonly dependsOn?: readonly string[]
  readonly env: ProcessSpec['env']
}

function planPart (name: Name, part: PlatformPart, options: UpOptions, plan: PartPlan): ProcessSpec {
  const { args = [], dependsOn = [], env } = plan
  return {
    name,
    service: name,
    run: { kind: 'script', script: mainOf(name), args: part.config === undefined ? args : [`--config=${part.config}`], saysReady: true },
    // Paths in a settings file are from its folder. Without one, a folder that has no application.yml: what stands in
    // the project's own is meant for its services.
    folder: part.config === undefined ? join(options.dataFolder, name) : dirname(part.config),
    port: options.ports[name] ?? part.port,
    dependsOn,
    env: addresses => ({ ...env(addresses), ...part.env }),
    watch: [],
    registers: 'itself',
    check: undefined
  }
}

/** In the checkout TypeScript, in an installed package JavaScript: the package itself knows. */
function mainOf (name: Name): string {
  return fileURLToPath(import.meta.resolve(`@breakwater/${name === 'bus' ? 'messaging' : name}/main`))
}

export function registryEnv (addresses: Addresses): Record<string, string> {
  const url = addresses.get('discovery')
  return url === undefined ? {} : { EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `${url}/eureka/` }
}
