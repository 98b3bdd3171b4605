import { gzipSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { call, getJson, JSON_ACCEPT, JSON_TYPE, register, startDiscovery } from './support/server.ts'
import { Clock, MY_OWN, rawInstance, type Raw } from './support/instances.ts'

const ID = 'h1:orders:8080'
const PATH = `/eureka/apps/ORDERS/${ID}`
const NAMES = ['instanceId', 'hostName', 'app', 'ipAddr', 'status', 'overriddenStatus', 'port', 'securePort', 'countryId',
  'dataCenterInfo', 'leaseInfo', 'metadata', 'homePageUrl', 'statusPageUrl', 'healthCheckUrl', 'vipAddress',
  'secureVipAddress', 'isCoordinatingDiscoveryServer', 'lastUpdatedTimestamp', 'lastDirtyTimestamp', 'actionType']

interface Apps {
  applications: { versions__delta: string, apps__hashcode: string, application: { name: string, instance: Raw[] }[] }
}

const all = (url: string) => getJson<Apps>(url, '/eureka/apps')
const one = async (url: string, id = ID) => (await getJson<{ instance: Raw }>(url, `/eureka/apps/ORDERS/${id}`)).instance

t.test('registering answers 204 without a body and lists the instance in exactly the known fields', async t => {
  const clock = new Clock(1_795_333_534_608)
  const { url } = await startDiscovery(t, {}, { now: clock.now })
  const reply = await register(url)
  t.equal(reply.status, 204)
  t.equal(reply.text, '')
  const { applications } = await all(url)
  t.equal(applications.apps__hashcode, 'UP_1_')
  t.equal(typeof applications.versions__delta, 'string')
  const [app] = applications.application
  t.equal(app!.name, 'ORDERS')
  t.same(Object.keys(app!.instance[0]!), NAMES, 'in the order of the original')
  t.same(app!.instance[0], {
    ...rawInstance(),
    leaseInfo: {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: 1_795_333_534_608,
      lastRenewalTimestamp: 1_795_333_534_608,
      evictionTimestamp: 0,
      serviceUpTimestamp: 1_795_333_534_608
    },
    lastUpdatedTimestamp: '1795333534608',
    actionType: 'ADDED'
  })
})

t.test('an empty registry', async t => {
  const { url } = await startDiscovery(t)
  t.match((await call(url, '/eureka/apps', { headers: JSON_ACCEPT })).text,
    /^\{"applications":\{"versions__delta":"\d+","apps__hashcode":"","application":\[\]\}\}$/)
  const xml = (await call(url, '/eureka/apps')).text
  t.match(xml, /^<applications>\n {2}<versions__delta>\d+<\/versions__delta>\n {2}<apps__hashcode><\/apps__hashcode>\n<\/applications>$/)
})

t.test('XML has the original\'s shape', async t => {
  const clock = new Clock(1_795_333_534_608)
  const { url } = await startDiscovery(t, {}, { now: clock.now })
  await register(url, { statusPageUrl: null, healthCheckUrl: '', secureVipAddress: undefined })
  const reply = await call(url, '/eureka/apps/')
  t.match(reply.headers['content-type'], /^application\/xml/)
  t.equal(reply.text, `<applications>
  <versions__delta>1795333534609</versions__delta>
  <apps__hashcode>UP_1_</apps__hashcode>
  <application>
    <name>ORDERS</name>
    <instance>
      <instanceId>h1:orders:8080</instanceId>
      <hostName>h1</hostName>
      <app>ORDERS</app>
      <ipAddr>10.0.0.1</ipAddr>
      <status>UP</status>
      <overriddenstatus>UNKNOWN</overriddenstatus>
      <port enabled="true">8080</port>
      <securePort enabled="false">443</securePort>
      <countryId>1</countryId>
      <dataCenterInfo class="com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo">
        <name>MyOwn</name>
      </dataCenterInfo>
      <leaseInfo>
        <renewalIntervalInSecs>30</renewalIntervalInSecs>
        <durationInSecs>90</durationInSecs>
        <registrationTimestamp>1795333534608</registrationTimestamp>
        <lastRenewalTimestamp>1795333534608</lastRenewalTimestamp>
        <evictionTimestamp>0</evictionTimestamp>
        <serviceUpTimestamp>1795333534608</serviceUpTimestamp>
      </leaseInfo>
      <metadata>
        <zone>z1</zone>
      </metadata>
      <homePageUrl>http://h1:8080/</homePageUrl>
      <vipAddress>orders</vipAddress>
      <isCoordinatingDiscoveryServer>false</isCoordinatingDiscoveryServer>
      <lastUpdatedTimestamp>1795333534608</lastUpdatedTimestamp>
      <lastDirtyTimestamp>1700000000000</lastDirtyTimestamp>
      <actionType>ADDED</actionType>
    </instance>
  </application>
</applications>`)
  const app = (await call(url, '/eureka/apps/orders')).text
  t.match(app, /^<application>\n {2}<name>ORDERS<\/name>\n {2}<instance>\n/)
  t.match((await call(url, PATH)).text, /^<instance>\n {2}<instanceId>h1:orders:8080</)
})

t.test('the XML that a registry gives can be registered again', async t => {
  const { url } = await startDiscovery(t)
  const metadata = { a_b: '1', 'a b': '<&>"', $c: 'x', 'ü': 'ß', '1st': '', __proto: 'p', empty: '' }
  await register(url, { metadata })
  const xml = (await call(url, PATH)).text
  t.match(xml, '<a__b>1</a__b>')
  t.match(xml, '<a_.0020b>&lt;&amp;&gt;"</a_.0020b>')
  t.match(xml, '<_-c>x</_-c>')
  await call(url, PATH, { method: 'DELETE' })
  const again = await call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: { 'content-type': 'application/xml' }, body: xml })
  t.equal(again.status, 204)
  t.same((await one(url)).metadata, metadata)
})

