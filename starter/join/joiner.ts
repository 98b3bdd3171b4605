/** What makes a program that is not ours a member, whatever its framework. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMember, type Member, type MemberOptions } from '../member.ts'
import { loadSettings } from '../settings/index.ts'
import type { Settings } from '../settings/index.ts'
import type { SignalSource } from './signals.ts'

export interface JoinOptions extends MemberOptions {
  /** Whose SIGTERM and SIGINT stop it, and end the process then. `false`: the program stops it. @default process */
  readonly signals?: SignalSource | false
}

export async function createJoiner (options: JoinOptions): Promise<Member> {
  return createMember({ ...options, settings: options.settings ?? await settingsFor(options.name) })
}

/** Its server listens: the registry may know. */
export function arriveWith (server: Server, member: Member): Promise<void> {
  return member.arrive(server.address() as AddressInfo, { management: undefined, secure: 'setSecureContext' in server })
}

/**
 * As Spring reads them, from files, environment and command line. The command line is the program's own: only words
 * `--name=value` with a dot in the name are taken for settings.
 */
function settingsFor (name: string, { argv, env } = process): Promise<Settings> {
  const args = Object.fromEntries(argv.flatMap(word => {
    const [, key, value] = /^--([\w-]+\.[\w.[\]-]+)=(.*)$/s.exec(word) ?? []
    return key === undefined ? [] : [[key, value ?? '']]
  }))
  return loadSettings({ name, env, args })
}
