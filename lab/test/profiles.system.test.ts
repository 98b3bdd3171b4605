/** The services' own code under two profiles: a registry, and cluster DNS with a resolver of the test in its place. */
import { fork } from 'node:child_process'
import path from 'node:path'
import t, { type Test } from 'tap'
import { startDns } from '../../starter/test/dns-server.ts'

const ROOT = path.join(import.meta.dirname, '../..')
// Nobody listens there: orders hears no event, so each user it accepts is one that it has asked users about.
const NO_BUS = 'http://127.0.0.1:9'
const CODES = { created: 201, accepted: 202, unknown: 422 }

async function start (t: Test, script: string, env: Record<string, string>): Promise<string> {
  const child = fork(path.join(ROOT, script), ['--port=0'], { env: { ...process.env, ...env }, silent: true })
  const gone = new Promise(resolve => child.once('exit', resolve))
  t.teardown(async () => {
    child.kill('SIGTERM')
    await gone
  })
  return new Promise((resolve, reject) => {
    child.once('message', message => { resolve((message as { url: string }).url) })
    child.once('exit', code => { reject(new Error(`${script} exited with ${code}`)) })
  })
}

async function post (url: string, body: object): Promise<{ status: number, body: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': JSON.stringify(body) }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, body: await response.json() as Record<string, unknown> }
}

/** What a client sees of both services. */
async function use (users: string, orders: string) {
  const user = await post(`${users}/users`, { name: 'Ada', email: 'ada@example.org' })
  const order = { currency: 'EUR', lines: [{ sku: 'book', qty: 1, unitPrice: 1250 }] }
  const placed = await post(`${orders}/orders`, { ...order, userId: user.body['userId'] })
  const refused = await post(`${orders}/orders`, { ...order, userId: '01890000-0000-7000-8000-000000000000' })
  return {
    statuses: { created: user.status, accepted: placed.status, unknown: refused.status },
    fields: [user, placed, refused].map(answer => Object.keys(answer.body).toSorted())
  }
}

t.test('users and orders answer alike under PROFILE=local and PROFILE=k8s', async t => {
  const common = { BREAKWATER_BUS_URL: NO_BUS, LOGGING_LEVEL_ROOT: 'warn' }

  const registry = await start(t, 'discovery/main.ts', {})
  const local = {
    ...common, PROFILE: 'local', BREAKWATER_DATA_DIR: t.testdir(), EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `${registry}/eureka/`
  }
  const withRegistry = await use(
    await start(t, 'sample-services/users/main.ts', local), await start(t, 'sample-services/orders/main.ts', local))

  const dns = await startDns(t, { 'users.shop.svc.cluster.local': '127.0.0.2' })
  const k8s = {
    ...common, PROFILE: 'k8s', ALLOW_EMBEDDED: 'true', BREAKWATER_DNS_SERVERS: dns.address, BREAKWATER_KUBERNETES_NAMESPACE: 'shop'
  }
  const users = await start(t, 'sample-services/users/main.ts',
    { ...k8s, BREAKWATER_DATA_DIR: path.join(t.testdirName, 'k8s'), SERVER_ADDRESS: '127.0.0.2' })
  const orders = await start(t, 'sample-services/orders/main.ts', {
    ...k8s, BREAKWATER_DATA_DIR: path.join(t.testdirName, 'k8s'), BREAKWATER_KUBERNETES_SERVICEPORT: new URL(users).port
  })
  const withDns = await use(users, orders)

  t.strictSame(withRegistry.statuses, CODES)
  t.strictSame(withDns, withRegistry)
  t.ok(dns.asked.includes('users.shop.svc.cluster.local'), 'the name was resolved by DNS')
})
