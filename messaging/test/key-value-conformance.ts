/** What the key-value stores must do beyond the suite of all stores: any key, any value, in one order. */
import type { Test } from 'tap'
import { systemClock, type Clock, type KeyValueReader, type KeyValueTx, type OutboxEntry, type Store } from '../index.ts'

export type OpenKeyValue = (name: string, clock?: Clock) => Promise<Store<KeyValueTx, KeyValueReader>>

/** One of each length in UTF-8, the ends of each range, and what comes before and behind a `/`. */
const CHARACTERS = ['\u0000', '\u0001', '\u0004', '\u001b', ' ', '.', '/', '0', 'a', '\u007f', '\u0080', '\u07ff',
  '\u0800', '\ud7ff', '\ue000', '\ufffe', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}']
const KEYS = ['', ...CHARACTERS, ...CHARACTERS.flatMap(last => [`sku/${last}`, `${last}sku`, `${'long/'.repeat(20)}${last}`]),
  '%2F', '__proto__', 'k'.repeat(1024), '\u{10ffff}'.repeat(256)]

const VALUES: readonly unknown[] = [null, true, false, 0, 1, -1, 0.1, 1.5e-300, 2 ** 53 - 1, -(2 ** 53) + 1, '', '\ud800',
  'a\u0000b', '\ufffe\uffff\u{10ffff}', [], {}, [[], {}], { a: { b: [1, 'x', null] } },
  JSON.parse('{"__proto__": 1, "toString": 2}'), 'x'.repeat(1_000_000)]

const cyclic: Record<string, unknown> = {}
cyclic.self = cyclic
const UNLIKE_JSON: ReadonlyArray<readonly [string, unknown]> = [
  ['it is undefined', undefined], ['it is NaN', NaN], ['it is Infinity', Infinity], ['it is -0', -0],
  ['it is 9007199254740992', 2 ** 53], ['it.at is a Date', { at: new Date(0) }], ['it.0 is a Map', [new Map()]],
  ['it.a.b is undefined', { a: { b: undefined } }], ['it is a function', () => {}], ['it is a bigint', 1n],
  ['it has holes', Object.assign([], { length: 2 })], ['it has holes', Object.assign([1], { extra: 2 })],
  ['it.x has holes', { x: { [Symbol('s')]: 1 } }],
  ['levels deep', cyclic], ['it is a Uint8Array', new Uint8Array(2)], ['it.toJSON is a function', { toJSON: () => 1 }]]

const TOO_LONG = 'k'.repeat(1025)
const BAD_KEYS = [TOO_LONG, '\u{10ffff}'.repeat(257), '\ud800', 'a\udfffb', 'x'.repeat(5000)]

