import t from 'tap'
import { Book } from '../registry/book.ts'
import { ChangeLog } from '../registry/change-log.ts'
import { Recent } from '../registry/recent.ts'
import { RenewalWindow } from '../registry/renewals.ts'
import { Clock, instance, rules } from './support/instances.ts'

const PLAIN = { replicated: false }
const PEER = { replicated: true }
const ID = 'h1:orders:8080'

t.test('a lease lasts what it says', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  book.register(instance(), false)
  clock.advance(60_000)
  t.equal(book.renew('ORDERS', ID, PLAIN), 'renewed')
  clock.advance(90_000)
  book.evict()
  t.equal(book.size, 1, 'at its end it still holds')
  clock.advance(1)
  t.same(book.evict().map(gone => [gone.id, gone.action]), [[ID, 'DELETED']])
  t.equal(book.renew('ORDERS', ID, PLAIN), 'unknown')
})

t.test('with the original\'s bug a renewed lease lasts twice its duration, an unrenewed one once', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock, { leaseBugCompatible: true }))
  book.register(instance(), false)
  book.register(instance({ instanceId: 'silent' }), false)
  book.evict()
  clock.advance(1000)
  book.renew('ORDERS', ID, PLAIN)
  for (let second = 0; second < 100; second++) {
    clock.advance(1000)
    book.evict()
  }
  t.same([...book.leases()].map(lease => lease.instance.id), [ID])
  for (let second = 0; second < 82; second++) {
    clock.advance(1000)
    book.evict()
  }
  t.equal(book.size, 0)
})

t.test('time in which the registry itself stood still counts for nobody', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  book.register(instance(), false)
  book.evict()
  clock.advance(3_600_000)
  t.same(book.evict(), [], 'a suspended machine wakes up and evicts nothing')
  clock.advance(1000)
  t.equal(book.evict().length, 1, 'who then still does not renew goes')
})

t.test('an older registration does not replace a newer one, but renews its lease', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  book.register(instance({ lastDirtyTimestamp: 200, metadata: { v: 'new' } }), false)
  book.register(instance({ lastDirtyTimestamp: 100, metadata: { v: 'old' }, leaseInfo: { durationInSecs: 30 } }), false)
  const lease = book.lease('ORDERS', ID)!
  t.equal(lease.instance.metadata.get('v'), 'new')
  t.equal(lease.durationMs, 30_000)
  book.register(instance({ lastDirtyTimestamp: 200, metadata: { v: 'equal' } }), false)
  t.equal(book.lease('ORDERS', ID)!.instance.metadata.get('v'), 'equal', 'of equals the later one holds')
})

t.test('renewal tells apart what a client and what a peer must do', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance({ lastDirtyTimestamp: 500 }), false)
  const renew = (lastDirtyAt: number, replicated: boolean) => book.renew('ORDERS', ID, { lastDirtyAt, replicated })
  t.equal(renew(500, false), 'renewed')
  t.equal(renew(600, false), 'newer', 'the client changed: it has to register again')
  t.equal(renew(400, false), 'renewed')
  t.equal(renew(600, true), 'newer')
  t.match(renew(400, true), { id: ID, lastDirtyAt: 500 }, 'the peer is behind: it gets our copy')
})

t.test('a peer that is newer leaves its override behind', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance({ lastDirtyTimestamp: 500 }), false)
  book.renew('ORDERS', ID, { lastDirtyAt: 600, replicated: true, overriddenStatus: 'OUT_OF_SERVICE' })
  t.equal(book.renew('ORDERS', ID, PLAIN), 'renewed')
  t.equal(book.lease('ORDERS', ID)!.instance.status, 'OUT_OF_SERVICE')
  t.equal(book.statuses.hash(), 'OUT_OF_SERVICE_1_', 'what a renewal changes is in the hash and in the delta')
  t.equal(book.delta()!.at(-1)!.instance.action, 'MODIFIED')
})