t.test('what is missing or wrong is refused in the original\'s words and order', async t => {
  const { url } = await startDiscovery(t)
  const cases: [Raw, string][] = [
    [{ instanceId: '', hostName: '' }, 'Missing instanceId'],
    [{ hostName: '' }, 'Missing hostname'],
    [{ hostName: null, ipAddr: '' }, 'Missing hostname'],
    [{ ipAddr: '' }, 'Missing ip address'],
    [{ app: '' }, 'Missing appName'],
    [{ app: 'USERS' }, 'Mismatched appName, expecting ORDERS but was USERS'],
    [{ dataCenterInfo: null }, 'Missing dataCenterInfo'],
    [{ dataCenterInfo: { '@class': 'x' } }, 'Missing dataCenterInfo Name'],
    [{ dataCenterInfo: { ...MY_OWN, name: 'Elsewhere' } }, '{"error":"cannot parse request body"}'],
    [{ port: 8080 }, '{"error":"cannot parse request body"}'],
    [{ metadata: { nested: { a: 1 } } }, '{"error":"cannot parse request body"}']
  ]
  for (const [changes, why] of cases) {
    const body = JSON.stringify({ instance: rawInstance(changes) })
    const reply = await call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: JSON_TYPE, body })
    t.same([reply.status, reply.text], [400, why], JSON.stringify(changes))
  }
  for (const body of ['', '{', 'null', '[]', '{}', '"x"', JSON.stringify(rawInstance()), '{"instance":[]}']) {
    const reply = await call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: JSON_TYPE, body })
    t.same([reply.status, reply.text], [400, '{"error":"cannot parse request body"}'], body)
  }
  t.equal((await call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' })).status, 415)
  t.same((await all(url)).applications.application, [], 'nothing of it was filed')
})

t.test('numbers as strings, strings as numbers, nulls and words nobody knows are understood', async t => {
  const { url } = await startDiscovery(t)
  await register(url, {
    status: 'up', overriddenStatus: 'NOPE', sid: 'na', port: { $: '8081', '@enabled': true }, securePort: null,
    countryId: '7', leaseInfo: { renewalIntervalInSecs: '10', durationInSecs: -1 },
    metadata: { n: 5, b: true, nothing: null, '@class': 'x' }, isCoordinatingDiscoveryServer: true,
    lastDirtyTimestamp: 1_700_000_000_001, appGroupName: 'group', asgName: null, actionType: 'DELETED', unheardOf: { a: [1] }
  })
  t.match(await one(url), {
    status: 'UNKNOWN', overriddenStatus: 'UNKNOWN', port: { $: 8081, '@enabled': 'true' },
    securePort: { $: 7002, '@enabled': 'false' }, countryId: 7, leaseInfo: { renewalIntervalInSecs: 10, durationInSecs: 90 },
    metadata: { n: '5', b: 'true', nothing: 'null' }, isCoordinatingDiscoveryServer: 'true',
    lastDirtyTimestamp: '1700000000001', appGroupName: 'GROUP', actionType: 'ADDED'
  })
  const keys = Object.keys(await one(url))
  for (const absent of ['sid', 'asgName', 'unheardOf', 'secureHealthCheckUrl']) t.notOk(keys.includes(absent), absent)
  t.notOk('@class' in ((await one(url)).metadata as Raw))
  await register(url, { port: undefined, leaseInfo: null, metadata: {}, sid: 'mine', lastDirtyTimestamp: 1_700_000_000_002 })
  t.match(await one(url), {
    port: { $: 7001, '@enabled': 'true' }, leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 }, sid: 'mine',
    metadata: { '@class': 'java.util.Collections$EmptyMap' }
  })
  t.match((await call(url, PATH)).text, '<metadata class="java.util.Collections$EmptyMap"/>')
})

