import { stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative } from 'node:path'
import { hasProfileCondition, isActive } from './activation.ts'
import { fileReference, filesOf, parseDocuments, readBytes, EXTENSIONS } from './config-file.ts'
import type { FileReference } from './config-file.ts'
import { expandFolders, readConfigTree } from './config-tree.ts'
import { settingsError } from './errors.ts'
import { dataLink } from './folder-watch.ts'
import { CONFIG_FLAG, parseLocations } from './location.ts'
import type { ConfigLocation } from './location.ts'
import { onlyProfiles, refuseInclude, refuseOldCondition, refuseProfilesIn } from './misplaced.ts'
import { canonicalName } from './relaxed.ts'
import { formatOrigin } from './types.ts'
import type { ConfigDocument, PropertySource } from './types.ts'

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
  readonly cloudPlatform: string
  /** What `env:` imports read. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether a location that is not there is passed over: `spring.config.on-not-found: ignore`. */
  readonly ignoresMissing: boolean
  /** Fills in placeholders of import locations from what is known so far. */
  readonly resolve: (text: string, known: readonly PropertySource[], where: string) => string
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
  /** What was passed over. */
  readonly warnings: string[] = []
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

  /** One import: a location, or a group of them. */
  async readImport (locations: readonly ConfigLocation[]): Promise<ReadItems> {
    if (locations.every(isOnDisk)) return await this.readGroup(locations)
    const fresh = locations.filter(location => isOnDisk(location) || !this.#isSeen(`${location.kind} ${location.path}`))
    return await this.#collect(fresh, location => this.#readLocation(location))
  }

  async #readLocation (location: ConfigLocation): Promise<ReadItems> {
    switch (location.kind) {
      case 'configserver': case 'consul':
        return { profile: [{ remote: location, part: 'profile' }], plain: [{ remote: location, part: 'plain' }] }
      case 'configtree': return { profile: [], plain: await this.#readTrees(location) }
      case 'env': return await this.#readVariable(location)
      case 'other': return { profile: [], plain: this.#passOver(location) }
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
    if (items.length === 0) this.#missing(location, 'there is no such folder')
    return items
  }

  async #readVariable (location: ConfigLocation): Promise<ReadItems> {
    const { path, hint = '.properties' } = location
    if (!EXTENSIONS.includes(hint)) throw notFound(location, `nothing here reads "${hint}"`)
    const text = this.#context.env[path]
    if (text !== undefined) return await this.#documents(parseVariable(text, hint, `env ${path}`), this.#context.folder)
    this.#missing(location, 'there is no such variable')
    return NOTHING
  }

  /** Throws unless the service can run without it. */
  #missing (location: ConfigLocation, why: string): void {
    if (!location.optional && !this.#context.ignoresMissing) throw notFound(location, why)
  }

  async #note (folder: string): Promise<void> {
    if (!this.folders.has(folder)) this.folders.set(folder, await dataLink(folder))
  }

  async #references (location: ConfigLocation): Promise<FileReference[]> {
    if (location.kind === 'file') return await this.#fileReferences(location)
    const folders = await expandFolders(location.path)
    if (!await anyExists(folders)) this.#missing(location, 'there is no such folder')
    return folders.flatMap(folder => this.#context.stems.map(stem => ({ folder, stem, extensions: EXTENSIONS })))
  }

  async #fileReferences (location: ConfigLocation): Promise<FileReference[]> {
    const reference = fileReference(location.path, location.hint)
    if (reference === undefined) {
      if (location.optional) return this.#passOver(location)
      throw notFound(location, `the file must end in ${EXTENSIONS.join(', ')}, and a folder in "/"`)
    }
    if (!await anyExists([location.path])) this.#missing(location, 'there is no such file')
    return [reference]
  }

  #passOver ({ where, text }: ConfigLocation): [] {
    this.warnings.push(`${where}: "${text}" is passed over: nothing here reads it`)
    return []
  }

  /** `suffix` is `-prod` for the files of a profile. */
  async #read (reference: FileReference, suffix: string): Promise<ReadItems> {
    await this.#note(reference.folder)
    return await this.#collect(filesOf(reference, suffix), async ({ file, extension }) => {
      const bytes = this.#isSeen(file) ? undefined : await readBytes(file)
      if (bytes === undefined) return NOTHING
      const documents = parseDocuments(bytes, extension, this.#name(file))
      if (suffix !== '') documents.forEach(refuseProfilesIn)
      return await this.#documents(documents, dirname(file))
    })
  }

  async #documents (documents: readonly ConfigDocument[], parent: string): Promise<ReadItems> {
    return await this.#collect(documents, async document => {
      refuseOldCondition(document)
      this.warnings.push(...document.odd ?? [], ...bytesIn(document))
      if (!this.#counts(document)) return this.#waiting(document)
      this.#known.push(document)
      const imported = await this.#imports(document, parent)
      return { profile: imported.profile, plain: [...imported.plain, document] }
    })
  }

  /** While profiles are looked for, a document that may not count can name them, but include none. */
  #waiting (document: ConfigDocument): ReadItems {
    if (this.#context.profiles !== undefined) return NOTHING
    refuseInclude(document)
    return { profile: [], plain: [onlyProfiles(document)] }
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
    const groups = [...document.properties].flatMap(([key, { value, origin }]) => {
      const name = canonicalName(key)
      if (name !== IMPORT && !name.startsWith(`${IMPORT}[`)) return []
      const where = formatOrigin(origin)
      const text = this.#context.resolve(value.text, this.#known, where)
      return parseLocations(text, { folder: this.#context.folder, parent, where })
    })
    return await this.#collect(groups, group => this.readImport(group))
  }

  #name (file: string): string {
    const name = relative(this.#context.folder, file)
    return name.startsWith('..') || isAbsolute(name) ? file : name
  }
}

/** Each file is read once, whoever asks for it; what is missing is told to everybody. */
const isOnDisk = ({ kind }: ConfigLocation): boolean => kind === 'file' || kind === 'folder'

function notFound ({ text, where }: ConfigLocation, why: string): Error {
  if (where === CONFIG_FLAG) return settingsError('E_CONFIG_READ', [why], { where: text })
  return settingsError('E_CONFIG_LOCATION', [text, why], { where })
}

async function anyExists (paths: readonly string[]): Promise<boolean> {
  const found = await Promise.all(paths.map(path => stat(path).then(() => true, () => false)))
  return found.includes(true)
}

/** Spring's value is a list of bytes then, which nobody can mean; a text is at least what was written. */
const bytesIn = ({ properties }: ConfigDocument): string[] =>
  [...properties].filter(([, { value }]) => value.kind === 'string' && value.binary)
    .map(([key, { origin }]) => `${formatOrigin(origin)}: "${key}" is read as Base64 text, not as the bytes of its !!binary`)

/** Of a variable in the environment the value may be a secret: an error tells the place alone. */
const parseVariable = (text: string, extension: string, name: string): ConfigDocument[] =>
  parseDocuments(Buffer.from(text, extension === '.properties' ? 'latin1' : 'utf8'), extension, name)
