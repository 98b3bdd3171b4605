/** `breakwater.kubernetes.mode: endpoints` against an API server that can fail in every way the real one does. */
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import { connectKubernetes } from '../../starter/discovery/kubernetes-api.ts'
import { KubernetesDiscovery } from '../../starter/discovery/kubernetes.ts'
import { reflect } from '../../starter/discovery/kubernetes-reflector.ts'
import { instancesOf } from '../../starter/discovery/kubernetes-slices.ts'
import { FakeApiServer, pod, slice } from './fake-api-server.ts'
import { until } from './until.ts'
import type { KubernetesApi } from '../../starter/discovery/kubernetes-api.ts'
import type { EndpointSlice } from '../../starter/discovery/kubernetes-slices.ts'

const silent = { info: () => {}, warn: () => {} }

interface Started { api: FakeApiServer, client: KubernetesDiscovery, hosts: (service: string) => string[] }

async function started (t: Test, more: object = {}, prepare?: (api: FakeApiServer) => void): Promise<Started> {
  const api = await new FakeApiServer().start()
  t.teardown(() => api.kill())
  prepare?.(api)
  const client = new KubernetesDiscovery({
    kubeconfig: api.kubeconfig(t.testdir()), namespaces: [], startTimeoutMs: 10_000, ...more
  }, silent, { sleep: () => new Promise((resolve) => setTimeout(resolve, 5)) })
  t.teardown(() => client.stop())
  await client.start()
  return { api, client, hosts: (service) => up(client.instances(service)) }
}

function up (instances: ReadonlyArray<{ host: string, status: string }>): string[] {
  return instances.filter((one) => one.status === 'UP').map((one) => one.host)
}

