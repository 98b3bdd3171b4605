/** Faults by which registries would not agree, or not keep what they answered. */
import type { Mutant } from '../mutant.ts'

const SEEN_BY = ['node lab/simulation/registry/main.ts --seeds 200 --quiet --no-shrink']

/** What comes together too seldom to be left to seeds. */
const DIRECTED = ['discovery/test/agreement.test.ts']

const FAULTS: ReadonlyArray<Omit<Mutant, 'package' | 'seenBy'> & Partial<Pick<Mutant, 'seenBy'>>> = [
  {
    id: 'no-comparison',
    breaks: 'peers that missed something hear of it all the same',
    file: 'discovery/peers/reconciler.ts',
    from: 'at < keys.length && !this.#stopped',
    to: 'at < 0'
  },
  {
    id: 'late-copy-wins',
    breaks: 'a late copy does not beat what is known better',
    file: 'discovery/registry/facts.ts',
    from: 'return theirs !== undefined && isLater(theirs.stamp, mine?.stamp) ? theirs : mine',
    to: 'return theirs ?? mine'
  },
  {
    id: 'cancel-without-trace',
    breaks: 'who was taken out is not brought back by a peer that was away',
    file: 'discovery/registry/book.ts',
    from: '    this.#ledger.bury(app, id, facts)\n    return this.#ledger.remove(lease)',
    to: '    if (facts === undefined) return undefined\n    return this.#ledger.remove(lease)'
  },
  {
    id: 'lease-made-younger',
    breaks: 'a lease that is taken over is no younger than it was at the peer',
    file: 'discovery/registry/copies.ts',
    from: 'renewedAt: now - ageMs, heardAt',
    to: 'renewedAt: now, heardAt'
  },
  {
    id: 'buried-renews',
    breaks: 'who does not have an instance any more does not extend its lease',
    file: 'discovery/registry/copies.ts',
    from: 'if (isLiving(theirs)) lease.renewedAt',
    to: 'lease.renewedAt'
  },
  {
    id: 'override-ends-with-lease',
    seenBy: DIRECTED,
    breaks: 'what an operator set holds when the lease has run out here alone',
    file: 'discovery/registry/book.ts',
    from: 'this.#ledger.bury(app, id, withoutRegistration(lease.facts))\n',
    to: 'withoutRegistration(lease.facts)\n'
  },
  {
    id: 'override-without-digest',
    breaks: 'two registries that differ in an override notice',
    file: 'discovery/registry/facts.ts',
    from: 'return [registration, removal, override, ...added.values()].filter',
    to: 'return [registration, removal, ...added.values()].filter'
  },
  {
    id: 'no-word-when-shown',
    seenBy: DIRECTED,
    breaks: 'setting what is shown already beats what another registry was told before',
    file: 'discovery/registry/words.ts',
    from: '    : { stamp, status: undefined, shows: status }',
    to: '    : facts.override ?? { stamp: { at: 0, by: \'\' }, status: undefined, shows: status }'
  },
  {
    id: 'restart-forgets-removals',
    seenBy: DIRECTED,
    breaks: 'a snapshot says who was taken out',
    file: 'discovery/registry/copies.ts',
    from: 'return [...living, ...buried.states()]',
    to: 'return [...living]'
  },
  {
    id: 'slow-return',
    seenBy: ['discovery/test/peer-timing.test.ts'],
    breaks: 'heartbeats reach a peer that is back before its leases end',
    file: 'discovery/peers/peer.ts',
    from: 'if (!this.#busy && !this.#stopped && this.#queue.size > 0) this.#schedule(0)',
    to: ''
  },
  {
    id: 'stopped-and-joining',
    seenBy: ['discovery/test/peer-timing.test.ts'],
    breaks: 'a registry that was stopped while it learned asks nobody any more',
    file: 'discovery/peers/peers.ts',
    from: '    if (this.#stopped) return\n    this.#joined = true',
    to: '    this.#joined = true'
  },
  {
    id: 'late-list-taken',
    seenBy: ['discovery/test/peer-timing.test.ts'],
    breaks: 'a list that comes after the stop is not taken',
    file: 'discovery/peers/peers.ts',
    from: '    if (this.#stopped) return false\n',
    to: ''
  },
  {
    id: 'readers-share-by-place',
    seenBy: ['discovery/test/stream.test.ts'],
    breaks: 'a reader of some applications hears of no other, whoever else reads',
    file: 'discovery/stream/hub.ts',
    from: 'const key = `${subscription.at} ${subscription.interestKey}`',
    to: 'const key = String(subscription.at)'
  }
]

export const DISCOVERY_CLUSTER: readonly Mutant[] =
  FAULTS.map(fault => ({ seenBy: SEEN_BY, ...fault, package: 'discovery' }))
