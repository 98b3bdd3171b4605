/** `breakwater registry ...`: asks a running registry, and orders. What it does stands in `cli/registry/`. */
import { REGISTRY_FLAGS } from '../registry/options.ts'
import type { Verb } from '../verb.ts'

export const registryVerb: Verb = {
  name: 'registry', words: 'list | show APP ID | watch | diff PEER-URL | drain | restore', flags: REGISTRY_FLAGS,
  summary: 'asks a running registry, takes instances out of use and brings them back',
  run: async (process, args) => {
    const { registry } = await import('../registry/registry.ts')
    const enough = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { enough.abort() })
    return registry(args, { env: process.env, signal: enough.signal, write: text => { process.stdout.write(text) } })
  }
}