t.test('slices become instances', async (t) => {
  const view = { namespace: 'demo' }
  const of = (...slices: object[]) => instancesOf('users', slices as EndpointSlice[], view)

  t.test('a ready pod has address, port, zone and the labels of its Service', async (t) => {
    const [instance] = of(slice('users', [pod('users-1', '10.1.0.1', { zone: 'a', nodeName: 'n1' })], { labels: { team: 'core' } }))
    t.match(instance, {
      instanceId: 'users-1:8080', host: '10.1.0.1', port: 8080, secure: false, status: 'UP', zone: 'a',
      metadata: { team: 'core', 'kubernetes.node': 'n1', 'kubernetes.pod': 'users-1', 'kubernetes.namespace': 'demo' }
    })
    t.notOk(instance?.metadata['kubernetes.io/service-name'])
  })

  t.test('ready, starting and ending pods are UP, DOWN and OUT_OF_SERVICE; an unset condition means ready', async (t) => {
    const instances = of(slice('users', [
      pod('a', '10.1.0.1'), pod('b', '10.1.0.2', { conditions: { ready: false } }),
      pod('c', '10.1.0.3', { conditions: { ready: false, serving: true, terminating: true } }), pod('d', '10.1.0.4', { conditions: {} })
    ]))
    t.same(instances.map((one) => one.status), ['UP', 'DOWN', 'OUT_OF_SERVICE', 'UP'])
  })

  t.test('when every pod ends, those that still serve are used', async (t) => {
    const ending = { conditions: { ready: false, serving: true, terminating: true } }
    const gone = { conditions: { ready: false, serving: false, terminating: true } }
    t.same(up(of(slice('users', [pod('a', '10.1.0.1', ending), pod('b', '10.1.0.2', gone)]))), ['10.1.0.1'])
  })

  t.test('hints name the endpoints of our zone or node, and are ignored when they do not cover all', async (t) => {
    const zone = (name: string) => ({ hints: { forZones: [{ name }] } })
    const both = [pod('a', '10.1.0.1', zone('a')), pod('b', '10.1.0.2', zone('b'))]
    const at = (endpoints: object[], where: object) =>
      up(instancesOf('users', [slice('users', endpoints) as unknown as EndpointSlice], { ...view, ...where }))
    t.same(at(both, { zone: 'b' }), ['10.1.0.2'])
    t.same(at(both, { zone: 'c' }), ['10.1.0.1', '10.1.0.2'], 'no endpoint for our zone')
    t.same(at(both, {}), ['10.1.0.1', '10.1.0.2'], 'we do not know our zone')
    t.same(at([...both, pod('c', '10.1.0.3')], { zone: 'b' }), ['10.1.0.1', '10.1.0.2', '10.1.0.3'], 'one without a hint')
    const node = [pod('a', '10.1.0.1', { hints: { forNodes: [{ name: 'n1' }], forZones: [{ name: 'a' }] } }),
      pod('b', '10.1.0.2', { hints: { forNodes: [{ name: 'n2' }], forZones: [{ name: 'a' }] } })]
    t.same(at(node, { zone: 'a', node: 'n2' }), ['10.1.0.2'], 'a node is nearer than a zone')
  })

  t.test('the port is the one asked for, else http, else https (secure), else the first', async (t) => {
    const http = { name: 'http', port: 8080 }
    const admin = { name: 'admin', port: 9000 }
    const https = { name: 'https', port: 8443 }
    const dns = { name: 'dns', port: 53, protocol: 'UDP' }
    const port = (ports: object[], portName?: string) => instancesOf('users',
      [slice('users', [pod('a', '10.1.0.1')], { ports }) as unknown as EndpointSlice], { ...view, portName })
      .map((one) => `${one.port}${one.secure ? ' secure' : ''}`)
    t.same(port([admin, http]), ['8080'])
    t.same(port([admin, https]), ['8443 secure'])
    t.same(port([dns, admin]), ['9000'])
    t.same(port([admin, http], 'admin'), ['9000'])
    t.same(port([http], 'admin'), [], 'a name that the Service lacks')
    t.same(port([]), [])
  })

  t.test('of several ports never one for metrics or management by accident, and a guess is told', async (t) => {
    const told: unknown[] = []
    const port = (ports: object[], more: object = {}, labels: Record<string, string> = {}) => instancesOf('users',
      [slice('users', [pod('a', '10.1.0.1')], { ports, labels }) as unknown as EndpointSlice],
      { ...view, onUnclearPort: (service, all, chosen) => told.push([service, all.length, chosen]), ...more })[0]?.port
    const [metrics, api, other] = [{ name: 'metrics', port: 8081 }, { name: 'api', port: 8080 }, { name: 'other', port: 7 }]
    t.equal(port([metrics, api, other], {}, { 'primary-port-name': 'other' }), 7, 'the label')
    t.equal(port([metrics, api], { portNames: new Map([['users', 'metrics']]) }, { 'primary-port-name': 'api' }), 8081, 'asked for')
    t.equal(port([metrics, api], { portNames: new Map([['orders', 'metrics']]), portName: 'api' }), 8080)
    t.same(told, [])
    t.equal(port([metrics, api]), 8080)
    t.equal(port([metrics, { ...other, appProtocol: 'redis' }, { ...api, appProtocol: 'grpc' }]), 8080, 'what can be called')
    t.equal(port([metrics, { name: 'http-management', port: 9 }]), undefined)
    t.equal(port([]), undefined)
    t.same(told, [['users', 2, 8080], ['users', 3, 8080], ['users', 2, undefined], ['users', 0, undefined]])
  })

  t.test('appProtocol says what is spoken', async (t) => {
    const spoken = (appProtocol: string, name = 'api') => {
      const [one] = of(slice('users', [pod('a', '10.1.0.1')], { ports: [{ name, port: 8080, appProtocol }] }))
      return [one?.secure, one?.metadata['http2']]
    }
    for (const word of ['kubernetes.io/h2c', 'h2c', 'http2', 'grpc', 'GRPC']) t.same(spoken(word), [false, 'true'], word)
    t.same(spoken('kubernetes.io/ws'), [false, 'false'])
    t.same(spoken('kubernetes.io/wss'), [true, 'false'])
    t.same(spoken('https'), [true, undefined])
    t.same(spoken('http', 'https'), [false, undefined], 'the word counts before the name')
    t.same(spoken('example.com/own', 'https'), [true, undefined])
  })

  t.test('a dual-stack Service has each pod once; a pod seen in two slices counts once, as usable', async (t) => {
    t.same(up(of(slice('users', [pod('a', 'fd00::1')], { name: 'six', addressType: 'IPv6' }),
      slice('users', [pod('a', '10.1.0.1')], { name: 'four' }))), ['10.1.0.1'])
    t.same(up(of(slice('users', [pod('a', 'fd00::1')], { name: 'six', addressType: 'IPv6' }))), ['fd00::1'])
    const moving = of(slice('users', [pod('a', '10.1.0.1', { conditions: { ready: false } })], { name: 'x' }),
      slice('users', [pod('a', '10.1.0.1')], { name: 'y' }))
    t.same(moving.map((one) => one.status), ['UP'])
  })

  t.test('labels named like prototype members are plain keys', async (t) => {
    const labels = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Record<string, string>
    const object = slice('users', [pod('a', '10.1.0.1')])
    const [instance] = of({ ...object, metadata: { ...object.metadata, labels } })
    t.same(Object.entries(instance?.metadata ?? {}).slice(0, 2), [['__proto__', 'x'], ['constructor', 'y']])
  })
})

