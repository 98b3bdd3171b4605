import { REQUEST_TIMEOUT_MS } from '@breakwater/starter/http'
import fc from 'fast-check'
import t from 'tap'
import { decodeInstance, decodeRegistration } from '../eureka/decode.ts'
import { parseTree } from '../eureka/body.ts'
import { instanceJson } from '../eureka/json.ts'
import { escapeName, unescapeName } from '../eureka/xml-names.ts'
import { instanceXml } from '../eureka/xml.ts'
import { parseXml } from '../eureka/xml-parse.ts'
import type { Instance } from '../registry/instance.ts'
import { decodeBatch, decodeResults } from '../peers/batch.ts'
import { applyItem } from '../peers/receive.ts'
import { readRemoteList } from '../peers/remote-list.ts'
import { call, getJson, JSON_TYPE, register, startDiscovery } from './support/server.ts'
import { Clock, instance, MY_OWN, rawInstance, type Raw } from './support/instances.ts'
import { bareRegistry } from './support/registry.ts'

const seed = Date.now() & 0x7fffffff
const runs = { seed, numRuns: 500 }

t.comment(`seed ${seed}`)

t.test('a registration that never arrives whole is given up', async t => {
  const { server } = await startDiscovery(t)
  t.equal(server.server.requestTimeout, REQUEST_TIMEOUT_MS)
})

t.test('XML with a document type, entities or endless nesting is refused', async t => {
  const { url } = await startDiscovery(t)
  const post = (body: string) => call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: { 'content-type': 'application/xml' }, body })
  const bodies = [
    '<!DOCTYPE i [<!ENTITY a "b">]><instance><app>&a;</app></instance>',
    '<!DOCTYPE i SYSTEM "file:///etc/passwd"><instance/>',
    '<instance><app>&undefined;</app></instance>',
    '<a>'.repeat(100_000),
    `${'<a>'.repeat(17)}${'</a>'.repeat(17)}`,
    '<instance><app>ORDERS</instance>',
    '<instance/><instance/>',
    '<?xml version="1.0"?>',
    '<instance>\u0000</instance>',
    'not xml',
    '',
    '<instance a="1" a="2"/>'
  ]
  for (const body of bodies) {
    const reply = await post(body)
    t.equal(reply.status, 400, body.slice(0, 40))
    t.notMatch(reply.text, /at .*\.ts/, 'no stack')
  }
  t.equal((await call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: { 'content-type': 'application/xml' }, body: Buffer.from([0x3c, 0xff, 0xfe]) })).status, 400)
  t.match(await getJson(url, '/eureka/apps'), { applications: { application: [] } }, 'and it goes on')
})

t.test('__proto__ and its like are names like any', async t => {
  const { url } = await startDiscovery(t)
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']
  for (const name of names) {
    const plain = rawInstance({ app: name, instanceId: name, vipAddress: name, metadata: {} })
    const raw = JSON.stringify({ instance: plain })
      .replace('"metadata":{}', `"metadata":{"${name}":"${name}"}`)
    const reply = await call(url, `/eureka/apps/${name}`, { method: 'POST', headers: JSON_TYPE, body: raw })
    t.equal(reply.status, 204, name)
    const got = (await getJson<{ instance: Raw }>(url, `/eureka/apps/${name}/${name}`)).instance
    t.same(Object.entries(got.metadata as Raw), [[name, name]], name)
    t.equal((await call(url, `/eureka/apps/${name}/${name}`, { method: 'PUT' })).status, 200)
    t.match((await call(url, `/eureka/apps/${name}/${name}`)).text, `<app>${name.toUpperCase()}</app>`)
    t.match((await call(url, `/eureka/vips/${name}`)).text, `<app>${name.toUpperCase()}</app>`)
    const xml = await call(url, `/eureka/apps/${name}/${name}`)
    await call(url, `/eureka/apps/${name}/${name}`, { method: 'DELETE' })
    const again = await call(url, `/eureka/apps/${name}`, { method: 'POST', headers: { 'content-type': 'application/xml' }, body: xml.text })
    t.equal(again.status, 204, 'the same as XML')
    t.same((await getJson<{ instance: Raw }>(url, `/eureka/apps/${name}/${name}`)).instance.metadata, JSON.parse(`{"${name}":"${name}"}`))
  }
  t.equal(({} as Raw).polluted, undefined)
  await register(url, { metadata: JSON.parse('{"__proto__":"x"}') as Raw, lastDirtyTimestamp: 1 })
  const polluting = '{"instance":{"__proto__":{"hostName":"evil","polluted":"yes"},"app":"ORDERS"}}'
  t.equal((await call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: JSON_TYPE, body: polluting })).text, 'Missing instanceId')
  t.equal(({} as Raw).polluted, undefined)
})

