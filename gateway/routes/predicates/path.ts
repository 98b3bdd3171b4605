/** `Path=/users/**,/u/{id}`: any pattern fits the path; its variables are set and the first fit wins. */
import { compilePath, putVariable } from '../path-pattern.ts'
import type { PredicateFactory } from '../factory.ts'
import type { Exchange } from '../../exchange.ts'

export const path: PredicateFactory = {
  name: 'Path',
  fields: ['patterns', 'matchTrailingSlash'],
  gather: 'list-tail-flag',
  create (args, draft, context) {
    const slash = args.boolean('matchTrailingSlash', true)
    const base = context.options.basePath
    const texts = args.list('patterns')
    if (texts.length === 0) throw args.fail('patterns are required')
    const patterns = texts.map(text => args.parsed('patterns', one => compilePath(base + one, slash), text))
    for (const name of patterns.flatMap(pattern => pattern.names)) draft.variables.add(name)
    draft.pathPrefixes = patterns.map(pattern => pattern.prefix)
    // Sets into the exchange under test; tests run one after another and never wait, so one slot is enough.
    let current: Exchange | undefined
    const set = (name: string, value: string) => { if (current !== undefined) putVariable(current, name, value) }
    return {
      name: 'Path',
      test (x) {
        current = x
        // x.path, not rawPath: a forward inside the gateway is matched by where it leads.
        for (const pattern of patterns) if (pattern.matches(x.path, set)) return true
        return false
      },
      toString: () => `Paths: [${texts.join(', ')}], match trailing slash: ${slash}`
    }
  }
}