t.test('the id is the instanceId, else Amazon\'s, else the host; metadata\'s instanceId makes Spring\'s', async t => {
  const { url } = await startDiscovery(t)
  const amazon = { '@class': 'com.netflix.appinfo.AmazonInfo', name: 'Amazon', metadata: { 'instance-id': 'i-123', 'ami-id': 'ami-1' } }
  await register(url, { instanceId: undefined, dataCenterInfo: amazon })
  t.match(await one(url, 'i-123'), { dataCenterInfo: amazon })
  t.notOk('instanceId' in await one(url, 'i-123'), 'what the client never sent is not made up')
  await register(url, { instanceId: '', hostName: 'm1' })
  t.equal((await one(url, 'm1')).hostName, 'm1')
  await register(url, { instanceId: null, metadata: { instanceId: '42' } })
  t.equal((await one(url, 'h1:42')).instanceId, 'h1:42')
})

t.test('a heartbeat is answered for every request that real clients send', async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  const dirty = '?status=UP&lastDirtyTimestamp=1700000000000'
  const forms: [string, string, Record<string, string>, string | undefined][] = [
    ['Spring', PATH + dirty, { 'content-type': 'application/json', 'content-length': '0', accept: 'application/json' }, undefined],
    ['Jersey 3', PATH + dirty, { 'content-type': 'application/json', accept: 'application/json' }, '{}'],
    ['eureka-js-client', '/eureka/v2/apps/orders/h1:orders:8080', {}, undefined],
    ['Python', `/eureka/apps/ORDERS/h1%3Aorders%3A8080${dirty}`, {}, undefined],
    ['Steeltoe', `/eureka/apps/ORDERS/h1%3aorders%3a8080${dirty}`, { 'x-discovery-allowredirect': 'false' }, ''],
    ['garbage', PATH + dirty, { 'content-type': 'x' }, 'garbage'],
    ['a slash more', `${PATH}/`, {}, undefined]
  ]
  for (const [name, path, headers, body] of forms) {
    const reply = await call(url, path, { method: 'PUT', headers, ...(body === undefined ? {} : { body }) })
    t.same([reply.status, reply.headers['content-length'], reply.text], [200, '0', ''], name)
  }
})

t.test('a 404 has no body, or clients would never register again', async t => {
  const { url } = await startDiscovery(t)
  const cases: [string, string][] = [
    ['PUT', PATH], ['DELETE', PATH], ['GET', PATH], ['GET', '/eureka/apps/NOBODY'], ['GET', '/eureka/instances/nobody'],
    ['PUT', `${PATH}/status?value=UP`], ['DELETE', `${PATH}/status`], ['PUT', `${PATH}/metadata?a=b`],
    ['GET', '/eureka/v1/apps'], ['GET', '/eureka/nothing'], ['PATCH', PATH]
  ]
  for (const [method, path] of cases) {
    for (const headers of [{}, JSON_ACCEPT, JSON_TYPE] as Record<string, string>[]) {
      const reply = await call(url, path, { method, headers })
      t.same([reply.status, reply.headers['content-length'], reply.text], [404, '0', ''], `${method} ${path}`)
    }
  }
})

