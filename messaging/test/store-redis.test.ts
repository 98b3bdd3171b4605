import { t } from 'tap'
import { openRedis } from '../stores.ts'
import { noRedis, startRedis } from './servers.ts'
import { CLOCK, keyValueBed } from './store-beds.ts'
import { storeConformance } from './store-conformance.ts'

t.test('Redis passes the suite', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  t.teardown(() => server.stop())
  await storeConformance(t, keyValueBed(() => openRedis({ url: server.url, name: 'test', clock: CLOCK })))
})

t.test('a Redis that does not flush is refused by name', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'no'])
  t.teardown(() => server.stop())
  await t.rejects(openRedis({ url: server.url, name: 'test' }), { code: 'E_STORE_NOT_DURABLE' })
})
