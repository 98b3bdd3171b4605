/** What every store must do, whatever is under it, as one suite. */
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { probeStore, type OutboxEntry, type Store, type Tx } from '../store/store.ts'
import { until } from './until.ts'

export interface StoreBed<T extends Tx> {
  open (): Promise<Store<T>>
  /** The service's own state, in the words of the engine. */
  put (tx: T, key: string, value: number): Promise<void>
  get (tx: T, key: string): Promise<number | undefined>
  /** As committed, outside of any transaction. */
  read (store: Store<T>, key: string): Promise<number | undefined>
  now: () => number
  /** So many rows of each kind that one batch of the purge does not take them. */
  readonly backlog: number
  /** Opens a store beside, in which a command may take SLOW_MS. */
  readonly openSlow?: () => Promise<Store<T>>
  /** Makes the engine refuse writes; returns the way back. */
  readonly readOnly?: () => Promise<() => Promise<void>>
  /** Leaves the engine no room; returns the way back. */
  readonly full?: () => Promise<() => Promise<void>>
}

let ids = 0

function entry (group: string): OutboxEntry {
  const id = `id-${++ids}`
  return { id, dedupe: id, kind: 'event', dest: 'topic', group, type: 'test.Thing.v1', body: `{"n":${ids}}` }
}

