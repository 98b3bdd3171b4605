/** Faults in what messaging does for old and new versions side by side, and for what comes late. */
import type { Mutant } from '../mutant.ts'

const ROLLING = ['messaging/test/rolling.test.ts']
const RETENTION = ['messaging/test/retention.test.ts']
const SAGAS = ['messaging/test/saga.test.ts', 'messaging/test/saga-time.test.ts']

export const VERSIONS_AND_TIME: readonly Mutant[] = [
  {
    id: 'no-route-is-done',
    package: 'messaging',
    breaks: 'a known type without a route is left to those that have one',
    file: 'messaging/intake.ts',
    from: 'if (route === undefined) throw new Newer(\'no route\')',
    to: 'if (route === undefined) return',
    seenBy: ROLLING
  },
  {
    id: 'held-counts',
    package: 'messaging',
    breaks: 'what is left to others uses up no try',
    file: 'messaging/bus/handling.ts',
    from: 'return { kind: \'wait\', delayMs: error.delayMs, error: text, leave: true }',
    to: 'return { kind: \'retry\', delayMs: error.delayMs, error: text }',
    seenBy: ROLLING
  },
  {
    id: 'held-for-ever',
    package: 'messaging',
    breaks: 'what nobody understands for an hour is a dead letter',
    file: 'messaging/holding.ts',
    from: 'if (heldMs >= holdMs)',
    to: 'if (heldMs >= Infinity)',
    seenBy: ROLLING
  },
  {
    id: 'held-in-step',
    package: 'messaging',
    breaks: 'what is left to others is offered with growing waits',
    file: 'messaging/holding.ts',
    from: 'backOffMs(hold.times,',
    to: 'backOffMs(1,',
    seenBy: ROLLING
  },
  {
    id: 'newer-saga-told',
    package: 'messaging',
    breaks: 'a saga in a state of a newer version is told nothing by an older one',
    file: 'messaging/saga/sagas.ts',
    from: 'if (state === undefined) throw new Newer(',
    to: 'if (state === null) throw new Newer(',
    seenBy: ROLLING
  },
  {
    id: 'overtaken-step-lost',
    package: 'messaging',
    breaks: 'a step that another one has overtaken is refused, not lost',
    file: 'messaging/saga/saga-rows.ts',
    from: 'if (saved !== 1) throw',
    to: 'if (saved > 1) throw',
    seenBy: SAGAS
  },
  {
    id: 'subject-of-all-types',
    package: 'messaging',
    breaks: 'two types of saga may be about one subject',
    file: 'messaging/saga/saga-rows.ts',
    from: 'WHERE type = ? AND subject = ?',
    to: 'WHERE (type = ? OR 1 = 1) AND subject = ?',
    seenBy: SAGAS
  },
  {
    id: 'failed-look-first',
    package: 'messaging',
    breaks: 'a saga whose deadline failed waits before it is tried again',
    file: 'messaging/saga/saga-rows.ts',
    from: 'f.next_at IS NULL OR f.next_at <= ?',
    to: 'f.next_at IS NULL OR f.next_at <= 2 * ?',
    seenBy: SAGAS
  },
  {
    id: 'said-behind-the-end',
    package: 'messaging',
    breaks: 'what is said behind the end of its transaction is refused',
    file: 'messaging/emitter.ts',
    from: 'if (!this.#open) return',
    to: 'if (this.#open === undefined) return',
    seenBy: ['messaging/test/emitter.test.ts']
  },
  {
    id: 'said-and-not-waited-for',
    package: 'messaging',
    breaks: 'what nobody waited for belongs to its transaction',
    file: 'messaging/emitter.ts',
    from: 'await Promise.all(this.#saying)',
    to: 'await Promise.resolve()',
    seenBy: ['messaging/test/emitter.test.ts']
  },
  {
    id: 'too-old-is-new',
    package: 'messaging',
    breaks: 'what is too old to be known is not handled as new',
    file: 'messaging/intake.ts',
    from: '      this.#checkAge(message)\n',
    to: '',
    seenBy: RETENTION
  },
  {
    id: 'forgotten-without-a-mark',
    package: 'messaging',
    breaks: 'a purge notes how new what it forgets is',
    file: 'messaging/store/purging.ts',
    from: '  await forget(before.inboxMs)\n',
    to: '',
    seenBy: RETENTION
  },
  {
    id: 'ahead-for-ever',
    package: 'messaging',
    breaks: 'a saga that was dated by a clock that was ahead is brought back',
    file: 'messaging/saga/deadlines.ts',
    from: 'await this.#bringBack()',
    to: '',
    seenBy: ['messaging/test/saga-time.test.ts']
  },
  {
    id: 'purge-by-the-wall',
    package: 'messaging',
    breaks: 'a wall clock that is set forth makes nothing older',
    file: 'messaging/forgetting.ts',
    from: 'Math.min(this.#clock.now(), passed)',
    to: 'this.#clock.now()',
    seenBy: RETENTION
  },
  {
    id: 'known-by-our-clock-alone',
    package: 'messaging',
    breaks: 'a message is known from when it was sent, whatever the clock here said',
    file: 'messaging/store/store.ts',
    from: 'return Math.max(nowMs, sentMs)',
    to: 'return nowMs',
    seenBy: RETENTION
  }
]
