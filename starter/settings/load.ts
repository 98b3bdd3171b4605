import { resolve } from 'node:path'
import { onDemand } from '../on-demand.ts'
import { decryptSources } from './cipher.ts'
import { cloudPlatform } from './cloud-platform.ts'
import { ConfigReader } from './config-reader.ts'
import type { ReadItems, SourceItem } from './config-reader.ts'
import { settingsError } from './errors.ts'
import { FolderWatch } from './folder-watch.ts'
import { defaultSource, givenSources } from './given-sources.ts'
import { CONFIG_FLAG, parseGroup, parseLocations } from './location.ts'
import type { ConfigLocation } from './location.ts'
import type { LoadOptions, RemoteConfig, RemoteSources } from './options.ts'
import { refuseOldCondition } from './misplaced.ts'
import { checkOwnKeys } from './own-keys.ts'
import { resolvePlaceholders } from './placeholders.ts'
import { profileList, resolveProfiles } from './profiles.ts'
import { Settings } from './settings.ts'
import type { SettingsState } from './settings.ts'
import type { PropertySource } from './types.ts'

/**
 * Reads the settings of a process. The road, highest priority first:
 * command line > SPRING_APPLICATION_JSON > environment > what these import > profile files > application.yml >
 * defaults. An import stands right above the document that asks for it; what a config server has for the active
 * profiles stands above the local profile files.
 */
export async function loadSettings (options: LoadOptions): Promise<Settings> {
  const loader = new SettingsLoader(options)
  const settings = new Settings(await loader.reload(), loader)
  if (options.watch !== false) loader.watch(settings)
  return settings
}

/** Later ones win over earlier ones. */
const USUAL_LOCATIONS = 'optional:./;optional:./config/;optional:./config/*/'

class SettingsLoader {
  readonly #options: LoadOptions
  readonly #folder: string
  readonly #given: readonly PropertySource[]
  readonly #defaults: PropertySource
  #remote: RemoteConfig | undefined
  #folders: ReadonlyMap<string, string | undefined> = new Map()
  #passedOver: readonly string[] = []
  #folderWatch: FolderWatch | undefined

  constructor (options: LoadOptions) {
    this.#options = options
    this.#folder = resolve(options.folder ?? '.')
    // 1. What is given at the start wins over every file, and says where the files are.
    this.#given = givenSources(options)
    this.#given.forEach(refuseOldCondition)
    this.#defaults = defaultSource(options)
    this.#remote = options.remote
  }

