/**
 * HashiCorp Vault's key/value engine, version 1 and 2. The caller's own token (`X-Config-Token`) is used unless the
 * server has one; answers are kept nowhere, since the next caller may not be allowed to see them.
 */
import type { Property, PropertySource } from '@breakwater/starter/settings'
import type { Ask } from '../environment/ask.ts'
import type { Asker, Backend } from './backend.ts'
import { flattenJson } from './flatten-json.ts'
import { createStoreBackend } from './store-backend.ts'
import { VaultClient } from './vault-client.ts'
import type { VaultOptions } from './vault-options.ts'

export function createVaultBackend (
  options: VaultOptions, onProblem: (store: string, problem: string) => void
): Backend {
  const client = new VaultClient(options)
  const read = async (key: string, asker: Asker): Promise<Map<string, Property>> =>
    flattenJson(await client.read(key, asker) ?? {}, `vault:${key}`)
  return createStoreBackend({
    description: `vault ${options.url}/${options.backend}`,
    timeoutMs: options.timeoutMs,
    keepLastKnown: false,
    onProblem,
    stop: async () => {},
    secrets: read,
    read: async (ask, asker) => {
      const found = await Promise.all(keysOf(ask, options).map(async (key): Promise<PropertySource> =>
        ({ name: `vault:${key}`, properties: await read(key, asker) })))
      const sources = found.filter(({ properties }) => properties.size > 0)
      const secrets = sources.reduce((sum, { properties }) => sum + properties.size, 0)
      return { version: null, state: null, sources, secrets }
    }
  })
}

// The last profile and the last name win; the profile `default` is the key without a profile.
function keysOf (ask: Ask, { defaultKey, profileSeparator, enableLabel, defaultLabel }: VaultOptions): string[] {
  const apps = [...new Set([defaultKey, ...ask.names])].filter(app => app !== '').toReversed()
  const profiles = [...new Set(['default', ...ask.profiles])].toReversed()
  if (!enableLabel) {
    return profiles.flatMap(profile =>
      apps.map(app => profile === 'default' ? app : `${app}${profileSeparator}${profile}`))
  }
  const labels = (ask.labels.length > 0 ? ask.labels : [defaultLabel]).toReversed()
  return labels.flatMap(label => profiles.flatMap(profile =>
    apps.map(app => [app, profile, label].join(profileSeparator))))
}
