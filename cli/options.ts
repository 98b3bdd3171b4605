/** Options of `breakwater up`, read from the command line. */
import { parseArgs } from 'node:util'
import { error } from './errors.ts'

export interface UpOptions {
  /** `local` starts the registry and the config server too; the others expect theirs to exist. @default "local" */
  readonly profile: string
  /** Copies of each service by name; names that are not listed keep the plan's number. */
  readonly scale: Readonly<Record<string, number>>
  /** Ports by process name; 0 = any free one. Those not listed keep the documented ones. */
  readonly ports: Readonly<Record<string, number>>
  /** Folder of everything the stack writes (stores, snapshot, logs). @default "data" */
  readonly dataFolder: string
  /** One JSON object per event instead of text. @default false */
  readonly json: boolean
  /** How long a process may take until it is ready. @default 30000 */
  readonly startTimeoutMs: number
  /** Whether a process that exits is started again. @default true */
  readonly restart: boolean
}

/** Reads `--scale users=4`, `--port gateway=0`, `--json`...; throws E_USAGE for anything it does not know. */
export function readUpOptions (args: readonly string[], env: Readonly<Record<string, string | undefined>>): UpOptions {
  const { values } = parse(args)
  return {
    profile: values.profile ?? env['PROFILE'] ?? env['SPRING_PROFILES_ACTIVE'] ?? 'local',
    scale: readPairs('--scale', values.scale ?? [], 1, 64),
    ports: readPairs('--port', values.port ?? [], 0, 65535),
    dataFolder: values.data ?? 'data',
    json: values.json ?? false,
    startTimeoutMs: readSeconds(values['start-timeout'] ?? '30') * 1000,
    restart: values.restart ?? true
  }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        profile: { type: 'string' },
        scale: { type: 'string', multiple: true },
        port: { type: 'string', multiple: true },
        data: { type: 'string' },
        json: { type: 'boolean' },
        'start-timeout': { type: 'string' },
        restart: { type: 'boolean' }
      }
    })
  } catch (cause) {
    throw error('E_USAGE', [(cause as Error).message], { where: 'breakwater up', cause })
  }
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
