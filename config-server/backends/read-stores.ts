/** The settings of stores with their own servers, under Spring's names. */
import type { Settings } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import type { RedisOptions } from './redis.ts'
import { SQL_DEFAULTS, type SqlOptions } from './sql-options.ts'
import { VAULT_DEFAULTS, type VaultLogin, type VaultOptions } from './vault-options.ts'

/** `spring.data.redis.*`, and the older `spring.redis.*`. */
export function readRedis (settings: Settings): RedisOptions {
  const text = (key: string): string | undefined => settings.get(`spring.data.redis.${key}`) ?? settings.get(`spring.redis.${key}`)
  const address = new URL(text('url') ?? `redis://${text('host') ?? 'localhost'}:${text('port') ?? '6379'}/${text('database') ?? '0'}`)
  const username = text('username') ?? (address.username || undefined)
  const password = text('password') ?? (address.password === '' ? undefined : decodeURIComponent(address.password))
  return { url: withoutCredentials(address), username, password, timeoutMs: settings.durationMs('spring.data.redis.timeout', 2_000) }
}

/** `spring.datasource.*` for the connection, `<prefix>.sql` and so on for the statements. */
export function readSql (settings: Settings, prefix: string): SqlOptions {
  const key = 'spring.datasource.url'
  const url = settings.string(key).replace(/^jdbc:/, '')
  if (!/^postgres(?:ql)?:\/\//.test(url)) {
    throw error('E_CONFIG_SETTING', [key, 'only PostgreSQL can be read.', 'Use jdbc:postgresql://host:5432/database.'],
      { where: settings.origin(key) })
  }
  const address = new URL(url)
  return {
    url: withoutCredentials(address),
    username: settings.get('spring.datasource.username') ?? (address.username || undefined),
    password: settings.get('spring.datasource.password') ?? (address.password === '' ? undefined : decodeURIComponent(address.password)),
    sql: settings.string(`${prefix}.sql`, SQL_DEFAULTS.sql),
    sqlWithoutProfile: settings.string(`${prefix}.sql-without-profile`, SQL_DEFAULTS.sqlWithoutProfile),
    defaultLabel: settings.string(`${prefix}.default-label`, SQL_DEFAULTS.defaultLabel),
    timeoutMs: SQL_DEFAULTS.timeoutMs
  }
}

function withoutCredentials (address: URL): string {
  const url = new URL(address)
  url.username = ''
  url.password = ''
  return url.toString()
}

export function readVault (settings: Settings, prefix: string): VaultOptions {
  const text = (key: string, fallback: string): string => settings.string(`${prefix}.${key}`, fallback)
  return {
    url: `${text('scheme', 'http')}://${text('host', '127.0.0.1')}:${settings.integer(`${prefix}.port`, 8200)}`,
    backend: text('backend', VAULT_DEFAULTS.backend),
    defaultKey: text('default-key', VAULT_DEFAULTS.defaultKey),
    profileSeparator: text('profile-separator', VAULT_DEFAULTS.profileSeparator),
    kvVersion: settings.integer(`${prefix}.kv-version`, 1) === 2 ? 2 : 1,
    pathToKey: settings.get(`${prefix}.path-to-key`),
    namespace: settings.get(`${prefix}.namespace`),
    token: settings.get(`${prefix}.token`),
    login: readLogin(settings, prefix),
    enableLabel: settings.boolean(`${prefix}.enable-label`, VAULT_DEFAULTS.enableLabel),
    defaultLabel: text('default-label', VAULT_DEFAULTS.defaultLabel),
    timeoutMs: settings.integer(`${prefix}.timeout`, VAULT_DEFAULTS.timeoutMs / 1000) * 1000
  }
}

const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token'

function readLogin (settings: Settings, prefix: string): VaultLogin | undefined {
  const key = `${prefix}.authentication`
  const roleId = settings.get(`${prefix}.app-role.role-id`)
  const method = settings.string(key, roleId === undefined ? 'TOKEN' : 'APPROLE').toUpperCase()
  const text = (name: string, fallback: string): string => settings.string(`${prefix}.${name}`, fallback)
  switch (method) {
    case 'TOKEN': return undefined
    case 'APPROLE': return {
      method,
      path: text('app-role.app-role-path', 'approle'),
      roleId: settings.string(`${prefix}.app-role.role-id`),
      secretId: text('app-role.secret-id', '')
    }
    case 'KUBERNETES': return {
      method,
      path: text('kubernetes.kubernetes-path', 'kubernetes'),
      role: settings.string(`${prefix}.kubernetes.role`),
      tokenFile: text('kubernetes.service-account-token-file', TOKEN_FILE).replace(/^file:/, '')
    }
    default: throw error('E_CONFIG_SETTING', [key, `"${method}" is no way in that this server knows.`,
      'Use TOKEN, APPROLE or KUBERNETES.'], { where: settings.origin(key) })
  }
}
