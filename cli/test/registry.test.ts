/** `breakwater registry ...` against running registries. */
import { createDiscovery, type Discovery } from '@breakwater/discovery'
import t, { type Test } from 'tap'
import { registry } from '../registry/registry.ts'
import { compareLists } from '../registry/diff.ts'

async function start (t: Test): Promise<Discovery> {
  const discovery = createDiscovery({ port: 0 })
  await discovery.start()
  t.teardown(() => discovery.stop())
  return discovery
}

async function register ({ url }: Discovery, app: string, instanceId: string, more: object = {}): Promise<void> {
  const instance = {
    instanceId, app, hostName: 'h1', ipAddr: '10.0.0.1', status: 'UP', vipAddress: app.toLowerCase(),
    port: { $: 8080, '@enabled': 'true' }, dataCenterInfo: { name: 'MyOwn' }, lastDirtyTimestamp: '1700000000000',
    metadata: { zone: 'z1' }, ...more
  }
  const { status } = await fetch(`${url}/eureka/apps/${app}`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ instance })
  })
  if (status !== 204) throw new Error(`registering answered ${status}`)
}

async function run (discovery: Discovery, ...args: string[]): Promise<{ code: number, text: string }> {
  let text = ''
  const io = { env: { USER: 'ann' }, signal: new AbortController().signal, write: (more: string) => { text += more } }
  const code = await registry([...args, '--registry', discovery.url], io)
  return { code, text }
}

t.test('list, show, drain and restore', async t => {
  const discovery = await start(t)
  await register(discovery, 'A', 'a1')
  await register(discovery, 'A', 'a2', { metadata: { zone: 'z2\u001b[31m' } })
  const listed = await run(discovery, 'list')
  t.match(listed.text, /^APPLICATION .*\nA +a1 .*\nA +a2 +h1:8080 +UP +z2\S*\n$/)
  t.notMatch(listed.text, '\u001b', 'no client writes to the terminal')
  t.match(JSON.parse((await run(discovery, 'list', '--json', '--zone', 'z1')).text), [{ id: 'a1', status: 'UP' }])
  t.equal((await run(discovery, 'drain', '--zone', 'z1', '--dry-run')).text, 'A a1\n1 instances would be meant\n')
  t.match(await run(discovery, 'drain', '--zone', 'z1', '--reason', 'new disk', '--for', '1h'), { code: 0, text: 'A a1\n1 instances\n' })
  t.match((await run(discovery, 'list', '--status', 'OUT_OF_SERVICE')).text, /A +a1 .* ann: new disk, until \d{4}-/)
  t.match((await run(discovery, 'show', 'a', 'a1')).text, /status +OUT_OF_SERVICE\nsays of itself +UP\n/)
  t.match(await run(discovery, 'restore', '--zone', 'z1'), { code: 0 })
  t.match(JSON.parse((await run(discovery, 'show', 'A', 'a1', '--json')).text), { status: 'UP', metadata: [['zone', 'z1']] })
})

t.test('diff finds what two registries say differently, and nothing else', async t => {
  const [a, b] = [await start(t), await start(t)]
  for (const one of [a, b]) await register(one, 'A', 'same')
  t.match(await run(a, 'diff', b.url), { code: 0, text: 'equal\n' })
  await register(a, 'A', 'here')
  await register(b, 'A', 'other', { port: { $: 1, '@enabled': 'true' } })
  await register(a, 'A', 'other')
  const { code, text } = await run(a, 'diff', `${b.url}//eureka/`)
  t.equal(code, 1)
  t.equal(text, 'A here instance: UP here, absent there\n' +
    'A other port: {"$":8080,"@enabled":"true"} here, {"$":1,"@enabled":"true"} there\n2 instances differ\n')
})

t.test('the order of keys, times and leases are no difference', async t => {
  const one = { app: 'A', instanceId: 'a', status: 'UP', metadata: { a: '1', b: '2' }, leaseInfo: { durationInSecs: 1 } }
  const other = { ...one, metadata: { b: '2', a: '1' }, leaseInfo: {}, lastUpdatedTimestamp: '2', actionType: 'MODIFIED' }
  t.same(compareLists(new Map([['k', one]]), new Map([['k', other]])), [])
  t.match(compareLists(new Map([['k', one]]), new Map([['k', { ...one, vipAddress: 'v' }]])),
    [{ field: 'vipAddress', here: undefined, there: 'v' }])
})

t.test('watch prints each change until it is ended', async t => {
  const discovery = await start(t)
  await register(discovery, 'A', 'a1')
  const enough = new AbortController()
  const lines: string[] = []
  const seen = Promise.withResolvers<void>()
  const write = (text: string): void => {
    lines.push(text)
    if (lines.length === 1) void register(discovery, 'B', 'b1')
    else seen.resolve()
  }
  const watching = registry(['watch', '--registry', discovery.url], { env: {}, signal: enough.signal, write })
  await seen.promise
  enough.abort()
  t.equal(await watching, 0)
  t.same(lines, ['SNAPSHOT A a1 UP\n', 'ADDED    B b1 UP\n'])
})

t.test('mistakes are told, and no credentials with them', async t => {
  const discovery = await start(t)
  const io = { env: {}, signal: new AbortController().signal, write: () => {} }
  const fails = (...args: string[]) => registry(args, io)
  await t.rejects(fails('explode'), { code: 'E_USAGE', message: /list, show, drain/ })
  await t.rejects(fails('drain'), { code: 'E_USAGE', message: /say whom/ })
  await t.rejects(fails('show', 'A'), { code: 'E_USAGE' })
  await t.rejects(fails('list', '--colour'), { code: 'E_USAGE' })
  await t.rejects(fails('list', '--registry', 'ftp://u:secret@h'), { code: 'E_USAGE', message: /^(?!.*secret)/ })
  await t.rejects(fails('list', '--registry', 'http://u:secret@127.0.0.1:1'), { code: 'E_REGISTRY_CALL', message: /^(?!.*secret)/ })
  await t.rejects(run(discovery, 'drain', '--zone', 'nowhere'), { code: 'E_REGISTRY_CALL', message: /There is no such instance/ })
  await t.rejects(run(discovery, 'show', 'A', 'x'), { code: 'E_REGISTRY_CALL', message: /404: There is no such/ })
})
