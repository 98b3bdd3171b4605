/**
 * `spring.config.import` in a served file is not followed: it would let whoever writes one file read any other. Spring
 * does follow it, so values are missing after a move from there; that is said, once for each place.
 */
import { formatOrigin, type PropertySource } from '@breakwater/starter/settings'

const KEY = 'spring.config.import'
// Applications ask by names of their own choice: what is remembered must not grow with them.
const MAX_PLACES = 1_000

/** Calls `warn` with file and line of each import that was not seen before. */
export function createImportWarning (warn: (where: string) => void): (sources: readonly PropertySource[]) => void {
  const told = new Set<string>()
  return sources => {
    for (const { properties } of sources) {
      const property = properties.get(KEY) ?? properties.get(`${KEY}[0]`)
      const where = property === undefined ? undefined : formatOrigin(property.origin)
      if (where === undefined || told.has(where)) continue
      if (told.size >= MAX_PLACES) told.clear()
      told.add(where)
      warn(where)
    }
  }
}