t.test('renewals with another timestamp', async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  const renew = (query: string, headers: Record<string, string> = {}) => call(url, `${PATH}?${query}`, { method: 'PUT', headers })
  const peer = { 'x-netflix-discovery-replication': 'true', ...JSON_ACCEPT }
  t.equal((await renew('lastDirtyTimestamp=1700000000001')).status, 404, 'newer: register again')
  t.equal((await renew('lastDirtyTimestamp=1699999999999')).status, 200)
  const conflict = await renew('lastDirtyTimestamp=1699999999999', peer)
  t.equal(conflict.status, 409)
  t.match(JSON.parse(conflict.text), { instance: { instanceId: ID, lastDirtyTimestamp: '1700000000000' } })
  t.match((await renew('lastDirtyTimestamp=1699999999999', { 'x-netflix-discovery-replication': 'true' })).text, /^<instance>/)
  t.equal((await renew('lastDirtyTimestamp=1699999999999', { ...peer, accept: 'text/html' })).status, 409)
  t.equal((await renew('lastDirtyTimestamp=x')).status, 400)
  const { url: calm } = await startDiscovery(t, { syncWhenTimestampDiffers: false })
  await register(calm)
  t.equal((await call(calm, `${PATH}?lastDirtyTimestamp=1700000000001`, { method: 'PUT' })).status, 200)
})

t.test('status override and its removal', async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  t.equal((await call(url, `${PATH}/status?value=OUT_OF_SERVICE&lastDirtyTimestamp=1700000000000`, { method: 'PUT' })).status, 200)
  t.match(await one(url), { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE', actionType: 'MODIFIED' })
  t.equal((await all(url)).applications.apps__hashcode, 'OUT_OF_SERVICE_1_')
  t.same(await getJson(url, '/serverinfo/statusoverrides'), { [ID]: 'OUT_OF_SERVICE' })
  t.equal((await call(url, `${PATH}/status`, { method: 'DELETE' })).status, 200)
  t.match(await one(url), { status: 'UP', overriddenStatus: 'UNKNOWN' }, 'what the client said last, at once')
  t.equal((await call(url, PATH, { method: 'PUT' })).status, 200)
  await call(url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  t.equal((await call(url, `${PATH}/status?value=UP`, { method: 'DELETE' })).status, 200)
  t.match(await one(url), { status: 'UP' })
  for (const query of ['', '?value=', '?value=up', '?value=UP&lastDirtyTimestamp=x']) {
    t.equal((await call(url, `${PATH}/status${query}`, { method: 'PUT' })).status, 400, query)
  }
  t.equal((await call(url, `${PATH}/status?value=up`, { method: 'DELETE' })).status, 400)
})

t.test('metadata by query', async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  t.equal((await call(url, `${PATH}/metadata?k1=v1&k2=v%202&k1=other&__proto__=p`, { method: 'PUT' })).status, 200)
  const { metadata, actionType } = await one(url)
  t.same(Object.entries(metadata as Raw), [['zone', 'z1'], ['k1', 'v1'], ['k2', 'v 2'], ['__proto__', 'p']])
  t.equal(actionType, 'ADDED')
  const many = Array.from({ length: 1100 }, (_, i) => `k${i}=v`).join('&')
  t.equal((await call(url, `${PATH}/metadata?${many}`, { method: 'PUT' })).status, 400)
})

t.test('cancel answers 200, and the instance is in the delta as DELETED', async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  const reply = await call(url, PATH, { method: 'DELETE', headers: { 'content-type': 'application/json', 'content-length': '0' } })
  t.same([reply.status, reply.text], [200, ''])
  const { applications } = await getJson<Apps>(url, '/eureka/apps/delta')
  t.match(applications, { apps__hashcode: '', application: [{ name: 'ORDERS', instance: [{ actionType: 'DELETED' }] }] })
})

t.test('the delta covers its time, carries the hash of all, and a version that moves with every change', async t => {
  const clock = new Clock()
  const { url } = await startDiscovery(t, { evictionIntervalMs: 3_600_000 }, { now: clock.now })
  await register(url, { instanceId: 'old' })
  clock.advance(180_001)
  await register(url, { instanceId: 'new' })
  const delta = (await getJson<Apps>(url, '/eureka/apps/delta')).applications
  t.same(delta.application.map(app => app.instance.map(({ instanceId }) => instanceId)), [['new']])
  t.equal(delta.apps__hashcode, 'UP_2_')
  await call(url, '/eureka/apps/ORDERS/new', { method: 'DELETE' })
  await register(url, { instanceId: 'other' })
  const swapped = (await getJson<Apps>(url, '/eureka/apps/delta')).applications
  t.equal(swapped.apps__hashcode, delta.apps__hashcode, 'one went, one came: the hash cannot tell')
  t.not(swapped.versions__delta, delta.versions__delta, 'the version does, or Python would skip it')
  const { url: without } = await startDiscovery(t, { disableDelta: true })
  const refused = await call(without, '/eureka/apps/delta', { headers: JSON_ACCEPT })
  t.same([refused.status, refused.text], [403, ''])
})

