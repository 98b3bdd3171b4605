/**
 * What git needs to get in: a private folder with its settings, a program that answers its questions from the
 * environment, keys and known hosts. Nothing of it stands among the arguments of a process.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GitCredentials } from './git-options.ts'
import type { GitEnvironment } from './git-process.ts'

export interface Credentials {
  readonly environment: GitEnvironment
  remove (): Promise<void>
}

const ASKPASS = `#!/bin/sh
case "$1" in
  Username*) printf '%s\\n' "$BREAKWATER_GIT_USERNAME" ;;
  *assphrase*) printf '%s\\n' "$BREAKWATER_GIT_PASSPHRASE" ;;
  *) printf '%s\\n' "$BREAKWATER_GIT_PASSWORD" ;;
esac
`

/** Writes the private folder; call `remove` when the repository is no longer used. */
export async function prepareCredentials (
  credentials: GitCredentials, inherited: Readonly<Record<string, string | undefined>>
): Promise<Credentials> {
  const folder = await mkdtemp(join(tmpdir(), 'breakwater-git-'))
  const askpass = join(folder, 'askpass')
  await writeFile(askpass, ASKPASS, { mode: 0o700 })
  await writeFile(join(folder, 'config'), configText(credentials), { mode: 0o600 })
  return {
    environment: {
      ...pick(inherited, ['PATH', 'SSH_AUTH_SOCK', 'HOME']),
      GIT_CONFIG_GLOBAL: join(folder, 'config'),
      GIT_ASKPASS: askpass,
      SSH_ASKPASS: askpass,
      SSH_ASKPASS_REQUIRE: 'force',
      GIT_SSH_COMMAND: await sshCommand(credentials, folder),
      ...answers(credentials),
      ...proxyOf(credentials)
    },
    remove: async () => rm(folder, { recursive: true, force: true })
  }
}

// A leading dot is curl's way of saying `*.`.
function proxyOf ({ proxy, nonProxyHosts = [] }: GitCredentials): GitEnvironment {
  if (proxy === undefined) return {}
  const direct = nonProxyHosts.map(host => host.replace(/^\*\./, '.')).join(',')
  return { http_proxy: proxy, https_proxy: proxy, ...(direct === '' ? {} : { no_proxy: direct }) }
}

// The operator named the repository: that it belongs to another user is no reason to refuse it, on either side.
function configText ({ skipSslValidation }: GitCredentials): string {
  return `[safe]\n\tdirectory = *\n[credential]\n\thelper =\n[http]\n\tsslVerify = ${!skipSslValidation}\n\tfollowRedirects = initial\n`
}

function answers ({ username, password, passphrase }: GitCredentials): GitEnvironment {
  return {
    BREAKWATER_GIT_USERNAME: username ?? '',
    BREAKWATER_GIT_PASSWORD: password ?? '',
    BREAKWATER_GIT_PASSPHRASE: passphrase ?? ''
  }
}

// git hands this to a shell: only paths of our own making and fixed words are in it.
async function sshCommand (credentials: GitCredentials, folder: string): Promise<string> {
  const words = ['ssh', '-o', `StrictHostKeyChecking=${credentials.strictHostKeyChecking ? 'yes' : 'no'}`]
  if (credentials.ignoreLocalSshSettings) words.push('-F', '/dev/null')
  const { preferredAuthentications } = credentials
  if (preferredAuthentications !== undefined) words.push('-o', `PreferredAuthentications=${preferredAuthentications.join(',')}`)
  if (credentials.privateKey !== undefined) {
    await writeFile(join(folder, 'key'), `${credentials.privateKey.trim()}\n`, { mode: 0o600 })
    words.push('-i', join(folder, 'key'), '-o', 'IdentitiesOnly=yes')
  }
  if (credentials.hostKey !== undefined) {
    await writeFile(join(folder, 'known_hosts'), `* ${credentials.hostKey.trim()}\n`, { mode: 0o600 })
    words.push('-o', `UserKnownHostsFile=${join(folder, 'known_hosts')}`)
  } else if (credentials.knownHostsFile !== undefined) {
    words.push('-o', `UserKnownHostsFile='${credentials.knownHostsFile.replaceAll("'", "'\\''")}'`)
  }
  return words.join(' ')
}

/** What git needs for reading its own folders: no file is written for it, so it works on a volume that is full. */
export function localEnvironment (inherited: Readonly<Record<string, string | undefined>>): GitEnvironment {
  return pick(inherited, ['PATH'])
}

function pick (from: Readonly<Record<string, string | undefined>>, names: readonly string[]): GitEnvironment {
  return Object.fromEntries(names.flatMap(name => from[name] === undefined ? [] : [[name, from[name]]]))
}

/** A URI without its user and password, and these two: they must not reach arguments, names or logs. */
export function withoutUserInfo (uri: string): { uri: string, username?: string, password?: string } {
  const match = /^(https?:\/\/)([^@/]*)@(.*)$/s.exec(uri)
  if (match === null) return { uri }
  const [username = '', password] = (match[2] ?? '').split(':').map(decodeURIComponent)
  return { uri: `${match[1]}${match[3]}`, username, ...(password === undefined ? {} : { password }) }
}
