/**
 * `npm run test:kube`: the services on a real Kubernetes. Without KUBECONFIG it builds and starts deploy/test-cluster
 * (root, Go; minutes once, seconds afterwards) and stops it at the end unless KUBE_KEEP is set; with KUBECONFIG it uses
 * that cluster (minikube, kind), whose node must be reachable from here at port 30080.
 */
import t from 'tap'
import { KubernetesDiscovery } from '../../../starter/discovery/kubernetes.ts'
import { Cluster } from './cluster.ts'
import { startLoad } from './load.ts'
import { noPostgres, startPostgres } from '../../../messaging/test/servers.ts'
import { until } from '../until.ts'
import { expose } from './expose.ts'
import type { Test } from 'tap'
import type { LoadReport } from './load.ts'

const PATIENCE_MS = 180_000
const UNKNOWN_USER = '01a210ca-fcde-761a-aa07-7458c763a28e'

// Not a comment of the test: a reporter keeps those back until the file has ended, ten minutes later.
const cluster = await Cluster.start((line) => process.stderr.write(`kube: ${line}\n`))
const teardown: Array<() => unknown> = [() => cluster.stop()]
t.teardown(async () => { for (const step of teardown.toReversed()) await step() })
await cluster.script('minikube.sh', ['--no-forward'])
const gateway = `http://${await cluster.nodeAddress()}:30080`

t.test('the same calls as with npm start work through the gateway', async (t) => {
  const created = await post('/users', { name: 'Ada', email: `ada-${Date.now()}@example.org` })
  t.equal(created.status, 201)
  const { userId } = await created.json() as { userId: string }
  const read = await fetch(`${gateway}/users/${userId}`)
  t.equal(read.status, 200)
  t.match(await read.json(), { name: 'Ada' })
  t.equal(read.headers.get('x-served-by'), 'breakwater')
  const order = { userId, currency: 'EUR', lines: [{ sku: 'book', qty: 1, unitPrice: 1250 }] }
  const placed = await post('/orders', order)
  const { orderId } = await placed.json() as { orderId: string }
  t.match(placed.status, /^20[12]$/)
  await until(async () => (await fetch(`${gateway}/order-history/${orderId}`)).status === 200, 'the order is in the history', PATIENCE_MS)
})

/** Who is asked for under load: a user in a shared store where there is one, else one that no copy knows (404). */
let asked = { path: `/users/${UNKNOWN_USER}`, status: 404 }

const foreign = cluster.own ? false : 'a cluster of others'
const noStore = cluster.own ? noPostgres : 'a cluster of others cannot reach this machine'

t.test('one setting moves users to a shared PostgreSQL, which its copies and its roll-outs leave alone', { skip: noStore }, async (t) => {
  const postgres = await startPostgres()
  const store = await expose(new URL(postgres.url), '10.200.0.1')
  teardown.push(() => store.close(), () => postgres.stop())
  await cluster.kubectl('set', 'env', 'deployment/users', 'ALLOW_EMBEDDED-',
    `BREAKWATER_STORE_URL=postgres://postgres@host.kube.internal:${store.port}/postgres`)
  await roll('users')
  const created = await post('/users', { name: 'Bob', email: `bob-${Date.now()}@example.org` })
  t.equal(created.status, 201)
  const { userId } = await created.json() as { userId: string }
  await roll('users')
  asked = { path: `/users/${userId}`, status: 200 }
  t.equal((await fetch(`${gateway}${asked.path}`)).status, 200, 'a new pod knows what the old one was told')
})

t.test('the service account of the gateway may do what it needs, and nothing else', async (t) => {
  const may = (verb: string, what: string) =>
    cluster.kubectl('auth', 'can-i', verb, what, '--as=system:serviceaccount:breakwater:gateway').catch(() => 'no')
  t.equal(await may('list', 'endpointslices.discovery.k8s.io'), 'yes')
  t.equal(await may('watch', 'endpointslices.discovery.k8s.io'), 'yes')
  for (const [verb, what] of [['get', 'secrets'], ['list', 'pods'], ['create', 'pods'], ['update', 'endpointslices.discovery.k8s.io']] as const) {
    t.equal(await may(verb, what), 'no', `${verb} ${what}`)
  }
})