t.test('vips and svips, of which an unknown one is an empty list', async t => {
  const { url } = await startDiscovery(t)
  await register(url, { vipAddress: 'a,b' })
  await register(url, { instanceId: 'i2', app: 'USERS', vipAddress: 'b', status: 'DOWN' })
  const vip = (await getJson<Apps>(url, '/eureka/vips/b')).applications
  t.match(vip, { versions__delta: '-1', apps__hashcode: 'DOWN_1_UP_1_', application: [{ name: 'ORDERS' }, { name: 'USERS' }] })
  t.match((await getJson<Apps>(url, '/eureka/svips/orders-tls')).applications.application, { length: 2 })
  for (const path of ['/eureka/vips/B', '/eureka/vips/nobody', '/eureka/svips/b']) {
    t.same((await getJson<Apps>(url, path)).applications, { versions__delta: '-1', apps__hashcode: '', application: [] }, path)
  }
  await call(url, PATH, { method: 'DELETE' })
  t.match((await getJson<Apps>(url, '/eureka/vips/b')).applications.application, [{ name: 'USERS' }], 'a change is seen at once')
})

t.test('an instance by its id alone', async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  t.match(await getJson(url, `/eureka/instances/${encodeURIComponent(ID)}`), { instance: { app: 'ORDERS' } })
})

t.test('which form a client gets', async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  const type = async (headers: Record<string, string>) => {
    const reply = await call(url, '/eureka/apps', { headers })
    return [reply.status, reply.headers['content-type']?.split(';')[0]]
  }
  t.same(await type({}), [200, 'application/xml'])
  t.same(await type({ accept: '*/*' }), [200, 'application/xml'])
  t.same(await type({ accept: 'application/json' }), [200, 'application/json'])
  t.same(await type({ accept: 'application/*+json, application/json' }), [200, 'application/json'])
  t.same(await type({ accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }), [200, 'application/xml'])
  t.same(await type({ accept: 'text/html' }), [406, undefined])
})

t.test('gzip when asked, and only then', async t => {
  const { url } = await startDiscovery(t)
  for (let i = 0; i < 5; i++) await register(url, { instanceId: `i${i}` })
  for (const path of ['/eureka/apps', '/eureka/apps/delta', '/eureka/apps/ORDERS', '/eureka/vips/orders']) {
    for (const accept of ['application/json', 'application/xml']) {
      const plain = await call(url, path, { headers: { accept } })
      const packed = await call(url, path, { headers: { accept, 'accept-encoding': 'gzip, x-gzip, deflate' } })
      t.equal(plain.headers['content-encoding'], undefined)
      t.equal(packed.headers['content-encoding'], 'gzip')
      t.equal(gunzipSync(packed.body).toString(), plain.text, `${path} ${accept}`)
    }
  }
  const refused = await call(url, '/eureka/apps', { headers: { 'accept-encoding': 'gzip;q=0' } })
  t.equal(refused.headers['content-encoding'], undefined)
})

t.test('a packed registration is unpacked, within limits', async t => {
  const { url } = await startDiscovery(t)
  const post = (body: Buffer) => call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body })
  t.equal((await post(gzipSync(JSON.stringify({ instance: rawInstance() })))).status, 204)
  t.equal((await post(Buffer.from('no gzip'))).status, 400)
  t.equal((await post(gzipSync(Buffer.alloc(4 * 1024 * 1024, ' ')))).status, 400, 'a bomb is not unpacked')
  t.equal((await call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: JSON_TYPE, body: Buffer.alloc(1024 * 1024 + 1, ' ') })).status, 413)
})

t.test('compact answers', async t => {
  const { url } = await startDiscovery(t)
  const amazon = { '@class': 'com.netflix.appinfo.AmazonInfo', name: 'Amazon', metadata: { 'instance-id': 'i-1', 'ami-id': 'a', 'public-ipv4': '1.2.3.4' } }
  await register(url, { dataCenterInfo: amazon })
  const compact = { 'x-eureka-accept': 'COMPACT' }
  const json = await getJson<Apps>(url, '/eureka/apps', compact)
  t.same(Object.keys(json.applications), ['application', 'versions__delta', 'apps__hashcode'])
  const got = json.applications.application[0]!.instance[0]!
  t.same(Object.keys(got), ['instanceId', 'app', 'ipAddr', 'vipAddress', 'secureVipAddress', 'dataCenterInfo', 'hostName',
    'status', 'lastUpdatedTimestamp', 'actionType', 'port', 'securePort'])
  t.equal(typeof got.lastUpdatedTimestamp, 'number')
  t.same((got.dataCenterInfo as Raw).metadata, { 'instance-id': 'i-1', 'public-ipv4': '1.2.3.4' })
  for (const path of ['/eureka/apps', '/eureka/apps/delta', '/eureka/apps/ORDERS', PATH]) {
    t.notMatch((await call(url, path, { headers: compact })).text, '\n', 'compact XML is one line')
  }
  t.match(await getJson(url, PATH, compact), { instance: { app: 'ORDERS' } })
})

