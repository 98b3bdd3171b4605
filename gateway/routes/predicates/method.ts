/** `Method=GET,POST`: the method is one of them, exactly. */
import type { PredicateFactory } from '../factory.ts'
import { splitCommas } from '../shortcut.ts'

export const method: PredicateFactory = {
  name: 'Method',
  fields: ['methods'],
  gather: 'list',
  create (args) {
    const methods = args.list('methods').flatMap(splitCommas)
    if (methods.length === 0) throw args.fail('methods are required')
    const wanted = new Set(methods)
    return {
      name: 'Method',
      test: x => wanted.has(x.method),
      toString: () => `Methods: [${methods.join(', ')}]`
    }
  }
}