t.test('the watch', async (t) => {
  t.test('start knows all pages of the list, and changes arrive without asking again', async (t) => {
    const { api, client, hosts } = await started(t, {}, (api) => {
      api.pageSize = 2
      for (let i = 0; i < 5; i++) api.put(slice(`s${i}`, [pod('a', `10.1.0.${i}`)]))
    })
    t.same(client.services().toSorted(), ['s0', 's1', 's2', 's3', 's4'])
    t.ok(client.connected)
    const seen: string[][] = []
    const unwatch = client.watch('S1', (_, instances) => seen.push(up(instances)))
    api.put(slice('s1', [pod('a', '10.1.0.1'), pod('b', '10.1.0.9')]))
    await until(() => seen.length === 2)
    api.delete('s1-abc')
    await until(() => seen.length === 3)
    t.same(seen, [['10.1.0.1'], ['10.1.0.1', '10.1.0.9'], []])
    t.notOk(client.services().includes('s1'))
    unwatch()
    api.put(slice('s1', [pod('a', '10.1.0.1')]))
    await until(() => hosts('s1').length === 1)
    t.equal(seen.length, 3)
    t.equal(api.requests.filter((line) => line.startsWith('list')).length, 3, 'three pages, one list')
    t.ok(api.tokens.every((token) => token === 'Bearer secret-token'))
  })

  t.test('* sees every service, and a rewritten slice without a difference is no news', async (t) => {
    const { api, client } = await started(t)
    const seen: string[] = []
    client.watch('*', (service, instances) => seen.push(`${service} ${instances.length}`))
    api.put(slice('users', [pod('a', '10.1.0.1')]))
    api.put(slice('users', [pod('a', '10.1.0.1')]))
    api.put(slice('orders', [pod('b', '10.1.0.2')]))
    await until(() => seen.length === 2)
    t.same(seen, ['users 1', 'orders 1'])
  })

  t.test('a slice that is given to another Service, or re-created for one, leaves the first', async (t) => {
    const { api, hosts } = await started(t)
    api.put(slice('users', [pod('a', '10.1.0.1')], { name: 'moving' }))
    await until(() => hosts('users').length === 1)
    api.put(slice('orders', [pod('a', '10.1.0.1')], { name: 'moving' }))
    await until(() => hosts('orders').length === 1)
    t.same(hosts('users'), [])
    api.delete('moving')
    api.put(slice('users', [pod('b', '10.1.0.2')], { name: 'moving' }))
    await until(() => hosts('users').length === 1)
    t.same(hosts('orders'), [])
  })

  t.test('a name that says our own namespace, or the whole domain, is the same Service', async (t) => {
    const { api, client, hosts } = await started(t)
    api.put(slice('users', [pod('a', '10.1.0.1')]))
    await until(() => hosts('users').length === 1)
    t.equal(client.instances('users')[0]?.metadata['namespace'], undefined)
    const own = client.instances('users')[0]?.metadata['kubernetes.namespace'] ?? ''
    for (const name of [`users.${own}`, `Users.${own}.svc`, `users.${own}.svc.cluster.local`, `users.${own}.svc.cluster.local.`]) {
      t.same(hosts(name), ['10.1.0.1'], name)
      const seen: unknown[] = []
      client.watch(name, (service, instances) => seen.push([service, up(instances)]))
      t.same(seen, [[name, ['10.1.0.1']]])
    }
    t.same(hosts('users.elsewhere'), [])
  })

  t.test('a service in many slices is one list', async (t) => {
    const { api, hosts } = await started(t)
    api.put(slice('users', [pod('a', '10.1.0.1')], { name: 'users-1' }))
    api.put(slice('users', [pod('b', '10.1.0.2')], { name: 'users-2' }))
    await until(() => hosts('users').length === 2)
    api.delete('users-1')
    await until(() => hosts('users').join() === '10.1.0.2')
  })

  t.test('other namespaces are named after the service, and * is one watch over all', async (t) => {
    const both = (api: FakeApiServer) => {
      api.put(slice('users', [pod('a', '10.1.0.1')]))
      api.put(slice('users', [pod('b', '10.1.0.2')], { namespace: 'other' }))
    }
    const some = await started(t, { namespaces: ['demo', 'other'] }, both)
    t.same(some.hosts('users.other'), ['10.1.0.2'])
    t.same(some.hosts('users'), ['10.1.0.1'])
    const all = await started(t, { namespaces: ['*'] }, both)
    t.same(all.client.services().toSorted(), ['users', 'users.other'])
    t.equal(all.api.requests[0], 'list /apis/discovery.k8s.io/v1/endpointslices')
    const own = await started(t, {}, both)
    t.same(own.client.services(), ['users'])
  })
})

