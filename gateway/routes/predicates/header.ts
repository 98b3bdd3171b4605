/** `Header=X-Id, \d+`: any comma-separated value fits the whole regexp; without one the header is there. */
import type { PredicateFactory } from '../factory.ts'
import { fullMatch, type FullMatch } from '../../regex/java-regex.ts'

export const header: PredicateFactory = {
  name: 'Header',
  fields: ['header', 'regexp'],
  create (args) {
    const text = args.string('header')
    const name = text.toLowerCase()
    const regexp = args.optional('regexp')
    const regex = regexp === undefined ? undefined : args.parsed('regexp', fullMatch)
    return {
      name: 'Header',
      test: regex === undefined
        // As in Spring a field without a value is as good as none.
        ? x => x.headerValues(name).some(value => value !== '')
        : x => x.headerValues(name).some(value => regex.test(value) || fitsPart(value, regex)),
      toString: () => `Header: ${text} regexp=${regexp ?? 'null'}`
    }
  }
}

function fitsPart (value: string, regex: FullMatch): boolean {
  return value.includes(',') && value.split(',').some(part => regex.test(part.trim()))
}
