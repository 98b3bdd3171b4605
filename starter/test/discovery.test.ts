import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { createDiscovery } from '@breakwater/discovery'
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import type { ServiceInstance } from '../discovery/discovery-client.ts'
import { createResolver, DnsDiscoveryClient, readDnsOptions } from '../discovery/dns.ts'
import { parseServiceName } from '../discovery/service-name.ts'
import { EurekaDiscoveryClient } from '../discovery/eureka/eureka-client.ts'
import { readEurekaOptions } from '../discovery/eureka/eureka-options.ts'
import { EurekaRegistration } from '../discovery/eureka/eureka-registration.ts'
import { EurekaState } from '../discovery/eureka/eureka-state.ts'
import { startDns } from './dns-server.ts'
import { EventStreamParser } from '../discovery/eureka/event-stream.ts'
import type { StreamEvent } from '../discovery/eureka/event-stream.ts'
import { hashOf, readInstance } from '../discovery/eureka/instance-json.ts'
import { readOwnInstance } from '../discovery/eureka/own-instance.ts'
import { createDiscoveryClient, createRegistration, discoveryKind } from '../discovery/factory.ts'
import { InstanceTable } from '../discovery/instance-table.ts'
import { service } from '../service.ts'
import { deadPort, freePort } from './ports.ts'
import { certificate, httpDouble, memoryLog, NODE_COMPILE_CACHE, settingsOf, until } from './support.ts'
import type { HttpDouble } from './support.ts'

const ADDRESS = { host: '127.0.0.1', ip: '127.0.0.1', port: 4001, secure: false }

function wire (id: string, port: number, status = 'UP', app = 'USERS'): Record<string, unknown> {
  return {
    instanceId: id, hostName: '127.0.0.1', app, ipAddr: '127.0.0.1', status,
    port: { $: port, '@enabled': 'true' }, securePort: { $: 443, '@enabled': 'false' }, metadata: { zone: 'z1' }
  }
}

function apps (version: string, instances: Array<Record<string, unknown>>, hash?: string): string {
  const apps__hashcode = hash ?? hashOf(instances.map(one => String(one['status'])))
  const application = [{ name: 'USERS', instance: instances }]
  return JSON.stringify({ applications: { versions__delta: version, apps__hashcode, application } })
}

