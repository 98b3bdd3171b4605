import { checkKeys } from './check.ts'
import { nearestKey } from './nearest-key.ts'
import { splitName } from './relaxed.ts'
import type { Settings } from './settings.ts'
import { formatOrigin } from './types.ts'
import { ENVIRONMENT } from './variables.ts'

/** Settings of the config server's client, which is part of reading settings. */
const CLIENT_KEYS = ['watch', 'poll-interval', 'cache-folder'].map(name => `breakwater.config-client.${name}`)

/** What stands right below `breakwater.`; each part of the platform checks what is below its own section. */
const SECTIONS = [
  'bus', 'check', 'client', 'config-client', 'config-server', 'console', 'consul', 'data', 'discovery', 'dns', 'faults',
  'gateway', 'inventory', 'kubernetes', 'messaging', 'order-history', 'orders', 'payments', 'security', 'shutdown', 'store',
  'users'
]

/**
 * Checks what every process can check: throws `E_CONFIG_KEY` for unknown settings of the config server's client,
 * returns a warning for each section of ours that no part of the platform has. One file may serve many processes, so
 * a section is no error because this process has no use for it.
 */
export function checkOwnKeys (settings: Settings): string[] {
  checkKeys(settings, { owned: ['breakwater.config-client'], known: CLIENT_KEYS })
  const unknown = new Map<string, string>()
  for (const { name, properties } of settings.sources) {
    if (name === ENVIRONMENT) continue
    for (const [key, { origin }] of properties) {
      const [first, second] = splitName(key)
      if (first?.text.toLowerCase() !== 'breakwater' || second === undefined) continue
      const section = `breakwater.${second.text}`
      const nearest = nearestKey(second.text, SECTIONS)
      if (nearest?.distance === 0 || unknown.has(section)) continue
      const hint = nearest === undefined ? '' : ` Did you mean "breakwater.${nearest.key}"?`
      unknown.set(section, `${formatOrigin(origin)}: no part of the platform has settings below "${section}".${hint}`)
    }
  }
  return [...unknown.values()]
}
