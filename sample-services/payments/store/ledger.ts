/**
 * A double-entry ledger: every movement is two entries that add up to nothing. Balances beside the entries, a user's
 * and that of what the user paid in, are their sums, kept in the same transaction; the CHECK makes a user's impossible
 * below zero, whatever the code does. The house (merchant) has none: it would be one row that all bookings wait for,
 * and a sum without a limit. Whoever wants it asks the entries.
 */
import type { SqlReader, SqlTx } from '@breakwater/messaging'
import {
  payerAccount, userAccount, type Account, type Payment, type Refusal, type Transfer
} from '../domain/payment.ts'

export const LEDGER_TABLES = `
CREATE TABLE IF NOT EXISTS accounts (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, currency TEXT NOT NULL, balance {{int}} NOT NULL,
  CHECK (kind <> 'user' OR balance >= 0)
) {{strict}};
CREATE TABLE IF NOT EXISTS entries (
  tx TEXT NOT NULL, n {{int}} NOT NULL, account TEXT NOT NULL REFERENCES accounts (id), amount {{int}} NOT NULL,
  at {{int}} NOT NULL, PRIMARY KEY (tx, n)
) {{strict}};
CREATE TABLE IF NOT EXISTS payments (
  order_id TEXT PRIMARY KEY, payment_id TEXT NOT NULL, user_id TEXT NOT NULL, state TEXT NOT NULL,
  amount {{int}} NOT NULL, currency TEXT NOT NULL, version {{int}} NOT NULL
) {{strict}};
CREATE TABLE IF NOT EXISTS refusals (
  order_id TEXT PRIMARY KEY, reason TEXT NOT NULL
) {{strict}};
CREATE TABLE IF NOT EXISTS frozen_users (
  id TEXT PRIMARY KEY, frozen {{int}} NOT NULL, version {{int}} NOT NULL
) {{strict}};
`

const PAYMENT = `payments.order_id AS "orderId", payment_id AS "paymentId", user_id AS "userId", state, amount,
  currency, version, reason`

export async function findAccount (reader: SqlReader, userId: string): Promise<Account | undefined> {
  const row = await reader.get<Omit<Account, 'frozen'>>(
    'SELECT id, currency, balance FROM accounts WHERE id = ?', userAccount(userId))
  if (row === undefined) return undefined
  const frozen = await reader.get<{ frozen: number }>('SELECT frozen FROM frozen_users WHERE id = ?', userId)
  return { ...row, frozen: frozen?.frozen === 1 }
}

/** An older version never overwrites a newer one. */
export async function keepFrozen (tx: SqlTx, userId: string, frozen: boolean, version: number): Promise<void> {
  await tx.run(`INSERT INTO frozen_users (id, frozen, version) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET frozen = excluded.frozen, version = excluded.version
    WHERE frozen_users.version < excluded.version`, userId, frozen ? 1 : 0, version)
}

export async function openAccount (tx: SqlTx, id: string, currency: string): Promise<void> {
  await tx.run('INSERT INTO accounts (id, kind, currency, balance) VALUES (?, ?, ?, 0) ON CONFLICT (id) DO NOTHING',
    id, id.split(':', 1)[0]!, currency)
}

export async function move (tx: SqlTx, id: string, { from, to, amount }: Transfer, at: number): Promise<void> {
  // 0 minus: of nothing, the negative would be -0, a number that not every store takes for a whole one.
  const sides = [[from, 0 - amount], [to, amount]] as const
  for (const [n, [account, change]] of sides.entries()) {
    await tx.run("UPDATE accounts SET balance = balance + ? WHERE id = ? AND kind IN ('user', 'payer')",
      change, account)
    await tx.run('INSERT INTO entries (tx, n, account, amount, at) VALUES (?, ?, ?, ?, ?)', id, n + 1, account, change, at)
  }
}

/** All that a user ever paid in. */
export async function paidIn (reader: SqlReader, userId: string): Promise<number> {
  const payer = await reader.get<{ balance: number }>('SELECT balance FROM accounts WHERE id = ?', payerAccount(userId))
  return 0 - (payer?.balance ?? 0)
}

export async function findPayment (reader: SqlReader, orderId: string): Promise<Payment | undefined> {
  const row = await reader.get<Omit<Payment, 'reason'> & { reason: Refusal | null }>(`SELECT ${PAYMENT} FROM payments
    LEFT JOIN refusals ON refusals.order_id = payments.order_id WHERE payments.order_id = ?`, orderId)
  return row === undefined ? undefined : { ...row, reason: row.reason ?? undefined }
}

export async function putPayment (tx: SqlTx, payment: Payment): Promise<void> {
  await tx.run(`INSERT INTO payments (order_id, payment_id, user_id, state, amount, currency, version)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, version = excluded.version`,
  payment.orderId, payment.paymentId, payment.userId, payment.state, payment.amount, payment.currency, payment.version)
  if (payment.reason === undefined) return
  await tx.run('INSERT INTO refusals (order_id, reason) VALUES (?, ?) ON CONFLICT (order_id) DO NOTHING',
    payment.orderId, payment.reason)
}

/** Sums for a checker: zero, or the ledger is wrong. Of amounts alone there is none: it would have no limit. */
export async function audit (reader: SqlReader): Promise<object> {
  const total = await reader.get('SELECT coalesce(sum(amount), 0) AS sum FROM entries')
  const crooked = await reader.all('SELECT tx FROM entries GROUP BY tx HAVING sum(amount) <> 0 LIMIT 10')
  const states = await reader.all('SELECT state, count(*) AS count FROM payments GROUP BY state')
  return { ...total as object, crooked, payments: states }
}