t.test('an override holds against the client until it is cleared', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance(), false)
  book.override('ORDERS', ID, 'OUT_OF_SERVICE')
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE', action: 'MODIFIED' })
  book.register(instance({ lastDirtyTimestamp: 1_700_000_000_001 }), false)
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'OUT_OF_SERVICE' }, 'a newer registration does not undo it')
  book.register(instance({ status: 'STARTING', lastDirtyTimestamp: 1_700_000_000_002 }), false)
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'STARTING' }, 'who is starting is not out of service')
  book.register(instance({ lastDirtyTimestamp: 1_700_000_000_003 }), false)
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'OUT_OF_SERVICE' })
  book.clearOverride('ORDERS', ID, 'UNKNOWN')
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'UNKNOWN', overriddenStatus: 'UNKNOWN' })
  t.equal(book.renew('ORDERS', ID, PLAIN), 'unknown', 'so the client registers again')
  book.register(instance({ lastDirtyTimestamp: 1_700_000_000_004 }), false)
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'UP', overriddenStatus: 'UNKNOWN' })
})

t.test('what is set and cleared brings back what the client said itself, not what was shown of it', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance(), false)
  book.override('ORDERS', ID, 'DOWN')
  book.clearOverride('ORDERS', ID, 'OUT_OF_SERVICE')
  book.register(instance(), false)
  t.equal(book.lease('ORDERS', ID)!.instance.status, 'OUT_OF_SERVICE', 'a living lease keeps it')
  book.override('ORDERS', ID, 'DOWN')
  t.equal(book.clearOverride('ORDERS', ID)!.status, 'UP')
})

t.test('set, cleared and set again ends as set', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance(), false)
  book.override('ORDERS', ID, 'OUT_OF_SERVICE')
  book.clearOverride('ORDERS', ID, 'UP')
  book.override('ORDERS', ID, 'OUT_OF_SERVICE')
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' })
})

t.test('setting the present status records no override; clearing none changes nothing', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance(), false)
  const before = book.log.n
  book.override('ORDERS', ID, 'UP')
  book.clearOverride('ORDERS', ID)
  t.equal(book.log.n, before)
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'UP', overriddenStatus: 'UNKNOWN' })
  t.equal(book.override('ORDERS', 'nobody', 'UP'), undefined)
  t.equal(book.clearOverride('ORDERS', 'nobody'), undefined)
})

t.test('a living lease keeps UP and OUT_OF_SERVICE against its own client, not against a peer', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance(), false)
  book.register(instance({ status: 'OUT_OF_SERVICE' }), false)
  t.equal(book.lease('ORDERS', ID)!.instance.status, 'UP')
  book.register(instance({ status: 'OUT_OF_SERVICE' }), true)
  t.equal(book.lease('ORDERS', ID)!.instance.status, 'OUT_OF_SERVICE')
})

t.test('the override dies with the lease', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance(), false)
  book.override('ORDERS', ID, 'OUT_OF_SERVICE')
  book.cancel('ORDERS', ID)
  book.register(instance(), false)
  t.equal(book.lease('ORDERS', ID)!.instance.status, 'UP')
})

t.test('serviceUpTimestamp is of the first UP and survives; registrationTimestamp is of the last registration', async t => {
  const clock = new Clock(1_000_000)
  const book = new Book(rules(clock))
  book.register(instance({ status: 'STARTING' }), false)
  t.equal(book.lease('ORDERS', ID)!.instance.lease.serviceUpAt, 0)
  clock.advance(10)
  book.register(instance(), false)
  clock.advance(10)
  book.register(instance(), false)
  t.match(book.lease('ORDERS', ID)!.instance.lease, { serviceUpAt: 1_000_010, registeredAt: 1_000_020 })
})