export async function keyValueConformance (t: Test, open: OpenKeyValue): Promise<void> {
  await t.test('any key is kept, and ranges are exact, in the order of the keys\' bytes', async t => {
    const store = await open('keys')
    t.teardown(() => store.close())
    for (const key of KEYS) await store.tx(async tx => { tx.put(key, { key }) })
    const sorted = KEYS.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    for (const key of KEYS) t.same(await store.read.get(key), { key })
    for (const prefix of new Set(['', 'sku/', 'sku', 'long/', ...KEYS])) {
      const expected = sorted.filter(key => key.startsWith(prefix))
      const found = await store.read.range(prefix, 1000)
      t.same(found, expected.map(key => ({ key, value: { key } })), JSON.stringify(prefix.slice(0, 30)))
      t.same(await store.read.range(prefix, 2), found.slice(0, 2))
    }
    await store.tx(async tx => { for (const key of KEYS) tx.remove(key) })
    t.same(await store.read.range('', 1000), [])
  })

  await t.test('a value is read back as it was put, in the transaction and after it', async t => {
    const store = await open('values')
    t.teardown(() => store.close())
    for (const [n, value] of VALUES.entries()) {
      await store.tx(async tx => {
        tx.put(`v${n}`, value)
        t.strictSame(await tx.get(`v${n}`), value)
      })
      t.strictSame(await store.read.get(`v${n}`), value)
    }
  })

  await t.test('what JSON would alter is refused, and nobody beside it is', async t => {
    const store = await open('unlike')
    t.teardown(() => store.close())
    const refused = UNLIKE_JSON.map(([fault, value]) => t.rejects(store.tx(async tx => { tx.put('bad', value) }),
      { code: 'E_STORE_VALUE', canRetry: false, message: new RegExp(fault) }, fault))
    const beside = Array.from({ length: 20 }, (_, n) => store.tx(async tx => { tx.put(`good-${n}`, n) }))
    await Promise.all([...refused, ...beside])
    t.equal(await store.read.get('bad'), undefined)
    t.equal((await store.read.range('good-', 100)).length, 20)
  })

  await t.test('a key that cannot be is refused in every use, and nobody beside it is', async t => {
    const store = await open('bad-keys')
    t.teardown(() => store.close())
    const refusal = { code: 'E_STORE_KEY', canRetry: false, statusCode: 400 }
    const refused = BAD_KEYS.flatMap(key => [
      t.rejects(store.tx(async tx => { tx.put(key, 1) }), refusal),
      t.rejects(store.tx(async tx => { tx.remove(key) }), refusal),
      t.rejects(store.tx(tx => tx.get(key)), refusal),
      t.rejects(store.read.get(key), refusal),
      t.rejects(store.read.range(key, 1), refusal)
    ])
    const beside = Array.from({ length: 20 }, (_, n) => store.tx(async tx => { tx.put(`good-${n}`, n) }))
    await Promise.all([...refused, ...beside])
    t.equal((await store.read.range('good-', 100)).length, 20)
  })

  await t.test('a transaction takes ten thousand entries, and no more', async t => {
    const store = await open('large')
    t.teardown(() => store.close())
    const put = (n: number) => store.tx(async tx => { for (let key = 0; key < n; key++) tx.put(`k${key}`, key) })
    await t.rejects(put(10_001), { code: 'E_TX_LARGE', canRetry: false })
    await t.rejects(store.tx(async tx => { for (let n = 0; n < 17; n++) tx.put(`m${n}`, 'x'.repeat(1024 * 1024)) }),
      { code: 'E_TX_LARGE' })
    t.same(await store.read.range('', 1), [])
    await put(10_000)
    t.equal((await store.read.range('k', 20_000)).length, 10_000)
  })

  await t.test('dates are told apart and forgotten in their order, whatever the clock has said', async t => {
    let now = 0
    const store = await open('dates', { ...systemClock, now: () => now })
    t.teardown(() => store.close())
    const times = [-(2 ** 53), -62_135_596_800_000, -1000.7, -1, 0, 0.5, 999, 1_700_000_000_000.25, 8.64e15, 1e21]
    for (const [n, at] of times.entries()) {
      now = at
      await store.tx(async tx => {
        await tx.inbox.claim('c', `m${n}`)
        await tx.idempotency.put('s', `k${n}`, { hash: '', status: 200, body: '', at })
        await tx.outbox.append([entry(`e${n}`)])
      })
      const [row] = await store.outbox.unsent(1)
      await store.outbox.markSent([row!.seq], at)
    }
    t.same((await store.inbox(100)).map(row => row.id), times.map((_, n) => `m${n}`).reverse())
    const left = async () => store.tx(async tx => {
      const kept: number[] = []
      for (const n of times.keys()) if (await tx.idempotency.get('s', `k${n}`) !== undefined) kept.push(n)
      return kept
    })
    for (const [before, kept] of [[-1000, [3, 4, 5, 6, 7, 8, 9]], [1000, [7, 8, 9]], [9e15, [9]]] as const) {
      await store.purge({ sentMs: before, inboxMs: before, answersMs: before })
      t.same((await store.inbox(100)).map(row => row.id), kept.map(n => `m${n}`).reverse())
      t.same(await left(), kept)
    }
  })
}

function entry (id: string): OutboxEntry {
  return { id, dedupe: id, kind: 'event', dest: 'topic', group: 'g', type: 'test.Thing.v1', body: '{}' }
}
