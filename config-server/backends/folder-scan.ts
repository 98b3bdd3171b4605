/** The configuration files of search locations, also those that nobody has asked for yet. Bounded. */
import { readdir } from 'node:fs/promises'

const MAX_FOLDERS = 256
const MAX_FILES = 2_000
const CONFIGURATION = /\.(?:properties|xml|ya?ml|schema\.json)$/

/** Paths of the files in the locations and in the folders below them that labels or placeholders may mean. */
export async function scanLocations (templates: readonly string[]): Promise<string[]> {
  const found: string[] = []
  let folders = templates.map(template => ({ folder: fixedPart(template), depth: depthOf(template) }))
  for (let count = 0; folders.length > 0 && count < MAX_FOLDERS && found.length < MAX_FILES; count++) {
    const { folder, depth } = folders[0]!
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    const files = entries.filter(entry => !entry.isDirectory() && CONFIGURATION.test(entry.name))
    found.push(...files.map(({ name }) => folder + name))
    const below = depth === 0 ? [] : entries.filter(entry => entry.isDirectory() && isSearched(entry.name))
    folders = [...folders.slice(1), ...below.map(({ name }) => ({ folder: `${folder}${name}/`, depth: depth - 1 }))]
  }
  return [...new Set(found)].slice(0, MAX_FILES)
}

/** The part of a location above every placeholder: nothing outside it is ever read. */
export function fixedPart (template: string): string {
  const brace = template.indexOf('{')
  return brace < 0 ? template : template.slice(0, template.lastIndexOf('/', brace) + 1)
}

// A label is one folder below a location; of a location with placeholders each part is one.
function depthOf (template: string): number {
  return Math.max(1, template.slice(fixedPart(template).length).split('/').length - 1)
}

function isSearched (name: string): boolean {
  return !name.startsWith('.') && name !== 'node_modules'
}
