/** Clients of other people, unmodified, from npm and PyPI, against the registry. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'
import { pythonPackage } from '../../scripts/python-package.ts'
import { call, getJson, register, startDiscovery, until } from './support/server.ts'
import type { Raw } from './support/instances.ts'

/** The part of eureka-js-client that its README shows; it has no types of its own. */
interface JsClient {
  start (done: (failure?: Error) => void): void
  stop (done: (failure?: Error) => void): void
  on (event: 'registered' | 'heartbeat' | 'registryUpdated' | 'deregistered', listener: () => void): void
  getInstancesByAppId (app: string): Raw[]
  getInstancesByVipAddress (vip: string): Raw[]
}

const { Eureka } = createRequire(import.meta.url)('eureka-js-client') as { Eureka: new (config: object) => JsClient }

const quiet = { debug () {}, info () {}, warn () {}, error () {} }

function jsClient (url: string, eureka: object = {}): JsClient {
  const { port } = new URL(url)
  return new Eureka({
    logger: quiet,
    instance: {
      app: 'js-app',
      instanceId: 'js-1',
      hostName: 'localhost',
      ipAddr: '127.0.0.1',
      port: { $: 8080, '@enabled': true },
      vipAddress: 'js.vip',
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' }
    },
    eureka: { host: '127.0.0.1', port, heartbeatInterval: 100, registryFetchInterval: 100, maxRetries: 1, ...eureka }
  })
}

for (const [name, eureka] of [
  ['Netflix\'s paths, full fetches', { servicePath: '/eureka/v2/apps/' }],
  ['Spring\'s paths, deltas', { servicePath: '/eureka/apps/', shouldUseDelta: true }]
] as const) {
  t.test(`eureka-js-client by ${name}`, async t => {
    const { url } = await startDiscovery(t)
    await register(url)
    const client = jsClient(url, eureka)
    await promisify(client.start.bind(client))()
    t.match(await getJson(url, '/eureka/apps/JS-APP/js-1'), { instance: { app: 'JS-APP', status: 'UP', port: { $: 8080, '@enabled': 'true' } } })
    t.equal(client.getInstancesByAppId('ORDERS').length, 1, 'it sees who was there')
    await register(url, { instanceId: 'second', hostName: 'h2' })
    await until(() => client.getInstancesByVipAddress('orders').length === 2, 'it sees who came')
    await call(url, '/eureka/apps/ORDERS/second', { method: 'DELETE' })
    await until(() => client.getInstancesByAppId('ORDERS').length === 1, 'it sees who left')

    let heartbeats = 0
    client.on('heartbeat', () => { heartbeats++ })
    await until(() => heartbeats >= 2, 'its heartbeats are accepted')
    await call(url, '/eureka/apps/JS-APP/js-1', { method: 'DELETE' })
    await until(async () => (await call(url, '/eureka/apps/JS-APP/js-1')).status === 200, 'forgotten, it registers again')

    await promisify(client.stop.bind(client))()
    t.equal((await call(url, '/eureka/apps/JS-APP/js-1')).status, 404, 'stopped, it is gone')
  })
}

const python = await pythonPackage('py_eureka_client==0.13.3', 'py_eureka_client')

t.test('py_eureka_client', { skip: python.skip }, async t => {
  const { url } = await startDiscovery(t)
  await register(url)
  const member = spawn('python3', [join(import.meta.dirname, 'fixtures/member.py'), `${url}/eureka/`, 'py:1'],
    { env: python.env })
  t.after(() => member.kill('SIGKILL'))
  const seen = lastLine(member)
  const sees = (what: string, expected: Raw) =>
    until(() => JSON.stringify(seen()) === JSON.stringify(expected), `${what}, sees ${JSON.stringify(seen())}`)

  const registered = async () => (await call(url, '/eureka/apps/PY-SERVICE/py%3A1')).status === 200
  await until(registered, 'it registers')
  t.match(await getJson(url, '/eureka/apps/PY-SERVICE/py%3A1'), { instance: { metadata: { lang: 'python', a_b: '1' } } })
  await sees('who was there', { ORDERS: ['h1:orders:8080'], 'PY-SERVICE': ['py:1'] })
  await register(url, { instanceId: 'second' })
  await sees('who came', { ORDERS: ['h1:orders:8080', 'second'], 'PY-SERVICE': ['py:1'] })
  await call(url, '/eureka/apps/ORDERS/h1:orders:8080', { method: 'DELETE' })
  await sees('who left', { ORDERS: ['second'], 'PY-SERVICE': ['py:1'] })
  await call(url, '/eureka/apps/PY-SERVICE/py%3A1', { method: 'DELETE' })
  await until(registered, 'forgotten, it registers again')
  member.stdin.end()
  await until(async () => !await registered(), 'stopped, it is gone')
  await until(() => member.exitCode !== null, 'and its process ends')
  t.equal(member.exitCode, 0)
})

/** What a process wrote last, as JSON; the client's own log is on standard output as well. */
function lastLine (child: ChildProcessWithoutNullStreams): () => unknown {
  let last: unknown
  createInterface({ input: child.stdout }).on('line', line => {
    if (line.startsWith('{')) last = JSON.parse(line)
  })
  let errors = ''
  child.stderr.on('data', chunk => { errors += String(chunk) })
  child.on('exit', code => { if (code !== 0) t.comment(errors) })
  return () => last
}
