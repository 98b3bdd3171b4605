/** Keys that count at one place only: at another they would do nothing, and nobody would know. */
import { settingsError } from './errors.ts'
import { canonicalName } from './relaxed.ts'
import { formatOrigin } from './types.ts'
import type { PropertySource } from './types.ts'
import { ENVIRONMENT, environmentKey } from './variables.ts'

/** Which profiles there are is settled before the files of profiles are read. */
const SETTLED = ['active', 'include', 'default'].map(name => `spring.profiles.${name}`)

/** Spring's old key for a condition; it has no meaning any more. */
export function refuseOldCondition (source: PropertySource): void {
  refuse(source, ['spring.profiles'], 'is no longer read', 'Write spring.config.activate.on-profile.')
}

/** `file` is read because of a profile: it cannot say which profiles there are. */
export function refuseProfilesIn (file: PropertySource): void {
  refuse(file, SETTLED, 'has no effect in the file of a profile', 'Move it to application.yml.')
}

/** Includes are added up before anybody knows which conditions hold. */
export function refuseInclude (document: PropertySource): void {
  refuse(document, ['spring.profiles.include'], 'has no effect in a document with a condition',
    'Move it to a document without spring.config.activate, or use spring.profiles.group.')
}

function refuse (source: PropertySource, names: readonly string[], why: string, next: string): void {
  for (const [key, { origin }] of source.properties) {
    const name = source.name === ENVIRONMENT ? environmentKey(key) ?? key : key
    if (!names.includes(canonicalName(name).replace(/\[\d+\]$/, ''))) continue
    throw settingsError('E_CONFIG_MISPLACED', [key, why, next], { where: formatOrigin(origin) })
  }
}

/** What a document says of profiles before it is known whether it counts; Spring asks it all the same. */
export function onlyProfiles (document: PropertySource): PropertySource {
  const properties = [...document.properties].filter(([key]) => canonicalName(key).startsWith('spring.profiles.'))
  return { name: document.name, properties: new Map(properties) }
}
