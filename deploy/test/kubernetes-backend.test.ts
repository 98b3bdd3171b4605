/** Services as Eureka applications. */
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import t from 'tap'
import { loadSettings } from '@breakwater/starter/settings'
import { createLogger } from '@breakwater/starter'
import { createBackend } from '../../discovery/backends/factory.ts'
import { createKubernetesBackend } from '../../discovery/backends/kubernetes.ts'
import { createDiscovery } from '../../discovery/server.ts'
import { FakeApiServer, pod, slice } from './fake-api-server.ts'
import { until } from './until.ts'
import type { Instance } from '../../discovery/registry/instance.ts'

class View {
  readonly filled = new Map<string, readonly Instance[]>()

  replace (app: string, instances: readonly Instance[]): void {
    if (instances.length === 0) this.filled.delete(app)
    else this.filled.set(app, instances)
  }

  apps (): readonly string[] {
    return [...this.filled.keys()]
  }
}

t.test('the kubernetes back end', async (t) => {
  const api = await new FakeApiServer().start()
  t.teardown(() => api.kill())
  const settings = await loadSettings({
    name: 'discovery', defaults: { 'breakwater.kubernetes.kubeconfig': api.kubeconfig(t.testdir()) }
  })
  api.put(slice('users', [pod('users-1', '10.1.0.1', { zone: 'a' }), pod('users-2', '10.1.0.2', { conditions: { ready: false } })]))
  api.put(slice('shop', [pod('shop-1', 'fd00::1')], { addressType: 'IPv6', ports: [{ name: 'https', port: 8443 }] }))
  api.put(slice('legacy', [pod('legacy-1', '10.1.0.3')], { labels: { 'breakwater.io/discovery': 'false' } }))
  const backend = createKubernetesBackend(settings, createLogger({ name: 'test', level: 'silent' }))
  const view = new View()
  await backend.start(view)
  t.teardown(() => backend.stop())

  t.test('a Service is an application, its pods are instances with addresses and actuator pages', async (t) => {
    t.same(view.apps().toSorted(), ['SHOP', 'USERS'])
    const [first, second] = view.filled.get('USERS') as [Instance, Instance]
    t.match(first, {
      id: 'users-1:users:8080', app: 'USERS', hostName: '10.1.0.1', ipAddr: '10.1.0.1', status: 'UP', vipAddress: 'users',
      port: { number: 8080, enabled: true }, securePort: { enabled: false },
      healthCheckUrl: 'http://10.1.0.1:8080/actuator/health', homePageUrl: 'http://10.1.0.1:8080/'
    })
    t.equal(first.metadata.get('zone'), 'a')
    t.equal(second.status, 'DOWN')
  })

  t.test('a TLS port is the secure one, and IPv6 addresses stand in brackets', async (t) => {
    t.match(view.filled.get('SHOP')?.[0], {
      port: { enabled: false }, securePort: { number: 8443, enabled: true },
      secureHealthCheckUrl: 'https://[fd00::1]:8443/actuator/health', healthCheckUrl: undefined
    })
  })

  t.test('it is read only, says where it looks, and keeps its view while the API is away', async (t) => {
    t.equal(backend.writer, undefined)
    t.match(backend.description, /^kubernetes endpoints http:/)
    await until(() => api.watchers === 1)
    await api.kill()
    await until(() => !backend.connected)
    t.same(view.apps().toSorted(), ['SHOP', 'USERS'])
    await api.start()
    api.put(slice('users', []))
    await until(() => view.apps().join() === 'SHOP' && backend.connected)
  })
})

/** The part of eureka-js-client that its README shows; it has no types of its own. */
interface JsClient {
  start (done: (error?: Error) => void): void
  stop (done: (error?: Error) => void): void
  getInstancesByAppId (app: string): Array<{ instanceId: string, ipAddr: string, status: string, port: { $: number } }>
  getInstancesByVipAddress (vip: string): unknown[]
}
const { Eureka } = createRequire(import.meta.url)('eureka-js-client') as { Eureka: new (config: object) => JsClient }

t.test('an unmodified Eureka client sees Services come and go, beside who registers', async (t) => {
  const api = await new FakeApiServer().start()
  t.teardown(() => api.kill())
  api.put(slice('users', [pod('users-1', '10.1.0.1')]))
  const settings = await loadSettings({
    name: 'discovery',
    defaults: {
      'breakwater.kubernetes.kubeconfig': api.kubeconfig(t.testdir()), 'breakwater.discovery.backend': 'kubernetes'
    }
  })
  const log = createLogger({ name: 'test', level: 'silent' })
  const discovery = createDiscovery({ port: 0 }, { log, backend: await createBackend(settings, log) })
  await discovery.start()
  t.teardown(() => discovery.stop())
  const quiet = { info () {}, warn () {}, error () {}, debug () {} }
  const client = new Eureka({
    logger: quiet,
    instance: {
      app: 'legacy', instanceId: 'legacy-1', hostName: 'localhost', ipAddr: '127.0.0.1', vipAddress: 'legacy',
      port: { $: 8080, '@enabled': true },
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' }
    },
    eureka: {
      host: '127.0.0.1', port: new URL(discovery.url).port, servicePath: '/eureka/apps/', registryFetchInterval: 50,
      heartbeatInterval: 50, maxRetries: 1, shouldUseDelta: true
    }
  })
  await promisify(client.start.bind(client))()
  t.teardown(() => promisify(client.stop.bind(client))())
  const ips = () => client.getInstancesByAppId('USERS').filter((one) => one.status === 'UP').map((one) => one.ipAddr).toSorted().join()
  await until(() => ips() === '10.1.0.1')
  t.match(client.getInstancesByAppId('USERS')[0], { instanceId: 'users-1:users:8080', port: { $: 8080 } })
  t.equal(client.getInstancesByVipAddress('users').length, 1)
  api.put(slice('users', [pod('users-1', '10.1.0.1'), pod('users-2', '10.1.0.2')]))
  await until(() => ips() === '10.1.0.1,10.1.0.2')
  await until(() => client.getInstancesByAppId('LEGACY').length === 1)
  await api.kill()
  await until(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    return ips() === '10.1.0.1,10.1.0.2'
  })
  await api.start()
  api.put(slice('users', []))
  await until(() => ips() === '')
  t.equal(client.getInstancesByAppId('LEGACY').length, 1, 'its own registration lives on')
})
