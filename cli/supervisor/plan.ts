/**
 * Which processes make a stack, and in which order: pure data, no process is touched here.
 *
 * A process starts when all it depends on are ready. What it must know of them (their addresses) is handed over as
 * settings in its environment, so the same service runs unchanged under a profile that has no registry.
 */
import type { UpOptions } from '../options.ts'
import type { ServiceEntry, StackFile } from '../stack-file/stack-file.ts'
import { planPlatform, registryEnv } from './plan-platform.ts'
import type { Addresses, ProcessSpec } from './process-spec.ts'
import { readEnvFiles } from './env-files.ts'

/** The processes of a profile; `chosen` are the services to start, with what they wait for. */
export function planStack (stack: StackFile, options: UpOptions, chosen: readonly string[]): ProcessSpec[] {
  const platform = planPlatform(stack, options)
  const names = platform.map(({ name }) => name)
  const services = [...stack.services.values()].filter(({ name }) => chosen.includes(name))
  return inDependencyOrder([...platform, ...services.flatMap(service => planService(service, options, names))])
}

function planService (service: ServiceEntry, options: UpOptions, platform: readonly string[]): ProcessSpec[] {
  const copies = options.scale[service.name] ?? service.copies
  const files = readEnvFiles(service.envFiles)
  return Array.from({ length: copies }, (_, index) => {
    const name = copies === 1 && service.copies === 1 ? service.name : `${service.name}-${index + 1}`
    return {
      name,
      service: service.name,
      run: 'script' in service.program
        ? { kind: 'script', script: service.program.script, args: [], saysReady: false }
        : { kind: 'command', command: service.program.command, health: service.health },
      folder: service.folder,
      port: options.ports[name] ?? options.ports[service.name] ?? service.port,
      // Who is called must be known to the registry, who reads settings must find them: the platform comes first.
      dependsOn: [...platform.filter(part => part !== 'gateway'), ...service.dependsOn],
      env: addresses => ({ ...serviceEnv(service, options, addresses), ...files, ...service.env }),
      watch: service.watch,
      registers: service.register === undefined ? 'whoever' : service.register ? 'supervisor' : 'itself',
      check: service.check
    } satisfies ProcessSpec
  })
}

function serviceEnv (service: ServiceEntry, options: UpOptions, addresses: Addresses): Record<string, string> {
  const bus = addresses.get('bus')
  const configServer = addresses.get('config-server')
  return {
    SPRING_APPLICATION_NAME: service.name,
    // One folder for all copies of a service: which copy owns the store in it is settled among them.
    BREAKWATER_DATA_DIR: options.dataFolder,
    ...(bus === undefined ? {} : { BREAKWATER_BUS_URL: bus }),
    ...registryEnv(addresses),
    ...(configServer === undefined
      ? {}
      : { SPRING_CONFIG_IMPORT: `configserver:${configServer}`, SPRING_CLOUD_CONFIG_FAILFAST: 'true' })
  }
}

/** Each behind all that it depends on; a service's name there stands for all its copies. */
function inDependencyOrder (specs: readonly ProcessSpec[]): ProcessSpec[] {
  const resolved = specs.map(spec => ({ ...spec, dependsOn: spec.dependsOn.flatMap(name =>
    specs.filter(other => other.name === name || other.service === name).map(other => other.name)) }))
  const ordered: ProcessSpec[] = []
  while (ordered.length < resolved.length) {
    const next = resolved.filter(spec => !ordered.includes(spec) &&
      spec.dependsOn.every(name => ordered.some(other => other.name === name)))
    // The stack file has no circles: something can always be next.
    ordered.push(...next)
  }
  return ordered
}
