/** Consul in trouble: no answer ends a watch, no answer makes us ask in a hurry, and connections are few. */
import t from 'tap'
import type { Test } from 'tap'
import { backOffMs, followBlocking } from '../consul/blocking-query.ts'
import { changedServices, checksByService } from '../consul/check-changes.ts'
import { ConsulConfig } from '../config/consul-kv.ts'
import { createDiscoveryClient, createRegistration } from '../discovery/factory.ts'
import type { DiscoveryClient } from '../discovery/discovery-client.ts'
import { entry, fakeConsul, indexed, ODD } from './fake-consul.ts'
import type { FakeConsul } from './fake-consul.ts'
import { httpDouble, memoryLog, settingsOf, until } from './support.ts'

const values = (port: number, more: Record<string, string> = {}): Record<string, string> =>
  ({ 'spring.cloud.consul.host': '127.0.0.1', 'spring.cloud.consul.port': String(port), 'breakwater.consul.verify-interval': '50ms', ...more })

async function clientOf (t: Test, consul: FakeConsul): Promise<DiscoveryClient> {
  const client = await createDiscoveryClient(await settingsOf(values(consul.port), ['consul']), memoryLog().log)
  t.teardown(async () => {
    await client.stop()
    consul.close()
  })
  await client.start()
  return client
}

t.test('no odd answer ends the watch of a service, and none is taken for its end', async t => {
  await Promise.all(Object.entries(ODD).map(async ([title, odd]) => {
    const consul = await fakeConsul((url, nth) => {
      if (url.pathname.includes('/catalog/')) return url.searchParams.get('index') === '0' ? indexed(5, { users: [] }) : undefined
      return [undefined, indexed(10, [entry('a')]), odd, indexed(20, [entry('b')])][nth]
    })
    const client = await clientOf(t, consul)
    client.watch('users', () => {})
    await until('the first', () => client.instances('users')[0]?.instanceId === 'a')
    await until(`${title}: asked`, () => consul.asked.get('/v1/health/service/users') === 2)
    await until(`${title}: what came after it`, () => {
      const [instance] = client.instances('users')
      if (instance === undefined) throw new Error(`${title}: the instances are gone`)
      return instance.instanceId === 'b'
    })
    await until(`${title}: connected`, () => client.connected)
  }))
})

t.test('no odd answer ends the watch of the catalog, and health says so meanwhile', async t => {
  await Promise.all(Object.entries(ODD).map(async ([title, odd]) => {
    let isOdd = true
    const consul = await fakeConsul((_url, nth) => {
      if (nth === 1) return indexed(5, { users: [] })
      return isOdd ? odd : nth > 40 ? undefined : indexed(6, { users: [], orders: [] })
    })
    const client = await clientOf(t, consul)
    // A list is no catalog, but null and a text are none either.
    await until(`${title}: lost`, () => !client.connected)
    t.same(client.services(), ['users'])
    isOdd = false
    await until(`${title}: back`, () => client.connected && client.services().includes('orders'))
  }))
})

t.test('no odd answer ends the watch of settings', async t => {
  await Promise.all(Object.entries(ODD).map(async ([title, odd]) => {
    let value = 'one'
    const pairs = (): object[] => [{ Key: 'config/users/motd', Value: Buffer.from(value).toString('base64'), ModifyIndex: value.length }]
    const consul = await fakeConsul((url, nth) => {
      if (url.pathname === '/v1/kv/config/users/') return indexed(10, pairs())
      if (url.pathname !== '/v1/kv/config/') return response => { response.writeHead(404).end() }
      if (nth === 2) return odd
      if (nth === 3) value = 'three'
      return nth === 1 || nth === 3 ? indexed(10 * nth, ['config/users/']) : undefined
    })
    const config = new ConsulConfig()
    t.teardown(() => {
      config.close()
      consul.close()
    })
    const settings = await settingsOf(values(consul.port, { 'spring.application.name': 'users' }))
    await config.fetch({ settings, location: '', optional: false, where: 'test' } as never)
    const warnings: string[] = []
    const changed = new Promise<void>(resolve => config.watch(resolve, text => warnings.push(text)))
    await changed
    t.equal(consul.asked.get('/v1/kv/config/'), 3, title)
    t.equal(warnings.length, 1, `${title} is said once`)
  }))
})

t.test('a Consul that answers at once is asked a few times, then once a second', async t => {
  let nowMs = 0
  let asked = 0
  const stop = new AbortController()
  const sleep = async (ms: number): Promise<void> => {
    nowMs += ms
    await new Promise(resolve => setImmediate(resolve))
    if (nowMs > 60_000) stop.abort()
  }
  await followBlocking({
    ask: async () => ({ index: String(++asked), body: [] }),
    waitMs: 1_000, onAnswer: () => {}, onFailure: failure => { throw failure },
    timing: { now: () => nowMs, sleep, random: () => 0 }
  }, stop.signal)
  t.ok(asked >= 50 && asked <= 64, `${asked} questions in a minute`)
  const spread = [0, 0.5, 0.99].map(random => backOffMs(0, () => random))
  t.equal(new Set(spread).size, 3, 'processes that failed together do not return together')
  t.ok(backOffMs(99, () => 0.99) <= 10_000)
})

