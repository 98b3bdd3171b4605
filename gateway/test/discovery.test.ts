/**
 * Every source of instances through a whole gateway: who comes is asked, who goes is not, and when the source itself
 * is gone the last known instances go on serving.
 */
import t, { type Test } from 'tap'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FakeApiServer } from '../../deploy/test/fake-api-server.ts'
import { createLogger } from '@breakwater/starter/logger'
import { loadSettings } from '@breakwater/starter/settings'
import { ConsulAgent, findConsul } from '../../starter/test/consul-agent.ts'
import { startDns } from '../../starter/test/dns-server.ts'
import { startGateway } from '../start.ts'
import { call, server, until, upstream, type ServerProcess } from './harness.ts'

interface Named { readonly port: number, readonly name: string }
interface Started { readonly url: string, readonly management: string }

async function named (t: Test, name: string): Promise<Named> {
  const { port } = await upstream(t, (_, response) => response.end(name))
  return { port, name }
}

/** A gateway with the source that the settings name, and nothing of the test's own in between. */
async function gatewayWith (t: Test, source: Record<string, string>): Promise<Started> {
  const settings = await loadSettings({
    name: 'gateway',
    folder: '/nonexistent',
    env: {},
    args: {
      'server.port': '0',
      'management.server.port': '0',
      'breakwater.gateway.workers': '0',
      'spring.cloud.gateway.routes[0].id': 'users',
      'spring.cloud.gateway.routes[0].uri': 'lb://users',
      'spring.cloud.gateway.routes[0].predicates[0]': 'Path=/**',
      ...source
    }
  })
  const running = await startGateway({ settings, log: createLogger({ name: 'gateway', level: 'error', destination: { write () {} } }) })
  t.teardown(async () => {
    await running.stop()
    settings.close()
  })
  return running
}

/** The names of those who answer now. */
async function answering (url: string): Promise<string> {
  const names = new Set<string>()
  for (let i = 0; i < 24; i++) {
    const { status, body } = await call(url)
    names.add(status === 200 ? body : String(status))
  }
  return [...names].toSorted((a, b) => a.localeCompare(b)).join()
}

async function becomes (t: Test, url: string, wanted: string): Promise<void> {
  await until(`${wanted} answer`, async () => await answering(url) === wanted)
  t.pass(`${wanted} answer`)
}

/** The source has gone: the gateway says so, stays up, and serves as before. */
async function goesOn (t: Test, { url, management }: Started, wanted: string): Promise<void> {
  const health = async () => JSON.parse((await call(`${management}/actuator/health`)).body) as {
    status: string, components?: Record<string, { status: string }> }
  await until('it is noticed', async () => (await health()).components?.['discovery']?.status !== 'UP')
  t.equal((await health()).components?.['gateway']?.status, 'UP')
  for (let i = 0; i < 3; i++) t.equal(await answering(url), wanted, 'the last known go on serving')
}

const eureka = (url: string): Record<string, string> => ({
  'eureka.client.service-url.defaultZone': `${url}/eureka/`,
  'eureka.client.register-with-eureka': 'false',
  'eureka.client.registry-fetch-interval-seconds': '0.1'
})

async function register (registry: ServerProcess, { port }: Named): Promise<void> {
  await fetch(`${registry.url}/eureka/apps/USERS`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instance: {
      instanceId: `users:${port}`, app: 'USERS', hostName: '127.0.0.1', ipAddr: '127.0.0.1', status: 'UP', vipAddress: 'users',
      port: { $: port, '@enabled': 'true' }, dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' }
    } })
  })
}

async function leave (registry: ServerProcess, { port }: Named): Promise<void> {
  await fetch(`${registry.url}/eureka/apps/USERS/users:${port}`, { method: 'DELETE' })
}

const REGISTRY = `server: { port: 0 }
logging: { level: { root: error } }
eureka: { server: { response-cache-update-interval-ms: 100 } }
`

t.test('the registry\'s push stream', async t => {
  const registry = await server(t, 'discovery/main.ts', REGISTRY)
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  await register(registry, a)
  const gateway = await gatewayWith(t, eureka(registry.url))
  await becomes(t, gateway.url, 'a')
  await register(registry, b)
  await becomes(t, gateway.url, 'a,b')
  await leave(registry, a)
  await becomes(t, gateway.url, 'b')
  registry.child.kill('SIGKILL')
  await goesOn(t, gateway, 'b')
})

