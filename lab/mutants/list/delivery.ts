/** Faults of the road of a message: intake, relay, bus. */
import type { Mutant } from '../mutant.ts'

const CORE = ['messaging/test/messaging.test.ts', 'messaging/test/rolling.test.ts']
const RELAY = ['messaging/test/relay.test.ts']
const BUS = ['messaging/test/bus-embedded.test.ts']

export const DELIVERY: readonly Mutant[] = [
  {
    id: 'reply-not-repeated',
    package: 'messaging',
    breaks: 'a command that comes again is answered again',
    file: 'messaging/intake.ts',
    from: '`${reply.id}:r${emit.id()}`',
    to: 'reply.id',
    seenBy: CORE
  },
  {
    id: 'replies-not-kept',
    package: 'messaging',
    breaks: 'the replies to a command are kept with it',
    file: 'messaging/intake.ts',
    from: 'await tx.inbox.keepReplies(service, message.id, said.entries)',
    to: 'said.entries.length = 0',
    seenBy: CORE
  },
  {
    id: 'inbox-ignored',
    package: 'messaging',
    breaks: 'a message that was handled is not handled again',
    file: 'messaging/intake.ts',
    from: 'if (!claim.fresh) {',
    to: 'if (!claim.fresh && message.id === "") {',
    seenBy: CORE
  },
  {
    id: 'other-content-dropped',
    package: 'messaging',
    breaks: 'another message under a known id is told, not dropped',
    file: 'messaging/intake.ts',
    from: 'if ((claim.content ?? content) !== content) throw',
    to: 'if (claim.content === undefined) throw',
    seenBy: CORE
  },
  {
    id: 'unknown-is-dead',
    package: 'messaging',
    breaks: 'a message that only a newer instance knows is left to it',
    file: 'messaging/bus/handling.ts',
    from: 'if (error instanceof Held) return { kind: \'wait\', delayMs: error.delayMs, error: text, leave: true }',
    to: 'if (error instanceof Held) return { kind: \'dead\', error: text }',
    seenBy: CORE
  },
  {
    id: 'transient-counts',
    package: 'messaging',
    breaks: 'what waits for its surroundings uses up no try',
    file: 'messaging/bus/handling.ts',
    from: 'if (isTransient(error)) return { kind: \'wait\', delayMs: options.probeMs, error: text, leave: false }',
    to: 'if (isTransient(error)) return { kind: \'retry\', delayMs: options.probeMs, error: text }',
    seenBy: BUS
  },
  {
    id: 'outbox-unbounded',
    package: 'messaging',
    breaks: 'commands are refused when too many messages wait',
    file: 'messaging/messaging.ts',
    from: 'if (this.#waiting > this.#parts.options.maxOutbox) throw',
    to: 'if (this.#waiting > Infinity) throw',
    seenBy: CORE
  },
  {
    id: 'refused-goes-on',
    package: 'messaging',
    breaks: 'behind a message that was not taken its group stops',
    file: 'messaging/relay.ts',
    from: '        stopped.add(row.group)\n',
    to: '',
    seenBy: RELAY
  },
  {
    id: 'wake-asks-dead-bus',
    package: 'messaging',
    breaks: 'a commit does not ask a dead bus before its time',
    file: 'messaging/relay-held.ts',
    from: 'if (until > now) continue',
    to: 'if (until > now + 3_600_000) continue',
    seenBy: RELAY
  },
  {
    id: 'taken-sent-again',
    package: 'messaging',
    breaks: 'what the bus has taken is not sent again before it is marked',
    file: 'messaging/relay.ts',
    from: '!this.#taken.has(row.seq) &&',
    to: 'row.seq > 0 &&',
    seenBy: RELAY
  },
  {
    id: 'refused-kept-quiet',
    package: 'messaging',
    breaks: 'a message that is set aside for ever is told',
    file: 'messaging/relay.ts',
    from: 'for (const { row, reason } of never) this.#options.onRefused(row, reason)',
    to: '',
    seenBy: RELAY
  },
  {
    id: 'untried-counts',
    package: 'messaging',
    breaks: 'what is given back untried counts against nothing',
    file: 'messaging/bus/embedded/lanes.ts',
    from: '    lane.receipt = undefined\n    lane.unanswered--\n',
    to: '    lane.receipt = undefined\n    lane.failures++\n',
    seenBy: BUS
  },
  {
    id: 'counts-not-written',
    package: 'messaging',
    breaks: 'a message that ends its consumer is counted beyond a restart of the bus',
    file: 'messaging/bus/embedded/handout.ts',
    from: 'unanswered > 1 || seq <= this.oldSeq)',
    to: 'unanswered > 1e9 || seq < 0)',
    seenBy: BUS
  },
  {
    id: 'stale-receipt-settles',
    package: 'messaging',
    breaks: 'a receipt of yesterday settles nothing',
    file: 'messaging/bus/embedded/lanes.ts',
    from: 'return lane?.receipt === receipt ? lane : undefined',
    to: 'return lane',
    seenBy: BUS
  },
  {
    id: 'subscription-narrows',
    package: 'messaging',
    breaks: 'subscriptions only grow',
    file: 'messaging/bus/embedded/directory.ts',
    from: '[...new Set([...row === undefined ? [] : read(row), ...types])]',
    to: '[...types]',
    seenBy: BUS
  },
  {
    id: 'wait-keeps-slot',
    package: 'messaging',
    breaks: 'the next message of another group does not wait for one that waits',
    file: 'messaging/bus/embedded/lanes.ts',
    from: 'lane.unanswered++\n      this.holdUntil(lane, now + visibilityMs)',
    to: 'lane.unanswered++\n      this.holdUntil(lane, now)',
    seenBy: BUS
  }
]