t.test('an index that goes back, and an agent that was away, make the next question a first one', async t => {
  const asked: string[] = []
  const changes: boolean[] = []
  const stop = new AbortController()
  const answers: unknown[] = [10, 20, 7, 8, new Error('away'), 9]
  await followBlocking({
    ask: async ({ query }) => {
      asked.push(query.index)
      const next = answers.shift()
      if (answers.length === 0) stop.abort()
      if (next instanceof Error) throw next
      return { index: String(next), body: [] }
    },
    waitMs: 1_000, onAnswer: (_body, changed) => { changes.push(changed) }, onFailure: () => {},
    timing: { now: () => 0, sleep: async () => {}, random: () => 0 }
  }, stop.signal)
  t.same(asked, ['0', '10', '20', '0', '8', '0'])
  t.same(changes, [true, true, true, true, true])
})

t.test('three hundred services take a handful of connections, and a change of one is one read', async t => {
  const names = Array.from({ length: 300 }, (_, i) => `svc${i}`)
  const ports = new Map<string, number>()
  let index = 10
  let answerChecks = (): void => {}
  const checks = (): object[] => names.map(name => ({ Node: 'n', CheckID: name, ServiceID: name, ServiceName: name, Status: ports.has(name) ? 'critical' : 'passing' }))
  const consul = await fakeConsul(url => {
    const isFirst = url.searchParams.get('index') === '0'
    if (url.pathname.includes('/catalog/')) return isFirst ? indexed(5, Object.fromEntries(names.map(name => [name, []]))) : undefined
    if (url.pathname.includes('/state/')) return isFirst ? indexed(index, checks()) : response => { answerChecks = () => indexed(index, checks())(response, url) }
    const name = url.pathname.split('/').at(-1) ?? ''
    return url.searchParams.has('index') ? isFirst ? indexed(index, [entry(name)]) : undefined : indexed(index, [entry(name, ports.get(name) ?? 80)])
  })
  const client = await clientOf(t, consul)
  client.watch('*', () => {})
  await until('all', () => names.every(name => client.instances(name).length === 1))
  const before = consul.asked.get('/v1/health/service/svc42') ?? 0
  ports.set('svc42', 81)
  index++
  answerChecks()
  await until('the change', () => client.instances('svc42')[0]?.port === 81)
  t.equal(consul.asked.get('/v1/health/service/svc42'), before + 1)
  t.ok(consul.mostSockets() <= 6, `${consul.mostSockets()} connections`)
  await until('connections without a question are closed', () => consul.sockets.size <= 2)
})

t.test('what checks tell: services by their status, and all of them by a node', t => {
  const check = (name: string, status: string, node = 'n'): object => ({ Node: node, CheckID: 'c', ServiceID: name, ServiceName: name, Status: status })
  const of = (...list: object[]): ReadonlyMap<string, string> => checksByService(list)
  t.same(changedServices(of(check('A', 'passing')), of(check('A', 'passing'))), new Set())
  t.same(changedServices(of(check('A', 'passing'), check('b', 'passing')), of(check('A', 'critical'))), new Set(['a', 'b']))
  t.equal(changedServices(of(check('', 'passing')), of(check('', 'critical'))), 'all')
  t.throws(() => checksByService('x'))
  t.end()
})

t.test('a sick service registers as sick, and its heartbeats say so', async t => {
  let status = 503
  const own = await httpDouble((_request, response) => { response.writeHead(status).end() })
  const consul = await fakeConsul(url => url.pathname === '/v1/agent/services' ? indexed(1, { 'users-127.0.0.1-1': {} }) : indexed(1, {}))
  t.teardown(() => {
    consul.close()
    return own.close()
  })
  for (const heartbeat of ['false', 'true']) {
    const settings = await settingsOf(values(consul.port, {
      'spring.application.name': 'users', 'spring.cloud.consul.discovery.health-check-url': own.url,
      'spring.cloud.consul.discovery.heartbeat.enabled': heartbeat
    }), ['consul'])
    for (status of [503, 200]) {
      consul.bodies.length = 0
      const registration = await createRegistration(settings, memoryLog().log, { host: '127.0.0.1', ip: '127.0.0.1', port: 1, secure: false })
      await registration?.start()
      const put = consul.bodies.find(({ path }) => path.includes('/service/register'))
      t.match(JSON.parse(put?.body ?? '{}'), { Check: { Status: status === 200 ? 'passing' : 'critical' } })
      if (heartbeat === 'true') await until('a beat', () => consul.bodies.some(({ path }) => path.includes(status === 200 ? '/check/pass/' : '/check/fail/')))
      await registration?.stop()
    }
  }
})
