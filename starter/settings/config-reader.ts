import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, isAbsolute, join, relative } from 'node:path'
import { hasProfileCondition, isActive } from './activation.ts'
import { expandFolders, readConfigTree } from './config-tree.ts'
import { settingsError } from './errors.ts'
import { dataLink } from './folder-watch.ts'
import { CONFIG_FLAG, parseLocation } from './location.ts'
import type { ConfigLocation, LocationBase } from './location.ts'
import { parseProperties } from './properties.ts'
import { canonicalName } from './relaxed.ts'
import { formatOrigin, PARSE_LIMITS } from './types.ts'
import type { ConfigDocument, PropertySource } from './types.ts'
import { parseYaml } from './yaml.ts'

/** Highest priority first, as Spring ranks files of one folder and stem. */
const EXTENSIONS = ['.properties', '.yml', '.yaml']
const IMPORT = canonicalName('spring.config.import')

/** Stands in the order where the sources of a config server will come. */
export interface RemoteMark {
  readonly remote: ConfigLocation
  readonly part: 'profile' | 'plain'
}

/** A local source, or the place of remote ones. */
export type SourceItem = PropertySource | RemoteMark

/** What a reader is told about its process. */
export interface ReaderContext {
  readonly folder: string
  /** Stems of the files in folders: `spring.config.name`. */
  readonly stems: readonly string[]
  /** Undefined while they are not known: documents that depend on profiles then wait. */
  readonly profiles: readonly string[] | undefined
  readonly cloudPlatform: string | undefined
  /** Fills in placeholders of import locations from what is known so far. */
  readonly resolve: (text: string, known: readonly PropertySource[], where: string) => string
}

/** One file to read: with its extension, or with every extension that is known. */
interface Reference {
  readonly folder: string
  readonly stem: string
  readonly extensions: readonly string[]
}

/** Items of a location, each list highest priority first. */
export interface ReadItems {
  /** What was found for the active profiles: it wins over all that is plain around it. */
  readonly profile: readonly SourceItem[]
  readonly plain: readonly SourceItem[]
}

const NOTHING: ReadItems = { profile: [], plain: [] }

/**
 * Reads locations and what they import, in Spring Boot's order. Within a group of locations profile files win over
 * plain ones, whatever their folder; later groups win over earlier ones. An import stands right above its document,
 * but what it has for the profiles rises above the profile files of the group.
 */
export class ConfigReader {
  /** Folders that were read, with what their data link pointed to just before; undefined when they have none. */
  readonly folders = new Map<string, string | undefined>()
  readonly #context: ReaderContext
  readonly #seen = new Set<string>()
  /** What was read so far, lowest priority first. */
  readonly #known: PropertySource[] = []

  constructor (context: ReaderContext) {
    this.#context = context
  }

