/** /actuator/env: every source in order of priority, each value with the place it was written at, secrets masked. */
import { formatOrigin, MASK, maskValue } from '../settings/index.ts'
import type { Property, PropertySource } from '../settings/index.ts'

/** The part of the settings that is shown. */
export interface EnvironmentView {
  readonly profiles: readonly string[]
  readonly sources: readonly PropertySource[]
  get (key: string): string | undefined
}

/** `management.endpoint.env.show-values`; `secrets-masked` is ours and the default on loopback. */
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

/** One property: the effective value, and what each source says of it. Undefined when no source has it. */
export function propertyReport (settings: EnvironmentView, key: string, show: ShowValues): object | undefined {
  const value = settings.get(key)
  if (value === undefined) return undefined
  const isEncrypted = (source: PropertySource): boolean => source.properties.get(key)?.secret === true
  const holders = settings.sources.filter(source => source.properties.has(key))
  return {
    property: { source: holders[0]?.name, value: display(key, value, show, holders.some(isEncrypted)) },
    activeProfiles: settings.profiles,
    defaultProfiles: ['default'],
    propertySources: settings.sources.map(source => {
      const property = source.properties.get(key)
      return { name: source.name, ...(property === undefined ? {} : { property: shown(key, property, show) }) }
    })
  }
}

function shown (key: string, { value, origin, secret }: Property, show: ShowValues): ShownProperty {
  return { value: display(key, value.text, show, secret === true), origin: formatOrigin(origin) }
}

function display (key: string, value: string, show: ShowValues, encrypted: boolean): string {
  if (show === 'never' || (encrypted && show !== 'always')) return MASK
  return show === 'always' ? value : maskValue(key, value)
}
