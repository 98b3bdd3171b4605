/** `After`, `Before`, `Between`: now against ISO instants with zone, or epoch milliseconds; strict on both sides. */
import type { Args } from '../args.ts'
import type { PredicateFactory } from '../factory.ts'
import { parseInstantMs } from '../instant.ts'

export const after: PredicateFactory = {
  name: 'After',
  fields: ['datetime'],
  create (args, _draft, { wallClock }) {
    const from = instant(args, 'datetime')
    return { name: 'After', test: () => wallClock() > from, toString: () => `After: ${args.string('datetime')}` }
  }
}

export const before: PredicateFactory = {
  name: 'Before',
  fields: ['datetime'],
  create (args, _draft, { wallClock }) {
    const until = instant(args, 'datetime')
    return { name: 'Before', test: () => wallClock() < until, toString: () => `Before: ${args.string('datetime')}` }
  }
}

export const between: PredicateFactory = {
  name: 'Between',
  fields: ['datetime1', 'datetime2'],
  create (args, _draft, { wallClock }) {
    const from = instant(args, 'datetime1')
    const until = instant(args, 'datetime2')
    if (from >= until) throw args.fail('datetime1 must be before datetime2')
    return {
      name: 'Between',
      test () {
        const now = wallClock()
        return now > from && now < until
      },
      toString: () => `Between: ${args.string('datetime1')} and ${args.string('datetime2')}`
    }
  }
}

function instant (args: Args, key: string): number {
  return args.parsed(key, parseInstantMs)
}