  /** One group of locations (`a/;b/`): the last location wins. */
  async readGroup (locations: readonly ConfigLocation[]): Promise<ReadItems> {
    const plain: SourceItem[] = []
    const risen: SourceItem[] = []
    const profile: SourceItem[] = []
    const references = (await Promise.all(locations.map(location => this.#references(location)))).flat()
    for (const reference of references) {
      const read = await this.#read(reference, '')
      plain.unshift(...read.plain)
      risen.unshift(...read.profile)
    }
    for (const name of this.#context.profiles ?? []) {
      for (const reference of references) {
        const read = await this.#read(reference, `-${name}`)
        profile.unshift(...read.profile, ...read.plain)
      }
    }
    return { profile: [...risen, ...profile], plain }
  }

  async readImport (location: ConfigLocation): Promise<ReadItems> {
    if (this.#isSeen(`${location.kind} ${location.path}`)) return NOTHING
    switch (location.kind) {
      case 'configserver': case 'consul':
        return { profile: [{ remote: location, part: 'profile' }], plain: [{ remote: location, part: 'plain' }] }
      case 'configtree': return { profile: [], plain: await this.#readTrees(location) }
      default: return await this.readGroup([location])
    }
  }

  #isSeen (id: string): boolean {
    if (this.#seen.has(id)) return true
    this.#seen.add(id)
    return false
  }

  async #readTrees (location: ConfigLocation): Promise<SourceItem[]> {
    const items: SourceItem[] = []
    for (const folder of await expandFolders(location.path)) {
      await this.#note(folder)
      const source = await readConfigTree(folder)
      if (source === undefined) continue
      this.#known.push(source)
      items.unshift(source)
    }
    if (items.length === 0 && !location.optional) throw notFound(location, 'there is no such folder')
    return items
  }

  async #note (folder: string): Promise<void> {
    if (!this.folders.has(folder)) this.folders.set(folder, await dataLink(folder))
  }

  async #references (location: ConfigLocation): Promise<Reference[]> {
    if (location.kind === 'file') return [await this.#fileReference(location)]
    const folders = await expandFolders(location.path)
    if (!location.optional && !await anyExists(folders)) throw notFound(location, 'there is no such folder')
    return folders.flatMap(folder => this.#context.stems.map(stem => ({ folder, stem, extensions: EXTENSIONS })))
  }

  async #fileReference (location: ConfigLocation): Promise<Reference> {
    const { path, optional } = location
    const extension = extname(path)
    if (!EXTENSIONS.includes(extension)) {
      throw notFound(location, `the file must end in ${EXTENSIONS.join(', ')}, and a folder in "/"`)
    }
    if (!optional && !await anyExists([path])) throw notFound(location, 'there is no such file')
    return { folder: dirname(path), stem: basename(path, extension), extensions: [extension] }
  }

  async #read (reference: Reference, suffix: string): Promise<ReadItems> {
    await this.#note(reference.folder)
    const files = reference.extensions.toReversed().map(extension => reference.stem + suffix + extension)
    return await this.#collect(files, name => this.#readFile(join(reference.folder, name)))
  }

  async #readFile (file: string): Promise<ReadItems> {
    if (this.#isSeen(file)) return NOTHING
    const bytes = await readBytes(file)
    if (bytes === undefined) return NOTHING
    return await this.#collect(parseDocuments(file, bytes, this.#name(file)), async document => {
      if (!this.#counts(document)) return NOTHING
      this.#known.push(document)
      const imported = await this.#imports(document, dirname(file))
      return { profile: imported.profile, plain: [...imported.plain, document] }
    })
  }

  /** Reads one after the other; the later one wins. */
  async #collect<T> (parts: readonly T[], read: (part: T) => Promise<ReadItems>): Promise<ReadItems> {
    const profile: SourceItem[] = []
    const plain: SourceItem[] = []
    for (const part of parts) {
      const items = await read(part)
      profile.unshift(...items.profile)
      plain.unshift(...items.plain)
    }
    return { profile, plain }
  }

  #counts (document: ConfigDocument): boolean {
    const { profiles, cloudPlatform } = this.#context
    if (profiles === undefined && hasProfileCondition(document)) return false
    return isActive(document, { profiles: new Set(profiles), cloudPlatform })
  }

  async #imports (document: ConfigDocument, parent: string): Promise<ReadItems> {
    const locations = [...document.properties].flatMap(([key, { value, origin }]) => {
      const name = canonicalName(key)
      if (name !== IMPORT && !name.startsWith(`${IMPORT}[`)) return []
      const where = formatOrigin(origin)
      const text = this.#context.resolve(value.text, this.#known, where)
      return parseLocations(text, { folder: this.#context.folder, parent, where })
    })
    return await this.#collect(locations, location => this.readImport(location))
  }

  #name (file: string): string {
    const name = relative(this.#context.folder, file)
    return name.startsWith('..') || isAbsolute(name) ? file : name
  }
}

/**
 * The locations of a comma list. A comma that no location begins after belongs to the one before it: a config
 * server's location may list several addresses.
 */
export function parseLocations (text: string, base: LocationBase): ConfigLocation[] {
  const parts: string[] = []
  for (const part of text.split(',').map(item => item.trim()).filter(item => item !== '')) {
    const isAddress = /^https?:/.test(part) && /^(?:optional:)?configserver:/.test(parts.at(-1) ?? '')
    if (isAddress) parts.push(`${parts.pop()},${part}`)
    else parts.push(part)
  }
  return parts.map(part => parseLocation(part, base))
}

function notFound ({ text, where }: ConfigLocation, why: string): Error {
  if (where === CONFIG_FLAG) return settingsError('E_CONFIG_READ', [why], { where: text })
  return settingsError('E_CONFIG_LOCATION', [text, why], { where })
}

async function anyExists (paths: readonly string[]): Promise<boolean> {
  const found = await Promise.all(paths.map(path => stat(path).then(() => true, () => false)))
  return found.includes(true)
}

function parseDocuments (file: string, bytes: Buffer, name: string): ConfigDocument[] {
  if (extname(file) === '.properties') return parseProperties(bytes.toString('latin1'), name)
  return parseYaml(bytes.toString('utf8'), name)
}

async function readBytes (file: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(file)
    if (size > PARSE_LIMITS.chars) throw settingsError('E_CONFIG_LIMIT', [`${PARSE_LIMITS.chars} bytes`], { where: file })
    return await readFile(file)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code?.startsWith('E_')) throw cause
    throw settingsError('E_CONFIG_READ', [code], { where: file, cause })
  }
}
