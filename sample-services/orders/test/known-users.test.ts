/** What orders knows of users: news that comes late changes nothing. */
import { join } from 'node:path'
import { t } from 'tap'
import { openSqlite } from '../../../messaging/index.ts'
import { findKnownUser, keepUser, USER_TABLES } from '../store/known-users.ts'

t.test('the newest version of a user stays, in whatever order the news comes', async t => {
  const store = openSqlite({ file: join(t.testdir(), 'orders.db'), tables: USER_TABLES })
  t.teardown(() => store.close())
  const keep = (id: string, status: string, version: number) => store.tx(tx => keepUser(tx, { id, status, version }))
  await keep('ann', 'ACTIVE', 1)
  await keep('bob', 'ACTIVE', 1)
  await keep('ann', 'SUSPENDED', 2)
  t.match(await findKnownUser(store.read, 'ann'), { status: 'SUSPENDED', version: 2 })
  await keep('ann', 'ACTIVE', 1)
  t.match(await findKnownUser(store.read, 'ann'), { status: 'SUSPENDED', version: 2 }, 'an older one changes nothing')
  await keep('ann', 'ACTIVE', 2)
  t.match(await findKnownUser(store.read, 'ann'), { status: 'SUSPENDED', version: 2 }, 'nor does the same one again')
  await keep('ann', 'ACTIVE', 3)
  t.match(await findKnownUser(store.read, 'ann'), { status: 'ACTIVE', version: 3 })
  t.match(await findKnownUser(store.read, 'bob'), { status: 'ACTIVE', version: 1 }, 'nobody else is touched')
  t.equal(await findKnownUser(store.read, 'cat'), undefined)
})