  async reload (): Promise<SettingsState> {
    // 2. Profiles: files may name them, but only in documents that do not depend on profiles themselves.
    const start = this.#view(localOnly(await this.#read(undefined)))
    const profiles = resolveProfiles(this.#activeProfiles(), includedProfiles(start), key => start.list(key))
    // 3. All files again, now with the profiles known.
    const items = await this.#read(profiles)
    // 4. The config server last: where it is and who asks is among the local settings.
    const local = this.#view(localOnly(items), profiles)
    return await this.#withRemote(items, local, profiles)
  }

  #view (sources: readonly PropertySource[], profiles: readonly string[] = []): Settings {
    return new Settings({ profiles, sources: [...this.#given, ...sources, this.#defaults], warnings: [] })
  }

  async #read (profiles: readonly string[] | undefined): Promise<SourceItem[]> {
    const given = this.#view([])
    const reader = new ConfigReader({
      folder: this.#folder,
      stems: given.list('spring.config.name', ['application']),
      profiles,
      cloudPlatform: cloudPlatform(this.#options.env ?? {}, given.get('spring.main.cloud-platform')),
      env: this.#options.env ?? {},
      ignoresMissing: ignoresMissing(given),
      resolve: (text, known, where) => {
        const view = this.#view(known.toReversed())
        return resolvePlaceholders(text, key => view.meaning(key), { unresolved: 'throw', where })
      }
    })
    const items: SourceItem[] = []
    const add = ({ profile, plain }: ReadItems) => items.unshift(...profile, ...plain)
    for (const group of this.#locationGroups(given)) add(await reader.readGroup(group))
    for (const group of this.#givenImports(given)) add(await reader.readImport(group))
    this.#folders = reader.folders
    this.#passedOver = reader.warnings
    return items
  }

  /** Lowest priority first: the usual places or the one file, then `spring.config.additional-location`. */
  #locationGroups (given: Settings): ConfigLocation[][] {
    const { file } = this.#options
    const usual = given.list('spring.config.location', [USUAL_LOCATIONS]).map(group =>
      this.#group(given, 'spring.config.location', group))
    const first = file === undefined ? usual : [[fileLocation(file)]]
    const key = 'spring.config.additional-location'
    return [...first, ...given.list(key).map(group => this.#group(given, key, group))]
  }

  #group (given: Settings, key: string, text: string): ConfigLocation[] {
    const base = { folder: this.#folder, parent: this.#folder, where: given.origin(key) ?? key }
    return parseGroup(text, base)
  }

  /** `spring.config.import` given at the start wins over all files. */
  #givenImports (given: Settings): ConfigLocation[][] {
    const key = 'spring.config.import'
    const base = { folder: this.#folder, parent: this.#folder, where: given.origin(key) ?? key }
    return parseLocations(given.list(key).join(','), base)
  }

  /** PROFILE picks the adapters (local, consul, k8s); Spring's own variable may add to it. */
  #activeProfiles (): string[] {
    const { profiles, env } = this.#options
    if (profiles !== undefined && profiles.length > 0) return [...profiles]
    return [...profileList(env?.['PROFILE']), ...this.#view([]).list('spring.profiles.active')]
  }

  async #withRemote (
    items: readonly SourceItem[], settings: Settings, profiles: readonly string[]
  ): Promise<SettingsState> {
    const answers = new Map<ConfigLocation, RemoteSources>()
    const sources: PropertySource[] = []
    for (const item of items) {
      if (!('remote' in item)) { sources.push(item); continue }
      const { path, optional, where } = item.remote
      const kind = item.remote.kind === 'consul' ? 'consul' : 'configserver'
      const request = { kind, location: path, optional, where, settings } as const
      const answer = answers.get(item.remote) ?? await (await this.#remotes()).fetch(request)
      answers.set(item.remote, answer)
      sources.push(...answer[item.part])
    }
    const all = [...this.#given, ...sources, this.#defaults]
    // 5. What is encrypted, with the service's own key, which may have come from any of them.
    const view = new Settings({ profiles, sources: all, warnings: [] })
    const decrypted = decryptSources(all, view)
    const odd = [...answers.values()].flatMap(answer => answer.warnings)
    const warnings = [...this.#passedOver, ...odd, ...decrypted.warnings, ...checkOwnKeys(view)]
    return { profiles, sources: decrypted.sources, warnings }
  }

  /** The clients are loaded when an import asks for them: a process without one starts a tenth of a second sooner. */
  async #remotes (): Promise<RemoteConfig> {
    this.#remote ??= new (await onDemand.remoteConfigs()).RemoteConfigs()
    return this.#remote
  }

  /** Mounted folders and the config server tell of changes; each makes the settings read everything again. */
  watch (settings: Settings): void {
    const warn = (text: string) => settings.warn(text)
    const refresh = () => {
      // A reading may have met an import that was not there before: it is watched from then on.
      settings.refresh().then(() => this.#remote?.watch(refresh, warn)).catch((failure: unknown) =>
        warn(`changed settings are not used: ${String(failure)}`))
    }
    this.#folderWatch = new FolderWatch(this.#folders, refresh)
    this.#remote?.watch(refresh, warn)
  }

  close (): void {
    this.#folderWatch?.close()
    this.#remote?.close()
  }
}

const fileLocation = (file: string): ConfigLocation =>
  ({ kind: 'file', optional: false, path: resolve(file), text: file, where: CONFIG_FLAG })

function ignoresMissing (given: Settings): boolean {
  const key = 'spring.config.on-not-found'
  const text = given.string(key, 'fail').toLowerCase()
  if (text === 'ignore' || text === 'fail') return text === 'ignore'
  throw settingsError('E_SETTING_TYPE', [key, JSON.stringify(text), 'choice', 'ignore or fail'], { where: given.origin(key) })
}

/** Unlike other lists, the includes of all sources add up. */
const includedProfiles = ({ sources }: Settings): string[] => sources.flatMap(source =>
  new Settings({ profiles: [], sources: [source], warnings: [] }).list('spring.profiles.include'))

const localOnly = (items: readonly SourceItem[]): PropertySource[] =>
  items.filter((item): item is PropertySource => !('remote' in item))
