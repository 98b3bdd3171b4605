/** `breakwater registry ...`: asks a running registry, and orders. Words and options are read by `cli/registry/`. */
import { registry } from '../registry/registry.ts'
import type { Verb } from '../verb.ts'

const FLAGS = {
  registry: { type: 'string', value: 'URL', help: 'the registry; default: http://127.0.0.1:8761' },
  'token-file': { type: 'string', value: 'FILE', help: 'a file with the token that it asks for' },
  app: { type: 'string', value: 'A', help: 'drain, restore, list: of this application' },
  host: { type: 'string', value: 'H', help: 'on this host' },
  zone: { type: 'string', value: 'Z', help: 'in this zone' },
  version: { type: 'string', value: 'V', help: 'of this version' },
  id: { type: 'string', value: 'I', help: 'this instance' },
  reason: { type: 'string', value: 'TEXT', help: 'drain: why' },
  for: { type: 'string', value: '2h', help: 'drain: how long' },
  'dry-run': { type: 'boolean', help: 'only tell whom it would be done to' },
  json: { type: 'boolean', help: 'for machines' }
} as const

export const registryVerb: Verb = {
  name: 'registry', words: 'list | show APP ID | watch | diff PEER-URL | drain | restore', flags: FLAGS,
  summary: 'asks a running registry, takes instances out of use and brings them back',
  run: async (process, args) => {
    const enough = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { enough.abort() })
    return registry(args, { env: process.env, signal: enough.signal, write: text => { process.stdout.write(text) } })
  }
}
