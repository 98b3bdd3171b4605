import { parseArguments } from './command-line.ts'
import { ConfigFiles } from './config-files.ts'
import { settingsError } from './errors.ts'
import { profileList, resolveProfiles } from './profiles.ts'
import { environmentSource } from './relaxed.ts'
import { Settings } from './settings.ts'
import type { SettingsState } from './settings.ts'
import { flatten } from './tree.ts'
import type { PropertySource } from './types.ts'

/** What to read settings from. Nothing of the process is used that is not handed in. */
export interface LoadOptions {
  /** The service's name: `spring.application.name` unless a source says otherwise. */
  readonly name: string
  /** Where `application.yml` and `config/application.yml` are looked for. @default the working directory */
  readonly folder?: string | undefined
  /** A file to use as THE application.yml; its profile siblings beside it are read too. */
  readonly file?: string | undefined
  /** Environment variables. @default none */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Settings of the command line, `{ 'server.port': '8080' }`. @default none */
  readonly args?: Readonly<Record<string, string>> | undefined
  /** What holds when no source says otherwise. @default none */
  readonly defaults?: Readonly<Record<string, string>> | undefined
  /** Profiles, instead of those of the environment and the files. */
  readonly profiles?: readonly string[] | undefined
}

/**
 * Reads the settings of a process. The road, highest priority first:
 * command line > SPRING_APPLICATION_JSON > environment > imports of those > profile files > application.yml >
 * defaults. An import stands right above the document that asks for it.
 */
export async function loadSettings (options: LoadOptions): Promise<Settings> {
  const reload = () => readAll(options)
  return new Settings(await reload(), { reload, close: () => {} })
}

async function readAll (options: LoadOptions): Promise<SettingsState> {
  const env = options.env ?? {}
  // 1. What is given at the start wins over every file, and says where the files are.
  const given = givenSources(options, env)
  const defaults = defaultSource(options)
  const files = new ConfigFiles(options, given, defaults)
  // 2. Profiles: files may name them, but only in documents that do not depend on profiles themselves.
  const start = new Settings({ profiles: [], sources: [...given, ...await files.read([]), defaults], warnings: [] })
  const profiles = resolveProfiles(activeProfiles(options, env, given), key => start.list(key))
  // 3. All files again, now with the profiles known.
  return { profiles, sources: [...given, ...await files.read(profiles), defaults], warnings: [] }
}

function givenSources (options: LoadOptions, env: Readonly<Record<string, string | undefined>>): PropertySource[] {
  const sources = [parseArguments(options.args ?? {}), jsonSource(env['SPRING_APPLICATION_JSON']), environmentSource(env)]
  return sources.filter(source => source.properties.size > 0)
}

function jsonSource (text: string | undefined): PropertySource {
  const name = 'SPRING_APPLICATION_JSON'
  if (text === undefined || text.trim() === '') return { name, properties: new Map() }
  try {
    return { name, properties: flatten(JSON.parse(text), name) }
  } catch (cause) {
    throw settingsError('E_CONFIG_JSON', ['this is not valid JSON'], { where: name, cause })
  }
}

function defaultSource (options: LoadOptions): PropertySource {
  const values = { 'spring.application.name': options.name, ...options.defaults }
  const properties = new Map(Object.entries(values).map(([key, text]) =>
    [key, { value: { kind: 'string', text }, origin: { source: 'default' } }] as const))
  return { name: 'defaults', properties }
}

/** PROFILE picks the adapters (local, consul, k8s); Spring's own variable may add to it. */
function activeProfiles (
  options: LoadOptions, env: Readonly<Record<string, string | undefined>>, given: readonly PropertySource[]
): string[] {
  if (options.profiles !== undefined && options.profiles.length > 0) return [...options.profiles]
  const spring = new Settings({ profiles: [], sources: given, warnings: [] }).list('spring.profiles.active')
  return [...profileList(env['PROFILE']), ...spring]
}
