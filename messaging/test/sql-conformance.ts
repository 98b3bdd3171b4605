/** What the relational stores must do alike, beyond what every store must: values, constraints, lines, locks. */
import type { Test } from 'tap'
import type { SqlStore, SqlTx, SqlValue } from '../index.ts'
import { PURGES } from '../store/sql-messaging.ts'
import type { SqlBed } from './store-beds.ts'

const WRONG: ReadonlyArray<readonly [name: string, value: unknown]> = [
  ['a fraction', 1_796_055_639_329.167], ['not a finite number', NaN], ['not a finite number', Infinity],
  ['not a finite number', -Infinity], ['a number beyond 2\\^53 - 1', 2 ** 53], ['a number beyond 2\\^53 - 1', -1e300],
  ['of type bigint', 5n], ['of type boolean', true], ['of type undefined', undefined], ['a Date', new Date(0)],
  ['of type array', [1]], ['of type object', { a: 1 }], ['of type object', new Uint8Array(2)],
  ['text with U\\+0000', 'a\0b'], ['text with half a surrogate pair', 'a\ud800b'], ['text with half a surrogate pair', '\udc00']
]

const INSERT = 'INSERT INTO rules (id, parent, amount, note) VALUES (?, ?, ?, ?)'

export async function sqlConformance (t: Test, bed: SqlBed): Promise<void> {
  const store = await bed.open()
  t.teardown(() => store.close())

  await t.test('a value that an engine would change or refuse reaches none', async t => {
    for (const [name, value] of WRONG) {
      const expected = { code: 'E_STORE_VALUE', canRetry: false, message: new RegExp(`parameter 3 is ${name}`) }
      await t.rejects(store.tx(tx => tx.run(INSERT, 'v', null, value as SqlValue, null)), expected, `written: ${name}`)
      await t.rejects(store.read.all('SELECT 1 FROM rules WHERE id = ? OR note = ? OR amount = ?', 'a', 'b',
        value as SqlValue), expected, `asked: ${name}`)
    }
    t.equal(await count(store, 'rules'), 0)
  })

  await t.test('an error tells which parameter it was, and not its value', async t => {
    const error = await store.tx(tx => tx.run(INSERT, 'v', null, 1, 'secret\0')).catch((error: unknown) => error as Error)
    t.match(String(error), /INSERT INTO rules \(id, parent, amount, note\).*parameter 4 is text with U\+0000/)
    t.notMatch(String(error), /secret/)
  })

  await t.test('what is taken is read back as it was', async t => {
    const values = [['zero', 0, ''], ['minus zero', -0, ' '], ['most', Number.MAX_SAFE_INTEGER, '😀\u2028\uffff'],
      ['long', 1, 'x'.repeat(10_000_000)], ['json', 2, JSON.stringify({ text: 'a\0b\ud800' })], ['none', 3, null]] as const
    for (const [id, amount, note] of values) await store.tx(tx => tx.run(INSERT, id, null, amount, note))
    for (const [id, amount, note] of values) {
      const row = await store.read.get<{ amount: number, note: string | null }>('SELECT amount, note FROM rules WHERE id = ?', id)
      t.ok(row?.note === note && Object.is(row.amount, amount + 0), id)
    }
    await store.tx(tx => tx.run('DELETE FROM rules'))
  })

  await t.test('a number is a whole number wherever it is put', async t => {
    await store.tx(async tx => {
      await tx.run("INSERT INTO rules (id, amount, note) VALUES ('n', ? / 2, ?)", 7, 5)
      t.match(await tx.get('SELECT amount, note FROM rules'), { amount: 3, note: '5' })
      await tx.run('DELETE FROM rules')
    })
  })

  await t.test('a stored number beyond 2^53 - 1 is neither rounded nor lost', async t => {
    await store.tx(tx => tx.run("INSERT INTO rules (id, amount) VALUES ('big', 9007199254740993), ('small', 1)"))
    const expected = { code: 'E_STORE_VALUE', message: /a number beyond 2\^53 - 1 is stored/ }
    await t.rejects(store.read.get('SELECT amount FROM rules WHERE id = ?', 'big'), expected)
    await t.rejects(store.read.all('SELECT sum(amount) AS sum FROM rules'), expected)
    await t.rejects(store.tx(tx => tx.get('SELECT amount FROM rules WHERE id = ?', 'big')), expected)
    await store.tx(tx => tx.run('UPDATE rules SET amount = amount - 9007199254740990 WHERE id = ?', 'big'))
    t.match(await store.read.get('SELECT sum(amount) AS sum, count(*) AS n FROM rules'), { sum: 4, n: 2 })
    await store.tx(tx => tx.run('DELETE FROM rules'))
  })

  await t.test('a table that is not there is named', async t => {
    const missing = { code: 'E_STORE_TABLE', message: /nowhere/, canRetry: false }
    await t.rejects(store.read.all('SELECT * FROM nowhere'), missing)
    await t.rejects(store.tx(tx => tx.run('DELETE FROM nowhere')), missing)
  })

  await t.test('a row that breaks a constraint fails its command, once and for all, with the name', async t => {
    await store.tx(tx => tx.run(INSERT, 'there', null, 1, null))
    const rows: ReadonlyArray<readonly [RegExp, ...SqlValue[]]> = [
      [/UNIQUE constraint (rules\.id|rules_pkey)/, 'there', null, 1, null], [/CHECK constraint amount_positive/, 'c', null, -1, null],
      [/NOT NULL constraint rules\.amount/, 'n', null, null, null], [/FOREIGN KEY constraint/, 'f', 'nobody', 1, null]
    ]
    for (const [message, ...row] of rows) {
      let runs = 0
      const command = store.tx(async tx => {
        runs++
        await bed.put(tx, 'broken', 1)
        await tx.run(INSERT, ...row)
      })
      await t.rejects(command, { code: 'E_STORE_CONSTRAINT', message, canRetry: false, statusCode: 500 })
      t.ok(runs <= 2, `${message} ran ${runs} times`)
    }
    t.equal(await bed.read(store, 'broken'), undefined)
    t.equal(await count(store, 'rules'), 1)
    await store.tx(tx => tx.run('DELETE FROM rules'))
  })

  await t.test('a value of another type is no constraint and no outage', async t => {
    await t.rejects(store.tx(tx => tx.run(INSERT, 'type', null, 'many', null)),
      { code: 'E_STORE_VALUE', canRetry: false, message: /^((?!many).)*$/ })
  })

  await t.test('a statement that failed fails its command, whatever the command makes of it', async t => {
    const swallowed = store.tx(async tx => {
      await bed.put(tx, 'swallowed', 1)
      await tx.run(INSERT, 'x', null, -1, null).catch(() => {})
      return 'done'
    })
    await t.rejects(swallowed, { code: 'E_STORE_CONSTRAINT' })
    const wentOn = store.tx(async tx => {
      await tx.run(INSERT, 'x', null, -1, null).catch(() => {})
      await bed.put(tx, 'swallowed', 1)
    })
    await t.rejects(wentOn, { code: 'E_STORE_CONSTRAINT' })
    const notWaitedFor = store.tx(async tx => {
      await bed.put(tx, 'swallowed', 1)
      void tx.run(INSERT, 'x', null, -1, null).catch(() => {})
    })
    await t.rejects(notWaitedFor, { code: 'E_STORE_CONSTRAINT' })
    t.equal(await bed.read(store, 'swallowed'), undefined)
  })

  await t.test('a command may ask for several things at once', async t => {
    const seen = await store.tx(tx => Promise.all(Array.from({ length: 5 }, async (_, n) => {
      await bed.put(tx, `side-${n}`, n)
      return bed.get(tx, `side-${n}`)
    })))
    t.same(seen, [0, 1, 2, 3, 4])
  })

  await t.test('of many that look and then insert the same key one inserts, and none fails', async t => {
    const inserted = await Promise.all(Array.from({ length: 20 }, () => store.tx(async tx => {
      if (await bed.get(tx, 'raced') !== undefined) return 0
      return tx.run('INSERT INTO things (key, value) VALUES (?, ?)', 'raced', 1)
    })))
    t.equal(inserted.reduce((sum, rows) => sum + rows), 1)
  })

  await t.test('many that add to one row are all added', async t => {
    await store.tx(tx => bed.put(tx, 'hot', 0))
    await Promise.all(Array.from({ length: 60 }, () =>
      store.tx(tx => tx.run('UPDATE things SET value = value + 1 WHERE key = ?', 'hot'))))
    t.equal(await bed.read(store, 'hot'), 60)
  })

  await t.test('what a decision rests on does not change meanwhile when it is read FOR UPDATE', async t => {
    await store.tx(async tx => { for (const key of ['left', 'right']) await bed.put(tx, `duty-${key}`, 1) })
    // Each leaves only when the other one stays.
    const leave = (me: string) => store.tx(async tx => {
      const rows = await tx.all<{ value: number }>("SELECT value FROM things WHERE key IN ('duty-left', 'duty-right') FOR UPDATE")
      if (rows.filter(row => row.value === 1).length === 2) await bed.put(tx, `duty-${me}`, 0)
    })
    await Promise.all([leave('left'), leave('right'), leave('left'), leave('right')])
    t.equal((await bed.read(store, 'duty-left'))! + (await bed.read(store, 'duty-right'))!, 1)
  })

  await t.test('a command that runs alone misses nothing that others write meanwhile', async t => {
    // Counts what there is into a row of its own, while others add to it: read from one moment, written to another.
    const adding = Array.from({ length: 30 }, (_, n) => store.tx(async tx => {
      await bed.put(tx, `counted/${n}`, 1)
      for (let turn = 0; turn < 3; turn++) await tx.get('SELECT 1')
      return (await bed.get(tx, 'counted')) === undefined
    }))
    const counted = store.tx(async tx => {
      const row = await tx.get<{ n: number }>("SELECT count(*) AS n FROM things WHERE key LIKE 'counted/%'")
      await bed.put(tx, 'counted', row!.n)
      for (let turn = 0; turn < 3; turn++) await tx.get('SELECT 1')
      return row!.n
    }, { alone: true })
    const before = (await Promise.all(adding)).filter(Boolean).length
    t.equal(await counted, before)
  })

  await t.test('a line is followed without holes that fill later, whatever order its writers end in', async t => {
    const following = follow(store)
    await Promise.all(Array.from({ length: 60 }, (_, n) => store.tx(async tx => {
      await append(tx, `e-${n}`)
      // Those that came first end last.
      for (let turn = n % 7; turn > 0; turn--) await tx.get('SELECT 1')
      if (n % 10 === 3) throw new Error('undone')
    }).catch((error: unknown) => { if ((error as Error).message !== 'undone') throw error })))
    const seen = await following.end()
    const rows = await store.read.all<{ pos: number }>('SELECT pos FROM events ORDER BY pos')
    t.equal(rows.length, 54)
    t.same(seen, rows.map(row => row.pos))
  })

  await t.test('a line is not settled behind a number that is not committed', async t => {
    const before = await store.read.settled('events')
    const entered = Promise.withResolvers<number>()
    const end = Promise.withResolvers<void>()
    const writing = store.tx(async tx => {
      entered.resolve(await append(tx, 'open'))
      await end.promise
    })
    const pos = await entered.promise
    const settling = store.read.settled('events')
    setTimeout(() => { end.resolve() }, 50)
    const settled = await settling
    t.ok(settled === before || settled >= pos, `${settled} is between ${before} and ${pos}`)
    await writing
    t.ok(await store.read.settled('events') >= pos)
  })

  await t.test('a purge finds what is old by an index', async t => {
    for (const sql of Object.values(PURGES)) {
      const plan = JSON.stringify(await explain(store, sql))
      t.match(plan, /outbox_sent|inbox_at|idempotency_at/, sql)
      t.notMatch(plan, /Seq Scan|SCAN (outbox|inbox|idempotency)\b(?! USING)/, sql)
    }
  })
}

