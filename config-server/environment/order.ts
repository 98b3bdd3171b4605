/**
 * From files to ordered property sources, purely: which documents are active, in which order, under which names.
 *
 * Profile files beat all others; a document inside a file keeps its file's place, later documents first; so a
 * `dev` document of application.yml loses to foo.yml, as it does in Spring.
 */
import { formatOrigin, hasProfileCondition, isActive, type ConfigDocument, type PropertySource } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import type { Ask } from './ask.ts'
import { includedProfiles, refuseInclude } from './includes.ts'
import { generalFiles, profileFiles, type FileRef, type Location } from './location.ts'

/** A file that exists, parsed. */
export interface ConfigFile extends FileRef {
  readonly documents: readonly ConfigDocument[]
}

/** Reads those of the files that exist, keeping their order. */
export type LoadFiles = (files: readonly FileRef[]) => Promise<ConfigFile[]>

/** What the server itself is: decides `on-cloud-platform` documents. */
export interface ServerTraits {
  readonly cloudPlatform?: string | undefined
}

/** The property sources of one question over some locations, highest priority first. */
export async function orderSources (
  ask: Ask, locations: readonly Location[], load: LoadFiles, traits: ServerTraits = {}
): Promise<PropertySource[]> {
  const general = await load(generalFiles(ask, locations))
  const profiles = withIncludes(ask.profiles, general, traits)
  const specific = await load(profileFiles(ask, profiles, locations))
  if (!ignoresIncludes(ask.profiles)) refuseIncludes(general, specific)
  return uniqueFiles([...specific, ...general]).flatMap(file => sourcesOf(file, profiles, traits))
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

function refuseIncludes (general: readonly ConfigFile[], specific: readonly ConfigFile[]): void {
  for (const { documents } of specific) documents.forEach(refuseInclude)
  for (const { documents } of general) documents.filter(hasProfileCondition).forEach(refuseInclude)
}

// Two locations may be the same folder; Boot loads a file once, where it has the highest priority.
function uniqueFiles (files: readonly ConfigFile[]): ConfigFile[] {
  const seen = new Set<string>()
  return files.filter(file => {
    const path = file.location.folder + file.file
    return !seen.has(path) && seen.add(path)
  })
}

function sourcesOf (file: ConfigFile, profiles: readonly string[], traits: ServerTraits): PropertySource[] {
  const context = { ...traits, profiles: new Set(profiles) }
  const many = file.documents.length > 1
  for (const document of file.documents) refuseLegacyKey(document)
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
