import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path'
import { hasProfileCondition, isActive } from './activation.ts'
import { settingsError } from './errors.ts'
import type { LoadOptions } from './load.ts'
import { parseProperties } from './properties.ts'
import { Settings } from './settings.ts'
import type { ConfigDocument, PropertySource } from './types.ts'
import { parseYaml } from './yaml.ts'

/** Highest priority first, as Spring ranks files of one folder and name. */
const EXTENSIONS = ['.properties', '.yml', '.yaml']

/** A folder and the stem of its files: `./config` + `application`. */
interface Location {
  readonly folder: string
  readonly stem: string
}

/** The local files of the settings, in Spring Boot's order; reads them anew at every call. */
export class ConfigFiles {
  readonly #folder: string
  readonly #file: string | undefined
  readonly #view: Settings

  constructor (options: LoadOptions, given: readonly PropertySource[], defaults: PropertySource) {
    this.#folder = resolve(options.folder ?? '.')
    this.#file = options.file === undefined ? undefined : resolve(options.file)
    this.#view = new Settings({ profiles: [], sources: [...given, defaults], warnings: [] })
  }

  /** All documents that count under these profiles, highest priority first; no profiles means only what needs none. */
  async read (profiles: readonly string[]): Promise<PropertySource[]> {
    if (this.#file !== undefined) await this.#mustExist(this.#file)
    const locations = await this.#locations()
    const sources: PropertySource[] = []
    for (const profile of profiles.toReversed()) sources.push(...await this.#readAll(locations, `-${profile}`, profiles))
    sources.push(...await this.#readAll(locations, '', profiles))
    return sources
  }

  async #mustExist (file: string): Promise<void> {
    if (await readText(file) === undefined) {
      throw settingsError('E_CONFIG_READ', ['there is no such file'], { where: this.#name(file) })
    }
  }

  /** Highest priority first: `config/*` folders, `config/`, the folder itself. */
  async #locations (): Promise<Location[]> {
    if (this.#file !== undefined) {
      return [{ folder: dirname(this.#file), stem: basename(this.#file, extname(this.#file)) }]
    }
    const stem = this.#view.string('spring.config.name', 'application')
    const config = join(this.#folder, 'config')
    const below = await readdir(config, { withFileTypes: true }).catch(() => [])
    const folders = below.filter(entry => entry.isDirectory()).map(entry => join(config, entry.name)).toSorted()
    return [...folders.toReversed(), config, this.#folder].map(folder => ({ folder, stem }))
  }

  async #readAll (
    locations: readonly Location[], suffix: string, profiles: readonly string[]
  ): Promise<PropertySource[]> {
    const sources: PropertySource[] = []
    for (const { folder, stem } of locations) {
      for (const extension of EXTENSIONS) {
        sources.push(...await this.#readFile(join(folder, stem + suffix + extension), profiles))
      }
    }
    return sources
  }

  async #readFile (file: string, profiles: readonly string[]): Promise<PropertySource[]> {
    const bytes = await readText(file)
    if (bytes === undefined) return []
    const context = { profiles: new Set(profiles) }
    // While the profiles are not known yet, a document that depends on them has to wait.
    const counts = (document: ConfigDocument) =>
      profiles.length === 0 ? !hasProfileCondition(document) : isActive(document, context)
    return parseDocuments(file, bytes, this.#name(file)).filter(counts).toReversed()
  }

  #name (file: string): string {
    const name = relative(this.#folder, file)
    return name.startsWith('..') || isAbsolute(name) ? file : name
  }
}

function parseDocuments (file: string, bytes: Buffer, name: string): ConfigDocument[] {
  if (extname(file) === '.properties') return parseProperties(bytes.toString('latin1'), name)
  return parseYaml(bytes.toString('utf8'), name)
}

async function readText (file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw settingsError('E_CONFIG_READ', [code], { where: file, cause })
  }
}