/** A registry with the push stream, driven by hand. */
async function streamingRegistry (t: Test): Promise<{
  url: string, streams: Array<{ response: ServerResponse, lastEventId: string | undefined }>, double: HttpDouble
  send (event: string, id: string, data: object): void
}> {
  const streams: Array<{ response: ServerResponse, lastEventId: string | undefined }> = []
  const double = await httpDouble((request, response) => {
    if (request.url?.startsWith('/eureka/stream') !== true) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    streams.push({ response, lastEventId: request.headers['last-event-id'] as string | undefined })
  })
  t.teardown(() => double.close())
  return {
    url: `${double.url}/eureka/`,
    streams,
    double,
    send: (event, id, data) => { streams.at(-1)?.response.write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`) }
  }
}

type Lines = Array<Record<string, unknown>>

async function eurekaClient (
  t: Test, url: string, values: Record<string, string> = {}
): Promise<{ client: EurekaDiscoveryClient, lines: Lines }> {
  const { log, lines } = memoryLog()
  const settings = await settingsOf({ 'eureka.client.service-url.defaultZone': url, ...values })
  const client = new EurekaDiscoveryClient(readEurekaOptions(settings), log, { random: () => 0 })
  t.teardown(() => client.stop())
  return { client, lines }
}

const ports = (client: { instances (service: string): readonly ServiceInstance[] }, service = 'users'): number[] =>
  client.instances(service).map(({ port }) => port)

t.test('the push stream: a snapshot, then changes, each told to the watchers at once', async t => {
  const registry = await streamingRegistry(t)
  const { client } = await eurekaClient(t, registry.url)
  const seen: number[][] = []
  client.watch('users', (_service, instances) => seen.push(instances.map(({ port }) => port)))
  const started = client.start()
  await until('a stream', () => registry.streams.length === 1)
  t.equal(registry.streams[0]?.lastEventId, undefined)
  registry.send('snapshot', 'e1-5', { index: 'e1-5', instances: [wire('a', 1), wire('b', 2, 'DOWN')] })
  await started
  t.ok(client.connected)
  t.match(client.description, /^eureka-stream http:\/\/127/)
  t.same(client.instances('USERS'), [
    { instanceId: 'a', serviceId: 'users', host: '127.0.0.1', port: 1, secure: false, status: 'UP', zone: 'z1', metadata: { zone: 'z1' } },
    { instanceId: 'b', serviceId: 'users', host: '127.0.0.1', port: 2, secure: false, status: 'DOWN', zone: 'z1', metadata: { zone: 'z1' } }
  ])
  registry.send('change', 'e1-6', { index: 'e1-6', action: 'ADDED', instance: wire('c', 3) })
  registry.send('change', 'e1-7', { index: 'e1-7', action: 'MODIFIED', instance: wire('b', 2) })
  registry.send('change', 'e1-8', { index: 'e1-8', action: 'DELETED', instance: wire('a', 1) })
  await until('three changes', () => seen.length === 5)
  t.same(seen, [[], [1, 2], [1, 2, 3], [1, 2, 3], [2, 3]])
  t.same(client.services(), ['users'])
})

t.test('the stream breaks: what was known keeps serving, and the next stream resumes by index', async t => {
  const registry = await streamingRegistry(t)
  const { client, lines } = await eurekaClient(t, registry.url)
  let reached = 0
  client.onConnect(() => reached++)
  void client.start()
  await until('a stream', () => registry.streams.length === 1)
  registry.send('snapshot', 'e1-5', { instances: [wire('a', 1)] })
  registry.send('change', 'e1-6', { action: 'ADDED', instance: wire('b', 2) })
  await until('both', () => ports(client).length === 2)
  registry.streams[0]?.response.destroy()
  await until('a second stream', () => registry.streams.length === 2)
  t.same(ports(client), [1, 2])
  t.equal(registry.streams[1]?.lastEventId, 'e1-6')
  await until('connected by the answer alone', () => client.connected)
  t.equal(reached, 2)
  registry.send('change', 'e1-7', { action: 'DELETED', instance: wire('a', 1) })
  await until('the change', () => ports(client).length === 1)
  t.equal(lines.filter(line => line['msg'] === 'registry lost, the last known instances go on serving').length, 1)
})

t.test('a registry that lost its memory does not take the services from its clients', t => {
  const state = new EurekaState(false)
  const ids = (): string[] => [...state.instances()].map(({ instanceId }) => instanceId).sort()
  state.snapshot([wire('a', 1), wire('b', 2)], 'one-9', 0)
  state.snapshot([], 'two-0', 1_000)
  t.same(ids(), ['a', 'b'], 'kept although the new registry knows nobody')
  state.change('ADDED', wire('a', 1))
  t.equal(state.sweep(50_000), 91_000)
  t.equal(state.sweep(91_000), undefined)
  t.same(ids(), ['a'], 'after a lease only who registered again')
  state.snapshot([], 'two-7', 92_000)
  t.same(ids(), [], 'the same registry is believed')
  t.end()
})

t.test('a server without the stream is polled: everything, deltas, everything again when the hash differs', async t => {
  const asked: string[] = []
  const replies: Record<string, Array<() => string | number>> = {
    '/eureka/apps/': [() => apps('1', [wire('a', 1)]), () => apps('3', [wire('a', 1), wire('b', 2), wire('c', 3)])],
    '/eureka/apps/delta': [
      () => apps('1', [{ ...wire('b', 2), actionType: 'ADDED' }], 'UP_2_'),
      () => apps('2', [{ ...wire('a', 1), actionType: 'DELETED' }], 'UP_7_')
    ]
  }
  const double = await httpDouble((request, response) => {
    asked.push(request.url ?? '')
    const reply = replies[request.url ?? '']?.shift()?.()
    if (reply === undefined) return response.writeHead(asked.length > 5 ? 503 : 404, { 'content-type': 'application/json' }).end('{"status":404}')
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync(String(reply)))
  })
  t.teardown(() => double.close())
  const { client } = await eurekaClient(t, `${double.url}/eureka`, { 'eureka.client.registry-fetch-interval-seconds': '0.01' })
  const seen: number[][] = []
  client.watch('users', () => seen.push(ports(client)))
  await client.start()
  await until('the full fetch after the mismatch', () => ports(client).length === 3)
  t.same(asked.slice(0, 5), ['/eureka/stream', '/eureka/apps/', '/eureka/apps/delta', '/eureka/apps/delta', '/eureka/apps/'])
  t.same(seen, [[], [1], [1, 2], [1, 2, 3]])
  t.match(client.description, /^eureka-poll /)
})

t.test('a proxy that keeps the stream to itself: the registry is asked by long poll, resumed by index', async t => {
  const asked: string[] = []
  const waiting: ServerResponse[] = []
  const double = await httpDouble((request, response) => {
    asked.push(request.url ?? '')
    // The head comes through, the events do not.
    if (request.headers.accept === 'text/event-stream') return response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    if (request.url?.includes('&index=') !== true) return response.end(JSON.stringify({ index: 'e-1', reset: true, instances: [wire('a', 1)] }))
    waiting.push(response)
  })
  t.teardown(() => double.close())
  const { client } = await eurekaClient(t, `${double.url}/eureka`, {
    'eureka.client.eureka-server-read-timeout-seconds': '0.5', 'breakwater.discovery.apps': 'users,orders'
  })
  await client.start()
  t.same(ports(client), [1])
  t.equal(client.connected, true)
  t.match(client.description, /^eureka-long-poll /)
  const answer = async (nth: number, body: object): Promise<void> => {
    (await until('the next question', () => waiting[nth])).end(JSON.stringify(body))
  }
  await until('the next question', () => waiting[0])
  // Longer than an answer may take that is not waited for.
  await sleep(1_000)
  await answer(0, { index: 'e-2', reset: false, changes: [{ index: 'e-2', action: 'ADDED', instance: wire('b', 2) }] })
  await until('the change', () => ports(client).length === 2)
  await answer(1, { index: 'e-3', reset: true, instances: [wire('c', 3)] })
  await until('the new truth', () => ports(client).join() === '3')
  await until('the next question', () => waiting[2])
  const apps = 'apps=USERS%2CORDERS'
  t.same([...new Set(asked)], [`/eureka/stream?${apps}`, ...['', '&index=e-1', '&index=e-2', '&index=e-3'].map(index => `/eureka/stream?${apps}&wait=30000ms${index}`)])
})

t.test('deltas switched off at the server (403), and at the client', async t => {
  for (const disable of ['false', 'true']) {
    let deltas = 0
    let fulls = 0
    const double = await httpDouble((request, response) => {
      if (request.url === '/eureka/apps/delta') { deltas++; return response.writeHead(403).end() }
      if (request.url !== '/eureka/apps/') return response.writeHead(404).end()
      fulls++
      response.writeHead(200).end(apps('1', [wire('a', fulls)]))
    })
    const { client } = await eurekaClient(t, `${double.url}/eureka/`,
      { 'eureka.client.registry-fetch-interval-seconds': '0.01', 'eureka.client.disable-delta': disable })
    await client.start()
    await until('three full fetches', () => fulls >= 3)
    t.equal(deltas > 0, disable === 'false')
    await client.stop()
    await double.close()
  }
})

t.test('nobody answers: start ends by its deadline, the service starts, and the first answer is used', async t => {
  const port = await freePort()
  const { client } = await eurekaClient(t, `http://127.0.0.1:${port}/eureka/`, { 'breakwater.discovery.start-timeout': '50ms' })
  await client.start()
  t.notOk(client.connected)
  t.same(client.instances('users'), [])
  const late = await httpDouble((_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' })
    .write(`event: snapshot\nid: x-1\ndata: ${JSON.stringify({ instances: [wire('a', 1)] })}\n\n`), port)
  t.teardown(() => late.close())
  await until('the late registry', () => client.connected)
  t.same(ports(client), [1])
})

t.test('the second server of the list takes over at once', async t => {
  const registry = await streamingRegistry(t)
  const { client } = await eurekaClient(t, `http://127.0.0.1:${await deadPort()}/eureka/,${registry.url}`)
  void client.start()
  await until('the other one', () => registry.streams.length === 1)
  registry.send('snapshot', 'a-1', { instances: [wire('a', 1)] })
  await until('its instances', () => ports(client).length === 1)
})

t.test('stream events: any cut of the bytes gives the same events', t => {
  const events: StreamEvent[] = [
    { event: 'snapshot', id: 'a-1', data: '{"x":"ü€"}' }, { event: 'message', id: 'a-1', data: 'one\ntwo' }, { event: 'change', id: 'b-2', data: '' }
  ]
  const text = 'event: snapshot\r\nid: a-1\r\ndata: {"x":"ü€"}\r\n\r\n: ping\n\ndata: one\ndata:two\n\nretry: 5\nnoise\nevent:change\nid: b-2\ndata\n\nevent: lost\n\n'
  const bytes = Buffer.from(text)
  fc.assert(fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), cuts => {
    const seen: StreamEvent[] = []
    const parser = new EventStreamParser(event => seen.push(event))
    const decoder = new TextDecoder()
    const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
    for (let part = 1; part < at.length; part++) {
      parser.feed(decoder.decode(bytes.subarray(at[part - 1], at[part]), { stream: true }))
    }
    t.same(seen, events)
  }), { numRuns: 200 })
  const small = new EventStreamParser(() => {}, 100)
  t.throws(() => { for (;;) small.feed('data: xxxxxxxxxx\n') }, RangeError)
  t.end()
})

