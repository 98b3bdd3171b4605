/** Faults of messaging: outbox, relay, buses, inbox, sagas, projections, stores, keys. */
import type { Mutant } from '../mutant.ts'

const SAGAS = ['messaging/test/saga.test.ts', 'messaging/test/saga-time.test.ts']
const CORE = ['messaging/test/messaging.test.ts', 'messaging/test/rolling.test.ts']
const BUS = ['messaging/test/bus-embedded.test.ts']
const RELAY = ['messaging/test/relay.test.ts']
const STORES = ['messaging/test/store-sqlite.test.ts', 'messaging/test/store.test.ts']
const KEYS = ['messaging/test/idempotency.test.ts']
const PROJECTION = ['messaging/test/projection.test.ts']

export const MESSAGING: readonly Mutant[] = [
  {
    id: 'deadline-not-whole',
    package: 'messaging',
    breaks: 'a deadline is stored as a whole number, whatever its jitter',
    file: 'messaging/saga/states.ts',
    from: 'Math.round(typeof deadlineMs === \'number\' ? deadlineMs : deadlineMs(attempt))',
    to: '0 + (typeof deadlineMs === \'number\' ? deadlineMs : deadlineMs(attempt))',
    seenBy: SAGAS
  },
  {
    id: 'expire-without-look',
    package: 'messaging',
    breaks: 'a saga that has moved meanwhile is not told that its old deadline has passed',
    file: 'messaging/saga/sagas.ts',
    from: 'row.deadline_at === null || row.deadline_at > emit.now()',
    to: 'row.deadline_at === null',
    seenBy: SAGAS
  },
  {
    id: 'moved-by-resend',
    package: 'messaging',
    breaks: 'a saga that is asked again and again without an answer becomes stuck',
    file: 'messaging/saga/sagas.ts',
    from: 'moved_at: moved ? emit.now() : row.moved_at',
    to: 'moved_at: emit.now()',
    seenBy: SAGAS
  },
  {
    id: 'any-reply-counts',
    package: 'messaging',
    breaks: 'only the reply to the command that is running moves a saga',
    file: 'messaging/saga/sagas.ts',
    from: '(state.sends === undefined || message.causationid === row.command_id)',
    to: 'true',
    seenBy: SAGAS
  },
  {
    id: 'resend-as-new',
    package: 'messaging',
    breaks: 'each sending of a command has a dedupe id of its own',
    file: 'messaging/saga/sagas.ts',
    from: '`a${row.attempt + 1}`',
    to: '\'a\'',
    seenBy: SAGAS
  },
  {
    id: 'attempt-stays',
    package: 'messaging',
    breaks: 'the count of resends begins anew with each step',
    file: 'messaging/saga/sagas.ts',
    from: 'const attempt = moved || sent !== undefined ? 0',
    to: 'const attempt = sent !== undefined && !moved ? 0',
    seenBy: SAGAS
  },
  {
    id: 'ended-keeps-deadline',
    package: 'messaging',
    breaks: 'a saga that has ended has no deadline',
    file: 'messaging/saga/sagas.ts',
    from: 'deadline_at: isWait(state) ? deadline : null',
    to: 'deadline_at: deadline',
    seenBy: SAGAS
  },
  {
    id: 'deadlines-wait-for-outbox',
    package: 'messaging',
    breaks: 'a full outbox keeps no saga from compensating',
    file: 'messaging/messaging.ts',
    from: 'inTransaction: fn => this.inTransaction((tx, emit) => fn(tx as Tx as SqlTx, emit))',
    to: 'inTransaction: fn => this.tx((tx, emit) => fn(tx as Tx as SqlTx, emit))',
    seenBy: SAGAS
  },
  {
    id: 'one-failure-stops-look',
    package: 'messaging',
    breaks: 'one saga that cannot be told holds up none behind it',
    file: 'messaging/saga/deadlines.ts',
    from: '      const failures = await inTransaction(tx => writeFailure',
    to: '      if (this.#failing.size > 0) throw error\n      const failures = await inTransaction(tx => writeFailure',
    seenBy: SAGAS
  },
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
    file: 'messaging/bus/embedded/book.ts',
    from: 'const again = heads.filter(({ seq, counts }) => counts.unanswered > 1 || seq <= this.#oldSeq)',
    to: 'const again = heads.filter(({ counts }) => counts.unanswered < 0)',
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
    file: 'messaging/bus/embedded/book.ts',
    from: 'known => [...new Set([...known, ...types])]',
    to: '() => [...types]',
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
  },
  {
    id: 'outbox-twice',
    package: 'messaging',
    breaks: 'the same dedupe id is written once',
    file: 'messaging/store/sql-messaging.ts',
    from: '\'ON CONFLICT (dedupe) DO NOTHING\'',
    to: '\'ON CONFLICT (dedupe) DO UPDATE SET sent_at = NULL\'',
    seenBy: STORES
  },
  {
    id: 'closed-still-answers',
    package: 'messaging',
    breaks: 'a closed store answers "not now"',
    file: 'messaging/store/closing.ts',
    from: 'if (closed !== undefined) throw',
    to: 'if (closed === null) throw',
    seenBy: STORES
  },
  {
    id: 'key-of-everybody',
    package: 'messaging',
    breaks: 'an idempotency key belongs to one caller',
    file: 'messaging/idempotency.ts',
    from: 'digest(request.params, callerOf(request))',
    to: 'digest(request.params)',
    seenBy: KEYS
  },
  {
    id: 'key-of-bytes',
    package: 'messaging',
    breaks: 'the same values in other bytes are the same request',
    file: 'messaging/idempotency.ts',
    from: 'JSON.stringify(values, sorted)',
    to: 'JSON.stringify(values)',
    seenBy: KEYS
  },
  {
    id: 'swap-without-look',
    package: 'messaging',
    breaks: 'readers get a rebuilt read model only when none of their documents goes back',
    file: 'messaging/projection/rebuilding.ts',
    from: 'if (!left.every(stream => gone.has(stream))) return false',
    to: '',
    seenBy: PROJECTION
  },
  {
    id: 'forget-progress-first',
    package: 'messaging',
    breaks: 'what an old generation leaves behind is removed to the last document',
    file: 'messaging/projection/rebuilding.ts',
    from: 'if (documents === 0) await progress.forget',
    to: 'await progress.forget',
    seenBy: PROJECTION
  },
  {
    id: 'parked-goes-on',
    package: 'messaging',
    breaks: 'behind an event that could not be applied its stream stands still',
    file: 'messaging/projection/applying.ts',
    from: 'event.version <= version || parked',
    to: 'event.version <= version',
    seenBy: PROJECTION
  },
  {
    id: 'building-without-news',
    package: 'messaging',
    breaks: 'a read model that is being built takes what happens meanwhile',
    file: 'messaging/projection/projection.ts',
    from: 'if (mine.includes(building!)) await',
    to: 'if (mine.length < 0) await',
    seenBy: PROJECTION
  },
  {
    id: 'old-writes-new',
    package: 'messaging',
    breaks: 'an older instance writes nothing into what a newer one has built',
    file: 'messaging/projection/projection.ts',
    from: 'if (!mine.includes(active)) throw',
    to: 'if (mine.length < 0) throw',
    seenBy: PROJECTION
  },
  {
    id: 'forget-what-is-built',
    package: 'messaging',
    breaks: 'nobody removes the generation that is being built',
    file: 'messaging/projection/progress.ts',
    from: 'generation > ? AND generation < ?',
    to: 'generation > ? AND generation <= ?',
    seenBy: PROJECTION
  }
]
