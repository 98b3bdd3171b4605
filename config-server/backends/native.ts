/**
 * A folder (or several) as the store. Files are read when first asked for; a change seen by fs.watch or by the sweep
 * gives a new version, and with it new answers. A missing folder is no error, as in Spring: it may come later.
 */
import { realpath } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Ask } from '../environment/ask.ts'
import type { Found, SchemaFile } from '../environment/environment.ts'
import { expandLocation, type FileRef, type Location } from '../environment/location.ts'
import { orderSources, type ConfigFile, type ServerTraits } from '../environment/order.ts'
import { error } from '../errors.ts'
import { PLAIN_FILE_BYTES, type Asker, type Backend, type BackendHealth, type Resource } from './backend.ts'
import { FolderHistory } from './folder-history.ts'
import { FolderReader, type FileContent } from './folder-reader.ts'
import { fixedPart, scanLocations } from './folder-scan.ts'
import { FolderVersion, signatureOf } from './folder-version.ts'
import { asProblem, type ParsedFile, type ParsedFiles } from './parsed-files.ts'
import { schemaNames } from './schema-names.ts'
import type { State } from './state-lines.ts'

export interface NativeOptions {
  /** Spring's search locations: folders, `file:` URLs, with `{application}`, `{profile}`, `{label}`. */
  readonly searchLocations: readonly string[]
  /** Whether `<location>/<label>/` is searched too, above the location itself. @default true */
  readonly addLabelLocations: boolean
  /** The label when none is asked. @default 'master' */
  readonly defaultLabel: string
  /** Sent as `version` of every answer. @default null */
  readonly version: string | null
  /** Files only: whether the last location is searched first. @default false */
  readonly reverseLocationOrder: boolean
  /** How often folders are compared with what is known, besides fs.watch. @default 5000 */
  readonly sweepMs: number
  /** Configuration files that are larger are refused. */
  readonly maxFileBytes: number
  /** Other files that are larger are refused. @default 16 MiB */
  readonly maxPlainFileBytes?: number | undefined
}

export const NATIVE_DEFAULTS: NativeOptions = {
  searchLocations: ['file:./', 'file:./config/'],
  addLabelLocations: true,
  defaultLabel: 'master',
  version: null,
  reverseLocationOrder: false,
  sweepMs: 5_000,
  maxFileBytes: 1_048_576
}

export function createNativeBackend (options: NativeOptions, parsed: ParsedFiles, traits: ServerTraits): Backend {
  return new NativeBackend(options, parsed, traits)
}

/** How long the start waits for the first look at all files. */
const SCAN_MS = 2_000

type ReadFile = (path: string) => Promise<FileContent | undefined>

class NativeBackend implements Backend {
  readonly description: string
  readonly #options: NativeOptions
  readonly #templates: readonly string[]
  readonly #parsed: ParsedFiles
  readonly #traits: ServerTraits
  readonly #version: FolderVersion
  readonly #reader: FolderReader
  readonly #history: FolderHistory

  constructor (options: NativeOptions, parsed: ParsedFiles, traits: ServerTraits) {
    this.#options = options
    this.#templates = options.searchLocations.map(folderOf).filter(folder => folder !== undefined)
    this.description = `native ${this.#templates.map(folder => `file:${folder}`).join(', ')}`
    this.#parsed = parsed
    this.#traits = traits
    this.#version = new FolderVersion(options.sweepMs)
    this.#reader = new FolderReader(this.#version, this.#templates.map(fixedPart))
    this.#history = new FolderHistory(async (path, file) => path.endsWith('.json') || !await this.#isBroken(path, file))
  }

