/** The flags every server and service takes. Any `--key=value` is a setting, as in Spring Boot. */
import { nearestKey } from './settings/nearest-key.ts'
import { starterError } from './starter-errors.ts'

export interface CommandLine {
  /**
   * Settings, highest priority of all. `--port` is `server.port`. One that is given more than once has all its
   * values, as a comma list.
   */
  readonly settings: Record<string, string>
  readonly file: string | undefined
  readonly profiles: string[] | undefined
  readonly help: boolean
}

/** Flags with names of their own; their value may be the next argument. */
const SHORT: readonly string[] = ['port', 'config', 'profile']

/** Reads the arguments after the script's name; throws E_USAGE for anything it does not know. */
export function parseCommandLine (args: readonly string[]): CommandLine {
  const settings: Record<string, string> = Object.create(null) as Record<string, string>
  let file: string | undefined
  let profiles: string[] | undefined
  let help = false
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(arg)
    if (arg === '-h' || arg === '--help') { help = true; continue }
    if (match === null) throw starterError('E_USAGE', [`"${arg}" is no flag.`])
    const key = match[1] ?? ''
    const isShort = SHORT.includes(key)
    const value = match[2] ?? (isShort ? args[++at] : undefined)
    if (value === undefined) throw starterError('E_USAGE', [`--${key} needs a value (--${key}=...).${didYouMean(key)}`])
    if (key === 'port') settings['server.port'] = portOf(value)
    else if (key === 'config') file = value
    else if (key === 'profile') profiles = value.split(',').map(name => name.trim()).filter(Boolean)
    else settings[key] = key in settings ? `${settings[key]},${value}` : value
  }
  return { settings, file, profiles, help }
}

function didYouMean (key: string): string {
  const near = SHORT.includes(key) ? undefined : nearestKey(key, SHORT)
  return near === undefined ? '' : ` Did you mean --${near.key}?`
}

function portOf (text: string): string {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) {
    throw starterError('E_USAGE', [`--port ${text} is no port (0 to 65535).`])
  }
  return text
}