t.test('metadata is added by a new registration', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance(), false)
  book.override('ORDERS', ID, 'OUT_OF_SERVICE')
  const changed = book.addMetadata('ORDERS', ID, [['k', 'v'], ['zone', 'z2']])!
  t.same([...changed.metadata], [['zone', 'z2'], ['k', 'v']])
  t.match(changed, { action: 'ADDED', status: 'OUT_OF_SERVICE' })
  t.equal(book.addMetadata('ORDERS', 'nobody', []), undefined)
})

t.test('self-preservation', async t => {
  const many = (book: Book, count: number): void => {
    for (let i = 0; i < count; i++) book.register(instance({ instanceId: `i${i}` }), false)
  }
  /** Lets a minute pass in which the first `renewing` instances renew twice. */
  const minute = (book: Book, clock: Clock, renewing: number): number => {
    let evicted = 0
    for (let second = 0; second < 60; second++) {
      clock.advance(1000)
      if (second % 30 === 0) for (let i = 0; i < renewing; i++) book.renew('ORDERS', `i${i}`, PLAIN)
      evicted += book.evict().length
    }
    return evicted
  }

  t.test('a small registry removes what crashed, all of it', async t => {
    const clock = new Clock()
    const book = new Book(rules(clock))
    many(book, 4)
    minute(book, clock, 2)
    minute(book, clock, 2)
    t.equal(book.size, 2)
    t.equal(book.preservation().reason, 'small')
  })

  t.test('when half of many stop renewing at once, nothing is removed', async t => {
    const clock = new Clock()
    const book = new Book(rules(clock))
    many(book, 100)
    minute(book, clock, 100)
    t.equal(book.preservation().reason, 'enough')
    let evicted = 0
    for (let i = 0; i < 5; i++) evicted += minute(book, clock, 50)
    t.equal(evicted, 0)
    t.match(book.preservation(), { active: true, reason: 'too-few', needed: 170, renewals: 100 })
    minute(book, clock, 100)
    t.match(book.preservation(), { active: false, reason: 'enough' }, 'and it lets go when they come back')
  })

  t.test('a few that crash are removed', async t => {
    const clock = new Clock()
    const book = new Book(rules(clock))
    many(book, 100)
    for (let i = 0; i < 4; i++) minute(book, clock, 95)
    t.equal(book.size, 95)
  })

  t.test('no more than 15 % leave within a minute', async t => {
    const clock = new Clock()
    const book = new Book(rules(clock, { preservation: { enabled: true, threshold: 0.85, floor: 10 } }))
    for (let i = 0; i < 100; i++) {
      book.register(instance({ instanceId: `i${i}`, leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: i < 70 ? 90 : 10 } }), false)
    }
    let evicted = 0
    for (let second = 0; second < 61; second++) {
      clock.advance(1000)
      // All renew often enough for the threshold, but thirty leases are too short for their own interval.
      if (second === 59) for (let i = 0; i < 70; i++) for (let n = 0; n < 3; n++) book.renew('ORDERS', `i${i}`, PLAIN)
      evicted += book.evict().length
    }
    t.equal(evicted, 15)
  })

  t.test('each lease promises by its own interval', async t => {
    const clock = new Clock()
    const book = new Book(rules(clock))
    for (let i = 0; i < 20; i++) {
      book.register(instance({ instanceId: `i${i}`, leaseInfo: { renewalIntervalInSecs: 5, durationInSecs: 90 } }), false)
    }
    clock.advance(60_000)
    t.match(book.preservation(), { expected: 240, needed: 204 })
  })

  t.test('within the first minute nothing is removed, however many renew; switched off everything is', async t => {
    const clock = new Clock()
    const short = { leaseInfo: { renewalIntervalInSecs: 5, durationInSecs: 10 } }
    for (const [enabled, renewing, left] of [[true, 0, 20], [true, 19, 20], [false, 0, 0]] as const) {
      const book = new Book(rules(clock, { preservation: { enabled, threshold: 0.85, floor: 10 } }))
      for (let i = 0; i < 20; i++) book.register(instance({ instanceId: `i${i}`, ...short }), false)
      for (let second = 0; second < 30; second++) {
        clock.advance(1000)
        for (let i = 0; i < renewing; i++) book.renew('ORDERS', `i${i}`, PLAIN)
        book.evict()
      }
      t.equal(book.size, left)
    }
  })
})

