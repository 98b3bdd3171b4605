/** Faults of messaging: outbox, relay, buses, inbox, sagas, projections, stores. */
import type { Mutant } from '../mutant.ts'

const PROJECTION = ['messaging/test/projection.test.ts']

export const MESSAGING: readonly Mutant[] = [
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
