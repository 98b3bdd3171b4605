import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { t } from 'tap'
import { openSqlite } from '../index.ts'
import { openLmdb } from '../stores.ts'

const OPEN_TO_OTHERS = 0o077

t.test('what a store writes is for its own user, whatever the umask lets others do', async t => {
  const before = process.umask(0o022)
  t.teardown(() => process.umask(before))
  const dir = t.testdir()
  const stores = [
    openSqlite({ file: join(dir, 'data/users/users.db'), tables: 'CREATE TABLE IF NOT EXISTS u (id TEXT PRIMARY KEY) {{strict}};' }),
    await openLmdb({ file: join(dir, 'data/inventory/inventory.mdb') })
  ]
  await (stores[0] as ReturnType<typeof openSqlite>).tx(tx => tx.run("INSERT INTO u (id) VALUES ('a')"))
  for (const folder of ['data', 'data/users', 'data/inventory']) t.equal(statSync(join(dir, folder)).mode & OPEN_TO_OTHERS, 0, folder)
  const files = globSync('data/users/*.db*', { cwd: dir })
  t.ok(files.some(file => file.endsWith('-wal')))
  for (const file of files) t.equal(statSync(join(dir, file)).mode & OPEN_TO_OTHERS, 0, file)
  for (const store of stores) await store.close()
})
