/** Idempotency-Key: one effect per caller, method, path and key, and the same answer to the letter. */
import { join } from 'node:path'
import { service } from '@breakwater/starter'
import type { FastifyRequest } from 'fastify'
import { t, type Test } from 'tap'
import { memoryLog, settingsOf } from '../../starter/test/support.ts'
import {
  commandRoute, DEFAULTS, embeddedBus, Messaging, messagingError, openSqlite, Schemas, type Command, type KeyValueTx,
  type SqlStore, type SqlTx, type Store, type Tx
} from '../index.ts'
import { openPostgres, openRedis } from '../stores.ts'
import { noPostgres, noRedis, startPostgres, startRedis } from './servers.ts'

const TABLES = 'CREATE TABLE IF NOT EXISTS effects (n {{int}} NOT NULL, what TEXT NOT NULL) {{strict}};'
const response = { 202: { type: 'object', required: ['effect'], properties: { effect: { type: 'integer' } } } }

interface Body { refuse?: boolean, unsayable?: boolean }

/** Writes a row; refuses what says so. */
const effect: Command<SqlTx> = async (request, tx) => {
  const { refuse, unsayable } = request.body as Body
  if (refuse === true) throw Object.assign(new Error('no'), { statusCode: 422 })
  const { n } = await tx.get<{ n: number }>('SELECT count(*) AS n FROM effects') ?? { n: 0 }
  await tx.run('INSERT INTO effects (n, what) VALUES (?, ?)', n + 1, request.url)
  const body = unsayable === true ? {} : { effect: n + 1, hidden: 'not in the schema' }
  return { status: 202, body, headers: { location: `/effects/${n + 1}` } }
}

