import { join } from 'node:path'
import { t } from 'tap'
import { openSqlite, PROJECTION_TABLES } from '../index.ts'
import { openPostgres } from '../stores.ts'
import { DOCS } from './projection-rig.ts'
import { projectionSuite } from './projection-suite.ts'
import { noPostgres, startPostgres } from './servers.ts'

const TABLES = PROJECTION_TABLES + DOCS

t.test('projections on sqlite', async t => {
  await projectionSuite(t, async () => openSqlite({ file: join(t.testdir(), 'reader.db'), tables: TABLES }))
})

t.test('projections on PostgreSQL', { skip: noPostgres, timeout: 240_000 }, async t => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  await projectionSuite(t, () => openPostgres({ url: server.url, tables: TABLES }))
})