t.test('instances are read leniently: old servers, Amazon, other types, rubbish', t => {
  t.equal(readInstance({ ...wire('a', 1), port: { $: '8080', '@enabled': true } }, false)?.port, 8080)
  t.match(readInstance({ ...wire('a', 1), port: { $: 80, '@enabled': 'false' }, securePort: { $: 8443, '@enabled': 'true' } }, false), { port: 8443, secure: true })
  t.equal(readInstance({ ...wire('a', 1), hostName: 'h', ipAddr: '10.0.0.1' }, true)?.host, '10.0.0.1')
  t.equal(readInstance({ ...wire('a', 1), status: 'weird' }, false)?.status, 'UNKNOWN')
  t.equal(readInstance({ ...wire('a', 1), instanceId: '', dataCenterInfo: { metadata: { 'instance-id': 'i-1', 'availability-zone': 'east' } }, metadata: {} }, false)?.zone, 'east')
  t.same(readInstance({ ...wire('a', 1), metadata: { '@class': 'java.util.Collections$EmptyMap', '__proto__x': 1 } }, false)?.metadata, { '__proto__x': '1' })
  for (const bad of [null, 5, 'x', {}, { app: 'X' }, { ...wire('a', 1), port: 'x' }, { ...wire('a', 1), port: { $: 70000, '@enabled': 'true' } }]) {
    t.equal(readInstance(bad, false), undefined)
  }
  t.equal(hashOf(['UP', 'DOWN', 'UP', 'OUT_OF_SERVICE']), 'DOWN_1_OUT_OF_SERVICE_1_UP_2_')
  t.equal(hashOf([]), '')
  const state = new EurekaState(false)
  state.full({ applications: { application: { name: 'USERS', instance: wire('a', 1) } } })
  t.equal(state.size, 1, 'objects where lists belong')
  t.notOk(state.delta({ applications: { versions__delta: '-1', application: [] } }), '-1 asks for everything')
  t.notOk(state.delta(null))
  t.end()
})