t.test('long, foreign and percent-encoded ids are found under the path that they are encoded to', async t => {
  const { url } = await startDiscovery(t)
  const ids = [
    `host:${'a'.repeat(400)}:8080`, 'ünïcödé-日本語-🚀', 'a%2Fb', 'with space', 'a/b/c', '100%', 'a?b#c', '..', '%00', "it's;x=1,2&3+4"
  ]
  for (const id of ids) {
    t.equal((await register(url, { instanceId: id })).status, 204, id)
    const path = `/eureka/apps/ORDERS/${encodeURIComponent(id)}`
    t.equal((await call(url, path, { method: 'PUT' })).status, 200, `renew ${id}`)
    t.equal((await getJson<{ instance: Raw }>(url, path)).instance.instanceId, id)
    t.equal((await call(url, `${path}/status?value=DOWN`, { method: 'PUT' })).status, 200)
    t.equal((await call(url, path, { method: 'DELETE' })).status, 200, `cancel ${id}`)
  }
  t.match(await getJson(url, '/eureka/apps'), { applications: { apps__hashcode: '' } })
})

t.test('what nobody could name again is not taken: control characters, and ids that no URL carries', async t => {
  const { url, registry } = await startDiscovery(t)
  const refused = async (changes: Raw, why: RegExp) => {
    const reply = await register(url, changes)
    t.equal(reply.status, 400, JSON.stringify(changes).slice(0, 60).replace(/[^ -~]/g, '?'))
    if (changes.app === undefined) t.match(reply.text, why)
  }
  for (const odd of ['\0', '\x1b[31m', '\r\n', '\n', '\t', '\x7f', '\x85', '\u2028', '\u2029', '\ud800', '\u202e', '\u2066']) {
    for (const field of ['instanceId', 'hostName', 'ipAddr', 'vipAddress', 'secureVipAddress', 'appGroupName', 'homePageUrl', 'statusPageUrl',
      'healthCheckUrl', 'sid', 'asgName']) await refused({ [field]: `a${odd}b` }, /^Control characters in /)
    await refused({ metadata: { [`a${odd}`]: 'b' } }, /./)
    await refused({ instanceId: undefined, metadata: { instanceId: odd } }, /^Control characters in instanceId/)
    if (odd.isWellFormed()) await refused({ app: `A${odd}` }, /./)
  }
  for (const id of ['a'.repeat(5000), 'a'.repeat(4097), '日'.repeat(456), '%'.repeat(1366)]) await refused({ instanceId: id }, /^instanceId is longer/)
  await refused({ app: 'A'.repeat(1025) }, /./)
  t.equal(registry.book.size, 0)
  for (const id of ['a'.repeat(4096), '日'.repeat(455), '%'.repeat(1365)]) {
    t.equal((await register(url, { instanceId: id })).status, 204)
    t.equal((await call(url, `/eureka/apps/ORDERS/${encodeURIComponent(id)}/status?value=OUT_OF_SERVICE&lastDirtyTimestamp=1`, { method: 'PUT' })).status, 200)
    t.equal((await call(url, `/eureka/apps/ORDERS/${encodeURIComponent(id)}`, { method: 'DELETE' })).status, 200)
  }
  t.equal((await register(url, { metadata: { pem: 'a\nb\tc' } })).status, 204, 'values may have lines')
})

t.test('paths that are none', async t => {
  const { url } = await startDiscovery(t)
  for (const path of ['/eureka/apps/%zz', '/eureka/apps/%', '/eureka/apps/A/%E0%A4%A', '//eureka//apps', '/eureka/apps/A/B/C', '/eureka/../etc/passwd', `/eureka/apps/${'a'.repeat(10_000)}`]) {
    const reply = await call(url, path)
    t.ok(reply.status >= 400 && reply.status < 500, `${path.slice(0, 30)} ${reply.status}`)
    t.equal(reply.text, '')
  }
  t.equal((await call(url, '/eureka/apps', { headers: { big: 'x'.repeat(70_000) } })).status, 431)
})

t.test('metadata beyond its bounds is refused', async t => {
  const { url } = await startDiscovery(t)
  const many = Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`k${i}`, 'v']))
  t.equal((await register(url, { metadata: many })).status, 400)
  t.equal((await register(url, { metadata: { k: 'x'.repeat(300_000) } })).status, 400)
  t.equal((await register(url, { metadata: { k: 'x'.repeat(200_000) } })).status, 204)
})

