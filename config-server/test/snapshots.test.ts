/** What a watcher is told of: one look at the store, not two that may see different states. */
import type { Property } from '@breakwater/starter/settings'
import t from 'tap'
import type { Backend } from '../backends/backend.ts'
import { EnvironmentRoad } from '../environment.ts'
import { readAsk } from '../environment/ask.ts'
import type { Found } from '../environment/environment.ts'
import { Snapshots } from '../push/snapshots.ts'

t.test('a look at a question finds its environment once, and tag and values are of one state', async t => {
  let finds = 0
  const find = async (): Promise<Found> => {
    finds++
    const value: Property = { value: { text: String(finds), kind: 'string' }, origin: { source: 'a', line: 1, column: 1 } }
    const properties = new Map([['n', value]])
    return { version: String(finds), state: null, sources: [{ name: 'a', properties }] }
  }
  const backend = { description: 'it is another one each time', stamp: () => undefined, find } as unknown as Backend
  const road = new EnvironmentRoad({ backend, decrypt: async found => found, overrides: new Map(), acceptEmpty: true,
    stripDocument: false, cacheBytes: 1000 })
  const snapshots = new Snapshots(road, backend)
  const ask = readAsk('foo', 'dev', null)
  const first = await snapshots.look(ask, {}).take()
  t.equal(finds, 1)
  t.equal(first.version, '1')
  const second = await snapshots.look(ask, {}).take()
  t.equal(finds, 2)
  t.equal(second.version, '2')
  t.not(first.etag, second.etag)
})