t.test('a watcher that throws hurts nobody, and the same list is told once', t => {
  const failures: unknown[] = []
  const table = new InstanceTable(failure => failures.push(failure))
  const told: string[] = []
  table.watch('users', () => { throw new Error('mine') })
  const unwatch = table.watch('*', (service, list) => told.push(`${service}:${list.length}`))
  const instance = readInstance(wire('a', 1), false) as ServiceInstance
  table.put(instance)
  table.put({ ...instance, metadata: { ...instance.metadata } })
  table.replaceAll([])
  unwatch()
  table.put(instance)
  t.same(told, ['users:1', 'users:0'])
  t.equal(failures.length, 4)
  t.end()
})

interface Recorded { line: string, body: { instance?: Record<string, unknown> }, authorization: string | undefined }

/** A registry that records what a client sends; `forget` makes it answer 404 to the next renewals. */
async function recordingRegistry (
  t: Test
): Promise<{ url: string, calls: Recorded[], answer: { renew: number, register: number } }> {
  const calls: Recorded[] = []
  const answer = { renew: 200, register: 204 }
  const double = await httpDouble((request, response, body) => {
    calls.push({
      line: `${request.method} ${request.url}`,
      body: body === '' ? {} : JSON.parse(body) as Recorded['body'],
      authorization: request.headers.authorization
    })
    response.writeHead(request.method === 'PUT' ? answer.renew : request.method === 'POST' ? answer.register : 200).end()
  })
  t.teardown(() => double.close())
  return { url: `${double.url}/eureka/`, calls, answer }
}

async function registrationOf (
  t: Test, urls: string, values: Record<string, string> = {}
): Promise<{ registration: EurekaRegistration, lines: Lines }> {
  const settings = await settingsOf({
    'spring.application.name': 'users',
    'eureka.client.service-url.defaultZone': urls,
    'eureka.instance.lease-renewal-interval-in-seconds': '1',
    ...values
  })
  const { log, lines } = memoryLog()
  const registration = await createRegistration(settings, log, ADDRESS)
  if (!(registration instanceof EurekaRegistration)) throw new Error('not a Eureka registration')
  t.teardown(() => registration.stop())
  return { registration, lines }
}

t.test('register, renew, and take out: status DOWN first, then the lease', async t => {
  const registry = await recordingRegistry(t)
  const { registration } = await registrationOf(t, registry.url, { 'eureka.instance.metadata-map.zone': 'z9' })
  await registration.start()
  t.ok(registration.registered)
  const { line, body } = registry.calls[0] as Recorded
  t.equal(line, 'POST /eureka/apps/USERS')
  t.match(body.instance, {
    instanceId: '127.0.0.1:users:4001', hostName: '127.0.0.1', app: 'USERS', status: 'UP', port: { $: 4001, '@enabled': 'true' },
    vipAddress: 'users', metadata: { zone: 'z9' }, leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 90 },
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    healthCheckUrl: 'http://127.0.0.1:4001/actuator/health'
  })
  const dirty = String(body.instance?.['lastDirtyTimestamp'])
  await until('a renewal', () => registry.calls.length > 1)
  t.equal(registry.calls[1]?.line, `PUT /eureka/apps/USERS/127.0.0.1%3Ausers%3A4001?status=UP&lastDirtyTimestamp=${dirty}`)
  await registration.stop()
  const [down, gone] = registry.calls.slice(-2) as [Recorded, Recorded]
  t.equal(down.body.instance?.['status'], 'DOWN')
  t.ok(Number(down.body.instance?.['lastDirtyTimestamp']) > Number(dirty))
  t.equal(gone.line, 'DELETE /eureka/apps/USERS/127.0.0.1%3Ausers%3A4001')
})

t.test('a registry that forgot us (404) gets a registration with a newer timestamp at once', async t => {
  const registry = await recordingRegistry(t)
  const { registration } = await registrationOf(t, registry.url, { 'eureka.instance.lease-renewal-interval-in-seconds': '3600' })
  await registration.start()
  registry.answer.renew = 404
  registration.checkSoon()
  await until('a second registration', () => registry.calls.length === 3)
  t.match(registry.calls.map(({ line }) => line.split('?')[0]), ['POST /eureka/apps/USERS', /^PUT/, 'POST /eureka/apps/USERS'])
  const [first, , third] = registry.calls as [Recorded, Recorded, Recorded]
  t.ok(Number(third.body.instance?.['lastDirtyTimestamp']) > Number(first.body.instance?.['lastDirtyTimestamp']))
})

t.test('a change of status is registered, not only renewed', async t => {
  const registry = await recordingRegistry(t)
  const { registration } = await registrationOf(t, registry.url, { 'eureka.instance.initial-status': 'STARTING' })
  await registration.start()
  t.equal(registry.calls[0]?.body.instance?.['status'], 'STARTING')
  await registration.setStatus('UP')
  t.equal(registry.calls.filter(({ line }) => line.startsWith('POST')).at(-1)?.body.instance?.['status'], 'UP')
})