t.test('the gateway\'s management port asks for the password that minikube.sh made, but for health and metrics', async (t) => {
  const [pod] = await cluster.pods('gateway')
  const ask = (path: string, headers = {}) => fetch(`http://${pod?.ip}:8081/actuator/${path}`, { headers })
  t.equal((await ask('health')).status, 200)
  t.equal((await ask('prometheus')).status, 200)
  t.equal((await ask('gateway/routes')).status, 401)
  t.equal((await ask('env')).status, 401)
  const { data } = await cluster.json('get', 'secret', 'admin') as { data: { password: string } }
  const password = Buffer.from(data.password, 'base64').toString()
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
  t.equal((await ask('gateway/routes', { authorization })).status, 200)
  t.notMatch(await (await ask('env', { authorization })).text(), password, 'env masks it')
})

t.test('users alone scales from 1 to 4, and the gateway uses all four without being told', async (t) => {
  const before = await names('orders', 'gateway', 'bus')
  await cluster.kubectl('scale', 'deployment/users', '--replicas=4')
  await until(async () => (await cluster.pods('users')).filter((pod) => pod.ready).length === 4, '4 ready pods', PATIENCE_MS)
  const served = async () => Promise.all((await cluster.pods('users')).map((pod) => requestsOf(pod.ip)))
  await until(async () => {
    await Promise.all(Array.from({ length: 20 }, () => fetch(`${gateway}${asked.path}`)))
    return (await served()).every((count) => count > 0)
  }, 'every pod serves requests', PATIENCE_MS)
  t.same(await names('orders', 'gateway', 'bus'), before, 'no other pod was touched')
})

t.test('users is rolled under load, and no request fails', async (t) => {
  await unharmed(t, async () => {
    const before = await names('users')
    await roll('users')
    t.notOk((await names('users')).some((name) => before.includes(name)), 'every pod is a new one')
  })
})

t.test('the gateway is rolled under load, and no request fails, with new connections and with kept ones', async (t) => {
  await unharmed(t, () => roll('gateway'))
})

t.test('a users pod is killed under load, and no request fails', async (t) => {
  await unharmed(t, async () => {
    for (let i = 0; i < 2; i++) {
      const [victim] = await cluster.pods('users')
      await cluster.killPod(victim?.name ?? '')
      await until(async () => (await cluster.pods('users')).filter((pod) => pod.ready && pod.name !== victim?.name).length === 4,
        'a replacement', PATIENCE_MS)
    }
  })
})

t.test('a changed ConfigMap reaches the running gateway and the running services', async (t) => {
  const before = await restarts()
  const stamp = `changed-${Date.now()}`
  await edit('gateway-config', (text) => text.replace(/X-Served-By, \S+/, `X-Served-By, ${stamp}`))
  await edit('users-config', (text) => `${text.replace(/\ninfo\.stamp:.*\n/, '\n')}\ninfo.stamp: ${stamp}\n`)
  await until(async () => (await fetch(`${gateway}${asked.path}`)).headers.get('x-served-by') === stamp, 'the route changes', PATIENCE_MS)
  const [pod] = await cluster.pods('users')
  await until(async () => (await (await fetch(`http://${pod?.ip}:8081/actuator/info`)).text()).includes(stamp), 'the service sees it', PATIENCE_MS)
  t.same(await restarts(), before, 'no pod was restarted')
  await edit('gateway-config', (text) => text.replace(stamp, 'breakwater'))
})

t.test('the EndpointSlice client follows the real API: from this machine, with the kubeconfig', async (t) => {
  const client = new KubernetesDiscovery({ kubeconfig: cluster.kubeconfig, namespaces: ['breakwater'], startTimeoutMs: 30_000 },
    { info: () => {}, warn: () => {} })
  t.teardown(() => client.stop())
  await client.start()
  t.ok(client.connected)
  const hosts = () => client.instances('users.breakwater').filter((one) => one.status === 'UP').map((one) => one.host).toSorted()
  t.same(hosts(), (await cluster.pods('users')).map((pod) => pod.ip).toSorted())
  await cluster.kubectl('scale', 'deployment/users', '--replicas=2')
  await until(() => hosts().length === 2, 'the client sees two', PATIENCE_MS)
})

