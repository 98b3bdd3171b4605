import { t } from 'tap'
import { NO_FAULTS } from '../faults.ts'
import { systemClock, type Bus, type OutboxRow, type Store } from '../index.ts'
import { Relay } from '../relay.ts'
import { until } from './bus-conformance.ts'

const LEASE_MS = 5000

/** An outbox that several relays share, a lease on it, and a bus whose calls take what a test says, on one clock. */
class Shared {
  now = 0
  readonly sent: Array<{ by: string, seq: number }> = []
  #holder: string | undefined
  #heldUntil = 0
  #unsent: OutboxRow[]
  readonly relays = new Map<string, Relay>()

  constructor (rows: number) {
    this.#unsent = Array.from({ length: rows }, (_, n) => ({ seq: n + 1, id: `m${n}`, dedupe: `m${n}`, kind: 'event',
      dest: 'topic', group: 'g', type: 'a.A.v1', body: '{}', at: 0 }))
  }

  relay (name: string, sendMs: (batch: number) => number): Relay {
    const clock = { ...systemClock, elapsed: () => this.now, now: () => this.now }
    let batch = 0
    const bus = { publish: async (_topic: string, rows: readonly { id: string }[]) => {
      this.now += sendMs(batch++)
      // The others look in the middle of it, as they do each half second.
      for (const [other, relay] of this.relays) if (other !== name) relay.wake()
      for (let turn = 0; turn < 20; turn++) await clock.turn()
      for (const row of rows) this.sent.push({ by: name, seq: Number(row.id.slice(1)) + 1 })
      return new Map()
    } } as unknown as Bus
    const relay = new Relay(this.#store(name), bus,
      { batch: 10, sweepMs: 500, maxBackOffMs: 2000, clock, faults: NO_FAULTS, onError: error => { throw error } })
    this.relays.set(name, relay)
    return relay
  }

  #store (name: string): Store {
    return { outbox: {
      lead: async () => {
        if (this.#holder !== name && this.now < this.#heldUntil) return false
        this.#holder = name
        this.#heldUntil = this.now + LEASE_MS
        return true
      },
      unsent: async (limit: number) => this.#unsent.slice(0, limit),
      markSent: async (seqs: readonly number[]) => {
        this.#unsent = this.#unsent.filter(row => !seqs.includes(row.seq))
      },
      count: async () => this.#unsent.length
    } } as unknown as Store
  }

  by (name: string): number[] {
    return this.sent.filter(entry => entry.by === name).map(entry => entry.seq)
  }
}

t.test('a backlog that takes longer than the lease is sent by one relay', async t => {
  const shared = new Shared(100)
  const one = shared.relay('one', () => 2000)
  shared.relay('two', () => 0)
  one.wake()
  await until(() => shared.sent.length >= 100, 'everything is sent')
  await Promise.all([...shared.relays.values()].map(relay => relay.stop()))
  t.equal(shared.now, 20_000)
  t.same(shared.by('two'), [])
  t.same(shared.by('one'), Array.from({ length: 100 }, (_, n) => n + 1))
})

t.test('a relay that lost the lead while it was sending stops behind that batch', async t => {
  const shared = new Shared(100)
  const one = shared.relay('one', batch => batch === 3 ? LEASE_MS + 1 : 0)
  shared.relay('two', () => 0)
  one.wake()
  await until(() => new Set(shared.sent.map(entry => entry.seq)).size === 100, 'everything is sent')
  await Promise.all([...shared.relays.values()].map(relay => relay.stop()))
  t.same(shared.by('one'), Array.from({ length: 40 }, (_, n) => n + 1))
  t.equal(shared.by('two').at(-1), 100)
})
