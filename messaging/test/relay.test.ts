import { t } from 'tap'
import { messagingError, Transient } from '../errors.ts'
import { NO_FAULTS } from '../faults.ts'
import { systemClock, type Bus, type Outgoing, type OutboxRow, type Refused, type Store } from '../index.ts'
import { Relay } from '../relay.ts'
import { createRandom } from '../testing/random.ts'
import { until } from './until.ts'
import { ManualClock } from './manual-clock.ts'

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
      { batch: 10, sweepMs: 500, maxBackOffMs: 2000, clock, faults: NO_FAULTS, onError: error => { throw error },
        onRefused: () => {} })
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
      unsent: async (limit: number, after = 0) => this.#unsent.filter(row => row.seq > after).slice(0, limit),
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

/** More of them by `SEEDS=1000`. */
const SEEDS = Number(process.env.SEEDS ?? 25)

const NONE: Refused = new Map()
const AWAY = messagingError('E_BUS_DOWN', ['test', 'it is away'])

interface Call { readonly at: number, readonly dest: string, readonly ids: readonly string[] }

/** One relay on an outbox in memory, a bus that does what a test says, and a clock that stands still. */
class Rig {
  readonly clock = new ManualClock()
  readonly calls: Call[] = []
  readonly errors: Array<{ readonly where: string, readonly failures: number }> = []
  readonly refused = new Map<string, string>()
  rows: OutboxRow[] = []
  /** How many rows the store was asked for. */
  read = 0
  /** What the bus does with a call. */
  answer: (dest: string, messages: readonly Outgoing[]) => Promise<Refused> = async () => NONE
  mark: () => Promise<void> = async () => {}
  readonly relay: Relay
  #last = 0
  #wake = (): void => {}

