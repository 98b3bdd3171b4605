/** `Host=**.a.org,{sub}.b.org`: any Ant pattern fits the Host header. A request without Host fits none. */
import { compileHost } from '../host-pattern.ts'
import { putVariable } from '../path-pattern.ts'
import type { PredicateFactory } from '../factory.ts'
import type { Exchange } from '../../exchange.ts'

export const host: PredicateFactory = {
  name: 'Host',
  fields: ['patterns'],
  gather: 'list',
  create (args, draft, context) {
    const texts = args.list('patterns')
    if (texts.length === 0) throw args.fail('patterns are required')
    const patterns = texts.map(text =>
      args.parsed('patterns', one => compileHost(one, context.options.hostIncludesPort), text))
    for (const name of patterns.flatMap(pattern => pattern.names)) draft.variables.add(name)
    const exact = patterns.map(pattern => pattern.exact)
    draft.hosts = exact.every(one => one !== undefined) ? exact : null
    let current: Exchange | undefined
    const set = (name: string, value: string) => { if (current !== undefined) putVariable(current, name, value) }
    return {
      name: 'Host',
      test (x) {
        if (x.host === '') return false
        current = x
        for (const pattern of patterns) if (pattern.matches(x.host, set)) return true
        return false
      },
      toString: () => `Hosts: [${texts.join(', ')}]`
    }
  }
}
