/** /actuator/env: every source in order of priority, each value with the place it was written at, secrets masked. */
import { formatOrigin, MASK, maskValue, writtenIn } from '../settings/index.ts'
import type { Property, PropertySource } from '../settings/index.ts'

/** The part of the settings that is shown. */
export interface EnvironmentView {
  readonly profiles: readonly string[]
  readonly sources: readonly PropertySource[]
  get (key: string, unresolved: 'keep'): string | undefined
  property (key: string): Property | undefined
}

/** What of the values is shown: nothing, all, or (ours) what is no secret. */
export type ShowValues = 'never' | 'always' | 'secrets-masked'

interface ShownProperty { value: string, origin: string }

/** The whole environment in Spring's shape. */
export function environmentReport (settings: EnvironmentView, show: ShowValues): object {
  return {
    activeProfiles: settings.profiles,
    defaultProfiles: ['default'],
    propertySources: settings.sources.map(source => ({
      name: source.name,
      properties: Object.fromEntries([...source.properties].map(([key, property]) => [key, shown(key, property, show)]))
    }))
  }
}

/**
 * One property: the effective value, and what each source says of it. Undefined when no source has it as it is written
 * here. A placeholder that stands for nothing is shown as it is: whoever looks here is looking for what is wrong.
 */
export function propertyReport (settings: EnvironmentView, key: string, show: ShowValues): object | undefined {
  const found = settings.sources.map(source => ({ name: source.name, property: writtenIn(source, key) }))
  const holders = found.filter(({ property }) => property !== undefined)
  if (holders.length === 0) return undefined
  // The value in force may be one that a source has under another spelling.
  const shownOnes = [settings.property(key), ...holders.map(({ property }) => property)]
  const encrypted = shownOnes.some(property => property?.secret === true)
  return {
    property: { source: holders[0]?.name, value: display(key, settings.get(key, 'keep') ?? '', show, encrypted) },
    activeProfiles: settings.profiles,
    defaultProfiles: ['default'],
    propertySources: found.map(({ name, property }) =>
      ({ name, ...(property === undefined ? {} : { property: shown(key, property, show) }) }))
  }
}

function shown (key: string, { value, origin, secret }: Property, show: ShowValues): ShownProperty {
  return { value: display(key, value.text, show, secret === true), origin: formatOrigin(origin) }
}

function display (key: string, value: string, show: ShowValues, encrypted: boolean): string {
  if (show === 'never' || (encrypted && show !== 'always')) return MASK
  return show === 'always' ? value : maskValue(key, value)
}
