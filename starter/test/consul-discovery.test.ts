import t from 'tap'
import type { Test } from 'tap'
import { ConsulRegistration } from '../discovery/consul/consul-registration.ts'
import { readEntry } from '../discovery/consul/consul-instance.ts'
import { createDiscoveryClient, createRegistration } from '../discovery/factory.ts'
import type { Registration } from '../discovery/discovery-client.ts'
import { service } from '../service.ts'
import { ConsulAgent, findConsul } from './consul-agent.ts'
import { deadPort } from './ports.ts'
import { memoryLog, settingsOf, until } from './support.ts'

const found = findConsul(process.env)
const skip = 'missing' in found ? found.missing : false
const command = 'command' in found ? found.command : ''

function values (port: number, more: Record<string, string> = {}): Record<string, string> {
  return {
    'spring.cloud.consul.host': '127.0.0.1', 'spring.cloud.consul.port': String(port), 'breakwater.consul.verify-interval': '100ms',
    'server.port': '0', 'breakwater.shutdown.drain': '0', ...more
  }
}

async function agentOf (t: Test): Promise<ConsulAgent> {
  const agent = await ConsulAgent.start(command)
  t.teardown(() => agent.stop())
  return agent
}

t.test('consul: a service registers, is found by name, called, followed through maintenance, and gone on stop', { skip }, async t => {
  const agent = await agentOf(t)
  const own = { 'spring.application.name': 'Users', 'spring.cloud.consul.discovery.instance-zone': 'z1' }
  const { log } = memoryLog()
  const users = await service({ name: 'users', settings: await settingsOf(values(agent.port, own), ['consul']), log })
  users.get('/users/:id', () => ({ id: 1 }))
  const started = await users.start()
  t.teardown(() => users.stop())
  const shy = { 'spring.cloud.consul.discovery.register': 'false' }
  const orders = await service({ name: 'orders', settings: await settingsOf(values(agent.port, shy), ['consul']), log })
  await orders.start()
  t.teardown(() => orders.stop())
  t.same((await orders.client('users').get('/users/1')).json(), { id: 1 })
  const port = Number(new URL(started.url).port)
  t.match(orders.discovery.instances('users'), [{ instanceId: `Users-127.0.0.1-${port}`, serviceId: 'users', port, zone: 'z1', status: 'UP', secure: false }])
  t.same(orders.discovery.services(), ['users'])
  t.match(await (await agent.request('GET', '/v1/agent/checks')).json(), { [`service:Users-127.0.0.1-${port}`]: { Type: 'http', Status: 'passing' } })
  await agent.request('PUT', `/v1/agent/service/maintenance/Users-127.0.0.1-${port}?enable=true`)
  await until('maintenance seen', () => orders.discovery.instances('users')[0]?.status === 'OUT_OF_SERVICE')
  await agent.request('PUT', `/v1/agent/service/maintenance/Users-127.0.0.1-${port}?enable=false`)
  await until('maintenance ended', () => orders.discovery.instances('users')[0]?.status === 'UP')
  await users.stop()
  await until('gone', () => orders.discovery.instances('users').length === 0)
})

t.test('consul: an agent that lost its memory, or is away, loses nobody', { skip }, async t => {
  const agent = await agentOf(t)
  const { log, lines } = memoryLog()
  const settings = await settingsOf(values(agent.port, { 'spring.application.name': 'users' }), ['consul'])
  const registration = await createRegistration(settings, log, { host: '127.0.0.1', ip: '127.0.0.1', port: 4001, secure: false })
  await registration?.start()
  t.teardown(() => registration?.stop())
  const client = await createDiscoveryClient(settings, log)
  await client.start()
  t.teardown(() => client.stop())
  const seen: string[] = []
  client.watch('*', (name, list) => { seen.push(`${name}:${list.length}`) })
  await until('the instance', () => seen.includes('users:1'))
  await agent.kill()
  await until('the loss', () => !client.connected)
  t.equal(client.instances('users').length, 1, 'kept')
  await agent.run()
  await until('registered again', () => lines.filter(line => line['msg'] === 'registered').length === 2)
  await until('reached again', () => client.connected)
  await until('the instance is there', () => client.instances('users').length === 1)
  await agent.request('PUT', '/v1/agent/service/deregister/users-127.0.0.1-4001')
  await until('registered a third time', () => lines.filter(line => line['msg'] === 'registered').length === 3)
})

t.test('consul: with heartbeats the check is ours to pass, status is maintenance', { skip }, async t => {
  const agent = await agentOf(t)
  const settings = await settingsOf(values(agent.port, {
    'spring.application.name': 'users', 'spring.cloud.consul.discovery.heartbeat.enabled': 'true', 'spring.cloud.consul.discovery.heartbeat.ttl': '1s'
  }), ['consul'])
  const registration = await createRegistration(settings, memoryLog().log, { host: '127.0.0.1', ip: '127.0.0.1', port: 4001, secure: false })
  t.ok(registration instanceof ConsulRegistration)
  await registration?.start()
  t.teardown(() => registration?.stop())
  const check = async (): Promise<unknown> =>
    ((await (await agent.request('GET', '/v1/agent/checks')).json()) as Record<string, unknown>)['service:users-127.0.0.1-4001']
  t.match(await check(), { Type: 'ttl', Status: 'passing' })
  await registration?.setStatus('OUT_OF_SERVICE')
  const passing = async (): Promise<number> =>
    ((await (await agent.request('GET', '/v1/health/service/users?passing')).json()) as unknown[]).length
  await until('nobody is to call it', async () => await passing() === 0)
  await registration?.setStatus('UP')
  await until('it may be called', async () => await passing() === 1)
  await registration?.stop()
  t.equal(await check(), undefined)
})

