/**
 * A folder (or several) as the store. Files are read when first asked for; a change seen by fs.watch or by the sweep
 * gives a new version, and with it new answers. A missing folder is no error, as in Spring: it may come later.
 */
import { resolve } from 'node:path'
import type { Ask } from '../environment/ask.ts'
import type { Found } from '../environment/environment.ts'
import { expandLocation, type FileRef, type Location } from '../environment/location.ts'
import { orderSources, type ConfigFile, type ServerTraits } from '../environment/order.ts'
import type { Asker, Backend, BackendHealth, Resource } from './backend.ts'
import { FolderReader } from './folder-reader.ts'
import { FolderVersion } from './folder-version.ts'
import type { ParsedFiles } from './parsed-files.ts'

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
  readonly maxFileBytes: number
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

class NativeBackend implements Backend {
  readonly description: string
  readonly #options: NativeOptions
  readonly #templates: readonly string[]
  readonly #parsed: ParsedFiles
  readonly #traits: ServerTraits
  readonly #version: FolderVersion
  readonly #reader: FolderReader

  constructor (options: NativeOptions, parsed: ParsedFiles, traits: ServerTraits) {
    this.#options = options
    this.#templates = options.searchLocations.map(folderOf).filter(folder => folder !== undefined)
    this.description = `native ${this.#templates.map(folder => `file:${folder}`).join(', ')}`
    this.#parsed = parsed
    this.#traits = traits
    this.#version = new FolderVersion(options.sweepMs)
    this.#reader = new FolderReader(this.#version, this.#templates.map(fixedPart), options.maxFileBytes)
  }

  async start (): Promise<void> {
    this.#version.start()
    await Promise.all(this.#templates.map(async template => this.#reader.exists(fixedPart(template))))
  }

  async stop (): Promise<void> {
    this.#version.stop()
  }

  stamp (_ask: Ask, _asker: Asker): string {
    return String(this.#version.version)
  }

  async find (ask: Ask): Promise<Found> {
    const sources = await orderSources(ask, this.#locations(ask), async files => this.#load(files), this.#traits)
    return { version: this.#options.version, state: null, sources }
  }

  async resource (ask: Ask, candidates: readonly string[]): Promise<Resource | undefined> {
    const locations = this.#locations(ask)
    for (const { folder } of this.#options.reverseLocationOrder ? locations.toReversed() : locations) {
      for (const file of candidates) {
        const found = await this.#reader.read(folder + file)
        if (found !== undefined) return { file, content: found.content, modifiedMs: found.modifiedMs }
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

  // Label folders come last, so that they win; the last label wins among them.
  #locations (ask: Ask): Location[] {
    const labels = ask.labels.length > 0 ? ask.labels : [this.#options.defaultLabel]
    const plain = this.#templates.flatMap(template => labels.flatMap(label => expandLocation(template, ask, label)))
    const labelled = this.#options.addLabelLocations
      ? this.#templates.filter(template => !template.includes('{'))
        .flatMap(template => labels.map(label => `${template}${label}/`))
      : []
    return [...new Set([...plain, ...labelled])].map(folder => ({ folder, url: `file:${folder}`, path: folder }))
  }

  async #load (files: readonly FileRef[]): Promise<ConfigFile[]> {
    const loaded = await Promise.all(files.map(async ref => {
      const path = ref.location.folder + ref.file
      if (!await this.#reader.lists(path)) return undefined
      const found = await this.#reader.read(path)
      if (found === undefined) return undefined
      return { ...ref, documents: this.#parsed.parse(`${path} ${found.signature}`, path, found.content) }
    }))
    return loaded.filter(file => file !== undefined)
  }
}

/** The folder a search location means, absolute and ending with `/`; undefined for a class path, which Node has not. */
export function folderOf (location: string): string | undefined {
  const plain = location.replace(/^optional:/, '')
  if (plain.startsWith('classpath:')) return undefined
  const path = plain.replace(/^file:(?:\/\/(?=\/))?/, '')
  return `${resolve(path).replace(/\/$/, '')}/`
}

// The part above every placeholder: nothing outside it is ever read.
function fixedPart (template: string): string {
  const brace = template.indexOf('{')
  return brace < 0 ? template : template.slice(0, template.lastIndexOf('/', brace) + 1)
}
