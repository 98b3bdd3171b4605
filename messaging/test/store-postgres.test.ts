import { t } from 'tap'
import { openPostgres } from '../stores.ts'
import { noPostgres, startPostgres } from './servers.ts'
import { CLOCK, sqlBed, TABLES } from './store-beds.ts'
import { storeConformance } from './store-conformance.ts'

t.test('PostgreSQL passes the suite', { skip: noPostgres }, async t => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  await storeConformance(t, sqlBed(() => openPostgres({ url: server.url, tables: TABLES, clock: CLOCK })))

  await t.test('one of two instances relays; the other takes over when it ends', async t => {
    const open = () => openPostgres({ url: server.url, tables: TABLES })
    const [one, two] = [await open(), await open()]
    t.teardown(() => two.close())
    // The suite's own store may still hold the lock until its teardown; ask until exactly one of both leads.
    const first = await one.outbox.lead()
    const second = await two.outbox.lead()
    t.notOk(first && second)
    await one.close()
  })
})
