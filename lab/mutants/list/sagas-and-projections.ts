/** Faults of sagas and projections. */
import type { Mutant } from '../mutant.ts'

const SAGAS = ['messaging/test/saga.test.ts', 'messaging/test/saga-time.test.ts']
const PROJECTION = ['messaging/test/projection.test.ts']

export const SAGAS_AND_PROJECTIONS: readonly Mutant[] = [
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
