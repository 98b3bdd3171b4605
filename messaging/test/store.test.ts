import { join } from 'node:path'
import { t } from 'tap'
import { openSqlite, type Store } from '../index.ts'
import { probeStore, type Tx } from '../store/store.ts'
import { openPostgres, openRedis } from '../stores.ts'

t.test('servers that are away: E_STORE_DOWN, and no password in it', async t => {
  const failures = await Promise.allSettled([
    openPostgres({ url: 'postgres://me:secret@127.0.0.1:1/db', tables: '' }),
    openRedis({ url: 'redis://:secret@127.0.0.1:1/0', name: 'x' })
  ])
  for (const failure of failures) {
    const { code, message } = (failure as PromiseRejectedResult).reason as Error & { code: string }
    t.equal(code, 'E_STORE_DOWN')
    t.notMatch(message, /secret/)
  }
})

t.test('one connection is refused: the relay would keep it, and everybody else wait', async t => {
  await t.rejects(openPostgres({ url: 'postgres://127.0.0.1:1/db', tables: '', connections: 1 }),
    { code: 'E_STORE_SETTING', message: /connections cannot be 1/ })
})

t.test('the probe refuses a store that keeps outbox rows of a rolled back transaction', async t => {
  const store = openSqlite({ file: join(t.testdir(), 'store.db'), tables: '' })
  t.teardown(() => store.close())
  // An adapter that writes the outbox at once, beside the transaction.
  const outbox: Tx['outbox'] = { append: async entries => { void store.tx(own => own.outbox.append(entries)) } }
  const leaky: Store = { ...store, tx: fn => store.tx(tx => fn({ ...tx, outbox } as Tx)) }
  await t.rejects(probeStore(leaky, 1), { code: 'E_STORE_NOT_TRANSACTIONAL' })
})