/** Reads the line as a follower does, over and over; `end` gives what was seen, behind a last look. */
export function follow (store: SqlStore): { end (): Promise<number[]> } {
  let ending = false
  const following = (async () => {
    const seen: number[] = []
    for (let last = 0, again = true; again;) {
      again = !ending
      const settled = await store.read.settled('events')
      const rows = await store.read.all<{ pos: number }>(
        'SELECT pos FROM events WHERE pos > ? AND pos <= ? ORDER BY pos', last, settled)
      seen.push(...rows.map(row => row.pos))
      last = Math.max(last, settled)
      await new Promise(setImmediate)
    }
    return seen
  })()
  return { end: () => {
    ending = true
    return following
  } }
}

async function append (tx: SqlTx, id: string): Promise<number> {
  const pos = await tx.position('events')
  await tx.run('INSERT INTO events (id, pos) VALUES (?, ?)', id, pos)
  return pos
}

async function count (store: SqlStore, table: string): Promise<number> {
  return (await store.read.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))!.n
}

async function explain (store: SqlStore, sql: string): Promise<unknown[]> {
  if (store.description.startsWith('sqlite')) return store.read.all(`EXPLAIN QUERY PLAN ${sql}`, 1)
  return store.tx(async tx => {
    // A table of a few rows is read from end to end, whatever indexes it has.
    await tx.get('SET LOCAL enable_seqscan = off')
    return tx.all(`EXPLAIN ${sql}`, 1)
  })
}
