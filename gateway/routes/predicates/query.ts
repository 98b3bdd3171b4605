/** `Query=color, gr.*`: any decoded value of the parameter fits the whole regexp; without one the key is there. */
import type { PredicateFactory } from '../factory.ts'
import { fullMatch } from '../../regex/java-regex.ts'
import { queryValues } from '../query.ts'

export const query: PredicateFactory = {
  name: 'Query',
  fields: ['param', 'regexp'],
  extra: ['predicate'],
  create (args) {
    const param = args.string('param')
    const regexp = args.optional('regexp')
    const regex = regexp === undefined ? undefined : args.parsed('regexp', fullMatch)
    return {
      name: 'Query',
      test (x) {
        if (x.query === '') return false
        const values = queryValues(x.query, param)
        return regex === undefined ? values.length > 0 : values.some(value => regex.test(value))
      },
      toString: () => `Query: param=${param} regexp=${regexp ?? 'null'}`
    }
  }
}