t.test('the API fails', async (t) => {
  t.test('an ended or cut watch goes on from the last version, bookmarks included, without a list', async (t) => {
    const { api, hosts } = await started(t)
    api.put(slice('users', [pod('a', '10.1.0.1')]))
    await until(() => hosts('users').length === 1)
    api.bookmark()
    api.bookmark()
    for (const how of ['end', 'cut'] as const) {
      await until(() => api.watchers === 1)
      api.put(slice('users', [pod('a', '10.1.0.1'), pod(how, '10.1.0.7')]))
      await until(() => hosts('users').length === 2)
      api.endWatches(how)
      api.put(slice('users', [pod('b', '10.1.0.2')]))
      await until(() => hosts('users').join() === '10.1.0.2')
    }
    t.equal(api.requests.filter((line) => line.startsWith('list')).length, 1)
  })

  t.test('410 Gone, as an answer or inside the watch, is answered by a list', async (t) => {
    const { api, client, hosts } = await started(t, {}, (api) => api.put(slice('users', [pod('a', '10.1.0.1')])))
    let lost = 0
    client.watch('users', (_, instances) => { if (instances.length === 0) lost++ })
    for (const how of ['gone', 'cut'] as const) {
      await until(() => api.watchers === 1)
      api.put(slice('users', [pod('b', `10.1.0.${how.length}`)]))
      await until(() => hosts('users').join() === `10.1.0.${how.length}`)
      api.compact()
      api.endWatches(how)
      api.put(slice('orders', [pod('c', '10.1.0.3')], { name: how }))
      await until(() => client.services().includes('orders'))
      api.delete(how)
      await until(() => !client.services().includes('orders'))
    }
    t.equal(lost, 0, 'a list replaces; nobody sees an empty service in between')
    t.ok(api.requests.filter((line) => line.startsWith('list')).length >= 2)
  })

  t.test('what was deleted while we were away is gone after the list', async (t) => {
    const { api, client } = await started(t, {}, (api) => api.put(slice('users', [pod('a', '10.1.0.1')])))
    await until(() => api.watchers === 1)
    await api.kill()
    await until(() => !client.connected)
    t.same(up(client.instances('users')), ['10.1.0.1'], 'the last known instances survive the API')
    api.delete('users-abc')
    api.put(slice('orders', [pod('b', '10.1.0.2')]))
    await api.start()
    await until(() => client.connected && client.services().join() === 'orders')
  })

  t.test('garbage in the watch is a failure, not a crash', async (t) => {
    const { api, client, hosts } = await started(t)
    await until(() => api.watchers === 1)
    api.endWatches('garbage')
    api.put(slice('users', [pod('a', '10.1.0.1')]))
    await until(() => hosts('users').length === 1 && client.connected)
  })

  t.test('start returns without the API after its deadline, and the state comes later', async (t) => {
    const { api, client } = await started(t, { startTimeoutMs: 50 }, (api) => { api.refuse = 403 })
    t.same(client.services(), [])
    t.notOk(client.connected)
    api.put(slice('users', [pod('a', '10.1.0.1')]))
    api.refuse = undefined
    await until(() => client.connected && client.services().join() === 'users')
  })

  t.test('a refusal names the right that is missing', async (t) => {
    const api = await new FakeApiServer().start()
    t.teardown(() => api.kill())
    api.refuse = 403
    const real = await connectKubernetes({ kubeconfig: api.kubeconfig(t.testdir()) })
    await t.rejects(real.list('/apis/x', {}, AbortSignal.timeout(120_000)),
      { code: 'E_KUBERNETES_FORBIDDEN', message: /403: not for you.*verbs list and watch on endpointslices/ })
    await t.rejects(connectKubernetes({ kubeconfig: '/no/such/file' }), { code: 'E_KUBERNETES_CONFIG', message: /no.such.file/ })
  })

  t.test('a silent connection is dropped and asked anew', async (t) => {
    const api = await new FakeApiServer().start()
    t.teardown(() => api.kill())
    const real = await connectKubernetes({ kubeconfig: api.kubeconfig(t.testdir()), watchSilenceMs: 50 })
    await t.rejects(real.watch('/apis/x', { resourceVersion: '1000' }, () => {}, AbortSignal.timeout(120_000)), { message: /silent for 50 ms/ })
  })
})

