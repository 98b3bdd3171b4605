/**
 * Which processes make the stack, and in which order: pure data, no process is touched here.
 *
 * A process starts when all it depends on are ready. What it must know of them (their addresses) is handed over as
 * settings in its environment, so the same service runs unchanged under a profile that has no registry.
 */
import path from 'node:path'
import type { UpOptions } from '../options.ts'

/** Addresses of the processes that are ready, by process name. */
export type Addresses = ReadonlyMap<string, string>

export interface ProcessSpec {
  /** Unique: `users-1`. Also the name of its log file. */
  readonly name: string
  readonly script: string
  readonly args: readonly string[]
  /** 0 = any free port, kept over restarts. */
  readonly port: number
  readonly dependsOn: readonly string[]
  readonly env: (addresses: Addresses) => Readonly<Record<string, string>>
}

const SAMPLES: Readonly<Record<string, number>> = { users: 2, orders: 1, inventory: 1, payments: 1, 'order-history': 1 }

/** The stack of a profile. `root` is the checkout. */
export function planStack (options: UpOptions, root: string): ProcessSpec[] {
  const local = options.profile.split(',')[0] === 'local'
  const platform = local ? [discovery(options, root), configServer(options, root)] : []
  const needs = platform.map(spec => spec.name)
  return [...platform, bus(options, root), gateway(options, root, needs), ...samples(options, root, [...needs, 'bus'])]
}

function bus (options: UpOptions, root: string): ProcessSpec {
  return {
    name: 'bus',
    script: path.join(root, 'messaging/main.ts'),
    args: [],
    port: options.ports['bus'] ?? 7070,
    dependsOn: [],
    env: () => ({ BREAKWATER_DATA_DIR: options.dataFolder })
  }
}

function discovery (options: UpOptions, root: string): ProcessSpec {
  return {
    name: 'discovery',
    script: path.join(root, 'discovery/main.ts'),
    args: [`--config=${path.join(root, 'deploy/local/discovery.yml')}`],
    port: options.ports['discovery'] ?? 8761,
    dependsOn: [],
    env: () => ({ BREAKWATER_DISCOVERY_SNAPSHOTFILE: path.join(options.dataFolder, 'discovery/registry.json') })
  }
}

function configServer (options: UpOptions, root: string): ProcessSpec {
  return {
    name: 'config-server',
    script: path.join(root, 'config-server/main.ts'),
    args: [`--config=${path.join(root, 'deploy/local/config-server.yml')}`],
    port: options.ports['config-server'] ?? 8888,
    dependsOn: ['discovery'],
    env: addresses => ({
      SPRING_CLOUD_CONFIG_SERVER_NATIVE_SEARCHLOCATIONS: `file:${path.join(root, 'deploy/local/config')}/`,
      ...registryEnv(addresses)
    })
  }
}

function gateway (options: UpOptions, root: string, needs: readonly string[]): ProcessSpec {
  return {
    name: 'gateway',
    script: path.join(root, 'gateway/main.ts'),
    args: [`--config=${path.join(root, 'deploy/local/gateway.yml')}`],
    port: options.ports['gateway'] ?? 8080,
    dependsOn: needs,
    env: addresses => ({
      MANAGEMENT_SERVER_PORT: String(options.ports['gateway-management'] ?? 8081),
      BREAKWATER_GATEWAY_ACCESSLOG_FILE: path.join(options.dataFolder, 'logs/access.log'),
      ...registryEnv(addresses)
    })
  }
}

function samples (options: UpOptions, root: string, needs: readonly string[]): ProcessSpec[] {
  return Object.entries(SAMPLES).flatMap(([service, copies]) => {
    const script = path.join(root, 'sample-services', service, 'main.ts')
    return Array.from({ length: options.scale[service] ?? copies }, (_, index) =>
      sample(`${service}-${index + 1}`, script, options, needs))
  })
}

function sample (name: string, script: string, options: UpOptions, needs: readonly string[]): ProcessSpec {
  return {
    name,
    script,
    args: [],
    port: options.ports[name] ?? 0,
    dependsOn: needs,
    env: addresses => ({
      // One folder for all copies of a service: which copy owns the store in it is settled among them.
      BREAKWATER_DATA_DIR: options.dataFolder,
      BREAKWATER_BUS_URL: addresses.get('bus') ?? '',
      ...registryEnv(addresses),
      ...configEnv(addresses)
    })
  }
}

function registryEnv (addresses: Addresses): Record<string, string> {
  const url = addresses.get('discovery')
  return url === undefined ? {} : { EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `${url}/eureka/` }
}

function configEnv (addresses: Addresses): Record<string, string> {
  const url = addresses.get('config-server')
  return url === undefined ? {} : { SPRING_CONFIG_IMPORT: `configserver:${url}`, SPRING_CLOUD_CONFIG_FAILFAST: 'true' }
}
