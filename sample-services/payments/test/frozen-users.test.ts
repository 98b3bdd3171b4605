/** Whose account is frozen: news that comes late changes nothing, and may come before the account does. */
import { join } from 'node:path'
import { t } from 'tap'
import { openSqlite } from '../../../messaging/index.ts'
import { findAccount, keepFrozen, LEDGER_TABLES, openAccount } from '../store/ledger.ts'

t.test('the newest version of a user decides, in whatever order the news comes', async t => {
  const store = openSqlite({ file: join(t.testdir(), 'payments.db'), tables: LEDGER_TABLES })
  t.teardown(() => store.close())
  const keep = (frozen: boolean, version: number) => store.tx(tx => keepFrozen(tx, 'ann', frozen, version))
  const isFrozen = async (id: string) => (await findAccount(store.read, id))?.frozen
  await keep(true, 2)
  t.equal(await isFrozen('ann'), undefined)
  await store.tx(async tx => {
    for (const id of ['user:ann', 'user:bob']) await openAccount(tx, id, 'EUR')
  })
  t.same([await isFrozen('ann'), await isFrozen('bob')], [true, false])
  await keep(false, 1)
  t.equal(await isFrozen('ann'), true, 'an older one changes nothing')
  await keep(false, 3)
  t.equal(await isFrozen('ann'), false)
  await keep(true, 2)
  t.equal(await isFrozen('ann'), false)
})