t.test('several servers: the next one when the first is down; credentials go in the header and never into the log', async t => {
  const registry = await recordingRegistry(t)
  const dead = `http://eve:geheim@127.0.0.1:${await deadPort()}/eureka/`
  const { registration, lines } = await registrationOf(t, `${dead},${registry.url.replace('//', '//bob:s%C3%A9cret@')}`)
  await registration.start()
  t.ok(registration.registered)
  t.equal(registry.calls[0]?.authorization, `Basic ${Buffer.from('bob:sécret').toString('base64')}`)
  t.ok(lines.length > 1)
  t.notMatch(JSON.stringify(lines), /geheim|s%C3%A9cret|sécret/)
})

t.test('a registry behind TLS that wants a certificate and a token', async t => {
  const authority = certificate('authority')
  const server = certificate('127.0.0.1', authority)
  const own = certificate('users', authority)
  const folder = t.testdir({ 'ca.pem': authority.cert, 'cert.pem': own.cert, 'key.pem': own.key, token: 'tok\n' })
  const seen: string[] = []
  const registry = createServer({ ...server, ca: authority.cert, requestCert: true }, (request, response) => {
    const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject
    seen.push(`${request.method} ${String(CN)} ${request.headers.authorization}`)
    response.writeHead(204).end()
  })
  await new Promise<void>(resolve => registry.listen(0, '127.0.0.1', resolve))
  t.teardown(() => registry.close())
  const tls = 'breakwater.discovery.tls'
  const { registration } = await registrationOf(t, `https://127.0.0.1:${(registry.address() as AddressInfo).port}/eureka/`, {
    [`${tls}.ca-file`]: join(folder, 'ca.pem'), [`${tls}.cert-file`]: join(folder, 'cert.pem'), [`${tls}.key-file`]: join(folder, 'key.pem'),
    'breakwater.discovery.token-file': join(folder, 'token')
  })
  await registration.start()
  t.equal(seen[0], 'POST users Bearer tok')
  const missing = await settingsOf({ [`${tls}.ca-file`]: join(folder, 'none.pem') })
  await t.rejects(createDiscoveryClient(missing, memoryLog().log), { code: 'E_FILE', message: /^command line: .*none\.pem cannot be read \(ENOENT\)/ })
})

t.test('a registry that is down holds up neither start nor stop', async t => {
  const { registration } = await registrationOf(t, `http://127.0.0.1:${await deadPort()}/eureka/`, { 'breakwater.discovery.start-timeout': '50ms' })
  await registration.start()
  t.notOk(registration.registered)
  await registration.stop()
})

t.test('what processes tell of themselves follows eureka.instance.*', async t => {
  const settings = await settingsOf({
    'spring.application.name': 'users',
    'eureka.instance.prefer-ip-address': 'true',
    'eureka.instance.ip-address': '10.1.1.1',
    'eureka.instance.instance-id': 'fixed-id',
    'eureka.client.region': 'eu',
    'eureka.client.availability-zones.eu': 'eu-1,eu-2'
  })
  const own = readOwnInstance(settings, { ...ADDRESS, managementPort: 9001 })
  t.match(JSON.parse(own.body('UP', 5)), {
    instance: {
      instanceId: 'fixed-id', hostName: '10.1.1.1', ipAddr: '10.1.1.1', lastDirtyTimestamp: '5',
      metadata: { zone: 'eu-1', 'management.port': '9001' }, healthCheckUrl: 'http://10.1.1.1:9001/actuator/health'
    }
  })
})

t.test('the profile picks the source, a setting overrules it, and nonsense is named', async t => {
  const kind = async (values: Record<string, string>, profiles?: string[]): Promise<string> =>
    discoveryKind(await settingsOf(values, profiles))
  t.equal(await kind({}), 'eureka')
  t.equal(await kind({}, ['local']), 'eureka')
  t.equal(await kind({}, ['k8s']), 'dns')
  t.equal(await kind({ 'breakwater.kubernetes.mode': 'endpoints' }, ['k8s']), 'kubernetes')
  t.equal(await kind({}, ['consul']), 'consul')
  t.equal(await kind({ 'breakwater.discovery.client': 'fixed' }, ['k8s']), 'fixed')
  t.equal(await kind({ 'eureka.client.enabled': 'false' }), 'fixed')
  const { log } = memoryLog()
  const settings = await settingsOf({ 'breakwater.discovery.client': 'zookeeper' })
  await t.rejects(createDiscoveryClient(settings, log), { code: 'E_DISCOVERY_CLIENT', message: /command line: "zookeeper".*eureka/ })
  const k8s = await settingsOf({}, ['k8s'])
  t.equal(await createRegistration(k8s, log, ADDRESS), undefined, 'nothing registers in Kubernetes')
  const shy = await settingsOf({ 'eureka.client.register-with-eureka': 'false' })
  t.equal(await createRegistration(shy, log, ADDRESS), undefined)
})

