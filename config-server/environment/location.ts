/** Where files are looked for, and which of them, in the order of their priority (Boot's ConfigData, measured). */
import type { Ask } from './ask.ts'

/** One folder that is searched. */
export interface Location {
  /** What is put before a file's name to read it; ends with `/` unless empty. */
  readonly folder: string
  /** What is put before it in the name of a property source: `file:/etc/config/`, `https://host/repo/`. */
  readonly url: string
  /** The same inside the long form of a multi-document name, where Spring leaves the scheme of files out. */
  readonly path: string
}

/** A file that an environment may be made of. */
export interface FileRef {
  readonly location: Location
  readonly file: string
}

const EXTENSIONS = ['properties', 'xml', 'yml', 'yaml']

/** The files of no profile, highest priority first: the last location and the last name win. */
export function generalFiles (ask: Ask, locations: readonly Location[]): FileRef[] {
  const stems = stemsOf(ask)
  return locations.toReversed().flatMap(location => stems.flatMap(stem => filesOf(location, stem)))
}

/** The files of the profiles, highest priority first: the last profile wins, before any location is looked at. */
export function profileFiles (ask: Ask, profiles: readonly string[], locations: readonly Location[]): FileRef[] {
  const stems = stemsOf(ask)
  return profiles.toReversed().flatMap(profile => locations.toReversed().flatMap(location =>
    stems.flatMap(stem => filesOf(location, `${stem}-${profile}`))))
}

/**
 * Fills `{application}`, `{profile}` and `{label}` of a search location, once for each name and each profile asked.
 * The values are checked by `readAsk`, so none can climb out of the location.
 */
export function expandLocation (template: string, ask: Ask, label: string): string[] {
  if (!template.includes('{')) return [template]
  const expanded = ask.profiles.flatMap(profile => ask.names.map(name => template
    .replaceAll('{application}', name).replaceAll('{profile}', profile).replaceAll('{label}', label)))
  return [...new Set(expanded)]
}

function stemsOf (ask: Ask): string[] {
  return [...new Set(['application', ...ask.names])].toReversed()
}

function filesOf (location: Location, stem: string): FileRef[] {
  return EXTENSIONS.map(extension => ({ location, file: `${stem}.${extension}` }))
}
