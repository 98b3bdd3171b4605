/** `Cookie=chocolate, ch.p`: any cookie of that name fits the whole regexp. */
import type { PredicateFactory } from '../factory.ts'
import { fullMatch } from '../../regex/java-regex.ts'
import { cookieValues } from '../cookies.ts'

export const cookie: PredicateFactory = {
  name: 'Cookie',
  fields: ['name', 'regexp'],
  create (args) {
    const name = args.string('name')
    const regexp = args.string('regexp')
    const regex = args.parsed('regexp', fullMatch)
    return {
      name: 'Cookie',
      test: x => cookieValues(x.headerValues('cookie'), name).some(value => regex.test(value)),
      toString: () => `Cookie: name=${name} regexp=${regexp}`
    }
  }
}
