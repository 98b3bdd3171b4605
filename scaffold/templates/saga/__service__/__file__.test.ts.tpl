import { test } from 'node:test'
import { SAGA_TABLES } from '@breakwater/messaging'
import { createWorld } from '@breakwater/messaging/testing'
import { {{saga}}, {{saga}}Schemas as schemas } from './{{file}}.ts'

test('{{Saga}} asks until it is answered', async () => {
  const world = createWorld()
  const service = await world.service('{{service}}', host => ({ store: host.openSqlStore(SAGA_TABLES), schemas, sagas: [{{saga}}] }))
  const other = await world.participant('other', schemas, { 'other.DoIt.v1': () => ({ type: 'other.Done.v1', data: {} }) })
  await other.stop()
  await service.tx((tx, emit) => {{saga}}.begin(tx, emit, 'one', {}))
  await world.after('31s')
  await world.saga('one').expect({ state: 'ASKED', attempt: 1 })
  await other.start()
  await world.saga('one').reaches({ state: 'DONE' })
  world.close()
})
