import { t } from 'tap'
import { openRedis } from '../stores.ts'
import { keyValueConformance } from './key-value-conformance.ts'
import { noRedis, startRedis } from './servers.ts'
import { CLOCK, keyValueBed } from './store-beds.ts'
import { keyValueOnly, storeConformance } from './store-conformance.ts'

t.test('Redis passes the suite', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  t.teardown(() => server.stop())
  await storeConformance(t, keyValueBed(() => openRedis({ url: server.url, name: 'test', clock: CLOCK })))
  await keyValueOnly(t, keyValueBed(() => openRedis({ url: server.url, name: 'other', clock: CLOCK })))
})

t.test('Redis keeps any key and any value', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  t.teardown(() => server.stop())
  await keyValueConformance(t, (name, clock = CLOCK) => openRedis({ url: server.url, name, clock }))
})

t.test('a Redis that does not flush is refused by name', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'no'])
  t.teardown(() => server.stop())
  await t.rejects(openRedis({ url: server.url, name: 'test' }), { code: 'E_STORE_NOT_DURABLE' })
})
