/** What operators see of settings that changed and are not in use: the old ones serve on. */
import { maskText } from '../settings/mask.ts'
import type { Settings } from '../settings/index.ts'
import type { Health, HealthIndicator } from './health.ts'

/** `settings`, while something is refused. It makes nobody unhealthy: a restart would only lose what still works. */
export function refusedSettings ({ reloads }: Settings): ReadonlyArray<readonly [string, HealthIndicator]> {
  const refused = reloads.refusals.map(({ by, reason, at }) =>
    ({ by, reason: maskText(reason), since: new Date(at).toISOString() }))
  const health: Health = { status: 'UNKNOWN', details: { refused } }
  return refused.length === 0 ? [] : [['settings', () => health]]
}

/** As Prometheus tells of its own settings. */
export function settingsMetrics ({ reloads }: Settings, tags: string): string {
  const gauge = (name: string, help: string, value: number): string =>
    `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name}${tags === '' ? '' : `{${tags}}`} ${value}\n`
  return gauge('breakwater_settings_last_reload_successful', '1 while all changes of the settings are in use',
    Number(reloads.refusals.length === 0)) +
    gauge('breakwater_settings_last_reload_success_timestamp_seconds', 'When all of them were last taken', reloads.takenAt / 1000)
}