  constructor (batch = 10, ordered = false) {
    const call = async (dest: string, messages: readonly Outgoing[]) => {
      this.calls.push({ at: this.clock.elapsed(), dest, ids: messages.map(message => message.id) })
      return this.answer(dest, messages)
    }
    this.relay = new Relay(this.#store(ordered), { publish: call, send: call } as unknown as Bus, { batch, sweepMs: 500,
      maxBackOffMs: 2000, clock: this.clock, faults: NO_FAULTS, random: () => 1,
      onError: (_error, failures, where) => { this.errors.push({ where, failures }) },
      onRefused: (row, reason) => { this.refused.set(row.id, reason) } })
  }

  /** Commits rows `GROUP NUMBER` for destinations. */
  commit (...rows: ReadonlyArray<readonly [dest: string, id: string, seq?: number]>): void {
    for (const [dest, id, seq = this.#last + 1] of rows) {
      this.#last = Math.max(this.#last, seq)
      this.rows.push({ seq, id, dedupe: id, kind: 'event', dest, group: id.split(' ')[0]!, type: 'a.A.v1', body: '{}', at: 0 })
    }
    this.rows.sort((a, b) => a.seq - b.seq)
    this.#wake()
  }

  /** Lets time pass, and everybody do what there is to do meanwhile. */
  pass (ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  get sent (): string[] {
    return this.calls.flatMap(call => call.ids)
  }

  #store (ordered: boolean): Store {
    return {
      onOutbox: (listener: () => void) => { this.#wake = listener },
      outbox: {
        ordered,
        lead: async () => true,
        unsent: async (limit: number, after = 0) => {
          const rows = this.rows.filter(row => row.seq > after).slice(0, limit)
          this.read += rows.length
          return rows
        },
        markSent: async (seqs: readonly number[]) => {
          await this.mark()
          this.rows = this.rows.filter(row => !seqs.includes(row.seq))
        },
        refused: { add: async (refusals: ReadonlyArray<{ seq: number }>) => {
          this.rows = this.rows.filter(row => !refusals.some(refusal => refusal.seq === row.seq))
        } }
      }
    } as unknown as Store
  }
}

t.test('a bus that is away is asked with growing distance, however much is committed meanwhile', async t => {
  const rig = new Rig()
  rig.answer = async () => { throw AWAY }
  rig.relay.start()
  for (let n = 0; n < 200; n++) {
    rig.commit(['topic', `g ${n}`])
    await rig.pass(50)
  }
  t.same(rig.calls.map(call => call.at), [0, 500, 1500, 3500, 5500, 7500, 9500])
  t.same(rig.errors.map(error => error.failures), [1, 2, 3, 4, 5, 6, 7])
  t.ok(rig.relay.troubles.has('topic'))
  rig.answer = async () => NONE
  await rig.pass(2500)
  t.same(rig.sent.slice(-200), Array.from({ length: 200 }, (_, n) => `g ${n}`))
  t.equal(rig.rows.length, 0)
  t.equal(rig.relay.troubles.size, 0)
  await rig.relay.stop()
})

t.test('each message is sent once, however long its mark takes', async t => {
  const rig = new Rig()
  let release = (): void => {}
  const held = new Promise<void>(resolve => { release = resolve })
  rig.mark = () => held
  rig.relay.start()
  for (let n = 0; n < 30; n++) {
    rig.commit(['topic', `g ${n}`])
    await rig.pass(50)
  }
  t.equal(rig.rows.length, 30)
  t.same(rig.sent, Array.from({ length: 30 }, (_, n) => `g ${n}`))
  release()
  await rig.pass(50)
  t.equal(rig.rows.length, 0)
  await rig.relay.stop()
})

t.test('a store that takes no marks stops the sending at a bound, and it goes on where it stopped', async t => {
  const rig = new Rig(100)
  rig.mark = async () => { throw messagingError('E_STORE_FULL') }
  rig.relay.start()
  rig.commit(...Array.from({ length: 3000 }, (_, n) => ['topic', `g${n} 0`] as const))
  await rig.pass(5000)
  t.equal(rig.sent.length, 1100)
  t.ok(rig.errors.every(error => error.where === ''))
  rig.mark = async () => {}
  await rig.pass(3000)
  t.equal(rig.sent.length, 3000)
  t.equal(new Set(rig.sent).size, 3000)
  t.equal(rig.rows.length, 0)
  await rig.relay.stop()
})

t.test('behind a message that was not taken its group waits, and no other', async t => {
  const rig = new Rig()
  let times = 0
  const taken: string[] = []
  rig.answer = async (_dest, messages) => {
    const refused = new Map<string, Error>()
    if (messages.some(message => message.id === 'a 2') && times++ < 2) {
      for (const id of ['a 2', 'a 3']) refused.set(id, new Transient('not now'))
    }
    taken.push(...messages.map(message => message.id).filter(id => !refused.has(id)))
    return refused
  }
  rig.relay.start()
  rig.commit(['topic', 'a 1'], ['topic', 'a 2'], ['topic', 'b 1'])
  await rig.pass(50)
  rig.commit(['topic', 'a 3'], ['topic', 'b 2'])
  await rig.pass(100)
  t.same(taken, ['a 1', 'b 1', 'b 2'])
  await rig.pass(3000)
  t.same(taken, ['a 1', 'b 1', 'b 2', 'a 2', 'a 3'])
  t.same(rig.errors, [{ where: 'topic a', failures: 1 }, { where: 'topic a', failures: 2 }])
  t.same([...rig.refused], [])
  await rig.relay.stop()
})

t.test('a message that is refused for ever is set aside and told, and its group goes on', async t => {
  const rig = new Rig()
  rig.answer = async (_dest, messages) => new Map(messages.filter(message => message.id === 'a 2')
    .map(message => [message.dedupe, messagingError('E_BUS_REFUSED', ['its name is odd'])]))
  rig.relay.start()
  rig.commit(['topic', 'a 1'], ['topic', 'a 2'], ['topic', 'a 3'], ['topic', 'b 1'])
  await rig.pass(2000)
  t.same(rig.sent, ['a 1', 'a 2', 'a 3', 'b 1'])
  t.equal(rig.rows.length, 0)
  t.match([...rig.refused], [['a 2', /its name is odd/]])
  t.equal(rig.relay.troubles.size, 0)
  await rig.relay.stop()
})

for (const [how, fail] of [['is away', async () => { throw AWAY }], ['does not answer', () => new Promise<Refused>(() => {})]] as const) {
  t.test(`a destination that ${how} holds up no other, whatever lies before`, async t => {
    const rig = new Rig()
    let down = true
    rig.answer = async dest => dest === 'dead' && down ? fail() : NONE
    rig.relay.start()
    rig.commit(...Array.from({ length: 100 }, (_, n) => ['dead', `a ${n}`] as const))
    rig.commit(['topic', 'b 1'], ['dead', 'b 2'], ['topic', 'b 3'])
    await rig.pass(500)
    t.same(rig.sent.filter(id => id.startsWith('b')), ['b 1', 'b 3'])
    rig.commit(['topic', 'c 1'], ['dead', 'c 2'])
    await rig.pass(50)
    t.ok(rig.sent.includes('c 1'), 'soon')
    if (how === 'does not answer') return
    down = false
    const before = rig.sent.length
    await rig.pass(2500)
    t.same(rig.sent.slice(before), [...Array.from({ length: 100 }, (_, n) => `a ${n}`), 'b 2', 'c 2'])
    t.equal(rig.rows.length, 0)
    await rig.relay.stop()
  })
}

t.test('a group of many messages that the bus takes slowly lets others through', async t => {
  const rig = new Rig()
  rig.answer = async (_dest, messages) => {
    const slow = messages.filter(message => message.group === 'big').length
    if (slow > 0) await rig.clock.delay(slow * 100)
    return NONE
  }
  rig.relay.start()
  rig.commit(...Array.from({ length: 200 }, (_, n) => ['topic', `big ${n}`] as const))
  rig.commit(...Array.from({ length: 20 }, (_, n) => ['topic', `g${n} 0`] as const))
  await rig.pass(2500)
  t.equal(rig.sent.filter(id => id.startsWith('g')).length, 20)
  await rig.pass(30_000)
  t.same(rig.sent.filter(id => id.startsWith('big')), Array.from({ length: 200 }, (_, n) => `big ${n}`))
  t.equal(rig.rows.length, 0)
  await rig.relay.stop()
})

t.test('whatever the bus does, each group arrives in order, nothing is lost, and nothing comes twice', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = createRandom(seed)
    const rig = new Rig(7, seed % 2 === 0)
    const taken: string[] = []
    rig.answer = async (_dest, messages) => {
      const chance = random.next()
      if (chance < 0.2) throw AWAY
      const refused = new Map<string, Error>()
      const stopped = new Set<string>()
      if (chance > 0.8) await rig.clock.delay(random.below(1500))
      for (const { id, group, dedupe } of messages) {
        const odd = random.next()
        if (stopped.has(group) || odd < 0.05) {
          stopped.add(group)
          refused.set(dedupe, new Transient('not now'))
        } else if (odd < 0.08) refused.set(dedupe, messagingError('E_BUS_REFUSED', ['never']))
        else taken.push(id)
      }
      return refused
    }
    rig.relay.start()
    const committed: string[] = []
    let seq = 0
    for (let round = 0; round < 40; round++) {
      const rows = Array.from({ length: random.below(20) }, () => {
        const dest = `d${random.below(3)}`
        const id = `${dest}g${random.below(4)} ${committed.length}`
        committed.push(id)
        // Now and then a number is skipped: somebody else's transaction, which comes later or never.
        seq += random.next() < 0.2 ? 2 : 1
        return [dest, id, seq] as const
      })
      rig.commit(...rows)
      await rig.pass(random.below(200))
    }
    for (let n = 0; n < 100 && rig.rows.length > 0; n++) await rig.pass(1000)
    t.equal(rig.rows.length, 0, `seed ${seed}: all are sent`)
    await rig.relay.stop()
    const arrived = new Set(taken)
    t.equal(arrived.size, taken.length, `seed ${seed}: nothing twice`)
    const wanted = committed.filter(id => !rig.refused.has(id))
    for (const [group, ids] of Map.groupBy(wanted, id => id.split(' ')[0]!)) {
      t.same(taken.filter(id => id.startsWith(`${group} `)), ids, `seed ${seed}: ${group}`)
    }
  }
})

t.test('a row that appears before others that were read is sent, also while a destination is away', async t => {
  const rig = new Rig()
  rig.answer = async dest => {
    if (dest === 'dead') throw AWAY
    return NONE
  }
  rig.relay.start()
  rig.commit(['dead', 'a 1', 1], ['topic', 'b 1', 3])
  await rig.pass(100)
  rig.commit(['topic', 'c 1', 2])
  await rig.pass(600)
  t.ok(rig.sent.includes('c 1'))
  await rig.relay.stop()
})

t.test('where one process writes, nothing is read again before the next sweep, and everything then', async t => {
  const rig = new Rig(10, true)
  const marked = Promise.withResolvers<void>()
  rig.mark = () => marked.promise
  rig.relay.start()
  for (let n = 1; n <= 20; n++) {
    rig.commit(['topic', `a ${n}`, n * 2])
    await rig.pass(1)
  }
  t.equal(rig.sent.length, 20)
  t.equal(rig.read, 20)
  rig.commit(['topic', 'b 1', 1])
  await rig.pass(600)
  t.ok(rig.sent.includes('b 1'), 'a mistake about the order costs a moment, no message')
  t.equal(rig.sent.length, 21)
  marked.resolve()
  await rig.relay.stop()
})
