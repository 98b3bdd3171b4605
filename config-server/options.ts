/** What the config server can be told, under Spring's names where Spring has one. */
import type { Property, Settings } from '@breakwater/starter/settings'
import { PLAIN_FILE_BYTES } from './backends/backend.ts'
import type { GitOptions } from './backends/git/git-options.ts'
import type { NativeOptions } from './backends/native.ts'
import type { EncryptOptions } from './encryption/key-ring.ts'
import type { RedisOptions } from './backends/redis.ts'
import type { SqlOptions } from './backends/sql-options.ts'
import type { VaultOptions } from './backends/vault-options.ts'
import { readBackends } from './backends/read-backends.ts'
import { error } from './errors.ts'
import type { SpringRefreshOptions } from './push/spring-refresh.ts'
import type { WebhookOptions } from './push/webhook.ts'
import type { AccessRule } from './web/access.ts'
import { readEncryptOptions } from './encryption/encrypt-options.ts'
import { HEALTH_DEFAULTS, readHealthOptions } from './health-options.ts'
import type { HealthOptions } from './health.ts'

/** One store, in the order of priority in which it was configured. */
export type BackendOptions =
  | { readonly type: 'native', readonly native: NativeOptions }
  | { readonly type: 'git', readonly git: GitOptions }
  | { readonly type: 'redis', readonly redis: RedisOptions }
  | { readonly type: 'sql', readonly sql: SqlOptions }
  | { readonly type: 'vault', readonly vault: VaultOptions }

export interface ConfigServerOptions {
  /** `server.address`. @default '127.0.0.1' */
  readonly host: string
  /** `server.port`; 0 takes a free one. @default 8888 */
  readonly port: number
  /** `spring.cloud.config.server.prefix`: put before every path. @default '' */
  readonly prefix: string
  /** `spring.cloud.config.server.default-label`: taken when a client names none. @default null: the store's own */
  readonly defaultLabel: string | null
  /** `spring.cloud.config.server.accept-empty`: whether no file at all is no error (404). @default true */
  readonly acceptEmpty: boolean
  /** `spring.cloud.config.server.strip-document-from-yaml`: shows a file that is only a list as one. @default true */
  readonly stripDocument: boolean
  /** `spring.cloud.config.server.overrides.*`: come first in every answer, always as text. @default none */
  readonly overrides: ReadonlyMap<string, Property>
  /** `spring.profiles.validate`. @default true */
  readonly validateProfiles: boolean
  /** Platform of `on-cloud-platform` documents. @default undefined */
  readonly cloudPlatform: string | undefined
  /** The stores, highest priority first. */
  readonly backends: readonly BackendOptions[]
  /** `spring.cloud.config.server.fail-on-composite-error`. @default true */
  readonly failOnCompositeError: boolean
  /** `encrypt.*`: the keys. @default none */
  readonly encrypt: EncryptOptions
  /** `spring.cloud.config.server.encrypt.enabled`: whether this server decrypts, or its clients. @default true */
  readonly decrypt: boolean
  /** `spring.cloud.config.server.encrypt.plain-text-encrypt`: also in json, yml and properties files. @default false */
  readonly decryptFiles: boolean
  /** `spring.cloud.config.server.encrypt.prefix-invalid-properties`. @default true */
  readonly prefixInvalid: boolean
  readonly health: HealthOptions
  /** `breakwater.config-server.unreachable-status`: for a repository never reached; Spring says 404. @default 503 */
  readonly unreachableStatus: number
  /** `spring.cloud.config.monitor.endpoint.path`: put before /monitor, instead of the prefix. @default '' */
  readonly monitorPath: string
  readonly webhook: WebhookOptions
  readonly refreshClients: SpringRefreshOptions
  /** `breakwater.config-server.max-watchers`. @default 10000 */
  readonly maxWatchers: number
  /** `breakwater.config-server.watch-poll`: for stores that cannot tell of changes. @default 5000 */
  readonly watchPollMs: number
  /** `breakwater.config-server.access[n].*`: who may ask for what. @default none: the role alone decides */
  readonly access: readonly AccessRule[]
  /** `breakwater.config-server.max-file-bytes`: a larger file is refused. @default 1 MiB */
  readonly maxFileBytes: number
  /** `breakwater.config-server.max-plain-file-bytes`: a larger file that is no configuration is 413. @default 16 MiB */
  readonly maxPlainFileBytes: number
  /** `breakwater.config-server.max-keys`: a file with more is refused. @default 10000 */
  readonly maxKeys: number
  /** `breakwater.config-server.answer-cache`: bytes of ready answers kept. @default 16 MiB */
  readonly answerCacheBytes: number
  /** `breakwater.config-server.file-cache`: bytes of parsed files kept. @default 8 MiB */
  readonly fileCacheBytes: number
}