t.test('a fixed list of the settings', async t => {
  const key = 'spring.cloud.discovery.client.simple.instances.users'
  const settings = await settingsOf({
    'breakwater.discovery.client': 'fixed',
    [`${key}[0].uri`]: 'http://10.0.0.1:81',
    [`${key}[1].uri`]: 'https://[::1]',
    [`${key}[1].metadata.zone`]: 'b'
  })
  const client = await createDiscoveryClient(settings, memoryLog().log)
  t.match(client.instances('users'), [
    { instanceId: '10.0.0.1:81', host: '10.0.0.1', port: 81, secure: false, status: 'UP' },
    { host: '::1', port: 443, secure: true, zone: 'b' }
  ])
  const bad = await settingsOf({ 'breakwater.discovery.client': 'fixed', [`${key}[0].uri`]: 'users:81' })
  await t.rejects(createDiscoveryClient(bad, memoryLog().log), { code: 'E_DISCOVERY_URL' })
})

t.test('instances written in the settings stand beside those of the registry', async t => {
  const registry = await streamingRegistry(t)
  const key = 'spring.cloud.discovery.client.simple.instances'
  const settings = await settingsOf({
    'eureka.client.service-url.defaultZone': registry.url, [`${key}.legacy[0].uri`]: 'http://10.0.0.1:81', [`${key}.users[0].uri`]: 'http://10.0.0.2:82'
  })
  const client = await createDiscoveryClient(settings, memoryLog().log)
  t.teardown(() => client.stop())
  const seen = new Map<string, number[]>()
  client.watch('*', (name, list) => seen.set(name, list.map(({ port }) => port)))
  t.same([...seen], [['legacy', [81]], ['users', [82]]])
  void client.start()
  await until('a stream', () => registry.streams.length === 1)
  registry.send('snapshot', 'a-1', { instances: [wire('a', 1)] })
  await until('both', () => seen.get('users')?.length === 2)
  t.same(ports(client), [82, 1])
  t.same([...client.services()].sort(), ['legacy', 'users'])
  registry.send('change', 'a-2', { action: 'DELETED', instance: wire('a', 1) })
  await until('the written one alone', () => seen.get('users')?.length === 1)
  t.match(client.description, /^eureka-stream .* and a fixed list$/)
})

t.test('DNS: asked when first wanted, refreshed, and the last answer outlives a resolver that is down', async t => {
  let answer: () => Promise<string[]> = async () => ['127.0.0.2', '127.0.0.3']
  const asked: string[] = []
  const options = { suffix: '.shop.svc.cluster.local', port: 8080, ports: new Map([['orders', 81]]), refreshMs: 10, timeoutMs: 200 }
  const client = new DnsDiscoveryClient(options, host => { asked.push(host); return answer() }, memoryLog().log)
  await client.start()
  t.teardown(() => client.stop())
  t.same(client.instances('users'), [], 'reads never wait')
  await client.ensure('Users')
  t.equal(asked[0], 'users.shop.svc.cluster.local')
  t.same(client.instances('users').map(({ host, port }) => `${host}:${port}`), ['127.0.0.2:8080', '127.0.0.3:8080'])
  await client.ensure('orders')
  t.equal(client.instances('orders')[0]?.port, 81)
  answer = () => Promise.reject(Object.assign(new Error('down'), { code: 'ESERVFAIL' }))
  await until('the trouble seen', () => !client.connected)
  t.equal(client.instances('users').length, 2)
  answer = () => new Promise(() => {})
  const before = asked.length
  await until('asked again', () => asked.length > before)
  answer = () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }))
  await until('a name that is gone', () => client.instances('users').length === 0)
})

/** The project's own registry as a process. */
async function realRegistry (t: Test, port = 0): Promise<{ url: string, kill: () => Promise<void> }> {
  const program = new URL('../../discovery/main.ts', import.meta.url).pathname
  const registry = spawn(process.execPath, [program, '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE }, cwd: t.testdir()
  })
  const kill = async (): Promise<void> => {
    if (registry.exitCode !== null || registry.signalCode !== null) return
    registry.kill('SIGKILL')
    await once(registry, 'exit')
  }
  t.teardown(kill)
  for await (const line of createInterface({ input: registry.stdout })) {
    const { url } = JSON.parse(line) as { url?: string }
    if (url !== undefined) return { url, kill }
  }
  throw new Error('the registry did not start')
}

t.test('the real registry gets SIGKILL and comes back knowing nobody: no call fails, everyone registers again', async t => {
  const registry = await realRegistry(t)
  const values = {
    'server.port': '0', 'breakwater.shutdown.drain': '0', 'eureka.client.service-url.defaultZone': `${registry.url}/eureka/`
  }
  const { log } = memoryLog()
  const settings = await settingsOf({ ...values, 'spring.application.name': 'users' })
  const users = await service({ name: 'users', settings, log })
  users.get('/', () => 'ok')
  await users.start()
  t.teardown(() => users.stop())
  const orders = await service({ name: 'orders', settings: await settingsOf(values), log })
  await orders.start()
  t.teardown(() => orders.stop())
  const client = orders.client('users')
  await until('the instance', () => orders.discovery.instances('users').length === 1)
  let calls = 0
  let failures = 0
  let calling = true
  const caller = (async () => {
    while (calling) {
      await client.get('/').then(() => calls++, () => failures++)
      await sleep(5)
    }
  })()
  await registry.kill()
  await until('the loss', () => !orders.discovery.connected)
  const again = await realRegistry(t, Number(new URL(registry.url).port))
  await until('reached again', () => orders.discovery.connected)
  const known = async (): Promise<boolean> => (await fetch(`${again.url}/eureka/apps/USERS`)).status === 200
  await until('registered again', known)
  calling = false
  await caller
  t.equal(failures, 0)
  t.ok(calls > 10)
})

