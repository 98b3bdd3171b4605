/** Options of `breakwater up`, read from the command line. */
import { resolve } from 'node:path'
import { error } from './errors.ts'
import { PLATFORM_NAMES, quoted } from './stack-file/names.ts'
import type { StackFile } from './stack-file/stack-file.ts'
import type { Flags, Values } from './flags.ts'

export interface UpOptions {
  /** `local` starts the registry and the config server too; the others expect theirs to exist. @default "local" */
  readonly profile: string
  /** Copies of each service by name; names that are not listed keep the plan's number. */
  readonly scale: Readonly<Record<string, number>>
  /** Ports by process name; 0 = any free one. Those not listed keep the documented ones. */
  readonly ports: Readonly<Record<string, number>>
  /** Services and groups to start, with what they wait for. @default all */
  readonly only: readonly string[]
  /** Folder of everything the stack writes (stores, snapshot, logs). @default "data" */
  readonly dataFolder: string
  /** One JSON object per event instead of text. @default false */
  readonly json: boolean
  /** How long a process may take until it is ready. @default 30000 */
  readonly startTimeoutMs: number
  /** Whether a process that exits is started again. @default true */
  readonly restart: boolean
}

export const UP_FLAGS = {
  file: { type: 'string', value: 'FILE', help: 'the stack file; default: breakwater.yml, or the key breakwater of package.json' },
  profile: { type: 'string', value: 'local|consul|k8s', help: 'where services find each other; more, as in local,dev, go to them' },
  only: { type: 'string', multiple: true, value: 'NAME', help: 'these services and groups, with what they wait for' },
  scale: { type: 'string', multiple: true, value: 'NAME=N', help: 'copies of a service' },
  port: { type: 'string', multiple: true, value: 'NAME=PORT', help: 'a port; 0: any free one' },
  data: { type: 'string', value: 'FOLDER', help: 'where everything is written; default: data' },
  json: { type: 'boolean', help: 'one JSON object per event' },
  restart: { type: 'boolean', negative: true, help: 'leave a process that ends as it is' },
  'start-timeout': { type: 'string', value: 'SECONDS', help: 'what a process may take until it is ready; default: 30' }
} as const satisfies Flags

const PROFILES: readonly string[] = ['local', 'consul', 'k8s']

type Env = Readonly<Record<string, string | undefined>>

/** What the command line says by itself. */
export type UpValues = Values<typeof UP_FLAGS>

/** Together with the environment and the stack file: every name is one that exists, or E_USAGE. */
export function readUpOptions (values: UpValues, env: Env, stack: StackFile): UpOptions {
  const scale = readPairs('--scale', values.scale ?? [], 0, 64)
  const services = [...stack.services.keys()]
  checkKnown('--scale', Object.keys(scale), services)
  const ports = readPairs('--port', values.port ?? [], 0, 65535)
  checkKnown('--port', Object.keys(ports), portNames(stack, scale))
  const only = (values.only ?? []).flatMap(names => names.split(',')).filter(Boolean)
  checkKnown('--only', only, [...services, ...stack.groups.keys()])
  return {
    profile: profileOf([values.profile, env['PROFILE'], env['SPRING_PROFILES_ACTIVE'], stack.profile]),
    scale,
    ports,
    only,
    dataFolder: resolve(values.data ?? 'data'),
    json: values.json ?? false,
    startTimeoutMs: readSeconds(values['start-timeout'] ?? '30') * 1000,
    restart: values.restart ?? true
  }
}

/** The first that says something. Services may have profiles of their own beside the one that decides. */
function profileOf (given: ReadonlyArray<string | undefined>): string {
  const profile = given.find(text => text !== undefined && text.trim() !== '') ?? 'local'
  const names = profile.split(',').map(name => name.trim()).filter(Boolean)
  const deciding = names.filter(name => PROFILES.includes(name))
  if (deciding.length === 1) return names.join(',')
  throw error('E_USAGE', [deciding.length === 0
    ? `the profile ${quoted(profile, PROFILES)} Beside one of them others may stand: local,${names.join(',')}.`
    : `the profiles ${deciding.join(' and ')} exclude each other.`], { where: 'breakwater up' })
}

/** Processes as they will be: of a service with copies each has a port of its own. */
function portNames (stack: StackFile, scale: Readonly<Record<string, number>>): string[] {
  const platform = PLATFORM_NAMES.filter(name => stack.platform[name] !== undefined)
  const services = [...stack.services.values()].flatMap(({ name, copies }) => {
    const count = scale[name] ?? copies
    return count === 1 && copies === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}-${index + 1}`)
  })
  return [...platform, ...(stack.platform.gateway === undefined ? [] : ['gateway-management']), ...services]
}

function checkKnown (option: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find(name => !known.includes(name))
  if (unknown === undefined) return
  throw error('E_USAGE', [`${option}: there is no ${quoted(unknown, known)}`], { where: 'breakwater up' })
}

function readPairs (option: string, pairs: readonly string[], min: number, max: number): Record<string, number> {
  const result: Record<string, number> = Object.create(null) as Record<string, number>
  for (const pair of pairs) {
    const match = /^([\w-]+)=(\d+)$/.exec(pair)
    const number = Number(match?.[2])
    if (match?.[1] === undefined || number < min || number > max) {
      throw error('E_USAGE', [`${option} "${pair}" should be name=number, ${min} to ${max}.`], { where: 'breakwater up' })
    }
    result[match[1]] = number
  }
  return result
}

function readSeconds (text: string): number {
  const seconds = Number(text)
  if (seconds >= 1 && seconds <= 3600) return seconds
  throw error('E_USAGE', [`--start-timeout "${text}" should be seconds, 1 to 3600.`], { where: 'breakwater up' })
}
