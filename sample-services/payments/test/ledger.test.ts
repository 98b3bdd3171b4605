/** What a user may pay in, on each store: up to the limit all is exact and can be read, beyond it nothing is taken. */
import { join } from 'node:path'
import { t, type Test } from 'tap'
import { openSqlite, type SqlStore } from '../../../messaging/index.ts'
import { openPostgres } from '../../../messaging/stores.ts'
import { noPostgres, startPostgres } from '../../../messaging/test/servers.ts'
import { startAlone } from '../../test/doors.ts'
import { cancel, capture, payerAccount, type Outcome, type Payment } from '../domain/payment.ts'
import { startPayments } from '../payments.ts'
import { audit, findAccount, findPayment, LEDGER_TABLES, move, openAccount, paidIn, putPayment } from '../store/ledger.ts'

const MAX = Number.MAX_SAFE_INTEGER
const ANN = '01a210cb-5f0d-7dad-80e3-ae92ef314987'
const BOB = '01a210cb-5f0d-7dad-80e3-ae92ef314988'

/** As a deposit, of as much as no single one may be. */
async function fill (store: SqlStore, userId: string, amount: number): Promise<void> {
  await store.tx(async tx => {
    for (const id of [payerAccount(userId), `user:${userId}`]) await openAccount(tx, id, 'EUR')
    await move(tx, `fill-${userId}`, { from: payerAccount(userId), to: `user:${userId}`, amount }, 0)
  })
}

async function isExact (t: Test, store: SqlStore): Promise<void> {
  await fill(store, ANN, MAX)
  await fill(store, BOB, MAX)
  t.equal(await paidIn(store.read, ANN), MAX)
  t.equal(await paidIn(store.read, 'nobody'), 0)
  const book = (decide: (known: Payment | undefined) => Outcome) => store.tx(async tx => {
    const { payment, transfer } = decide(await findPayment(tx, 'o'))
    await putPayment(tx, payment)
    if (transfer === undefined) return
    await openAccount(tx, 'merchant:EUR', 'EUR')
    await move(tx, `${payment.state} o`, transfer, 0)
  })
  const account = await findAccount(store.read, ANN)
  t.match(account, { balance: MAX, currency: 'EUR', frozen: false })
  await book(known => capture(known, { orderId: 'o', userId: ANN, amount: MAX, currency: 'EUR' }, account, 'p'))
  t.match(await findAccount(store.read, ANN), { balance: 0 })
  t.match(await audit(store.read), { sum: 0, crooked: [], payments: [{ state: 'CAPTURED', count: 1 }] })
  await book(known => cancel(known, 'o', 'p'))
  t.match(await findPayment(store.read, 'o'), { state: 'REFUNDED', amount: MAX, reason: undefined })
  t.match(await findAccount(store.read, ANN), { balance: MAX })
  t.match(await audit(store.read), { sum: 0, payments: [{ state: 'REFUNDED', count: 1 }] })
}

/** What is with the house, and what was declined, may come to anything. */
async function othersHaveNoLimit (t: Test, store: SqlStore): Promise<void> {
  for (let n = 0; n < 3; n++) {
    await store.tx(tx => putPayment(tx, { orderId: `d${n}`, paymentId: 'p', userId: BOB, state: 'DECLINED', amount: MAX,
      currency: 'EUR', version: 1, reason: 'INSUFFICIENT_FUNDS' }))
  }
  t.match(await findPayment(store.read, 'd0'), { amount: MAX, reason: 'INSUFFICIENT_FUNDS' })
  await store.tx(async tx => {
    for (const [n, userId] of [ANN, BOB].entries()) await move(tx, `house ${n}`, { from: `user:${userId}`, to: 'merchant:EUR', amount: MAX }, 0)
  })
  t.match(await audit(store.read), { sum: 0, crooked: [] })
}

async function nothingMoves (t: Test, store: SqlStore): Promise<void> {
  await store.tx(tx => move(tx, 'nothing', { from: payerAccount(ANN), to: `user:${ANN}`, amount: 0 }, 0))
  const entries = await store.read.all<{ amount: number }>('SELECT amount FROM entries WHERE tx = ?', 'nothing')
  t.ok(entries.length === 2 && entries.every(({ amount }) => Object.is(amount, 0)))
}

async function ledger (t: Test, store: SqlStore): Promise<void> {
  t.teardown(() => store.close())
  await isExact(t, store)
  await othersHaveNoLimit(t, store)
  await nothingMoves(t, store)
}

t.test('sqlite', t => ledger(t, openSqlite({ file: join(t.testdir(), 'payments.db'), tables: LEDGER_TABLES })))

t.test('PostgreSQL', { skip: noPostgres }, async t => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  await ledger(t, await openPostgres({ url: server.url, tables: LEDGER_TABLES }))
})

t.test('over HTTP: the last deposit that fits, and the first that does not', async t => {
  const dir = t.testdir({ payments: {} })
  const store = openSqlite({ file: join(dir, 'payments', 'payments.db'), tables: LEDGER_TABLES })
  await fill(store, ANN, MAX - 5)
  await store.close()
  const url = await startAlone(t, startPayments, { 'breakwater.data.dir': dir })
  const deposit = async (userId: string, amount: number, currency = 'EUR') => {
    const answer = await fetch(`${url}/accounts/${userId}/deposits`, { method: 'POST',
      headers: { 'content-type': 'application/json' }, body: JSON.stringify({ amount, currency }) })
    return { status: answer.status, text: await answer.text() }
  }
  t.match(await deposit(ANN, 6), { status: 422, text: /"DEPOSIT_LIMIT"/ })
  t.match(await deposit(ANN, 1_000_000_000_000), { status: 422, text: /"DEPOSIT_LIMIT"/ })
  t.match(await deposit(ANN, 5), { status: 201, text: /"balance":9007199254740991}$/ })
  t.match(await deposit(ANN, 1), { status: 422 })
  t.match(await deposit(BOB, 1_000_000_000_000, 'USD'), { status: 201 }, 'another user is another sum')
  t.match(await deposit(ANN, 1, 'USD'), { status: 422, text: /"CURRENCY_MISMATCH"/ })
  t.equal(await (await fetch(`${url}/accounts/${ANN}`)).text(), `{"balance":${MAX},"currency":"EUR","frozen":false}`)
})