t.test('a lease that ran out is hidden when asked for alone, listed until it is removed', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  book.register(instance(), false)
  book.evict()
  t.ok(book.find('ORDERS', ID))
  clock.advance(90_001)
  t.notOk(book.find('ORDERS', ID))
  t.notOk(book.findById(ID))
  t.equal(book.size, 1)
})

t.test('the same id lives in two applications without one touching the other', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance({ app: 'A', instanceId: 'x' }), false)
  book.register(instance({ app: 'B', instanceId: 'x' }), false)
  book.override('A', 'x', 'OUT_OF_SERVICE')
  t.equal(book.lease('B', 'x')!.instance.status, 'UP')
  book.cancel('A', 'x')
  t.ok(book.lease('B', 'x'))
  t.same([...book.apps.keys()], ['B'], 'an application without instances is gone')
})

t.test('the hash counts statuses in ascending order and is empty for an empty registry', async t => {
  const book = new Book(rules(new Clock()))
  t.equal(book.statuses.hash(), '')
  book.register(instance({ instanceId: 'a' }), false)
  book.register(instance({ instanceId: 'b' }), false)
  book.register(instance({ instanceId: 'c', status: 'DOWN' }), false)
  t.equal(book.statuses.hash(), 'DOWN_1_UP_2_')
})

t.test('virtual addresses are found by one element of the list, case kept', async t => {
  const book = new Book(rules(new Clock()))
  book.register(instance({ vipAddress: 'one,Two,,three', secureVipAddress: undefined }), false)
  t.equal(book.vips.get('Two').length, 1)
  t.equal(book.vips.get('two').length, 0)
  t.equal(book.vips.get('').length, 0)
  t.equal(book.secureVips.get('orders-tls').length, 0)
  book.register(instance({ vipAddress: 'four' }), false)
  t.equal(book.vips.get('Two').length, 0, 'a new registration leaves no trace of the old address')
  book.cancel('ORDERS', ID)
  t.equal(book.vips.get('four').length, 0)
})

t.test('the change log keeps one entry per instance and knows what it forgot', async t => {
  const log = new ChangeLog(2)
  const change = (id: string, action: 'ADDED' | 'DELETED') => log.append({ ...instance({ instanceId: id }), action }, log.n)
  change('a', 'ADDED')
  change('b', 'ADDED')
  change('a', 'ADDED')
  t.same(log.since(0)!.map(({ n, instance }) => [n, instance.id]), [[2, 'b'], [3, 'a']])
  t.same(log.since(2)!.map(({ n }) => n), [3])
  t.same(log.since(3), [])
  t.equal(log.since(4), undefined, 'a position that never was')
  change('a', 'DELETED')
  change('b', 'DELETED')
  change('c', 'ADDED')
  change('c', 'DELETED')
  t.equal(log.since(3), undefined, 'the removal of a is forgotten')
  t.equal(log.sinceTime(3), undefined)
  t.same(log.sinceTime(4)!.map(({ n }) => n), [5, 7])
  t.same(log.since(4)!.map(({ instance }) => instance.id), ['b', 'c'])
  log.forget(6)
  t.equal(log.since(4), undefined)
  t.same(log.since(6)!.map(({ instance }) => instance.id), ['c'])
})

t.test('names that run together alike are two instances', async t => {
  const book = new Book(rules(new Clock()))
  for (const [app, instanceId] of [['AB', 'C'], ['A', 'BC']] as const) book.register(instance({ app, instanceId }), false)
  t.same(book.log.since(0)!.map(({ instance: { app, id } }) => [app, id]), [['AB', 'C'], ['A', 'BC']])
})

