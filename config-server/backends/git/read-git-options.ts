/** Spring's `git.*` keys to options, for the default repository and each of `repos.*`. */
import type { Settings } from '@breakwater/starter/settings'
import { error } from '../../errors.ts'
import type { StoreLimits } from '../backend.ts'
import { REPOSITORY_DEFAULTS, type GitCredentials, type GitOptions, type PatternRepository, type RepositoryOptions } from './git-options.ts'

/** Reads the keys below `prefix` (`spring.cloud.config.server.git`, `...composite[0]`). */
export function readGitOptions (settings: Settings, prefix: string, limits: StoreLimits): GitOptions {
  const base = readRepository(settings, prefix, REPOSITORY_DEFAULTS)
  return {
    ...base,
    basedir: settings.get(`${prefix}.basedir`),
    repos: [...settings.members(`${prefix}.repos`)].map(([id, key]) => readPattern(settings, key, id, base)),
    ...limits
  }
}

// Credentials, timeout and refresh rate are inherited from the default repository, as in Spring.
function readPattern (settings: Settings, key: string, id: string, base: RepositoryOptions): PatternRepository {
  const short = settings.get(key)
  const { credentials, timeoutMs, refreshMs } = base
  const inherited = { ...REPOSITORY_DEFAULTS, credentials, timeoutMs, refreshMs }
  const repository = short === undefined
    ? readRepository(settings, key, inherited)
    : { ...inherited, uri: short }
  return { ...repository, id, patterns: settings.list(`${key}.pattern`, [id]) }
}

function readRepository (
  settings: Settings, prefix: string, defaults: Omit<RepositoryOptions, 'uri'>
): RepositoryOptions {
  return {
    uri: settings.string(`${prefix}.uri`),
    defaultLabel: settings.string(`${prefix}.default-label`, defaults.defaultLabel),
    tryMasterBranch: settings.boolean(`${prefix}.try-master-branch`, defaults.tryMasterBranch),
    searchPaths: settings.list(`${prefix}.search-paths`, defaults.searchPaths),
    timeoutMs: settings.integer(`${prefix}.timeout`, defaults.timeoutMs / 1000) * 1000,
    refreshMs: readRefresh(settings, prefix, defaults.refreshMs),
    credentials: readCredentials(settings, prefix, defaults.credentials),
    continueOnMultipleLabelFailure:
      settings.boolean(`${prefix}.continue-on-multiple-label-failure`, defaults.continueOnMultipleLabelFailure),
    reverseLocationOrder: settings.boolean('spring.cloud.config.server.reverse-location-order', defaults.reverseLocationOrder)
  }
}

// Spring's 0 means a fetch in every request; here it is the shortest background interval, and a webhook is at once.
function readRefresh (settings: Settings, prefix: string, fallbackMs: number): number {
  const seconds = settings.number(`${prefix}.refresh-rate`, fallbackMs / 1000)
  return seconds < 0 ? 0 : seconds === 0 ? REPOSITORY_DEFAULTS.refreshMs : seconds * 1000
}

function readCredentials (settings: Settings, prefix: string, base: GitCredentials): GitCredentials {
  const text = (key: string): string | undefined => settings.get(`${prefix}.${key}`)
  const algorithm = text('host-key-algorithm')
  const hostKey = text('host-key')
  return {
    username: text('username') ?? base.username,
    password: text('password') ?? base.password,
    passphrase: text('passphrase') ?? base.passphrase,
    privateKey: text('private-key') ?? base.privateKey,
    hostKey: hostKey === undefined ? base.hostKey : [algorithm, hostKey].filter(Boolean).join(' '),
    knownHostsFile: text('known-hosts-file') ?? base.knownHostsFile,
    strictHostKeyChecking: settings.boolean(`${prefix}.strict-host-key-checking`, base.strictHostKeyChecking),
    ignoreLocalSshSettings: settings.boolean(`${prefix}.ignore-local-ssh-settings`, base.ignoreLocalSshSettings),
    skipSslValidation: settings.boolean(`${prefix}.skip-ssl-validation`, base.skipSslValidation),
    preferredAuthentications: readAuthentications(settings, prefix) ?? base.preferredAuthentications,
    proxy: readProxy(settings, prefix) ?? base.proxy,
    nonProxyHosts: readNonProxyHosts(settings, prefix) ?? base.nonProxyHosts
  }
}

// The list becomes part of a command line.
function readAuthentications (settings: Settings, prefix: string): string[] | undefined {
  const key = `${prefix}.preferred-authentications`
  const list = settings.list(key)
  const bad = list.find(method => !/^[a-z-]+$/.test(method))
  if (bad !== undefined) {
    throw error('E_CONFIG_SETTING', [key, `"${bad}" is no way into an ssh server.`, 'Use publickey, password.'],
      { where: settings.origin(key) })
  }
  return list.length === 0 ? undefined : list
}

// Java parts the hosts with `|`.
function readNonProxyHosts (settings: Settings, prefix: string): string[] | undefined {
  const lists = ['https', 'http'].flatMap(kind => settings.list(`${prefix}.proxy.${kind}.non-proxy-hosts`))
  return lists.length === 0 ? undefined : lists.flatMap(text => text.split('|'))
}

function readProxy (settings: Settings, prefix: string): string | undefined {
  for (const kind of ['https', 'http']) {
    const host = settings.get(`${prefix}.proxy.${kind}.host`)
    if (host === undefined) continue
    const user = settings.get(`${prefix}.proxy.${kind}.username`)
    const password = settings.get(`${prefix}.proxy.${kind}.password`) ?? ''
    const info = user === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`
    return `http://${info}${host}:${settings.integer(`${prefix}.proxy.${kind}.port`, 3128)}`
  }
  return undefined
}
