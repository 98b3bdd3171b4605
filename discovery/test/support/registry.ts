import { Payloads } from '../../eureka/payloads.ts'
import { Registry } from '../../registry.ts'
import { Book } from '../../registry/book.ts'
import { Hub } from '../../stream/hub.ts'
import { rules, type Clock } from './instances.ts'

/** A registry without a server, on a clock that stands still. */
export function bareRegistry (clock: Clock): Registry {
  const book = new Book(rules(clock))
  const payloads = new Payloads(book, clock.now)
  const hub = new Hub(book, payloads, { now: clock.now, schedule: () => () => {}, pingMs: 1, stallMs: 1, gapMs: 1 })
  return new Registry({ book, payloads, hub })
}
