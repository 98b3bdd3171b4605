/** Spring's `spring.cloud.config.server.health.*`. */
import type { HealthStatus } from '@breakwater/starter/actuator'
import type { Settings } from '@breakwater/starter/settings'
import { readAsk, type Ask } from './environment/ask.ts'
import { error } from './errors.ts'
import type { HealthOptions } from './health.ts'

const PREFIX = 'spring.cloud.config.server.health'
const STATUSES: readonly HealthStatus[] = ['DOWN', 'OUT_OF_SERVICE', 'UNKNOWN', 'UP']

/** What Spring looks up when it is told nothing. */
export const HEALTH_DEFAULTS: HealthOptions = {
  enabled: true, repositories: [readAsk('app', 'default', null)], downStatus: 'DOWN', acceptEmpty: true
}

export function readHealthOptions (settings: Settings, acceptEmpty: boolean): HealthOptions {
  const members = settings.members(`${PREFIX}.repositories`)
  const repositories = [...members].map(([id, key]) => readRepository(settings, id, key))
  return {
    enabled: settings.boolean(`${PREFIX}.enabled`, HEALTH_DEFAULTS.enabled),
    repositories: repositories.length > 0 ? repositories : HEALTH_DEFAULTS.repositories,
    downStatus: readStatus(settings),
    acceptEmpty: settings.boolean(`${PREFIX}.accept-empty`, acceptEmpty)
  }
}

function readRepository (settings: Settings, id: string, key: string): Ask {
  const part = (name: string): string => `${key}.${name}`
  const profiles = settings.string(part('profiles'), 'default')
  return readAsk(settings.string(part('name'), id), profiles, settings.get(part('label')) ?? null)
}

function readStatus (settings: Settings): HealthStatus {
  const key = `${PREFIX}.down-health-status`
  const text = settings.string(key, HEALTH_DEFAULTS.downStatus).toUpperCase()
  const status = STATUSES.find(one => one === text)
  if (status !== undefined) return status
  throw error('E_CONFIG_SETTING', [key, `"${text}" is no status.`, `Use ${STATUSES.join(', ')}.`],
    { where: settings.origin(key) })
}