t.test('a Eureka server without the stream is polled', async t => {
  const registry = await server(t, 'discovery/main.ts', REGISTRY)
  const asked: string[] = []
  const plain = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (request.url?.startsWith('/eureka/stream') === true) return void response.writeHead(404).end()
    request.pipe(forward(`${registry.url}${request.url}`, { method: request.method, headers: request.headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    }).on('error', () => response.destroy()))
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => plain.once('listening', resolve))
  t.teardown(() => { plain.closeAllConnections(); plain.close() })
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  await register(registry, a)
  const gateway = await gatewayWith(t, eureka(`http://127.0.0.1:${(plain.address() as AddressInfo).port}`))
  await becomes(t, gateway.url, 'a')
  await register(registry, b)
  await becomes(t, gateway.url, 'a,b')
  await leave(registry, a)
  await becomes(t, gateway.url, 'b')
  t.ok(asked.some(url => url.startsWith('/eureka/apps')))
  plain.closeAllConnections()
  await new Promise(resolve => plain.close(resolve))
  await goesOn(t, gateway, 'b')
})

const consul = findConsul(process.env)

t.test('Consul\'s blocking queries', { skip: 'missing' in consul ? consul.missing : false }, async t => {
  const agent = await ConsulAgent.start('command' in consul ? consul.command : '')
  t.teardown(() => agent.stop())
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const put = async ({ port }: Named) => await agent.request('PUT', '/v1/agent/service/register',
    JSON.stringify({ ID: `users-${port}`, Name: 'users', Address: '127.0.0.1', Port: port }))
  t.equal((await put(a)).status, 200)
  const gateway = await gatewayWith(t, {
    'breakwater.discovery.client': 'consul', 'spring.cloud.consul.host': '127.0.0.1', 'spring.cloud.consul.port': String(agent.port),
    'spring.cloud.consul.discovery.register': 'false'
  })
  await becomes(t, gateway.url, 'a')
  await put(b)
  await becomes(t, gateway.url, 'a,b')
  await agent.request('PUT', `/v1/agent/service/deregister/users-${a.port}`)
  await becomes(t, gateway.url, 'b')
  await agent.kill()
  await goesOn(t, gateway, 'b')
})

t.test('Kubernetes\' EndpointSlices', async t => {
  const api = await new FakeApiServer().start()
  t.teardown(() => api.kill().catch(() => {}))
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const slice = ({ port, name }: Named) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `users-${name}`, namespace: 'demo', labels: { 'kubernetes.io/service-name': 'users' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }]
  })
  api.put(slice(a))
  const gateway = await gatewayWith(t, {
    'breakwater.discovery.client': 'kubernetes', 'breakwater.kubernetes.kubeconfig': api.kubeconfig(t.testdir({}))
  })
  await becomes(t, gateway.url, 'a')
  api.put(slice(b))
  await becomes(t, gateway.url, 'a,b')
  api.delete('users-a')
  await becomes(t, gateway.url, 'b')
  await api.kill()
  await goesOn(t, gateway, 'b')
})

t.test('Kubernetes\' DNS: the names of the routes are asked', async t => {
  const a = await named(t, 'a')
  const stops: Array<() => void> = []
  const zone: Record<string, string> = { 'users.shop.svc.cluster.local': '127.0.0.1' }
  const dns = await startDns({ teardown: (stop: () => void) => stops.push(stop) } as unknown as Test, zone)
  const gateway = await gatewayWith(t, {
    'breakwater.discovery.client': 'dns', 'breakwater.dns.servers': dns.address, 'breakwater.kubernetes.namespace': 'shop',
    'breakwater.kubernetes.service-port': String(a.port), 'breakwater.dns.refresh': '100ms', 'breakwater.dns.timeout': '500ms'
  })
  await becomes(t, gateway.url, 'a')
  delete zone['users.shop.svc.cluster.local']
  await becomes(t, gateway.url, '503')
  zone['users.shop.svc.cluster.local'] = '127.0.0.1'
  await becomes(t, gateway.url, 'a')
  for (const stop of stops) stop()
  await goesOn(t, gateway, 'a')
})

t.test('a fixed list needs no source', async t => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const gateway = await gatewayWith(t, {
    'breakwater.discovery.client': 'fixed',
    'spring.cloud.discovery.client.simple.instances.users[0].uri': `http://127.0.0.1:${a.port}`,
    'spring.cloud.discovery.client.simple.instances.users[1].uri': `http://127.0.0.1:${b.port}`
  })
  await becomes(t, gateway.url, 'a,b')
})