/** A service with one command at several routes; who asks is said by a header, as a security plugin would. */
async function serve<T extends Tx> (t: Test, store: Store<T>, command: Command<T>, schema: object = { response }) {
  const messaging = new Messaging({ service: 'shop', store, schemas: new Schemas([]), options: DEFAULTS,
    log: { info () {}, warn () {}, error () {} }, bus: embeddedBus({ url: 'http://127.0.0.1:1' }) })
  const settings = await settingsOf({ 'server.port': '0', 'breakwater.discovery.client': 'fixed', 'breakwater.shutdown.drain': '0' })
  const app = await service({ name: 'shop', settings, log: memoryLog().log })
  app.addHook('onRequest', async (request: FastifyRequest & { user?: object }) => {
    if (request.headers['x-user'] !== undefined) request.user = { sub: request.headers['x-user'] }
  })
  const route = commandRoute(() => messaging, command, { keyRequired: true })
  app.post('/things/:id', { schema }, route)
  app.post('/things/:id/again', { schema }, route)
  app.put('/things/:id', { schema }, route)
  app.post('/without-key', { schema }, commandRoute(() => messaging, command))
  t.teardown(() => app.close())
  const ask = (key: string | undefined, payload: object | string = {}, { url = '/things/1', method = 'POST' as 'POST' | 'PUT', user = '', headers = {} } = {}) =>
    app.inject({ method, url, payload, headers: { 'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }), ...(user === '' ? {} : { 'x-user': user }), ...headers } })
  return { ask }
}

async function instance (t: Test, store: SqlStore, command: Command<SqlTx> = effect, schema: object = { response }) {
  return { ...await serve(t, store, command, schema), effects: () => countEffects(store) }
}

async function countEffects (store: SqlStore): Promise<number> {
  return (await store.read.all('SELECT n FROM effects')).length
}

function sqlite (t: Test): SqlStore {
  const store = openSqlite({ file: join(t.testdir(), 'shop.db'), tables: TABLES })
  t.teardown(() => store.close())
  return store
}

t.test('the same key and body: one effect, and the stored answer to the letter', async t => {
  const { ask, effects } = await instance(t, sqlite(t))
  const [first, second] = [await ask('k'), await ask('k')]
  t.match(first, { statusCode: 202, body: '{"effect":1}', headers: { 'content-type': /^application\/json/, location: '/effects/1' } })
  t.match(second, { statusCode: 202, body: first.body,
    headers: { 'content-type': first.headers['content-type'], location: '/effects/1', 'idempotency-replayed': 'true' } })
  t.equal(first.headers['idempotency-replayed'], undefined)
  t.equal(await effects(), 1)
})

t.test('a key is its caller\'s, on one method and path; elsewhere it is another request', async t => {
  const { ask, effects } = await instance(t, sqlite(t))
  const doors = [{}, { url: '/things/2' }, { url: '/things/1/again' }, { method: 'PUT' as const }, { user: 'ann' }, { user: 'bob' }]
  for (const door of doors) t.equal((await ask('k', {}, door)).headers['idempotency-replayed'], undefined, JSON.stringify(door))
  t.equal(await effects(), doors.length)
  for (const [n, door] of doors.entries()) t.match(await ask('k', {}, door), { body: `{"effect":${n + 1}}` })
  t.match(await ask('k', {}, { url: '/things/%31' }), { body: '{"effect":1}' }, 'the same path, spelled otherwise')
  t.equal(await effects(), doors.length)
})

t.test('behind a gateway that verified them, callers are told apart by what they came with, and stay who they are', async t => {
  const { ask } = await instance(t, sqlite(t))
  const token = (claims: object, signature = 'x') =>
    `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
  const callers: ReadonlyArray<readonly [first: object, again: object]> = [
    [{}, {}],
    [{ authorization: token({ sub: 'ann', exp: 1 }) }, { authorization: token({ sub: 'ann', exp: 2 }, 'y') }],
    [{ authorization: token({ sub: 'bob' }) }, { authorization: token({ sub: 'bob' }).replace('Bearer', 'bearer') }],
    [{ authorization: token({ sub: 'ann', iss: 'other' }) }, { authorization: token({ iss: 'other', sub: 'ann' }) }],
    [{ authorization: basic('ann:old') }, { authorization: basic('ann:new:er') }],
    [{ authorization: basic('bob:old') }, { authorization: basic('bob:old') }],
    [{ authorization: 'Bearer opaque' }, { authorization: 'Bearer opaque' }],
    [{ authorization: 'Bearer opaque2' }, { authorization: 'Bearer opaque2' }],
    [{ 'x-forwarded-client-cert': 'Subject="CN=a"' }, { 'x-forwarded-client-cert': 'Subject="CN=a"' }]
  ]
  for (const [headers] of callers) t.equal((await ask('k', {}, { headers })).headers['idempotency-replayed'], undefined, JSON.stringify(headers))
  for (const [n, [, headers]] of callers.entries()) t.match(await ask('k', {}, { headers }), { body: `{"effect":${n + 1}}` }, JSON.stringify(headers))
})

t.test('values are compared, not their spelling', async t => {
  const { ask, effects } = await instance(t, sqlite(t))
  await ask('k', '{"a":10,"b":{"c":[1,2],"d":"é"}}', { url: '/things/1?x=1&y=2' })
  const same = ['{"b":{"d":"é","c":[1,2]},"a":10}', ' {\n"a" : 1e1, "b": {"c": [1.0, 2], "d": "\\u00e9"}} ']
  for (const text of same) t.equal((await ask('k', text, { url: '/things/1?y=2&x=1' })).headers['idempotency-replayed'], 'true', text)
  const others = ['{"a":11,"b":{"c":[1,2],"d":"é"}}', '{"a":10,"b":{"c":[2,1],"d":"é"}}', '{"a":"10","b":{"c":[1,2],"d":"é"}}',
    '{"a":10,"b":{"c":[1,2],"d":"é"},"e":null}', '{"a":10,"b":{"c":[1,2],"d":"e\\u0301"}}', '[]', '{"a":10,"b":{"c":{"0":1,"1":2},"d":"é"}}']
  for (const text of others) t.match((await ask('k', text, { url: '/things/1?x=1&y=2' })).json(), { status: 422, code: 'E_KEY_REUSED' }, text)
  t.match((await ask('k', same[0]!, { url: '/things/1?x=1' })).json(), { code: 'E_KEY_REUSED' }, 'another query')
  t.equal(await effects(), 1)
})

t.test('a key has 1 to 255 printable ASCII characters', async t => {
  const { ask, effects } = await instance(t, sqlite(t))
  for (const key of [undefined, '']) t.match((await ask(key)).json(), { status: 400, code: 'E_KEY_MISSING' })
  for (const key of ['x'.repeat(256), 'é', 'a\tb', '\x7f']) t.match((await ask(key)).json(), { status: 400, code: 'E_KEY_INVALID' }, key)
  t.equal(await effects(), 0)
  for (const key of ['x', 'x'.repeat(255), '%'.repeat(255), '"quoted"', 'a b', '~!/\\']) t.equal((await ask(key)).statusCode, 202, key)
})

t.test('a refusal is not stored: put right, the key works', async t => {
  const { ask } = await instance(t, sqlite(t))
  t.equal((await ask('k', { refuse: true })).statusCode, 422)
  t.equal((await ask('k')).statusCode, 202)
})

t.test('an answer that cannot be written undoes its effect', async t => {
  const { ask, effects } = await instance(t, sqlite(t))
  t.equal((await ask('k', { unsayable: true })).statusCode, 500)
  t.equal(await effects(), 0)
  t.equal((await ask('k')).statusCode, 202)
})

t.test('what an older version answered is repeated by the next one, whatever its own answers look like', async t => {
  const store = sqlite(t)
  const older = await instance(t, store)
  const first = await older.ask('k')
  const newer = await instance(t, store, async () => t.fail('ran again') as never,
    { response: { 202: { type: 'object', required: ['other'], properties: { other: { type: 'string' } } } } })
  t.match(await newer.ask('k'), { statusCode: 202, body: first.body, headers: { 'idempotency-replayed': 'true' } })
})

t.test('at the same time: one runs, the others are told to come again, and are given its answer', async t => {
  let inside = 0
  let release = (): void => {}
  const held = new Promise<void>(resolve => { release = resolve })
  const { ask, effects } = await instance(t, sqlite(t), async (...args) => {
    inside++
    await held
    return effect(...args)
  })
  const first = ask('k')
  await waitFor(() => inside === 1)
  for (const answer of await Promise.all([ask('k'), ask('k'), ask('k', { other: 1 })])) {
    t.match(answer.json(), { status: 409, code: 'E_KEY_IN_FLIGHT' })
    t.equal(answer.headers['retry-after'], '1')
  }
  const elsewhere = ask('k', {}, { user: 'ann' })
  release()
  t.match(await Promise.all([first, elsewhere]), [{ statusCode: 202 }, { statusCode: 202 }])
  t.match(await ask('k'), { body: (await first).body })
  t.equal(await effects(), 2)
})

/** Both instances look for a stored answer, and find none, before either of them writes. */
async function atOnceOnTwo<T extends Tx, S extends Store<T> & { close (): Promise<void> }> (
  t: Test, open: () => Promise<S>, effectOf: Command<T>, count: (store: S) => Promise<number>
): Promise<void> {
  let inside = 0
  let release = (): void => {}
  let held: Promise<void>
  const command: Command<T> = async (...args) => {
    if (++inside <= 2) await held
    return effectOf(...args)
  }
  const stores = [await open(), await open()]
  t.teardown(() => Promise.all(stores.map(store => store.close())))
  const [one, two] = await Promise.all(stores.map(store => serve(t, store, command)))
  const atOnce = async (key: string, other: object) => {
    inside = 0
    held = new Promise(resolve => { release = resolve })
    const answers = [one!.ask(key), two!.ask(key, other)]
    await waitFor(() => inside === 2)
    release()
    return Promise.all(answers)
  }

  const same = await atOnce('same', {})
  t.same(same.map(answer => [answer.statusCode, answer.body]), [[202, '{"effect":1}'], [202, '{"effect":1}']])
  t.equal(same.filter(answer => answer.headers['idempotency-replayed'] === 'true').length, 1)
  t.equal(inside, 2, 'who came second looked again before it did anything')
  const different = await atOnce('different', { other: true })
  t.same(different.map(answer => answer.statusCode).toSorted((a, b) => a - b), [202, 422])
  t.equal(await count(stores[0]!), 2)
}

t.test('two instances get the same key at once, one effect and one answer: PostgreSQL', { skip: noPostgres }, async t => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  await atOnceOnTwo(t, () => openPostgres({ url: server.url, tables: TABLES }), effect, countEffects)
})

t.test('two instances get the same key at once, one effect and one answer: Redis', { skip: noRedis }, async t => {
  const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  t.teardown(() => server.stop())
  const add: Command<KeyValueTx> = async (_request, tx) => {
    const n = (await tx.get<number>('effects') ?? 0) + 1
    tx.put('effects', n)
    return { status: 202, body: { effect: n } }
  }
  await atOnceOnTwo(t, () => openRedis({ url: server.url, name: 'shop' }), add, async store => await store.read.get<number>('effects') ?? 0)
})

async function waitFor (fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise(resolve => { setImmediate(resolve) })
}

t.test('a commit whose answer is lost is not asked for again without a key, and done once with one', async t => {
  const store = sqlite(t)
  let lost = 0
  const unsure: SqlStore = { ...store, tx: async fn => {
    const value = await store.tx(fn)
    if (lost-- > 0) throw messagingError('E_STORE_UNKNOWN', ['cut'])
    return value
  } }
  const { ask, effects } = await instance(t, unsure)
  lost = 1
  const blind = await ask(undefined, {}, { url: '/without-key' })
  t.match(blind, { statusCode: 503, headers: { 'retry-after': undefined } })
  t.match(blind.json(), { code: 'E_STORE_UNKNOWN' })
  t.equal(await effects(), 1, 'nobody ran it again')
  lost = 1
  t.match(await ask('k'), { statusCode: 503, headers: { 'retry-after': '1' } })
  t.match(await ask('k'), { statusCode: 202, body: '{"effect":2}', headers: { 'idempotency-replayed': 'true' } })
  t.equal(await effects(), 2)
})