const MEBIBYTE = 1_048_576

export const DEFAULTS: ConfigServerOptions = {
  host: '127.0.0.1',
  port: 8888,
  prefix: '',
  defaultLabel: null,
  acceptEmpty: true,
  stripDocument: true,
  overrides: new Map(),
  validateProfiles: true,
  cloudPlatform: undefined,
  backends: [],
  failOnCompositeError: true,
  encrypt: { salt: 'deadbeef', rsa: { algorithm: 'DEFAULT', strong: false, salt: 'deadbeef' } },
  decrypt: true,
  decryptFiles: false,
  prefixInvalid: true,
  health: HEALTH_DEFAULTS,
  unreachableStatus: 503,
  monitorPath: '',
  webhook: { unsigned: false, disabled: new Set() },
  refreshClients: { enabled: false, pauseMs: 200, timeoutMs: 10_000 },
  maxWatchers: 10_000,
  watchPollMs: 5_000,
  access: [],
  maxFileBytes: MEBIBYTE,
  maxPlainFileBytes: PLAIN_FILE_BYTES,
  maxKeys: 10_000,
  answerCacheBytes: 16 * MEBIBYTE,
  fileCacheBytes: 8 * MEBIBYTE
}

const SERVER = 'spring.cloud.config.server'
const OWN = 'breakwater.config-server'

/** Reads the options of a process from its settings; a malformed value throws with its file and line. */
export function readOptions (settings: Settings): ConfigServerOptions {
  const limits = {
    maxFileBytes: settings.bytes(`${OWN}.max-file-bytes`, DEFAULTS.maxFileBytes),
    maxPlainFileBytes: settings.bytes(`${OWN}.max-plain-file-bytes`, DEFAULTS.maxPlainFileBytes)
  }
  const acceptEmpty = settings.boolean(`${SERVER}.accept-empty`, DEFAULTS.acceptEmpty)
  return {
    host: settings.string('server.address', DEFAULTS.host),
    port: settings.integer('server.port', DEFAULTS.port),
    prefix: withSlash(settings.string(`${SERVER}.prefix`, DEFAULTS.prefix)),
    defaultLabel: settings.get(`${SERVER}.default-label`) ?? DEFAULTS.defaultLabel,
    acceptEmpty,
    stripDocument: settings.boolean(`${SERVER}.strip-document-from-yaml`, DEFAULTS.stripDocument),
    overrides: readOverrides(settings),
    validateProfiles: settings.boolean('spring.profiles.validate', DEFAULTS.validateProfiles),
    cloudPlatform: settings.get('spring.main.cloud-platform'),
    backends: readBackends(settings, limits),
    failOnCompositeError: settings.boolean(`${SERVER}.fail-on-composite-error`, DEFAULTS.failOnCompositeError),
    encrypt: readEncryptOptions(settings, DEFAULTS.encrypt),
    decrypt: settings.boolean(`${SERVER}.encrypt.enabled`, DEFAULTS.decrypt),
    decryptFiles: settings.boolean(`${SERVER}.encrypt.plain-text-encrypt`, DEFAULTS.decryptFiles),
    prefixInvalid: settings.boolean(`${SERVER}.encrypt.prefix-invalid-properties`, DEFAULTS.prefixInvalid),
    health: readHealthOptions(settings, acceptEmpty),
    unreachableStatus: readUnreachableStatus(settings),
    monitorPath: withSlash(settings.string('spring.cloud.config.monitor.endpoint.path', DEFAULTS.monitorPath)),
    webhook: readWebhook(settings),
    refreshClients: readRefreshClients(settings),
    maxWatchers: settings.integer(`${OWN}.max-watchers`, DEFAULTS.maxWatchers),
    watchPollMs: settings.durationMs(`${OWN}.watch-poll`, DEFAULTS.watchPollMs),
    access: readAccess(settings),
    ...limits,
    maxKeys: settings.integer(`${OWN}.max-keys`, DEFAULTS.maxKeys),
    answerCacheBytes: settings.bytes(`${OWN}.answer-cache`, DEFAULTS.answerCacheBytes),
    fileCacheBytes: settings.bytes(`${OWN}.file-cache`, DEFAULTS.fileCacheBytes)
  }
}

