/** `globalcors.*` and a route's `metadata.cors`, in kebab or camel case; a list may be one comma text. */
import { error } from '../errors.ts'
import type { CorsOptions, GlobalCors } from '../options.ts'
import { canonical } from '../routes/args.ts'
import { didYouMean } from '../routes/nearest-name.ts'
import { parseDurationMs } from '../routes/units.ts'
import type { GatewaySettings } from './gateway-settings.ts'

const KEYS = ['allowedOrigins', 'allowedOriginPatterns', 'allowedMethods', 'allowedHeaders', 'exposedHeaders',
  'allowCredentials', 'maxAge'] as const

/** In the order of the file; the first pattern that fits a path counts. */
export function readGlobalCors (gateway: GatewaySettings): GlobalCors {
  const tree = gateway.tree('globalcors.cors-configurations')
  const configurations = Object.entries(typeof tree === 'object' && tree !== null ? tree : {}).map(([pattern, value]) =>
    ({ pattern: pattern.replace(/^\[|\]$/g, ''), options: corsOptions(value, 'globalcors') }))
  return { configurations, everywhere: gateway.boolean('globalcors.add-to-simple-url-handler-mapping', false) }
}

/** Throws for a key that is none, and for credentials with every origin, which browsers refuse. */
export function corsOptions (tree: unknown, where: string): CorsOptions {
  const fields = new Map<string, unknown>()
  for (const [key, value] of Object.entries(tree as object)) {
    const known = KEYS.find(name => canonical(name) === canonical(key))
    if (known === undefined) throw error('E_GATEWAY_KEY', [key, didYouMean(key, KEYS)], { where })
    fields.set(known, value)
  }
  const allowedOrigins = list(fields.get('allowedOrigins'))
  const allowCredentials = word(fields.get('allowCredentials')) === 'true'
  if (allowCredentials && allowedOrigins.includes('*')) {
    throw error('E_GATEWAY_SETTING',
      ['allowCredentials does not go with allowedOrigins "*"; list the origins, or use allowedOriginPatterns.'], { where })
  }
  const methods = list(fields.get('allowedMethods'))
  const maxAge = fields.get('maxAge')
  return {
    allowedOrigins,
    allowedOriginPatterns: list(fields.get('allowedOriginPatterns')),
    allowedMethods: methods.length === 0 ? ['GET', 'HEAD'] : methods,
    allowedHeaders: list(fields.get('allowedHeaders')),
    exposedHeaders: list(fields.get('exposedHeaders')),
    allowCredentials,
    maxAgeSeconds: maxAge === undefined ? undefined : seconds(word(maxAge))
  }
}

/** A bare number is seconds here, as in Spring. */
function seconds (text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Math.floor((parseDurationMs(text) ?? 0) / 1_000)
}

function list (value: unknown): string[] {
  const items = typeof value === 'object' && value !== null ? Object.values(value) : word(value).split(',')
  return items.map(item => word(item).trim()).filter(item => item !== '')
}

function word (value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
