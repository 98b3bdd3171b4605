/** Whether what a stack file names exists: services, parts of the platform, files and folders. */
import { existsSync } from 'node:fs'
import { nearestKey } from '@breakwater/starter/nearest-key'
import { error } from '../errors.ts'
import type { Positioned } from './positions.ts'
import type { ServiceEntry, StackFile } from './stack-file.ts'

type Path = readonly (string | number)[]

export const PLATFORM_NAMES = ['discovery', 'config-server', 'bus', 'gateway'] as const

/** Throws E_STACK_FILE for the first that does not. */
export function checkNames (stack: StackFile, positioned: Positioned): void {
  const fail = (path: Path, text: string): never => {
    throw error('E_STACK_FILE', [text], { where: positioned.where(path) })
  }
  const services = [...stack.services.keys()]
  for (const name of PLATFORM_NAMES) {
    if (stack.services.has(name)) fail(['services', name], `${name} is a part of the platform: give the service another name`)
    const part = stack.platform[name]
    if (part?.config !== undefined && !existsSync(part.config)) fail(['platform', name, 'config'], `there is no file ${part.config}`)
  }
  const settings = stack.platform['config-server']?.settings
  if (settings !== undefined && !existsSync(settings)) fail(['platform', 'config-server'], `there is no folder ${settings}`)
  for (const service of stack.services.values()) checkService(service, stack, fail)
  for (const [group, members] of stack.groups) {
    members.forEach((name, at) => {
      if (!services.includes(name)) fail(['groups', group, at], `there is no service ${quoted(name, services)}`)
    })
    if (services.includes(group)) fail(['groups', group], 'is the name of a service, too')
  }
}

function checkService (
  service: ServiceEntry, { services, platform }: StackFile, fail: (path: Path, text: string) => never
): void {
  const path = ['services', service.name]
  const { program } = service
  if ('script' in program && !existsSync(program.script)) fail([...path, 'script'], `there is no file ${program.script}`)
  if (!existsSync(service.folder)) fail([...path, 'folder'], `there is no folder ${service.folder}`)
  for (const file of service.envFiles) if (!existsSync(file)) fail([...path, 'env-file'], `there is no file ${file}`)
  for (const file of service.watch) if (!existsSync(file)) fail([...path, 'watch'], `there is no file or folder ${file}`)
  const known = [...services.keys(), ...PLATFORM_NAMES.filter(name => platform[name] !== undefined)]
  for (const name of service.dependsOn) {
    if (!known.includes(name)) fail([...path, 'depends-on'], `there is no ${quoted(name, known)}`)
  }
  if (service.copies > 1 && service.port !== 0) fail([...path, 'port'], 'copies of a service need ports of their own: leave port out')
  const circle = circleFrom(service.name, services)
  if (circle !== undefined) fail([...path, 'depends-on'], `waits for itself: ${circle.join(' -> ')}`)
}

function circleFrom (start: string, services: ReadonlyMap<string, ServiceEntry>): string[] | undefined {
  const walk = (name: string, road: readonly string[]): string[] | undefined => {
    for (const next of services.get(name)?.dependsOn ?? []) {
      if (next === start) return [...road, next]
      if (road.includes(next)) continue
      const found = walk(next, [...road, next])
      if (found !== undefined) return found
    }
    return undefined
  }
  return walk(start, [start])
}

/** `"userz". Did you mean "users"?`, or the names that there are. */
export function quoted (name: string, known: readonly string[]): string {
  const near = nearestKey(name, known)
  return `"${name}"${near === undefined ? `, only ${known.join(', ')}.` : `. Did you mean "${near.key}"?`}`
}
