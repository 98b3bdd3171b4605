/** Tells of served files that import others: Spring's server follows, this one lets no file read another. */
import type { Property } from '@breakwater/starter/settings'
import type { Found } from '../environment/environment.ts'

const KEYS = ['spring.config.import', 'spring.config.import[0]']

/** Looks through an answer. Clients that import this server are none of it. */
export function tellImports ({ sources }: Found, onIgnored: (file: string, why: string) => void): void {
  for (const { properties } of sources) {
    const property = KEYS.map(key => properties.get(key)).find(one => one !== undefined)
    if (property !== undefined) tell(property, onIgnored)
  }
}

function tell ({ value, origin }: Property, onIgnored: (file: string, why: string) => void): void {
  if (/^(?:optional:)?configserver:/.test(value.text)) return
  onIgnored(origin.source, `its spring.config.import of ${value.text.slice(0, 200)} is not followed`)
}
