/**
 * From files to ordered property sources, purely: which documents are active, in which order, under which names.
 *
 * Profile files beat all others; a document inside a file keeps its file's place, later documents first; so a
 * `dev` document of application.yml loses to foo.yml, as it does in Spring.
 */
import { formatOrigin, hasProfileCondition, isActive, type ConfigDocument, type PropertySource } from '@breakwater/starter/settings'
import { BreakwaterError } from '@breakwater/starter/errors'
import { error } from '../errors.ts'
import type { Ask } from './ask.ts'
import type { Broken } from './environment.ts'
import { includedProfiles, refuseInclude } from './includes.ts'
import { generalFiles, profileFiles, type FileRef, type Location } from './location.ts'

/** A file that exists: parsed, or with what is wrong with it. */
export interface ConfigFile extends FileRef {
  readonly documents: readonly ConfigDocument[]
  readonly problem?: BreakwaterError | undefined
}

/** Reads those of the files that exist, keeping their order. */
export type LoadFiles = (files: readonly FileRef[]) => Promise<ConfigFile[]>

/** What the server itself is: decides `on-cloud-platform` documents. */
export interface ServerTraits {
  readonly cloudPlatform?: string | undefined
}

/** What a question is made of. */
export interface Ordered {
  /** Highest priority first; without the files that are broken. */
  readonly sources: readonly PropertySource[]
  /** The files that were there. */
  readonly files: readonly string[]
  /** Those of them that cannot be served, each by itself: looking no further than the first would hide the others. */
  readonly broken: readonly Broken[]
}

/** The property sources of one question over some locations. */
export async function orderSources (
  ask: Ask, locations: readonly Location[], load: LoadFiles, traits: ServerTraits = {}
): Promise<Ordered> {
  const general = (await load(generalFiles(ask, locations)))
    .map(file => judged(file, ask.profiles, traits, refuseInGeneral))
  const profiles = withIncludes(ask.profiles, general, traits)
  const specific = (await load(profileFiles(ask, profiles, locations)))
    .map(file => judged(file, ask.profiles, traits, refuseInSpecific))
  const files = uniqueFiles([...specific, ...general])
  return {
    sources: files.flatMap(file => sourcesOf(file, profiles, traits)),
    files: files.map(pathOf),
    broken: uniqueFiles([...general, ...specific])
      .flatMap(file => file.problem === undefined ? [] : [{ files: [pathOf(file)], problem: file.problem }])
  }
}

type Refuse = (file: ConfigFile, active: readonly ConfigDocument[]) => void

// A file that says what it may not say is as broken as one that cannot be parsed, and nothing of it counts.
function judged (file: ConfigFile, profiles: readonly string[], traits: ServerTraits, refuse: Refuse): ConfigFile {
  const context = { ...traits, profiles: new Set(profiles) }
  try {
    file.documents.forEach(refuseLegacyKey)
    const active = file.documents.filter(document => isActive(document, context))
    if (!ignoresIncludes(profiles)) refuse(file, active)
    return file
  } catch (failure) {
    if (!(failure instanceof BreakwaterError)) throw failure
    return { ...file, documents: [], problem: failure }
  }
}

function refuseInGeneral ({ documents }: ConfigFile, active: readonly ConfigDocument[]): void {
  documents.filter(hasProfileCondition).forEach(refuseInclude)
  active.forEach(includedProfiles)
}

function refuseInSpecific ({ documents }: ConfigFile): void {
  documents.forEach(refuseInclude)
}

// Included profiles come after those asked for, hence above them, those of the highest document first (measured on
// config-server 5.0.1); Boot 3.5 and later ignore them for `default`.
function withIncludes (asked: readonly string[], files: readonly ConfigFile[], traits: ServerTraits): string[] {
  if (ignoresIncludes(asked)) return [...asked]
  const context = { ...traits, profiles: new Set(asked) }
  const active = files.flatMap(file => file.documents.toReversed().filter(document => isActive(document, context)))
  return [...new Set([...asked, ...active.flatMap(includedProfiles)])]
}

function ignoresIncludes (asked: readonly string[]): boolean {
  return asked.includes('default')
}

// Two locations may be the same folder; Boot loads a file once, where it has the highest priority.
function uniqueFiles (files: readonly ConfigFile[]): ConfigFile[] {
  const seen = new Set<string>()
  return files.filter(file => !seen.has(pathOf(file)) && seen.add(pathOf(file)))
}

function pathOf ({ location, file }: FileRef): string {
  return location.folder + file
}

function sourcesOf (file: ConfigFile, profiles: readonly string[], traits: ServerTraits): PropertySource[] {
  const context = { ...traits, profiles: new Set(profiles) }
  const many = file.documents.length > 1
  return file.documents.toReversed().filter(document => isActive(document, context)).map(({ index, properties }) =>
    ({ name: sourceName(file, many ? index : undefined), properties }))
}

// Clients take the profile from the name and drop equal names, so it holds `app-profile.ext` and the document.
function sourceName ({ location, file }: FileRef, document: number | undefined): string {
  if (document === undefined) return location.url + file
  return `Config resource 'file [${location.path}${file}]' via location '${location.url}' (document #${document})`
}

// Boot 2.4 and later refuse it: it would silently mean nothing.
function refuseLegacyKey (document: ConfigDocument): void {
  const legacy = document.properties.get('spring.profiles') ?? document.properties.get('spring.profiles[0]')
  if (legacy === undefined) return
  throw error('E_CONFIG_FILE', ['spring.profiles is no longer a key; use spring.config.activate.on-profile.'],
    { where: formatOrigin(legacy.origin) })
}