export async function storeConformance<T extends Tx> (t: Test, bed: StoreBed<T>): Promise<void> {
  const store = await bed.open()
  t.teardown(() => store.close())

  await t.test('state, outbox, inbox and answer are committed together', async t => {
    const sent = entry('a')
    await store.tx(async tx => {
      await bed.put(tx, 'together', 1)
      await tx.outbox.append([sent])
      t.same(await tx.inbox.claim('c', 'm1'), { fresh: true })
      await tx.idempotency.put('s', 'k1', { hash: 'h', status: 201, body: '{}', at: 5 })
    })
    t.equal(await bed.read(store, 'together'), 1)
    t.match((await store.outbox.unsent(10)).at(-1), { ...sent, at: bed.now() })
    await store.tx(async tx => {
      t.same(await tx.inbox.claim('c', 'm1'), { fresh: false, replies: [] })
      t.match(await tx.idempotency.get('s', 'k1'), { hash: 'h', status: 201, body: '{}', at: 5 })
    })
  })

  await t.test('a command that fails leaves nothing behind', async t => {
    const before = await store.outbox.count()
    await t.rejects(store.tx(async tx => {
      await bed.put(tx, 'undone', 1)
      await tx.outbox.append([entry('a')])
      await tx.inbox.claim('c', 'm2')
      await tx.idempotency.put('s', 'k2', { hash: 'h', status: 201, body: '{}', at: 5 })
      throw new Error('on second thoughts')
    }), { message: 'on second thoughts' })
    t.equal(await bed.read(store, 'undone'), undefined)
    t.equal(await store.outbox.count(), before)
    await store.tx(async tx => {
      t.same(await tx.inbox.claim('c', 'm2'), { fresh: true })
      t.equal(await tx.idempotency.get('s', 'k2'), undefined)
    })
  })

  await t.test('a command that fails undoes nobody else\'s work', async t => {
    const results = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => store.tx(async tx => {
      await bed.put(tx, `many-${n}`, n)
      if (n % 4 === 0) throw new Error('every fourth')
    })))
    t.equal(results.filter(result => result.status === 'rejected').length, 10)
    t.equal(await bed.read(store, 'many-4'), undefined)
    t.equal(await bed.read(store, 'many-5'), 5)
    t.equal(await bed.read(store, 'many-39'), 39)
  })

  await t.test('commands that run at the same time lose no update', async t => {
    await store.tx(tx => bed.put(tx, 'counter', 0))
    await Promise.all(Array.from({ length: 20 }, () => store.tx(async tx => {
      await bed.put(tx, 'counter', (await bed.get(tx, 'counter') ?? 0) + 1)
    })))
    t.equal(await bed.read(store, 'counter'), 20)
  })

  await t.test('a transaction sees its own writes', async t => {
    await store.tx(async tx => {
      await bed.put(tx, 'own', 7)
      t.equal(await bed.get(tx, 'own'), 7)
    })
  })

  await t.test('nobody reads what is not committed', async t => {
    await store.tx(async tx => {
      await bed.put(tx, 'dirty', 1)
      t.equal(await bed.read(store, 'dirty'), undefined)
    })
    t.equal(await bed.read(store, 'dirty'), 1)
  })

  await t.test('the outbox keeps the order of writing and gives each row once it is asked, until it is marked', async t => {
    await drain(store, bed.now())
    const entries = Array.from({ length: 12 }, () => entry('o'))
    for (const one of entries) await store.tx(tx => tx.outbox.append([one]))
    const rows = await store.outbox.unsent(5)
    t.same(rows.map(row => row.id), entries.slice(0, 5).map(one => one.id))
    await store.outbox.markSent(rows.map(row => row.seq), bed.now())
    t.same((await store.outbox.unsent(100)).map(row => row.id), entries.slice(5).map(one => one.id))
    t.equal(await store.outbox.count(), 7)
    t.equal(await store.outbox.lead(), true)
  })

  await t.test('unsent rows can be read on behind a number', async t => {
    await drain(store, bed.now())
    for (let n = 0; n < 5; n++) await store.tx(tx => tx.outbox.append([entry('behind')]))
    const rows = await store.outbox.unsent(10)
    t.same(await store.outbox.unsent(2, rows[1]!.seq), rows.slice(2, 4))
    t.same(await store.outbox.unsent(10, rows[4]!.seq), [])
  })

  await t.test('a row set aside as refused is told with its reason, retried behind all others, or dropped', async t => {
    await drain(store, bed.now())
    const entries = Array.from({ length: 4 }, () => entry('refused'))
    await store.tx(tx => tx.outbox.append(entries))
    const { outbox } = store
    const [, second, , fourth] = await outbox.unsent(10)
    await outbox.refused.add([{ seq: fourth!.seq, reason: 'no' }, { seq: second!.seq, reason: 'too odd' }], bed.now())
    t.same((await outbox.unsent(10)).map(row => row.id), [entries[0]!.id, entries[2]!.id])
    t.equal(await outbox.count(), 2)
    t.same(await outbox.refused.list(1), [{ ...second!, reason: 'too odd', refusedAt: bed.now() }])
    t.equal(await outbox.refused.count(), 2)

    t.equal(await outbox.refused.retry([second!.seq, 987_654], bed.now()), 1)
    t.same((await outbox.unsent(10)).map(row => row.id), [entries[0]!, entries[2]!, entries[1]!].map(one => one.id))
    t.match((await outbox.unsent(10)).at(-1), { ...entries[1]!, at: bed.now() })
    t.equal(await outbox.refused.retry('all', bed.now()), 1)
    const again = (await outbox.unsent(10)).at(-1)!
    t.equal(again.id, entries[3]!.id)
    await outbox.refused.add([{ seq: again.seq, reason: 'still' }], bed.now())
    t.equal(await outbox.refused.drop([again.seq]), 1)
    t.same([await outbox.refused.count(), await outbox.refused.drop('all'), await outbox.count()], [0, 0, 3])

    const sent = (await outbox.unsent(1))[0]!
    await outbox.markSent([sent.seq], bed.now())
    await outbox.refused.add([{ seq: sent.seq, reason: 'too late' }], bed.now())
    t.equal(await outbox.refused.count(), 0, 'what was sent is not refused')
  })

  await t.test('replies are kept with the message that caused them', async t => {
    const reply = entry('r')
    await store.tx(async tx => {
      await tx.inbox.claim('c', 'm3')
      await tx.inbox.keepReplies('c', 'm3', [reply])
    })
    t.same(await store.tx(tx => tx.inbox.claim('c', 'm3')), { fresh: false, replies: [reply] })
    t.same(await store.tx(tx => tx.inbox.claim('other', 'm3')), { fresh: true })
    t.match((await store.inbox(50)).find(row => row.id === 'm3' && row.consumer === 'c'), { at: bed.now() })
  })

  await t.test('the inbox tells what content an id came with, also beside its replies', async t => {
    const reply = entry('r2')
    const again = (id: string) => store.tx(tx => tx.inbox.claim('c', id, { content: 7 }))
    t.same(await store.tx(tx => tx.inbox.claim('c', 'm4', { content: 2 ** 32 - 1 })), { fresh: true })
    t.same(await again('m4'), { fresh: false, replies: [], content: 2 ** 32 - 1 })
    await store.tx(tx => tx.inbox.keepReplies('c', 'm4', [reply]))
    t.same(await again('m4'), { fresh: false, replies: [reply], content: 2 ** 32 - 1 })
    await store.tx(tx => tx.inbox.claim('c', 'm5'))
    t.same(await again('m5'), { fresh: false, replies: [] }, 'where none was told there is none')
  })

  await t.test('a client\'s key may be any text', async t => {
    const key = `%2F/'"; DROP TABLE outbox; -- __proto__ ${'é'.repeat(200)}`
    await store.tx(tx => tx.idempotency.put('POST /x anonymous', key, { hash: 'h', status: 200, body: '1', at: 9 }))
    t.match(await store.tx(tx => tx.idempotency.get('POST /x anonymous', key)), { body: '1' })
    t.equal(await store.tx(tx => tx.idempotency.get('POST /x', `anonymous ${key}`)), undefined)
  })

  await t.test('keys, scopes, ids and consumers of any length and any characters are told apart', async t => {
    const [longKey, longScope] = ['\u00ff'.repeat(255), `POST /x ${'s/'.repeat(200)}`]
    const answers = [[longScope, longKey], [longScope, `${longKey.slice(1)}x`], [`${longScope}s`, longKey], ['a', 'b/c'],
      ['a/b', 'c'], ['a%2Fb', 'c'], ['#', '#'], ['', ''], ['\u{10ffff}', '\u{1f600}'.repeat(120)]] as const
    const ids = answers.map(([scope, key]) => [scope.slice(0, 60), key.slice(0, 60)] as const)
    await store.tx(async tx => {
      for (const [n, [scope, key]] of answers.entries()) {
        await tx.idempotency.put(scope, key, { hash: 'h', status: 200, body: String(n), at: 9 })
      }
      for (const [consumer, id] of ids.slice(3)) t.same(await tx.inbox.claim(consumer, id), { fresh: true })
    })
    await store.tx(async tx => {
      for (const [n, [scope, key]] of answers.entries()) {
        t.match(await tx.idempotency.get(scope, key), { body: String(n) })
      }
      for (const [consumer, id] of ids.slice(3)) t.match(await tx.inbox.claim(consumer, id), { fresh: false })
    })
    const listed = await store.inbox(50)
    for (const [consumer, id] of ids.slice(3)) t.ok(listed.some(row => row.consumer === consumer && row.id === id), id)
  })

  await t.test('an answer is kept once', async t => {
    const put = (body: string) =>
      store.tx(tx => tx.idempotency.put('once', 'k', { hash: 'h', status: 200, body, at: 9 }))
    await put('first')
    await t.rejects(put('second'))
    t.match(await store.tx(tx => tx.idempotency.get('once', 'k')), { body: 'first' })
  })

  await t.test('the same dedupe id is sent once, until its row is purged', async t => {
    await drain(store, bed.now())
    const [one, other] = [entry('d'), entry('d')]
    await store.tx(tx => tx.outbox.append([one, { ...one, id: 'again' }, other]))
    await store.tx(tx => tx.outbox.append([{ ...one, id: 'and again' }]))
    t.same((await store.outbox.unsent(10)).map(row => row.id), [one.id, other.id])
    await drain(store, bed.now())
    await store.tx(tx => tx.outbox.append([one]))
    t.same(await store.outbox.unsent(10), [])
    await store.purge({ sentMs: bed.now() + 1, inboxMs: 0, answersMs: 0 })
    await store.tx(tx => tx.outbox.append([one]))
    t.same((await store.outbox.unsent(10)).map(row => row.id), [one.id])
  })

  await t.test('what is changed together is seen together, by those who only look and by those who refuse, too', async t => {
    const set = (n: number) => store.tx(async tx => {
      await bed.put(tx, 'left', n)
      await bed.put(tx, 'right', 0 - n)
    })
    await set(0)
    const look = (end: (sum: number) => number) => store.tx(async tx => {
      const left = await bed.get(tx, 'left')
      // Others commit in the middle of it.
      await new Promise(resolve => { setTimeout(resolve, 2) })
      return end(left! + (await bed.get(tx, 'right'))!)
    })
    const changes = (async () => { for (let n = 1; n <= 30; n++) await set(n) })()
    const looks = await Promise.allSettled(Array.from({ length: 30 }, (_, n) =>
      look(sum => { if (n % 2 === 0) return sum; throw new Error(`the sum is ${sum}`) })))
    await changes
    const seen = looks.map(end => end.status === 'fulfilled' ? `the sum is ${end.value}` : (end.reason as Error).message)
    t.same(new Set(seen), new Set(['the sum is 0']))
  })

  await t.test('each commit with a message wakes the relay, others do not', async t => {
    let woken = 0
    store.onOutbox(() => { woken++ })
    await store.tx(tx => bed.put(tx, 'silent', 1))
    t.equal(woken, 0)
    await store.tx(tx => tx.outbox.append([entry('w')]))
    await until(() => woken === 1, 'the relay was woken')
  })

  await t.test('the purge takes what is old and nothing that was not sent', async t => {
    await drain(store, bed.now())
    await store.tx(tx => tx.outbox.append([entry('p')]))
    const later = bed.now() + 1
    await store.purge({ sentMs: later, inboxMs: 0, answersMs: 0 })
    t.equal(await store.forgotten(), 0, 'nothing of the inbox, so far')
    await store.purge({ sentMs: later, inboxMs: later, answersMs: 8 })
    t.equal(await store.forgotten(), bed.now(), 'the time of what was removed, not of the purge')
    await store.purge({ sentMs: 0, inboxMs: later + 1_000_000, answersMs: 0 })
    t.equal(await store.forgotten(), bed.now(), 'and so it stays')
    await store.tx(tx => tx.inbox.claim('c', 'ahead', { sentMs: bed.now() + 5000 }))
    await store.purge({ sentMs: 0, inboxMs: bed.now() + 5000, answersMs: 0 })
    t.same(await store.tx(tx => tx.inbox.claim('c', 'ahead')), { fresh: false, replies: [] }, 'never before it was sent')
    await store.purge({ sentMs: 0, inboxMs: bed.now() + 5001, answersMs: 0 })
    t.equal(await store.forgotten(), bed.now() + 5000)
    t.equal(await store.outbox.count(), 1)
    await store.tx(async tx => {
      t.same(await tx.inbox.claim('c', 'm1'), { fresh: true })
      t.equal(await tx.idempotency.get('s', 'k1'), undefined)
      t.ok(await tx.idempotency.get('POST /x anonymous', `%2F/'"; DROP TABLE outbox; -- __proto__ ${'é'.repeat(200)}`))
    })
  })

  await t.test('a transaction that is over takes and tells nothing, however it ended', async t => {
    const kept: T[] = []
    await store.tx(async tx => { kept.push(tx) })
    await t.rejects(store.tx(async tx => {
      kept.push(tx)
      throw new Error('undone')
    }))
    for (const tx of kept) {
      const uses: ReadonlyArray<() => Promise<unknown>> = [() => bed.get(tx, 'late'), () => bed.put(tx, 'late', 1),
        () => tx.outbox.append([entry('late')]), () => tx.inbox.claim('c', 'late'),
        () => tx.inbox.keepReplies('c', 'late', []), () => tx.idempotency.get('s', 'late'),
        () => tx.idempotency.put('s', 'late', { hash: '', status: 200, body: '', at: 1 })]
      for (const use of uses) await t.rejects(use, { code: 'E_TX_CLOSED' }, String(use))
    }
    t.equal(await bed.read(store, 'late'), undefined)
  })

  await t.test('a command that waits for something else is ended, and the next one goes on', async t => {
    if (bed.openSlow === undefined) return
    const slow = await bed.openSlow()
    t.teardown(() => slow.close())
    const never = slow.tx(async tx => {
      await bed.put(tx, 'slow', 1)
      await new Promise(() => {})
    })
    await t.rejects(never, { code: 'E_TX_SLOW' })
    await slow.tx(tx => bed.put(tx, 'quick', 1))
    t.same([await bed.read(slow, 'slow'), await bed.read(slow, 'quick')], [undefined, 1])
  })

  await t.test('a purge takes all that is old, however much it is', async t => {
    const { backlog } = bed
    await drain(store, bed.now())
    const entries = Array.from({ length: backlog }, () => entry('b'))
    // So many at a time that a command of them is over in time on a busy machine.
    const inParts = async (use: (tx: T, some: OutboxEntry[]) => Promise<void>) => {
      for (let n = 0; n < backlog; n += 100) await store.tx(tx => use(tx, entries.slice(n, n + 100)))
    }
    await inParts(async (tx, some) => {
      await tx.outbox.append(some)
      for (const { id } of some) {
        await tx.inbox.claim('backlog', id)
        await tx.idempotency.put('backlog', id, { hash: 'h', status: 200, body: '1', at: 1 })
      }
    })
    const seqs = (await store.outbox.unsent(backlog)).map(row => row.seq)
    await store.outbox.markSent(seqs.slice(1), bed.now())
    await store.purge({ sentMs: bed.now() + 1, inboxMs: bed.now() + 1, answersMs: 2 })
    t.same(await store.inbox(backlog), [])
    t.equal(await store.outbox.count(), 1)
    let kept = 0
    await inParts(async (tx, some) => {
      for (const { id } of some) if (await tx.idempotency.get('backlog', id) !== undefined) kept++
    })
    t.equal(kept, 0)
    // What was sent is gone, too, or the same message could not be sent again.
    await inParts((tx, some) => tx.outbox.append(some.filter(one => one !== entries[0])))
    t.equal(await store.outbox.count(), backlog)
    await drain(store, bed.now())
  })

  await faulty('what is read-only takes no command, is read, and goes on when it is writable again', bed.readOnly,
    { code: 'E_STORE_READ_ONLY' })
  await faulty('what is full takes no command, is read, and goes on when there is room', bed.full, { code: 'E_STORE_FULL' })

  async function faulty (name: string, hook: StoreBed<T>['readOnly'], expected: { code: string }): Promise<void> {
    await t.test(name, async t => {
      if (hook === undefined) return
      const meanwhile = `meanwhile-${expected.code}`
      await store.tx(tx => bed.put(tx, 'before', 1))
      const undo = await hook()
      // Long enough to need room of its own.
      const command = () => store.tx(async tx => {
        await bed.put(tx, meanwhile, 1)
        await tx.outbox.append([{ ...entry('f'), body: JSON.stringify(randomBytes(150_000).toString('base64')) }])
      })
      try {
        for (let n = 0; n < 3; n++) await t.rejects(command(), { ...expected, canRetry: true, statusCode: 503 })
        t.equal(await bed.read(store, 'before'), 1)
      } finally {
        await undo()
      }
      t.equal(await bed.read(store, meanwhile), undefined)
      await command()
      t.equal(await bed.read(store, meanwhile), 1)
      await t.resolves(store.check())
    })
  }

  await t.test('it passes the probe that refuses stores whose outbox is not part of the transaction', async t => {
    await t.resolves(probeStore(store, Date.now()))
    await t.resolves(store.check())
  })

  await t.test('closed, it says "not now" to whoever still asks, and may be closed again', async t => {
    await store.close()
    await t.rejects(bed.read(store, 'together'), { code: 'E_STORE_DOWN' }, 'a read')
    await t.rejects(store.tx(tx => bed.put(tx, 'together', 2)), { code: 'E_STORE_DOWN' }, 'a command')
    await t.rejects(store.outbox.unsent(1), { code: 'E_STORE_DOWN' }, 'the relay')
    await t.rejects(store.check(), { code: 'E_STORE_DOWN' }, 'a check')
    await t.resolves(store.close())
  })
}

async function drain (store: Store, now: number): Promise<void> {
  const rows = await store.outbox.unsent(10_000)
  if (rows.length > 0) await store.outbox.markSent(rows.map(row => row.seq), now)
}