t.test('what is remembered of the removed is bounded in number', async t => {
  const book = new Book(rules(new Clock(), { maxRemoved: 3 }))
  for (let i = 0; i < 5; i++) {
    book.register(instance({ instanceId: `i${i}` }), false)
    book.cancel('ORDERS', `i${i}`)
  }
  t.same(book.copies.states().map(({ id }) => id), ['i2', 'i3', 'i4'])
})

t.test('the diary drops the oldest', async t => {
  const recent = new Recent(3)
  for (const id of ['a', 'b']) recent.push({ at: 0, app: 'X', id })
  t.same(recent.list().map(({ id }) => id), ['b', 'a'])
  for (const id of ['c', 'd', 'e']) recent.push({ at: 0, app: 'X', id })
  t.same(recent.list().map(({ id }) => id), ['e', 'd', 'c'])
})

t.test('renewals are counted over sixty seconds, whatever the gaps', async t => {
  const window = new RenewalWindow()
  window.count(1_000)
  window.count(1_999)
  window.count(31_000)
  t.equal(window.lastMinute(60_999), 3)
  t.equal(window.lastMinute(61_000), 1)
  t.equal(window.lastMinute(10_000_000), 0)
  t.equal(window.total, 3)
})

t.test('a full book says so', async t => {
  const book = new Book(rules(new Clock(), { maxInstances: 1 }))
  t.notOk(book.isFull)
  book.register(instance(), false)
  t.ok(book.isFull)
})

t.test('a peer\'s renewal counts as a renewal', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  book.register(instance(), true)
  book.renew('ORDERS', ID, PEER)
  t.equal(book.renewals.lastMinute(clock.ms), 1)
})

t.test('no living client stays wrong because its clock was set back', async t => {
  const book = new Book(rules(new Clock()))
  const moved = { port: { $: 9090, '@enabled': 'true' }, lastDirtyTimestamp: 100 }
  const port = () => book.lease('ORDERS', ID)!.instance.port.number
  book.register(instance({ lastDirtyTimestamp: 200, status: 'STARTING' }), false)
  book.register(instance(moved), false)
  t.equal(port(), 8080, 'it may be a late message')
  t.equal(book.renew('ORDERS', ID, { ...PEER, lastDirtyAt: 100 }), book.lease('ORDERS', ID)!.instance, 'which a peer may repeat')
  t.equal(book.renew('ORDERS', ID, { ...PLAIN, lastDirtyAt: 150 }), 'renewed', 'a late heartbeat is none of it')
  t.equal(book.renew('ORDERS', ID, { ...PLAIN, lastDirtyAt: 100 }), 'unknown', 'but who lives by it is asked')
  book.register(instance(moved), true)
  t.equal(port(), 8080, 'a peer was not')
  book.register(instance(moved), false)
  t.match(book.lease('ORDERS', ID)!.instance, { port: { number: 9090 }, status: 'UP', lastDirtyAt: 100 })
  t.equal(book.renew('ORDERS', ID, { ...PLAIN, lastDirtyAt: 100 }), 'renewed')
  book.register(instance({ lastDirtyTimestamp: 50 }), false)
  t.equal(port(), 9090, 'it was asked once')
})

t.test('whoever was asked to register again is believed, whatever its clock shows', async t => {
  for (const ask of [
    (book: Book) => book.renew('ORDERS', ID, { ...PLAIN, lastDirtyAt: 300 }),
    (book: Book) => { book.override('ORDERS', ID, 'UNKNOWN'); return book.renew('ORDERS', ID, PLAIN) }
  ]) {
    const book = new Book(rules(new Clock()))
    book.register(instance({ lastDirtyTimestamp: 200 }), false)
    t.match(ask(book), /unknown|newer/)
    book.register(instance({ lastDirtyTimestamp: 100, metadata: { v: 'new' } }), false)
    t.equal(book.lease('ORDERS', ID)!.instance.metadata.get('v'), 'new')
  }
})