t.test('with the real registry: registered, seen by push, renewed, gone on stop', async t => {
  const { url } = await realRegistry(t)
  const { client } = await eurekaClient(t, `${url}/eureka/`)
  await client.start()
  const { registration } = await registrationOf(t, `${url}/eureka/`)
  await registration.start()
  await until('the instance pushed', () => ports(client).length === 1)
  t.match(client.instances('users')[0], { instanceId: '127.0.0.1:users:4001', port: 4001, status: 'UP' })
  t.match(client.description, /^eureka-stream/)
  const polling = await eurekaClient(t, `${url}/eureka/`, { 'breakwater.discovery.push': 'false' })
  await polling.client.start()
  t.same(ports(polling.client), [4001])
  const buffering = await httpDouble((request, response) => {
    if (request.headers.accept === 'text/event-stream') return response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    fetch(`${url}${request.url}`, { headers: { accept: 'application/json' } }).then(
      async answer => response.writeHead(answer.status).end(await answer.text()), () => response.destroy())
  })
  t.teardown(() => buffering.close())
  const asking = await eurekaClient(t, `${buffering.url}/eureka/`, { 'eureka.client.eureka-server-read-timeout-seconds': '0.5' })
  await asking.client.start()
  await until('the instance by long poll', () => ports(asking.client).length === 1)
  t.match(asking.client.description, /^eureka-long-poll/)
  await registration.stop()
  await until('the instance gone', () => ports(client).length === 0)
  await until('the instance gone by long poll', () => ports(asking.client).length === 0)
})

t.test('Kubernetes names say their namespace in every spelling, also where ports are set', async t => {
  const asked: string[] = []
  const settings = await settingsOf({
    'breakwater.kubernetes.namespace': 'shop', 'breakwater.kubernetes.cluster-domain': 'corp.internal',
    'breakwater.kubernetes.services.[users.shop].port': '81', 'breakwater.kubernetes.services.[orders.other].port': '82'
  })
  const client = new DnsDiscoveryClient(readDnsOptions(settings), async host => { asked.push(host); return ['10.0.0.1'] }, memoryLog().log)
  const port = async (name: string): Promise<number | undefined> => {
    await client.ensure(name)
    return client.instances(name)[0]?.port
  }
  t.equal(await port('users'), 81)
  t.equal(await port('users.shop.svc.corp.internal'), 81)
  t.equal(await port('orders.other'), 82)
  t.equal(await port('orders.other.svc'), 82)
  t.equal(await port('orders'), 8080)
  await port('db.example.com')
  t.same(asked, ['users.shop.svc.corp.internal', 'users.shop.svc.corp.internal', 'orders.other.svc.corp.internal',
    'orders.other.svc.corp.internal', 'orders.shop.svc.corp.internal', 'db.example.com'])
  t.equal(parseServiceName('a..b', { namespace: 'shop', domain: 'cluster.local' }), undefined)
  t.equal(parseServiceName('', { namespace: 'shop', domain: 'cluster.local' }), undefined)
})

t.test('DNS servers that are asked directly give the addresses of both families, and one that fails is not "none"', async t => {
  const dns = await startDns(t, { 'both.x': '10.0.0.1 fd00::1', 'four.x': '10.0.0.2', 'six.x': 'fd00::2' })
  const resolve = createResolver([dns.address])
  t.same(await resolve('both.x'), ['10.0.0.1', 'fd00::1'])
  t.same(await resolve('four.x'), ['10.0.0.2'])
  t.same(await resolve('six.x'), ['fd00::2'])
  await t.rejects(resolve('none.x'), { code: 'ENOTFOUND' })
})

const found = (client: { instances (name: string): readonly ServiceInstance[] }, name: string): string =>
  client.instances(name).map(({ instanceId }) => instanceId).join(' ')

/** A registry in this process, and what registers there. */
async function openRegistry (t: Test) {
  const discovery = createDiscovery({ port: 0 })
  await discovery.start()
  t.teardown(() => discovery.stop())
  const register = (app: string, instanceId: string, more: object) => fetch(`${discovery.url}/eureka/apps/${app}`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instance: { ...wire(instanceId, 80, 'UP', app), dataCenterInfo: { name: 'MyOwn' }, ...more } })
  })
  return { url: discovery.url, register }
}

