/** Faults of one registry alone: its leases, what it shows, its log and its file. */
import type { Mutant } from '../mutant.ts'

type Fault = Omit<Mutant, 'package' | 'seenBy'> & { readonly tests: readonly string[] }

const FAULTS: readonly Fault[] = [
  {
    id: 'stood-still-is-silence',
    tests: ['book', 'consistency'],
    breaks: 'time in which the registry itself stood still ends no lease',
    file: 'discovery/registry/eviction.ts',
    from: 'Math.max(0, now - this.#sweptAt - this.#rules.sweepMs)',
    to: '0'
  },
  {
    id: 'no-eviction-cap',
    tests: ['book'],
    breaks: 'no more than the threshold leaves allows goes within a minute',
    file: 'discovery/registry/eviction.ts',
    from: 'if (reason === \'small\' || reason === \'off\') return Infinity',
    to: 'return Infinity'
  },
  {
    id: 'preserves-nobody',
    tests: ['book', 'eureka'],
    breaks: 'a registry that is cut off from its clients keeps them',
    file: 'discovery/registry/self-preservation.ts',
    from: 'return renewals >= needed ? \'enough\' : \'too-few\'',
    to: 'return \'enough\''
  },
  {
    id: 'starts-by-evicting',
    tests: ['book'],
    breaks: 'nobody is judged before a full minute was watched',
    file: 'discovery/registry/self-preservation.ts',
    from: 'if (upMs < MINUTE) return \'starting\'\n',
    to: ''
  },
  {
    id: 'own-status-lost',
    tests: ['book', 'agreement'],
    breaks: 'clearing an override brings back what the client said',
    file: 'discovery/registry/words.ts',
    from: 'const instance: Instance = { ...incoming, status: own, overriddenStatus: \'UNKNOWN\' }',
    to: 'const instance: Instance = { ...incoming, status: base, overriddenStatus: \'UNKNOWN\' }'
  },
  {
    id: 'override-never-ends',
    tests: ['book', 'operator', 'agreement'],
    breaks: 'an override with an end ends',
    file: 'discovery/registry/facts.ts',
    from: 'return override?.until !== undefined && nowMs >= override.until ? undefined : override?.status',
    to: 'return override?.status'
  },
  {
    id: 'not-ready-overridden',
    tests: ['book', 'agreement', 'eureka'],
    breaks: 'a copy that says it is not ready is believed over an older override',
    file: 'discovery/registry/facts.ts',
    from: 'if (active !== undefined) return hasLastWord || isReady(base) ? active : base',
    to: 'if (active !== undefined) return active'
  },
  {
    id: 'vip-stays-behind',
    tests: ['book'],
    breaks: 'an instance is not found by an address it has no more',
    file: 'discovery/registry/shelf.ts',
    from: '    this.#index(lease, -1)\n    lease.instance',
    to: '    lease.instance'
  },
  {
    id: 'secure-vip-by-plain',
    tests: ['book', 'eureka'],
    breaks: 'secure addresses are looked up among the secure ones',
    file: 'discovery/registry/shelf.ts',
    from: 'new VipIndex(\'secureVipAddress\')',
    to: 'new VipIndex(\'vipAddress\')'
  },
  {
    id: 'log-without-horizon',
    tests: ['book', 'stream', 'consistency'],
    breaks: 'a reader older than what is forgotten takes a snapshot',
    file: 'discovery/registry/change-log.ts',
    from: '    this.#horizon = entry.n\n    this.#horizonAt',
    to: '    this.#horizonAt'
  },
  {
    id: 'names-left-unsaid',
    tests: ['stream', 'book'],
    breaks: 'who follows an address hears that an instance has left it',
    file: 'discovery/registry/change-log.ts',
    from: 'for (const name of namesOf(now)) names.delete(name)',
    to: 'names.clear()'
  },
  {
    id: 'slow-reader-floods',
    tests: ['stream', 'hostile'],
    breaks: 'a reader that does not read costs no memory',
    file: 'discovery/stream/subscription.ts',
    from: 'if (!this.#sink.write(this.#parts[this.#next++]!)) this.blockedSince = this.#now()',
    to: 'this.#sink.write(this.#parts[this.#next++]!)'
  },
  {
    id: 'stalled-reader-stays',
    tests: ['stream'],
    breaks: 'a reader whose socket takes nothing is cut off',
    file: 'discovery/stream/hub.ts',
    from: 'subscription.blockedSince < stalled) subscription.destroy()',
    to: 'subscription.blockedSince < stalled) subscription.end()'
  },
  {
    id: 'queue-replaces-status',
    tests: ['peers'],
    breaks: 'set, clear and set again arrive as that',
    file: 'discovery/peers/queue.ts',
    from: '  StatusUpdate: new Set(),',
    to: '  StatusUpdate: new Set([\'StatusUpdate\']),'
  },
  {
    id: 'queue-brings-back',
    tests: ['peers'],
    breaks: 'what a newer word replaced is not told afterwards',
    file: 'discovery/peers/queue.ts',
    from: '?.has(told.action) !== true)',
    to: '?.has(told.action) !== undefined || true)'
  },
  {
    id: 'clean-while-running',
    tests: ['snapshot'],
    breaks: 'a file of a registry that was killed is not believed to be whole',
    file: 'discovery/snapshot/keeper.ts',
    from: 'await this.#write(false)\n    } catch',
    to: 'await this.#write(true)\n    } catch'
  },
  {
    id: 'torn-file-taken',
    tests: ['snapshot'],
    breaks: 'positions of a killed registry are worth nothing afterwards',
    file: 'discovery/snapshot/keeper.ts',
    from: 'if (snapshot.clean) this.#epoch = snapshot.epoch',
    to: 'this.#epoch = snapshot.epoch'
  },
  {
    id: 'buried-for-ever',
    tests: ['book', 'agreement', 'hostile'],
    breaks: 'what is remembered of the removed is bounded',
    file: 'discovery/registry/buried.ts',
    from: '    if (this.#facts.size > this.#max) this.#facts.delete(this.#facts.keys().next().value!)',
    to: ''
  },
  {
    id: 'metadata-unbounded',
    tests: ['hostile', 'eureka'],
    breaks: 'metadata is bounded in size',
    file: 'discovery/eureka/decode.ts',
    from: 'return chars > MAX_METADATA_CHARS ? undefined : metadata',
    to: 'return metadata'
  },
  {
    id: 'one-copy-shows-two',
    tests: ['book', 'agreement'],
    breaks: 'what is set on an instance never becomes what its client said',
    file: 'discovery/registry/ledger.ts',
    from: 'const isSame = sameView(registration.instance, shown)',
    to: 'const isSame = registration.instance !== shown'
  },
  {
    id: 'one-key-for-two',
    tests: ['book'],
    breaks: 'two instances whose names run together alike are two',
    file: 'discovery/registry/instance.ts',
    from: 'return `${app.length}:${app}${id}`',
    to: 'return `${app}${id}`'
  },
  {
    id: 'delta-hides-removals',
    tests: ['book', 'eureka', 'consistency', 'gzip'],
    breaks: 'a delta tells of those who left',
    file: 'discovery/eureka/payloads.ts',
    from: 'changes.length === this.#book.size && changes.every(change => change.instance.action !== \'DELETED\')',
    to: 'changes.length === this.#book.size'
  }
]

export const DISCOVERY_BOOK: readonly Mutant[] = FAULTS.map(({ tests, ...fault }) =>
  ({ ...fault, package: 'discovery', seenBy: tests.map(name => `discovery/test/${name}.test.ts`) }))
