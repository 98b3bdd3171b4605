/**
 * PROFILE=consul from end to end, as processes: the same services and gateway, but neither our registry nor our config
 * server. Consul denies everything by default, so each call shows that the token travels.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from '../docker/deployables.ts'
import { ConsulAgent, findConsul } from '../../starter/test/consul-agent.ts'
import { until } from './until.ts'
import type { ChildProcess } from 'node:child_process'
import type { Test } from 'tap'

const ROUTES = `
spring.cloud.gateway.server.webflux.routes:
  - {id: users, uri: 'lb://users', predicates: ['Path=/users/**'], filters: ['Retry=2']}
  - {id: orders, uri: 'lb://orders', predicates: ['Path=/orders/**'], filters: ['Retry=2']}
`

const TOKEN = '5f1c7b7e-0c3a-4d0e-9b61-1f2e3d4c5b6a'
const found = findConsul(process.env)

interface Started { readonly child: ChildProcess, readonly url: string, readonly management: string | undefined }

async function start (t: Test, script: string, env: Record<string, string>): Promise<Started> {
  const child = fork(join(ROOT, script), ['--port', '0'], {
    cwd: t.testdirName, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env }
  })
  t.teardown(() => stop(child))
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => { said += chunk.toString() })
  const ready = once(child, 'message') as Promise<[{ url: string, management?: string }]>
  const ended = once(child, 'exit').then(() => { throw new Error(`${script} ended: ${said}`) })
  const [{ url, management }] = await Promise.race([ready, ended])
  ended.catch(() => {})
  return { child, url, management }
}

async function stop (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

t.test('PROFILE=consul', { skip: 'missing' in found ? found.missing : false }, async (t) => {
  if ('missing' in found) return
  const folder = t.testdir({ routes: { 'application.yml': ROUTES } })
  const consul = await ConsulAgent.start(found.command, {
    token: TOKEN, config: { acl: { enabled: true, default_policy: 'deny', tokens: { master: TOKEN } } }
  })
  t.teardown(() => consul.stop())
  await consul.put('config/application/info/platform', 'from Consul')
  await consul.put('config/orders/info/own', 'orders')

  const common = {
    PROFILE: 'consul', SPRING_CLOUD_CONSUL_HOST: '127.0.0.1', SPRING_CLOUD_CONSUL_PORT: String(consul.port),
    SPRING_CLOUD_CONSUL_TOKEN: TOKEN, SPRING_CONFIG_IMPORT: 'consul:', SPRING_CLOUD_CONSUL_DISCOVERY_HEALTHCHECKINTERVAL: '1s',
    LOGGING_LEVEL_ROOT: 'warn', BREAKWATER_DATA_DIR: join(folder, 'data')
  }
  const bus = await start(t, 'messaging/main.ts', common)
  const sample = { ...common, BREAKWATER_BUS_URL: bus.url }
  const [users, , orders] = await Promise.all([
    start(t, 'sample-services/users/main.ts', sample), start(t, 'sample-services/users/main.ts', sample),
    start(t, 'sample-services/orders/main.ts', sample)
  ]) as [Started, Started, Started]
  const gateway = await start(t, 'gateway/main.ts', {
    ...common, MANAGEMENT_SERVER_PORT: '0', SPRING_CONFIG_ADDITIONALLOCATION: join(folder, 'routes/')
  })
  const passing = async (service: string) =>
    await (await consul.request('GET', `/v1/health/service/${service}?passing`)).json() as Array<{ Service: { ID: string } }>
  const get = (path: string) => fetch(`${gateway.url}${path}`)
  const post = (path: string, body: object) => fetch(`${gateway.url}${path}`, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', 'idempotency-key': JSON.stringify(body).slice(0, 60) }
  })
  await until(async () => (await passing('users')).length === 2 && (await passing('orders')).length === 1, 'all are healthy in Consul')

  let userId = ''
  t.test('calls go through the gateway, and from service to service, by what Consul knows', async (t) => {
    await until(async () => (await post('/users', { name: 'Ada', email: 'ada@example.org' })).status === 201, 'the gateway knows users')
    const again = await post('/users', { name: 'Ada', email: 'ada@example.org' })
    userId = (await again.json() as { userId: string }).userId
    t.equal((await get(`/users/${userId}`)).status, 200)
    const order = { userId, currency: 'EUR', lines: [{ sku: 'book', qty: 1, unitPrice: 1250 }] }
    await until(async () => [201, 202].includes((await post('/orders', order)).status), 'orders asks users')
  })

  t.test('settings come from the key/value store, each says so, and a change arrives', async (t) => {
    const info = async () => await (await fetch(`${orders.url}/actuator/info`)).json() as Record<string, string>
    t.match(await info(), { platform: 'from Consul', own: 'orders' })
    await consul.put('config/application/info/platform', 'changed')
    await until(async () => (await info())['platform'] === 'changed', 'the change arrives')
    const env = await (await fetch(`${orders.url}/actuator/env`)).text()
    t.match(env, 'consul:config/application/info/platform')
    t.notMatch(env, TOKEN, 'the token is masked')
  })

  t.test('a killed instance is left at once, and forgotten when its check fails', async (t) => {
    users.child.kill('SIGKILL')
    for (let i = 0; i < 20; i++) t.equal((await get(`/users/${userId}`)).status, 200)
    await until(async () => (await passing('users')).length === 1, 'Consul sees it')
  })

  t.test('while Consul is away everything goes on by what was known, and a stopped service leaves no trace', async (t) => {
    await stop(orders.child)
    t.same(await passing('orders'), [], 'orders took itself out')
    await consul.kill()
    for (let i = 0; i < 10; i++) t.equal((await get(`/users/${userId}`)).status, 200)
  })
})
