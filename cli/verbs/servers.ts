/** Each server alone: its command is the server's own main file, which reads its flags and settings itself. */
import type { Verb } from '../verb.ts'

const SERVER_FLAGS = {
  port: { type: 'string', value: 'N', help: 'server.port; 0: any free one' },
  config: { type: 'string', value: 'FILE', help: 'a settings file; default: application.yml of this folder' },
  profile: { type: 'string', value: 'NAMES', help: 'spring.profiles.active' },
  'KEY=VALUE': { type: 'string', help: 'any setting, as in --server.address=0.0.0.0' }
} as const

export const SERVER_VERBS: readonly Verb[] = [
  server('discovery', 'the registry alone', () => import('@breakwater/discovery/main')),
  server('config-server', 'the config server alone', () => import('@breakwater/config-server/main')),
  server('gateway', 'the gateway alone', () => import('@breakwater/gateway/main')),
  server('bus', 'the embedded bus alone', () => import('@breakwater/messaging/main'))
]

function server (name: string, summary: string, load: () => Promise<unknown>): Verb {
  return {
    name,
    summary,
    flags: SERVER_FLAGS,
    run: async process => {
      // A server's main reads its options from argv, where they stand without our command.
      process.argv.splice(2, 1)
      await load()
      return undefined
    }
  }
}