t.test('consul: more services than an agent takes connections are all seen, and each change of one of them', { skip, timeout: 200_000 }, async t => {
  const agent = await agentOf(t)
  const put = async (name: string, port: number): Promise<unknown> => await agent.request('PUT', '/v1/agent/service/register',
    JSON.stringify({ Name: name, ID: name, Address: '127.0.0.1', Port: port, Check: { TTL: '600s', Status: 'passing' } }))
  for (let i = 0; i < 250; i++) await put(`svc${i}`, 9000)
  const client = await createDiscoveryClient(await settingsOf(values(agent.port), ['consul']), memoryLog().log)
  await client.start()
  t.teardown(() => client.stop())
  client.watch('*', () => {})
  await until('all of them', () => client.services().filter(name => client.instances(name).length === 1).length === 250)
  await agent.request('PUT', '/v1/agent/check/fail/service:svc249')
  await until('a failing check', () => client.instances('svc249')[0]?.status === 'DOWN')
  await put('svc7', 9001)
  await until('another port, with the check as it was', () => client.instances('svc7')[0]?.port === 9001)
  await put('late', 9002)
  await until('a new one', () => client.instances('late').length === 1)
  await agent.request('PUT', '/v1/agent/service/deregister/svc3')
  await until('one that left', () => client.instances('svc3').length === 0)
  t.equal((await agent.request('GET', '/v1/agent/self')).status, 200, 'the agent serves others')
})

t.test('consul: maintenance of an operator outlives restarts of the service, our own does not', { skip }, async t => {
  const agent = await agentOf(t)
  const settings = await settingsOf(values(agent.port, { 'spring.application.name': 'users' }), ['consul'])
  const reason = async (): Promise<string | undefined> =>
    (await (await agent.request('GET', '/v1/agent/checks')).json() as Record<string, { Notes: string }>)['_service_maintenance:users-127.0.0.1-4001']?.Notes
  const run = async (work: (registration: Registration) => Promise<void>): Promise<void> => {
    const registration = await createRegistration(settings, memoryLog().log, { host: '127.0.0.1', ip: '127.0.0.1', port: 4001, secure: false })
    await registration?.start()
    if (registration !== undefined) await work(registration)
    await registration?.stop()
  }
  await run(async registration => {
    await registration.setStatus('OUT_OF_SERVICE')
    t.equal(await reason(), 'breakwater: OUT_OF_SERVICE')
    await registration.setStatus('UP')
    t.equal(await reason(), undefined, 'ours to end')
    await agent.request('PUT', '/v1/agent/service/maintenance/users-127.0.0.1-4001?enable=true&reason=disk')
    await registration.setStatus('OUT_OF_SERVICE')
    await registration.setStatus('UP')
    t.equal(await reason(), 'disk')
  })
  t.equal(await reason(), 'disk', 'after the stop')
  await run(async () => { t.equal(await reason(), 'disk', 'after the restart') })
  await agent.request('PUT', '/v1/agent/service/maintenance/users-127.0.0.1-4001?enable=false')
  await run(async () => { t.equal(await reason(), undefined) })
  t.same(await (await agent.request('GET', '/v1/agent/services')).json(), {}, 'gone with the last stop')
})

t.test('consul away at the start holds up neither start nor stop', async t => {
  const settings = await settingsOf(values(await deadPort(), { 'breakwater.discovery.start-timeout': '50ms' }), ['consul'])
  const { log } = memoryLog()
  const client = await createDiscoveryClient(settings, log)
  const registration = await createRegistration(settings, log, { host: '127.0.0.1', ip: '127.0.0.1', port: 1, secure: false })
  await Promise.all([client.start(), registration?.start()])
  t.notOk(client.connected)
  await client.ensure?.('users')
  t.same(client.instances('users'), [])
  await registration?.stop()
  await client.stop()
})

t.test('entries of consul: addresses, checks, old metadata in tags, rubbish', t => {
  const entry = (service: object, checks: object[] = []): object =>
    ({ Node: { Address: '10.0.0.9' }, Service: { ID: 'a', Port: 80, ...service }, Checks: checks })
  t.match(readEntry('x', entry({})), { host: '10.0.0.9', status: 'UP' })
  t.match(readEntry('x', entry({ Address: '10.0.0.1', Meta: { secure: 'true', zone: 'z' }, Tags: ['zone=old', 'plain'] })), { host: '10.0.0.1', secure: true, zone: 'z', metadata: { plain: 'plain' } })
  t.equal(readEntry('x', entry({}, [{ Status: 'warning' }]))?.status, 'UP')
  t.equal(readEntry('x', entry({}, [{ Status: 'critical' }]))?.status, 'DOWN')
  t.equal(readEntry('x', entry({}, [{ CheckID: '_node_maintenance', Status: 'critical' }]))?.status, 'OUT_OF_SERVICE')
  for (const bad of [{}, { Service: {} }, entry({ Port: 0 }), entry({ Port: '80' }), entry({ ID: '' })]) t.equal(readEntry('x', bad), undefined)
  t.end()
})