  async start (): Promise<void> {
    this.#version.start()
    this.#version.watch(() => { void this.#scan() })
    await Promise.all(this.#templates.map(async template => this.#reader.exists(fixedPart(template))))
    // Many files take their time; nobody waits for all of them.
    const late = new AbortController()
    const pause = setTimeout(SCAN_MS, undefined, { signal: late.signal, ref: false }).catch(() => {})
    await Promise.race([this.#scan(), pause])
    late.abort()
  }

  // Each file is seen before it breaks, whether it was asked for or not.
  async #scan (): Promise<void> {
    for (const path of await scanLocations(this.#templates)) {
      if (!this.#history.knows(path, await signatureOf(path))) await this.#readNow(path).catch(() => {})
    }
  }

  async stop (): Promise<void> {
    this.#version.stop()
  }

  stamp (_ask: Ask, _asker: Asker): string {
    return String(this.#version.version)
  }

  async find (ask: Ask): Promise<Found> {
    return this.#findWith(ask, async path => this.#readNow(path))
  }

  /** First what is broken as it was last, beside the rest as it is; then the whole as it was before each change. */
  async * earlier (ask: Ask): AsyncGenerator<State> {
    const paths = new Set<string>()
    yield { timeMs: 0, found: await this.#findWith(ask, async path => this.#readGood(path, paths)) }
    for (const moment of this.#history.moments(paths)) {
      yield { timeMs: 0, found: await this.#findWith(ask, async path => this.#readBefore(path, moment)) }
    }
  }

  async #findWith (ask: Ask, read: ReadFile): Promise<Found> {
    const locations = this.#locations(ask)
    const load = async (refs: readonly FileRef[]): Promise<ConfigFile[]> => this.#load(refs, read)
    const [ordered, schemas] = await Promise.all([
      orderSources(ask, locations, load, this.#traits), this.#schemas(ask, locations, read)
    ])
    return { version: this.#options.version, state: null, ...ordered, schemas }
  }

  async resource (ask: Ask, candidates: readonly string[]): Promise<Resource | undefined> {
    const locations = this.#locations(ask)
    const max = this.#options.maxPlainFileBytes ?? PLAIN_FILE_BYTES
    for (const { folder } of this.#options.reverseLocationOrder ? locations.toReversed() : locations) {
      for (const file of candidates) {
        const found = await this.#reader.read(folder + file, max, size => error('E_PLAIN_FILE_LIMIT', [size, max], { where: file }))
        if (found === undefined) continue
        const { content, modifiedMs } = found
        return { file, linkedTo: linkedTo(file, await realpath(folder), found.path), content, modifiedMs }
      }
    }
    return undefined
  }

  watch (listener: () => void): () => void {
    return this.#version.watch(listener)
  }

  health (): BackendHealth {
    return { up: true }
  }

  // Label folders come last, so that they win; of several labels the first wins, as in Spring (on git it is the last).
  #locations (ask: Ask): Location[] {
    const labels = (ask.labels.length > 0 ? ask.labels : [this.#options.defaultLabel]).toReversed()
    const plain = this.#templates.flatMap(template => labels.flatMap(label => expandLocation(template, ask, label)))
    const labelled = this.#options.addLabelLocations
      ? this.#templates.filter(template => !template.includes('{'))
        .flatMap(template => labels.map(label => `${template}${label}/`))
      : []
    return [...new Set([...plain, ...labelled])].map(folder => ({ folder, url: `file:${folder}`, path: folder }))
  }

  async #load (files: readonly FileRef[], read: ReadFile): Promise<ConfigFile[]> {
    const loaded = await Promise.all(files.map(async ref => {
      const path = ref.location.folder + ref.file
      const parsed = await this.#parse(path, read)
      return parsed === undefined ? undefined : { ...ref, ...parsed }
    }))
    return loaded.filter(file => file !== undefined)
  }

  async #parse (path: string, read: ReadFile): Promise<ParsedFile | undefined> {
    try {
      const file = await read(path)
      return file === undefined ? undefined : await this.#parsed.parse(`${path} ${file.signature}`, path, async () => file.content)
    } catch (failure) {
      return asProblem(failure)
    }
  }

  async #isBroken (path: string, file: FileContent): Promise<boolean> {
    return (await this.#parse(path, async () => file))?.problem !== undefined
  }

  async #schemas (ask: Ask, locations: readonly Location[], read: ReadFile): Promise<Map<string, SchemaFile>> {
    const found = new Map<string, SchemaFile>()
    for (const name of schemaNames(ask)) {
      for (const { folder } of locations) {
        const file = `${folder}${name}.schema.json`
        const schema = found.has(name) ? undefined : await read(file).catch(() => ({ content: undefined }))
        if (schema !== undefined) found.set(name, { file, content: schema.content })
      }
    }
    return found
  }

  async #readNow (path: string): Promise<FileContent | undefined> {
    const { maxFileBytes } = this.#options
    const file = await this.#reader.lists(path)
      ? await this.#reader.read(path, maxFileBytes,
        size => error('E_CONFIG_FILE_LIMIT', [`${size} bytes`, maxFileBytes, 'max-file-bytes'], { where: path }))
      : undefined
    await this.#history.note(path, file)
    return file
  }

  async #readGood (path: string, paths: Set<string>): Promise<FileContent | undefined> {
    paths.add(path)
    const now = await this.#readNow(path).catch(() => undefined)
    if (now === undefined || path.endsWith('.json') || !await this.#isBroken(path, now)) return now
    return this.#history.lastGood(path) ?? now
  }

  async #readBefore (path: string, moment: number): Promise<FileContent | undefined> {
    const { isKnown, file } = this.#history.before(path, moment)
    return isKnown ? file : this.#readNow(path)
  }
}

/** The folder a search location means, absolute and ending with `/`; undefined for a class path, which Node has not. */
export function folderOf (location: string): string | undefined {
  const plain = location.replace(/^optional:/, '')
  if (plain.startsWith('classpath:')) return undefined
  const path = plain.replace(/^file:(?:\/\/(?=\/))?/, '')
  return `${resolve(path).replace(/\/$/, '')}/`
}

/** A volume of Kubernetes has each file as a link into a folder of its own, `..data`: that is no other place. */
function linkedTo (file: string, folder: string, path: string): string | undefined {
  const place = relative(folder, path).replace(/^\.\.[^/]+\//, '')
  return place === file ? undefined : place
}