const anything = fc.anything({ maxDepth: 3, withNullPrototype: true })
const word = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.constantFrom('__proto__', '', 'UP', 'a&b<c>"\'', '\r\n\t', ']]>', '\ud800'))

t.test('no body makes the decoder throw, and what it takes it can write and read again', async t => {
  const fields = Object.keys(rawInstance())
  fc.assert(fc.property(fc.dictionary(fc.constantFrom(...fields, 'sid', 'asgName', 'appGroupName'), anything), changes => {
    const decoded = decodeInstance(rawInstance(changes))
    if ('hostName' in decoded) survives(decoded)
  }), runs)
  fc.assert(fc.property(anything, body => {
    decodeRegistration({ instance: body }, 'X')
  }), runs)
  t.pass()
})

t.test('any text survives JSON and XML', async t => {
  fc.assert(fc.property(fc.record({
    hostName: word, ipAddr: word, vipAddress: word, homePageUrl: word, instanceId: word,
    metadata: fc.dictionary(word, word, { maxKeys: 5 })
  }), changes => {
    const decoded = decodeInstance(rawInstance(changes))
    if ('hostName' in decoded) survives(decoded)
  }), runs)
  fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 1 }).filter(key => key.isWellFormed() && !key.includes('\0')), key =>
    unescapeName(escapeName(key)) === key), runs)
  t.pass()
})

t.test('any bytes are refused or understood, never a crash', async t => {
  const valid = JSON.stringify({ instance: rawInstance() })
  const xml = instanceXml(instance(), 0)
  const mutated = (text: string) => fc.array(fc.tuple(fc.nat(text.length), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 6 })
    .map(cuts => cuts.reduce((now, [at, length, put]) => now.slice(0, at) + put + now.slice(at + length), text))
  for (const [form, text] of [['json', valid], ['xml', xml]] as const) {
    fc.assert(fc.property(mutated(text), body => {
      const tree = parseTree(Buffer.from(body), form)
      if (tree === undefined) return
      const decoded = decodeRegistration(tree, 'ORDERS')
      if ('hostName' in decoded) survives(decoded)
    }), runs)
  }
  t.pass()
})

t.test('no batch and no list of another registry throws, whatever stands in it', async t => {
  const registry = bareRegistry(new Clock())
  const changes = fc.dictionary(fc.constantFrom(...Object.keys(rawInstance())), anything)
  const item = fc.record({
    action: fc.oneof(fc.constantFrom('Register', 'Heartbeat', 'Cancel', 'StatusUpdate', 'DeleteStatusOverride'), anything),
    appName: fc.oneof(word, anything),
    id: fc.oneof(word, anything),
    lastDirtyTimestamp: fc.oneof(fc.nat(), anything),
    status: fc.oneof(fc.constantFrom('UP', 'DOWN', 'up'), anything),
    overriddenStatus: anything,
    instanceInfo: fc.oneof(changes.map(rawInstance), anything)
  }, { requiredKeys: [] })
  fc.assert(fc.property(fc.oneof(fc.array(item, { maxLength: 5 }), anything), list => {
    for (const one of decodeBatch({ replicationList: list }) ?? []) if (one !== undefined) applyItem(registry, one)
    decodeResults(JSON.stringify({ responseList: list }) ?? '', 1)
  }), runs)
  const instances = fc.oneof(anything, changes.map(rawInstance), fc.array(changes.map(rawInstance)))
  const applications = fc.oneof(anything, fc.array(fc.record({ name: anything, instance: instances })))
  fc.assert(fc.property(applications, application => {
    readRemoteList(JSON.stringify({ applications: { application, apps__hashcode: application } }))
  }), runs)
  for (const body of ['null', '[]', '{"applications":null}', '{"applications":{"application":{"instance":{}}}}', '{"__proto__":{"applications":1}}']) {
    t.same(readRemoteList(body).entries, [], body)
  }
})

t.test('a registration that names its data center badly says so', async t => {
  t.match(decodeInstance(rawInstance({ dataCenterInfo: { ...MY_OWN, name: 7 } })), { status: 400 })
})

/** What was understood is valid JSON and valid XML, and both say the same. */
function survives (decoded: Instance): void {
  const json = decodeInstance(JSON.parse(instanceJson(decoded)) as Raw)
  const xml = (parseXml(instanceXml(decoded, 0)) as { instance: Raw }).instance
  if (!('hostName' in json)) throw new Error('its own JSON is refused')
  if (json.metadata.size !== decoded.metadata.size || json.app !== decoded.app) throw new Error('JSON differs')
  if (typeof xml !== 'object') throw new Error('its own XML is refused')
}
