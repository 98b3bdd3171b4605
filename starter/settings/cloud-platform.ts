import { settingsError } from './errors.ts'

/** Spring's names, in the order in which it looks for the platform, each with the variables that tell it. */
const PLATFORMS: Readonly<Record<string, (env: Variables) => boolean>> = {
  'none': () => false,
  'cloud-foundry': env => 'VCAP_APPLICATION' in env || 'VCAP_SERVICES' in env,
  'heroku': env => 'DYNO' in env,
  'sap': env => 'HC_LANDSCAPE' in env,
  'nomad': env => 'NOMAD_ALLOC_ID' in env,
  'kubernetes': env => Object.keys(env).some(name =>
    name.endsWith('_SERVICE_HOST') && name.replace(/HOST$/, 'PORT') in env),
  'azure-app-service': env => ['SITE_NAME', 'INSTANCE_ID', 'RESOURCE_GROUP', 'SKU'].every(name => `WEBSITE_${name}` in env)
}

type Variables = Readonly<Record<string, string | undefined>>

/**
 * Where the process runs, as Spring detects it. `spring.main.cloud-platform` overrules the variables; it takes the
 * names with `_` (`CLOUD_FOUNDRY`), and any other spelling means no platform.
 */
export function cloudPlatform (env: Variables, told: string | undefined): string {
  const names = Object.keys(PLATFORMS)
  if (told === undefined) return names.find(name => PLATFORMS[name]?.(env)) ?? 'none'
  return names.find(name => name.replaceAll('-', '_') === told.toLowerCase()) ?? 'none'
}

/** The platform that `on-cloud-platform` names, in any spelling; one that nobody knows would never be. */
export function platformNamed (text: string, where: string): string {
  const letters = (name: string): string => name.toLowerCase().replace(/[^a-z]/g, '')
  const names = Object.keys(PLATFORMS)
  const found = names.find(name => letters(name) === letters(text))
  if (found === undefined) throw settingsError('E_CONFIG_PLATFORM', [text, names.join(', ')], { where })
  return found
}
