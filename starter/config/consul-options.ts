import { consulError, readConsulConnection } from '../consul/connection.ts'
import type { ConsulConnection } from '../consul/connection.ts'
import type { RemoteRequest } from '../settings/options.ts'
import type { RetryOptions } from './options.ts'

/** How the key/value pairs are laid out: one per setting, or whole files. */
export type ConsulFormat = 'KEY_VALUE' | 'YAML' | 'PROPERTIES'

const FORMATS: readonly string[] = ['KEY_VALUE', 'YAML', 'PROPERTIES']

/** `spring.cloud.consul.config.*`, with Spring's names and defaults. */
export interface ConsulConfigOptions {
  readonly connection: ConsulConnection
  /** False: imports of Consul are ignored. @default true */
  readonly enabled: boolean
  readonly format: ConsulFormat
  /** The key that holds the file in the formats YAML and PROPERTIES. @default data */
  readonly dataKey: string
  /** Folders, highest priority first; those of a profile are marked. */
  readonly contexts: readonly ConsulContext[]
  /** Do not start without an answer, even when the import is optional. @default false */
  readonly failFast: boolean
  readonly watch: boolean
  /** How long a blocking query waits for a change. @default 55 s */
  readonly waitMs: number
  readonly retry: RetryOptions
  readonly profiles: readonly string[]
}

export interface ConsulContext {
  /** `config/users,k8s/` */
  readonly path: string
  readonly profile: boolean
}

/** Reads them for one import: `consul:`, `consul:host:port`, `consul:host:port/context;context`. */
export function readConsulConfigOptions (request: RemoteRequest): ConsulConfigOptions {
  const { settings, location } = request
  const key = (name: string) => `spring.cloud.consul.config.${name}`
  const [, host, port, contexts] = /^(?:([^/:]+)(?::(\d+))?)?(?:\/(.*))?$/.exec(location) ?? []
  const connection = readConsulConnection(settings)
  const profiles = settings.profiles.filter((name) => name !== 'default')
  return {
    connection: {
      ...connection,
      token: settings.get(key('acl-token')) ?? connection.token,
      ...host !== undefined && { host, port: Number(port ?? connection.port) }
    },
    enabled: settings.boolean(key('enabled'), true) && settings.boolean('spring.cloud.consul.enabled', true),
    format: readFormat(request),
    dataKey: settings.string(key('data-key'), 'data'),
    contexts: contexts === undefined || contexts === '' ? usualContexts(request, profiles) : givenContexts(contexts),
    failFast: settings.boolean(key('fail-fast'), false),
    watch: settings.boolean(key('watch.enabled'), true),
    waitMs: settings.durationMs(key('watch.wait-time'), 55_000),
    retry: {
      maxAttempts: settings.integer('spring.cloud.consul.retry.max-attempts', 6),
      initialIntervalMs: settings.durationMs('spring.cloud.consul.retry.initial-interval', 1000),
      multiplier: settings.number('spring.cloud.consul.retry.multiplier', 1.1),
      maxIntervalMs: settings.durationMs('spring.cloud.consul.retry.max-interval', 2000)
    },
    profiles
  }
}

function readFormat ({ settings }: RemoteRequest): ConsulFormat {
  const key = 'spring.cloud.consul.config.format'
  const format = settings.string(key, 'KEY_VALUE').toUpperCase().replace('-', '_')
  if (FORMATS.includes(format)) return format as ConsulFormat
  throw consulError('E_CONSUL_SETTING', [`"${format}" is none of ${FORMATS.join(', ')}`], { where: settings.origin(key) ?? key })
}

/** Spring's order: own folder before the common one, the last profile before the others before none. */
function usualContexts ({ settings }: RemoteRequest, profiles: readonly string[]): ConsulContext[] {
  const key = (name: string) => `spring.cloud.consul.config.${name}`
  const separator = settings.string(key('profile-separator'), ',')
  const prefixes = settings.list(key('prefixes'), settings.list(key('prefix'), ['config']))
  const common = settings.string(key('default-context'), 'application')
  const own = settings.string(key('name'), settings.string('spring.application.name'))
  const contexts = prefixes.flatMap((prefix) => [common, own].flatMap((name) => [
    { path: folder(prefix, name), profile: false },
    ...profiles.map((profile) => ({ path: folder(prefix, `${name}${separator}${profile}`), profile: true }))
  ]))
  return contexts.toReversed()
}

function givenContexts (text: string): ConsulContext[] {
  return text.split(';').filter(Boolean).map((path) => ({ path: folder('', path), profile: false })).toReversed()
}

function folder (prefix: string, name: string): string {
  return `${[prefix, name].map((part) => part.replace(/^\/+|\/+$/g, '')).filter(Boolean).join('/')}/`
}