function readUnreachableStatus (settings: Settings): number {
  const key = `${OWN}.unreachable-status`
  const status = settings.integer(key, DEFAULTS.unreachableStatus)
  if (status === 404 || status === 503) return status
  throw error('E_CONFIG_SETTING', [key, `${status} says something else.`, 'Use 404 or 503.'], { where: settings.origin(key) })
}

const PROVIDERS = ['github', 'gitlab', 'bitbucket', 'gitea', 'gitee', 'gogs', 'azure']

function readWebhook (settings: Settings): WebhookOptions {
  return {
    secret: settings.get(`${OWN}.webhook.secret`),
    unsigned: settings.boolean(`${OWN}.webhook.unsigned`, DEFAULTS.webhook.unsigned),
    disabled: new Set(PROVIDERS.filter(name => !settings.boolean(`${SERVER}.monitor.${name}.enabled`, true)))
  }
}

function readRefreshClients (settings: Settings): SpringRefreshOptions {
  const prefix = `${OWN}.refresh-clients`
  const username = settings.get(`${prefix}.username`)
  const text = `${username}:${settings.get(`${prefix}.password`) ?? ''}`
  return {
    enabled: settings.boolean(`${prefix}.enabled`, DEFAULTS.refreshClients.enabled),
    pauseMs: settings.durationMs(`${prefix}.pause`, DEFAULTS.refreshClients.pauseMs),
    timeoutMs: settings.durationMs(`${prefix}.timeout`, DEFAULTS.refreshClients.timeoutMs),
    authorization: username === undefined ? undefined : `Basic ${Buffer.from(text).toString('base64')}`
  }
}

function readAccess (settings: Settings): AccessRule[] {
  const rules: AccessRule[] = []
  for (let at = 0; settings.keys(`${OWN}.access[${at}]`).length > 0; at++) {
    rules.push(readAccessRule(settings, `${OWN}.access[${at}]`))
  }
  return rules
}

const RULE_PARTS = ['principals', 'applications', 'profiles', 'labels', 'actions', 'files']

// A misspelled part would otherwise mean "all": a rule has to say whom and what it is for, in words that are known.
function readAccessRule (settings: Settings, prefix: string): AccessRule {
  const unknown = [...settings.members(prefix).keys()].find(key => !RULE_PARTS.includes(key))
  if (unknown !== undefined) {
    throw error('E_CONFIG_SETTING', [`${prefix}.${unknown}`, 'no part of a rule.', `Use ${RULE_PARTS.join(', ')}.`],
      { where: settings.origin(`${prefix}.${unknown}`) })
  }
  const required = (part: string): string[] => {
    const list = settings.list(`${prefix}.${part}`)
    if (list.length === 0) throw error('E_CONFIG_SETTING', [`${prefix}.${part}`, 'missing.', 'Name them, or * for all.'])
    return list
  }
  return {
    principals: required('principals'),
    applications: required('applications'),
    profiles: settings.list(`${prefix}.profiles`, ['*']),
    labels: settings.list(`${prefix}.labels`, ['*']),
    actions: settings.list(`${prefix}.actions`, ['read', 'watch']),
    files: settings.list(`${prefix}.files`, [])
  }
}

// `\{` and `\${` let an override carry a placeholder to the client instead of having it filled in here.
function readOverrides (settings: Settings): Map<string, Property> {
  const texts = Object.entries(settings.map(`${SERVER}.overrides`))
  return new Map(texts.map(([key, text]) => [key, {
    value: { kind: 'string', text: text.replaceAll('\\${', '${').replaceAll('\\{', '{') },
    origin: { source: 'overrides' }
  }]))
}

function withSlash (prefix: string): string {
  const bare = prefix.replace(/^\/+|\/+$/g, '')
  return bare === '' ? '' : `/${bare}`
}
