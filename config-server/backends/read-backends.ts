/**
 * Which stores a server has, from its settings. Spring chooses by profile (`native`, `vault`, `composite`...); a store
 * that is configured is used here without its profile too, so that `git.uri` or a search location is enough.
 */
import type { Settings } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import type { BackendOptions } from '../options.ts'
import type { StoreLimits } from './backend.ts'
import { readGitOptions } from './git/read-git-options.ts'
import { readRedis, readSql, readVault } from './read-stores.ts'
import { NATIVE_DEFAULTS, type NativeOptions } from './native.ts'

const SERVER = 'spring.cloud.config.server'

type Read = (settings: Settings, prefix: string, limits: StoreLimits) => BackendOptions

/** By Spring's type names. */
const READERS: Readonly<Record<string, Read>> = {
  git: (settings, prefix, limits) => ({ type: 'git', git: readGitOptions(settings, prefix, limits) }),
  native: (settings, prefix, limits) => ({ type: 'native', native: readNative(settings, prefix, limits) }),
  redis: settings => ({ type: 'redis', redis: readRedis(settings) }),
  jdbc: (settings, prefix) => ({ type: 'sql', sql: readSql(settings, prefix) }),
  vault: (settings, prefix) => ({ type: 'vault', vault: readVault(settings, prefix) })
}

/** The stores, highest priority first; a folder when nothing is configured. */
export function readBackends (settings: Settings, limits: StoreLimits): BackendOptions[] {
  const composite = readComposite(settings, limits)
  if (composite.length > 0) return composite
  const wanted = Object.keys(READERS).filter(type => isConfigured(settings, type))
  return (wanted.length > 0 ? wanted : ['native'])
    .map(type => ({ type, order: settings.integer(`${SERVER}.${type}.order`, Number.MAX_SAFE_INTEGER) }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ type }) => READERS[type]!(settings, `${SERVER}.${type}`, limits))
}

function isConfigured (settings: Settings, type: string): boolean {
  return settings.profiles.includes(type) || settings.keys(`${SERVER}.${type}`).length > 0
}

function readComposite (settings: Settings, limits: StoreLimits): BackendOptions[] {
  const members: BackendOptions[] = []
  for (let at = 0; settings.keys(`${SERVER}.composite[${at}]`).length > 0; at++) {
    const prefix = `${SERVER}.composite[${at}]`
    const type = settings.string(`${prefix}.type`).toLowerCase()
    const known = Object.keys(READERS).find(name => name.startsWith(type) || type.startsWith(name))
    if (known === undefined || type === '') {
      throw error('E_CONFIG_SETTING', [`${prefix}.type`, `"${type}" is no store of this server.`,
        `Use ${Object.keys(READERS).join(', ')}.`], { where: settings.origin(`${prefix}.type`) })
    }
    members.push(READERS[known]!(settings, prefix, limits))
  }
  return members
}

function readNative (settings: Settings, prefix: string, limits: StoreLimits): NativeOptions {
  return {
    searchLocations: settings.list(`${prefix}.search-locations`, NATIVE_DEFAULTS.searchLocations),
    addLabelLocations: settings.boolean(`${prefix}.add-label-locations`, NATIVE_DEFAULTS.addLabelLocations),
    defaultLabel: settings.string(`${prefix}.default-label`, NATIVE_DEFAULTS.defaultLabel),
    version: settings.get(`${prefix}.version`) ?? NATIVE_DEFAULTS.version,
    reverseLocationOrder: settings.boolean(`${SERVER}.reverse-location-order`, NATIVE_DEFAULTS.reverseLocationOrder),
    sweepMs: settings.durationMs(`${SERVER}.monitor.fixed-delay`, NATIVE_DEFAULTS.sweepMs),
    ...limits
  }
}