t.test('a service is found by each of its virtual addresses, as Spring finds it, and by its application\'s name', async t => {
  const { url, register } = await openRegistry(t)
  const secure = { port: { $: 80, '@enabled': 'false' }, securePort: { $: 443, '@enabled': 'true' } }
  await register('ORDERS-APP', 'o1', { vipAddress: 'orders-vip, Orders2', secureVipAddress: 'orders-tls' })
  await register('ORDERS-APP', 'o2', { vipAddress: 'orders2', secureVipAddress: 'orders-tls', ...secure })
  await register('OTHER', 'x1', { vipAddress: 'orders2,users' })
  await register('USERS', 'u1', { vipAddress: 'people' })
  for (const push of ['true', 'false']) {
    const { client } = await eurekaClient(t, `${url}//eureka/`, {
      'breakwater.discovery.push': push, 'eureka.client.registry-fetch-interval-seconds': '0.05'
    })
    await client.start()
    t.equal(found(client, 'orders-vip'), 'o1')
    t.equal(found(client, 'ORDERS2'), 'o1 o2 x1', 'of all applications')
    t.equal(found(client, 'orders-tls'), 'o2', 'a secure one of who is secure')
    t.equal(found(client, 'orders-app'), 'o1 o2', 'the application\'s name still')
    t.equal(found(client, 'users'), 'x1', 'who announces a name comes before whose application has it')
    t.same([...client.services()].sort(), ['orders-app', 'other', 'users'], 'services are applications')
    const heard: string[] = []
    const all: string[] = []
    const unwatch = [client.watch('orders2', (name, list) => heard.push(`${name} ${list.length}`)),
      client.watch('*', (name, list) => { if (name === 'orders2') all.push(`${list.length}`) })]
    await register('OTHER', 'x1', { vipAddress: 'users', lastDirtyTimestamp: String(Date.now()) })
    await until('x1 has left the name', () => found(client, 'orders2') === 'o1 o2')
    t.same([heard, all], [['orders2 3', 'orders2 2'], ['3', '2']])
    await fetch(`${url}/eureka/apps/OTHER/x1`, { method: 'DELETE' })
    await until('nobody announces it', () => found(client, 'users') === 'u1')
    for (const undo of unwatch) undo()
    await register('OTHER', 'x1', { vipAddress: 'orders2,users', lastDirtyTimestamp: String(Date.now()) })
    await client.stop()
  }
})

t.test('only what is asked for is told, by application or by virtual address, and what leaves the name goes', async t => {
  const registry = await openRegistry(t)
  const { url } = registry
  const register = (app: string, id: string, vipAddress: string) =>
    registry.register(app, id, { vipAddress, lastDirtyTimestamp: String(Date.now()) })
  await register('A', 'a1', 'orders')
  await register('A', 'a2', 'else')
  const { client } = await eurekaClient(t, `${url}/eureka/`, { 'breakwater.discovery.apps': 'Orders,b' })
  await client.start()
  await register('B', 'b1', 'b')
  await register('A', 'a3', 'orders')
  await until('what comes', () => found(client, 'b') === 'b1' && found(client, 'orders') === 'a1 a3')
  t.equal(found(client, 'a'), 'a1 a3', 'and nothing else')
  await register('A', 'a1', 'else')
  await until('what leaves', () => found(client, 'orders') === 'a3')
  await register('A', 'a2', 'else,orders')
  await until('what joins', () => found(client, 'orders') === 'a2 a3')
  t.pass()
})

t.test('what is announced is named as a Spring Boot service with the same file names it', async t => {
  const announced = async (values: Record<string, string>) => {
    const { instance } = JSON.parse(readOwnInstance(await settingsOf(values), ADDRESS).body('UP', 5)) as { instance: Record<string, unknown> }
    const { app, instanceId, vipAddress, secureVipAddress, appGroupName } = instance
    return { app, instanceId, vipAddress, secureVipAddress, appGroupName }
  }
  const none = { appGroupName: undefined }
  t.same(await announced({ 'spring.application.name': 'users', 'eureka.instance.appname': 'people' }), {
    ...none, app: 'PEOPLE', instanceId: '127.0.0.1:users:4001', vipAddress: 'users', secureVipAddress: 'users'
  })
  t.same(await announced({
    'spring.application.name': 'users', 'eureka.instance.virtual-host-name': 'a,b', 'spring.application.instance_id': '7',
    'eureka.instance.app-group-name': 'shop'
  }), { app: 'USERS', instanceId: '127.0.0.1:users:7', vipAddress: 'a,b', secureVipAddress: 'users', appGroupName: 'SHOP' })
})

t.test('a change of any one field of an instance reaches its watchers', t => {
  const table = new InstanceTable(err => { throw err as Error })
  const one: ServiceInstance = {
    instanceId: 'a', serviceId: 's', names: ['v'], host: 'h', port: 1, secure: false, status: 'UP', zone: 'z', metadata: { k: 'v' }
  }
  const changes: Array<Partial<ServiceInstance>> = [{ host: 'i' }, { port: 2 }, { secure: true }, { status: 'DOWN' },
    { zone: 'y' }, { zone: undefined }, { metadata: { k: 'w' } }, { metadata: { k: 'v', l: '' } }, { metadata: {} },
    { names: ['v', 'w'] }]
  for (const change of changes) {
    table.replaceAll([one])
    let heard = 0
    const unwatch = table.watch('s', () => heard++)
    table.put({ ...one })
    t.equal(heard, 1, 'the same again is none')
    table.put({ ...one, ...change })
    t.equal(heard, 2, JSON.stringify(change))
    unwatch()
  }
  t.end()
})