t.test('watches that end at once are asked for less and less often, whatever they bring', async (t) => {
  for (const events of [0, 1]) {
    const stop = new AbortController()
    let watches = 0
    let sleptMs = 0
    const api: KubernetesApi = {
      description: 'x', namespace: 'demo',
      list: async () => ({ metadata: { resourceVersion: '1' }, items: [] }),
      watch: async (_path, _query, onEvent) => {
        watches++
        if (events > 0) onEvent({ type: 'BOOKMARK', object: { metadata: { name: '', resourceVersion: String(watches) } } })
      }
    }
    const sleep = async (ms: number): Promise<void> => {
      sleptMs += ms
      if (sleptMs > 300_000) stop.abort()
    }
    await reflect({ api, path: '/x', onReplace: () => {}, onChange: () => {}, onConnected: () => {}, random: () => 0, sleep }, stop.signal)
    t.ok(watches <= 40, `${watches} watches in five minutes`)
  }
})

t.test('an empty list may be null', async (t) => {
  const { hosts, api } = await started(t, {}, (api) => { api.nullItems = true })
  t.equal(api.requests.filter((line) => line.startsWith('list')).length, 1)
  t.same(hosts('users'), [])
})

t.test('a server that refuses is asked at growing, spread intervals', async (t) => {
  const delays: number[] = []
  const stop = new AbortController()
  const api: KubernetesApi = {
    description: 'broken',
    namespace: 'demo',
    list: async () => ({ metadata: { resourceVersion: '1' }, items: [] }),
    watch: async () => {}
  }
  await reflect({
    api, path: '/x', onReplace: () => {}, onChange: () => {}, onConnected: () => {}, random: () => 0.5,
    sleep: async (ms) => { if (delays.push(ms) === 10) stop.abort() }
  }, stop.signal)
  t.same(delays, [150, 300, 600, 1200, 2400, 4800, 9600, 19200, 22500, 22500])
})

t.test('after any sequence of changes and failures, the client knows what the API knows', async (t) => {
  const { api, client } = await started(t)
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ put: fc.constantFrom('a', 'b', 'c'), pods: fc.array(fc.constantFrom('1', '2', '3'), { maxLength: 3 }) }) },
    fc.record({ remove: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ fail: fc.constantFrom('end', 'cut', 'gone', 'garbage', 'compact', 'bookmark') }))
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
    const truth = new Map<string, string>()
    for (const name of ['a', 'b', 'c']) api.put(slice(name, []))
    for (const one of steps) {
      if ('put' in one) {
        truth.set(one.put, [...new Set(one.pods)].toSorted().join())
        api.put(slice(one.put, [...new Set(one.pods)].map((name) => pod(name, name))))
      } else if ('remove' in one) {
        truth.set(one.remove, '')
        api.put(slice(one.remove, []))
      } else if (one.fail === 'compact') api.compact()
      else if (one.fail === 'bookmark') api.bookmark()
      else api.endWatches(one.fail as 'end')
    }
    await until(() => [...truth].every(([name, hosts]) => up(client.instances(name)).join() === hosts))
  }), { numRuns: 60, endOnFailure: true })
})