t.test('while the API server is away, calls go on', { skip: foreign }, async (t) => {
  await unharmed(t, async () => {
    cluster.killApiServer()
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    await cluster.script('test-cluster/up.sh')
  })
  await cluster.kubectl('scale', 'deployment/users', '--replicas=3')
  await until(async () => (await cluster.pods('users')).filter((pod) => pod.ready).length === 3, '3 ready pods', PATIENCE_MS)
  const [newest] = (await cluster.pods('users')).toReversed()
  await until(async () => {
    await fetch(`${gateway}${asked.path}`)
    return (await requestsOf(newest?.ip ?? '')) > 0
  }, 'the gateway follows the API again', PATIENCE_MS)
})

t.test('the overlay of a migration: Services as Eureka applications, and settings from the config server', { skip: foreign }, async (t) => {
  await cluster.script('minikube.sh', ['--no-forward'], { OVERLAY: 'test-migration', SERVICES: 'discovery config-server' })
  const registry = `http://${await cluster.kubectl('get', 'service', 'discovery', '-o', 'jsonpath={.spec.clusterIP}')}:8761`
  const addresses = async () => {
    const answer = await fetch(`${registry}/eureka/apps/USERS`, { headers: { accept: 'application/json' } })
    const { application: { instance } } = await answer.json() as { application: { instance: EurekaInstance[] } }
    return instance.filter((one) => one.status === 'UP').map((one) => one.ipAddr).toSorted().join()
  }
  await until(async () => (await addresses()) === (await cluster.pods('users')).map((pod) => pod.ip).toSorted().join(), 'the registry shows the pods', PATIENCE_MS)
  const [pod] = await cluster.pods('orders')
  t.match(await (await fetch(`http://${pod?.ip}:8081/actuator/info`)).json(), { platform: 'breakwater' })
})

interface EurekaInstance { readonly ipAddr: string, readonly status: string }

function post (path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': `test-${Date.now()}` }
  return fetch(`${gateway}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** Replaces all pods of a service by new ones, and waits until the last of the old has ended. */
async function roll (service: string): Promise<void> {
  await cluster.kubectl('set', 'env', `deployment/${service}`, `ROLLED_AT=${Date.now()}`)
  await cluster.kubectl('rollout', 'status', `deployment/${service}`, '--timeout=180s')
  await until(async () => (await cluster.pods(service, true)).every((pod) => !pod.ending), 'the old pods end', PATIENCE_MS)
}

async function names (...services: string[]): Promise<string[]> {
  return (await Promise.all(services.map((service) => cluster.pods(service)))).flat().map((pod) => pod.name)
}

async function restarts (): Promise<string[]> {
  const pods = (await Promise.all(['gateway', 'users'].map((service) => cluster.pods(service)))).flat()
  return pods.map((pod) => `${pod.name} ${pod.restarts}`)
}

/** How many requests to /users a pod has answered, by its own count. */
async function requestsOf (ip: string): Promise<number> {
  const text = await (await fetch(`http://${ip}:8081/actuator/prometheus`)).text()
  return [...text.matchAll(/^http_server_requests_seconds_count\{.*uri="\/users[^"]*"\} (\d+)$/gm)].reduce((sum, line) => sum + Number(line[1]), 0)
}

/** Changes the application.yml of a ConfigMap. */
async function edit (name: string, change: (text: string) => string): Promise<void> {
  const { data } = await cluster.json('get', 'configmap', name) as { data: Record<string, string> }
  const patch = { data: { 'application.yml': change(data['application.yml'] ?? '') } }
  await cluster.kubectl('patch', 'configmap', name, '--type=merge', '--patch', JSON.stringify(patch))
}

/** Does something while requests come in, half of them on new connections; none may fail. */
async function unharmed (t: Test, action: () => Promise<void>): Promise<void> {
  const load = { url: `${gateway}${asked.path}`, status: asked.status, perSecond: 50 }
  const stops = [true, false].map((keepAlive) => startLoad({ ...load, keepAlive }))
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  let reports: LoadReport[] = []
  try {
    await action()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  } finally {
    reports = await Promise.all(stops.map((stop) => stop()))
  }
  for (const report of reports) t.same(report.failures, [], `0 of ${report.sent} failed, the slowest took ${report.slowestMs} ms`)
}