t.test('a change of one application shows at once in every list', async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  await register(url, { app: 'USERS', instanceId: 'u' })
  await all(url)
  await call(url, `${PATH}/status?value=DOWN`, { method: 'PUT' })
  const { applications } = await all(url)
  t.same(applications.application.map(app => [app.name, app.instance.map(({ status }) => status)]), [['ORDERS', ['DOWN']], ['USERS', ['UP']]])
  t.match((await call(url, '/eureka/apps')).text, '<status>DOWN</status>')
})

t.test('a full registry refuses new instances and keeps serving the known', async t => {
  const { url } = await startDiscovery(t, { maxInstances: 1 })
  await register(url)
  t.equal((await register(url, { instanceId: 'second' })).status, 503)
  t.equal((await register(url)).status, 204)
})

t.test('auto-scaling groups are refused, regions nobody knows are ignored', async t => {
  const { url } = await startDiscovery(t)
  t.equal((await call(url, '/eureka/asg/a/status?value=ENABLED', { method: 'PUT' })).status, 400)
  t.equal((await call(url, '/eureka/apps?regions=us-east-1', { headers: JSON_ACCEPT })).status, 200)
})

t.test('on request a query that makes no sense is answered as the original does', async t => {
  const { url } = await startDiscovery(t, { strictStatusCodes: true })
  await register(url)
  for (const [method, query] of [['PUT', '?lastDirtyTimestamp=x'], ['PUT', '/status?value=no'], ['PUT', '/status'], ['DELETE', '/status?value=no']] as const) {
    const reply = await call(url, `/eureka/apps/ORDERS/h1:orders:8080${query}`, { method })
    t.same([reply.status, reply.text], [500, ''], query)
  }
  t.equal((await call(url, '/eureka/apps/ORDERS', { method: 'POST', headers: JSON_TYPE, body: '{}' })).status, 400, 'bodies are refused as ever')
})

t.test('the status page is valid in both forms', async t => {
  const { url } = await startDiscovery(t)
  t.match(await getJson(url, '/eureka/status'), { generalStats: { environment: 'test' }, applicationStats: { 'registered-replicas': '' } })
  t.match((await call(url, '/eureka/status')).text, /^<com.netflix.eureka.util.StatusInfo>\n {2}<generalStats>/)
  t.notMatch((await call(url, '/eureka/status')).text, 'isHeathly')
  const { url: asked } = await startDiscovery(t, { minAvailablePeers: 0 })
  t.match((await call(asked, '/eureka/status')).text, '\n  <isHeathly>true</isHeathly>\n')
  const { url: lonely } = await startDiscovery(t, { minAvailablePeers: 1 })
  t.match(await getJson(lonely, '/eureka/status'), { isHeathly: 'false' })
})

t.test('pages for people are safe to look at', async t => {
  const { url } = await startDiscovery(t)
  await register(url, { metadata: { zone: '<script>alert(1)</script>' } })
  for (const path of ['/', '/lastn']) {
    const page = await call(url, path)
    t.equal(page.status, 200)
    t.match(page.headers['content-type'], /^text\/html/)
    t.match(page.headers['content-security-policy'], "default-src 'none'")
    t.notMatch(page.text, '<script>alert')
  }
  t.match((await call(url, '/lastn')).text, 'ORDERS(h1:orders:8080)')
  const { url: moved } = await startDiscovery(t, { dashboardPath: '/ui/' })
  t.match((await call(moved, '/ui')).text, '<a href="./ui/lastn">')
  t.same([(await call(moved, '/ui/lastn')).status, (await call(moved, '/lastn')).status], [200, 404])
  const { url: without } = await startDiscovery(t, { dashboard: false })
  t.equal((await call(without, '/')).status, 404)
})
