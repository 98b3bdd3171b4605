import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import { ConfigWatch } from '../config/config-watch.ts'
import { EventStreamParser } from '../config/event-stream.ts'
import { readConfigClientOptions } from '../config/options.ts'
import { retryDelaysMs } from '../config/retry.ts'
import { createAgent, getText } from '../config/server-request.ts'
import { parseEnvironment } from '../config/environment.ts'
import { loadSettings, Settings } from '../settings/index.ts'
import { freePort } from './ports.ts'
import { until } from './support.ts'

/** What a stub answers; every request is kept. */
class ConfigServerStub {
  readonly requests: IncomingMessage[] = []
  readonly streams: ServerResponse[] = []
  values: Record<string, unknown> = { 'a': 1, 'b': 'x' }
  labels: readonly string[] = ['']
  hasTags = true
  /** `stream` is ours, `none` is Spring's server, `long poll` answers the watch with the environment. */
  push: 'stream' | 'long poll' | 'none' = 'stream'
  failWith: { status: number, body: string } | undefined
  readonly server: Server

  constructor () {
    this.server = createServer((request, response) => this.#answer(request, response))
  }

  async listen (port = 0): Promise<number> {
    this.server.listen(port, '127.0.0.1')
    await once(this.server, 'listening')
    return (this.server.address() as AddressInfo).port
  }

  async stop (): Promise<void> {
    this.server.closeAllConnections()
    await new Promise(resolve => this.server.close(resolve))
  }

  get paths (): string[] {
    return this.requests.map(request => request.url ?? '')
  }

  get etag (): string {
    return JSON.stringify(JSON.stringify(this.values)).replaceAll('\\"', "'")
  }

  #answer (request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(request)
    const path = request.url ?? ''
    if (this.failWith !== undefined) {
      response.writeHead(this.failWith.status, { 'content-type': 'application/json' }).end(this.failWith.body)
    } else if (path.startsWith('/_config/watch/')) this.#watch(request, response)
    else if (path.startsWith('/eureka/')) this.#registry(response)
    else this.#environment(path, response)
  }

  #watch (request: IncomingMessage, response: ServerResponse): void {
    if (this.push === 'none') response.writeHead(404).end()
    else if (this.push === 'stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n')
      this.streams.push(response)
    } else {
      const known = request.headers['if-none-match'] === this.etag
      const wait = setInterval(() => {
        if (known && request.headers['if-none-match'] === this.etag && !response.destroyed) return
        clearInterval(wait)
        this.#environment('/users/dev', response)
      }, 5)
    }
  }

  #environment (path: string, response: ServerResponse): void {
    const label = path.replace('/conf/', '/').split('/')[3] ?? ''
    if (!this.labels.includes(label)) {
      response.writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ timestamp: '2026-11-22T07:52:02.881Z', status: 404, error: 'Not Found', path }))
      return
    }
    const v2 = Object.fromEntries(Object.entries(this.values).map(([key, value]) => [key, { value, origin: '6:8' }]))
    if (this.hasTags) response.setHeader('etag', this.etag)
    response.end(JSON.stringify({
      name: 'users', profiles: ['dev'], label: label || null, version: 'abc', state: '',
      propertySources: [{ name: 'file:///N/users-dev.yml', source: v2 }, { name: 'file:///N/users.yml', source: { plain: true, b: 'low' } }]
    }))
  }

  /** A registry that knows this very server, with the metadata Spring's config servers set. */
  #registry (response: ServerResponse): void {
    const port = (this.server.address() as AddressInfo).port
    response.setHeader('content-type', 'application/json').end(JSON.stringify({
      application: {
        name: 'CONFIGSERVER',
        instance: [
          { status: 'DOWN', hostName: 'gone.invalid', port: { $: 1, '@enabled': 'true' } },
          { status: 'UP', hostName: '127.0.0.1', port: { $: port, '@enabled': 'true' }, securePort: { $: 443, '@enabled': 'false' },
            metadata: { user: 'u', password: 'p', configPath: '/conf' } }
        ]
      }
    }))
  }

  change (values: Record<string, unknown>): void {
    this.values = values
    for (const stream of this.streams) stream.write(`event: change\nid: ${this.etag}\ndata: {"version":"abc"}\n\n`)
  }
}

async function start (t: Test): Promise<{ stub: ConfigServerStub, url: string, port: number }> {
  const stub = new ConfigServerStub()
  const port = await stub.listen()
  t.teardown(async () => await stub.stop())
  return { stub, url: `http://127.0.0.1:${port}`, port }
}

/** Fast retries, so that failures do not cost the test its time. */
const QUICK = { 'spring.cloud.config.retry.initial-interval': '1', 'spring.cloud.config.retry.max-interval': '1' }

async function load (t: Test, location: string, args: Record<string, string> = {}, watch = false): Promise<Settings> {
  const settings = await loadSettings({
    name: 'users', folder: t.testdir({}), profiles: ['dev'], watch, args: { 'spring.config.import': location, ...QUICK, ...args }
  })
  t.teardown(() => settings.close())
  return settings
}

const refused = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`

t.test('asks as Spring\'s client does and takes the sources in order', async t => {
  const { stub, url } = await start(t)
  stub.labels = ['feature(_)x']
  const settings = await loadSettings({
    name: 'myapp', folder: t.testdir({}), profiles: ['dev', 'qa'], watch: false,
    args: {
      'spring.config.import': `configserver:${url}`, 'spring.cloud.config.label': 'feature/x', 'spring.cloud.config.username': 'u',
      'spring.cloud.config.password': '', 'spring.cloud.config.token': 'tok', 'spring.cloud.config.headers.X-Team': 'blue'
    }
  })
  t.teardown(() => settings.close())
  t.same(stub.paths, ['/myapp/dev,qa/feature(_)x'])
  t.match(stub.requests[0]?.headers, {
    'accept': 'application/vnd.spring-cloud.config-server.v2+json', 'accept-charset': 'utf-8', 'authorization': 'Basic dTo=',
    'x-config-token': 'tok', 'x-team': 'blue', 'x-config-instance': /^[^:]+:[\w-]+:\d+$/
  })
  t.equal(settings.get('b'), 'x')
  t.equal(settings.boolean('plain'), true)
  t.equal(settings.get('config.client.version'), 'abc')
  t.equal(settings.origin('a'), 'configserver:file:///N/users-dev.yml:6')
  t.same(settings.sources.map(({ name }) => name).slice(1),
    ['configserver:file:///N/users-dev.yml', 'configserver:file:///N/users.yml', 'configClient', 'defaults'])
})

t.test('numbers arrive exactly, in both forms of an environment', async t => {
  const text = '{"name":"foo","profiles":["dev"],"label":null,"version":"16d9","state":"","propertySources":[' +
    '{"name":"overrides","source":{"x":{"value":"5","origin":"Config server overrides"}}},' +
    '{"name":"file:///N/foo-dev.yml","source":{"i":{"value":12345678901234567890,"origin":"6:8"},"d":2.0,"e":9.0E-4,"t":true,"n":null,' +
    '"o":{"value":1},"__proto__":"p"}}]}'
  const environment = parseEnvironment(text, 'x')
  t.same([...environment.sources[1]?.properties ?? []].map(([key, { value }]) => [key, value.kind, value.text]), [
    ['i', 'number', '12345678901234567890'], ['d', 'number', '2.0'], ['e', 'number', '9.0E-4'], ['t', 'boolean', 'true'], ['n', 'string', ''],
    ['o', 'string', '{"value":1}'], ['__proto__', 'string', 'p']
  ])
  t.same(environment.sources[0]?.properties.get('x')?.origin, { source: 'configserver:overrides' })
  for (const bad of ['', '[]', '{}', '{"propertySources":[1]}', '{"propertySources":[{"name":"x"}]}', '<html>']) {
    t.throws(() => parseEnvironment(bad, 'http://h/users/dev'), { code: 'E_CONFIG_SERVER_ANSWER', message: /^http:\/\/h\/users\/dev/ }, bad)
  }
})

t.test('labels are tried one by one, or sent together', async t => {
  const { stub, url } = await start(t)
  stub.labels = ['b']
  const label = { 'spring.cloud.config.label': 'a, b,c' }
  await load(t, `configserver:${url}`, label)
  t.same(stub.paths, ['/users/dev/a', '/users/dev/b'])
  stub.labels = ['a,b']
  await load(t, `configserver:${url}`, { 'spring.cloud.config.label': 'a,b', 'spring.cloud.config.send-all-labels': 'true' })
  t.equal(stub.paths.at(-1), '/users/dev/a,b')
  stub.labels = []
  await t.rejects(load(t, `configserver:${url}`, label), { code: 'E_CONFIG_SERVER', message: /none of the labels \[a, b, c\] exists/ })
})

t.test('the next address is asked after any failure, or only when one cannot be reached', async t => {
  const good = await start(t)
  const bad = await start(t)
  bad.stub.failWith = { status: 500, body: '{"status":500,"error":"Internal Server Error","message":"git is away"}' }
  const none = await refused()
  t.equal((await load(t, `configserver:${none},${bad.url},${good.url}`)).get('b'), 'x')
  const strict = { 'spring.cloud.config.multiple-uri-strategy': 'connection-timeout-only' }
  t.equal((await load(t, `configserver:${none},${good.url}`, strict)).get('b'), 'x')
  await t.rejects(load(t, `configserver:${bad.url},${good.url}`, strict),
    { code: 'E_CONFIG_SERVER', message: /answered 500: git is away/ })
  const args = { 'spring.cloud.config.uri': `${none},${good.url}` }
  t.equal((await load(t, 'configserver:', args)).get('b'), 'x', 'addresses may stand in the settings')
})

t.test('retries as Spring does when it must have an answer', async t => {
  const delays = retryDelaysMs({ maxAttempts: 6, initialIntervalMs: 1000, multiplier: 1.1, maxIntervalMs: 1200 })
  t.same(delays.map(Math.round), [1000, 1100, 1200, 1200, 1200])
  t.same(retryDelaysMs({ maxAttempts: 1, initialIntervalMs: 1000, multiplier: 1, maxIntervalMs: 1 }), [])
  const { stub, url } = await start(t)
  stub.failWith = { status: 503, body: 'busy' }
  await t.rejects(load(t, `configserver:${url}`), { code: 'E_CONFIG_SERVER', where: 'command line' })
  t.equal(stub.requests.length, 6, 'needed: six attempts')
  await t.rejects(load(t, `optional:configserver:${url}?fail-fast=true&max-attempts=2`), { code: 'E_CONFIG_SERVER' })
  t.equal(stub.requests.length, 8, 'options may stand behind the address')
  const settings = await load(t, `optional:configserver:${url}`)
  t.equal(stub.requests.length, 9, 'optional: one attempt')
  t.match(settings.warnings, [/answered 503.*started without/])
  const late = load(t, `configserver:${url}`, { 'spring.cloud.config.retry.max-attempts': '10000' })
  await until('some attempts', () => stub.requests.length > 11)
  stub.failWith = undefined
  t.equal((await late).get('b'), 'x', 'a server that comes up late is found')
})

t.test('no password is shown by errors and warnings', async t => {
  const none = await refused()
  const secret = none.replace('http://', 'http://bob:hunter2@')
  await t.rejects(load(t, `configserver:${secret}`), { message: /^(?!.*hunter2)/ })
  t.notMatch((await load(t, `optional:configserver:${secret}`)).warnings.join(), /hunter2/)
  await t.rejects(load(t, 'configserver:ftp://bob:hunter2@h/'), { message: /^(?!.*hunter2)/ })
  const { stub, url } = await start(t)
  await load(t, `configserver:${url.replace('http://', 'http://bob:p%40ss@')}`)
  t.equal(stub.requests[0]?.headers.authorization, `Basic ${Buffer.from('bob:p@ss').toString('base64')}`)
})

t.test('the server is found in the registry, with its path and credentials', async t => {
  const { stub, url } = await start(t)
  const none = await refused()
  const args = {
    'spring.cloud.config.discovery.enabled': 'true', 'eureka.client.service-url.defaultZone': `${none}/eureka/,${url}/eureka/`
  }
  const settings = await load(t, 'configserver:', args)
  t.same(stub.paths, ['/eureka/vips/configserver', '/conf/users/dev'])
  t.equal(stub.requests[1]?.headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`)
  t.equal(settings.get('plain'), 'true')
  await t.rejects(load(t, 'configserver:', { ...args, 'eureka.client.service-url.defaultZone': `${none}/eureka/` }),
    { code: 'E_CONFIG_SERVER', message: /knows no instance of "configserver".*ECONNREFUSED/ })
})

t.test('the last known configuration starts a service while no server answers', async t => {
  const { stub, url, port } = await start(t)
  const parent = await mkdtemp(join(tmpdir(), 'known-'))
  t.teardown(async () => await rm(parent, { recursive: true }))
  const folder = join(parent, 'deep', 'known')
  const args = { 'breakwater.config-client.cache-folder': folder }
  await load(t, `configserver:${url}`, args)
  const [file = ''] = await readdir(folder)
  t.match(file, /^users-[0-9a-f]{16}\.json$/)
  t.equal((await stat(join(folder, file))).mode & 0o777, 0o600)
  await stub.stop()
  const settings = await load(t, `configserver:${url}`, args)
  t.equal(settings.get('b'), 'x')
  t.match(settings.warnings, [/using the configuration known since 20/])
  await t.rejects(load(t, `configserver:${url}`, { ...args, 'spring.cloud.config.label': 'other' }), { code: 'E_CONFIG_SERVER' },
    'what was kept for another question is not used')
  await writeFile(join(folder, file), (await readFile(join(folder, file), 'utf8')).slice(0, 40))
  await t.rejects(load(t, `configserver:${url}`, args), { code: 'E_CONFIG_SERVER' }, 'half a file is no configuration')
  const again = new ConfigServerStub()
  await again.listen(port)
  t.teardown(async () => await again.stop())
  const unwritable = await load(t, `configserver:${url}`, { 'breakwater.config-client.cache-folder': join(folder, file, 'x') })
  t.equal(unwritable.get('b'), 'x')
  t.match(unwritable.warnings, [/cannot be kept/])
})

t.test('spring.cloud.config.enabled=false asks nobody', async t => {
  const { stub, url } = await start(t)
  const settings = await load(t, `configserver:${url}`, { 'spring.cloud.config.enabled': 'false' })
  t.same(stub.paths, [])
  t.equal(settings.get('b'), undefined)
})

/** Settings that are watched, and the changes they told of. */
async function watched (t: Test, location: string, args: Record<string, string> = {}) {
  const settings = await load(t, location, args, true)
  const changes: string[][] = []
  const warnings: string[] = []
  settings.on('change', keys => changes.push(keys)).on('warning', text => warnings.push(text))
  return { settings, changes, warnings }
}

t.test('a pushed change reaches the settings with exactly its keys', async t => {
  const { stub, url } = await start(t)
  const { settings, changes } = await watched(t, `configserver:${url}`)
  await until('the stream', () => stub.streams.length === 1)
  t.equal(stub.paths.at(-1), '/_config/watch/users/dev')
  t.match(stub.requests.at(-1)?.headers, { 'accept': 'text/event-stream', 'last-event-id': stub.etag })
  stub.change({ 'a': 2, 'b': 'x', 'new': 'y' })
  await until('the change', () => changes.length === 1)
  t.same(changes, [['a', 'new']])
  t.equal(settings.integer('a'), 2)
  stub.change({ 'a': 2, 'b': 'x', 'new': 'y' })
  stub.change({ 'a': 3, 'b': 'x', 'new': 'y' })
  await until('the next change', () => changes.length === 2)
  t.same(changes[1], ['a'], 'an event without an effective change is none')
  settings.close()
})

t.test('a server that dies costs nothing but a warning; what was missed is read when it is back', async t => {
  const { stub, url, port } = await start(t)
  const { settings, changes, warnings } = await watched(t, `configserver:${url}`)
  await until('the stream', () => stub.streams.length === 1)
  await stub.stop()
  await until('the warning', () => warnings.length > 0)
  await settings.refresh()
  t.equal(settings.get('b'), 'x', 'a refresh during the outage keeps the values')
  const again = new ConfigServerStub()
  again.values = { a: 7, b: 'x' }
  await again.listen(port)
  t.teardown(async () => await again.stop())
  await until('the change', () => changes.length === 1)
  t.same(changes, [['a']])
  t.equal(warnings.filter(text => text.includes('cannot be watched')).length, 1, 'told once')
  await until('the new stream', () => again.streams.length === 1)
  again.change({ a: 8, b: 'x' })
  await until('the push', () => changes.length === 2)
  settings.close()
})

t.test('a service that started without its config server gets the settings when it comes', async t => {
  const none = await refused()
  const { settings, changes, warnings } = await watched(t, `optional:configserver:${none}`)
  t.equal(settings.get('b'), undefined)
  await until('the warning', () => warnings.length > 0)
  const late = new ConfigServerStub()
  await late.listen(Number(new URL(none).port))
  t.teardown(async () => await late.stop())
  await until('the settings', () => settings.get('b') === 'x')
  t.same(changes[0]?.toSorted(), ['a', 'b', 'config.client.version', 'plain'])
  settings.close()
})

t.test('the watch goes to the next server when one dies', async t => {
  const one = await start(t)
  const two = await start(t)
  const { settings, changes } = await watched(t, `configserver:${one.url},${two.url}`)
  await until('the stream', () => one.stub.streams.length === 1)
  await one.stub.stop()
  await until('the other stream', () => two.stub.streams.length === 1)
  two.stub.change({ a: 5, b: 'x' })
  await until('the change', () => changes.length === 1)
  t.same(changes, [['a']])
  settings.close()
})

t.test('long polls where the watch answers at once', async t => {
  const { stub, url } = await start(t)
  stub.push = 'long poll'
  const { settings, changes } = await watched(t, `configserver:${url}`, { 'spring.cloud.config.request-read-timeout': '500ms' })
  const polls = () => stub.paths.filter(path => path.endsWith('?wait=60s')).length
  await until('a long poll', () => polls() > 0)
  // Longer than an answer may take that is not waited for.
  await sleep(3_000)
  t.equal(polls(), 1, 'it waits')
  stub.values = { a: 2, b: 'x' }
  await until('the change', () => changes.length === 1)
  t.same(changes, [['a']])
  const before = stub.requests.length
  await sleep(300)
  t.ok(stub.requests.length - before < 5, 'no request after request while nothing changes')
  settings.close()
})

t.test('a server without push, such as Spring\'s, is asked now and then', async t => {
  const { stub, url } = await start(t)
  stub.push = 'none'
  const { settings, changes } = await watched(t, `configserver:${url}`, { 'breakwater.config-client.poll-interval': '20ms' })
  await until('polls', () => stub.paths.filter(path => path === '/users/dev').length > 3)
  t.same(changes, [])
  stub.values = { a: 2, b: 'x' }
  await until('the change', () => changes.length === 1)
  t.same(changes, [['a']])
  settings.close()
})

t.test('looking at a server without tags reads nothing anew while nothing changes', async t => {
  const { stub, url } = await start(t)
  stub.push = 'none'
  stub.hasTags = false
  const settings = new Settings({ profiles: ['dev'], warnings: [], sources: [] })
  const options = {
    ...readConfigClientOptions({ kind: 'configserver', location: url, optional: true, where: 'test', settings }),
    name: 'users', watch: { enabled: true, pollIntervalMs: 5 }
  }
  const agent = createAgent(options)
  const { text } = await getText(agent, `${url}/users/dev`, {}, AbortSignal.timeout(10_000))
  let changed = 0
  const watch = new ConfigWatch({
    agent, options, changed: () => { changed++ }, warn: text => t.fail(text), random: () => 0,
    target: async () => ({ server: { url, authorization: undefined }, label: '', etag: undefined, text })
  })
  watch.start()
  await until('looks', () => stub.paths.filter(path => path === '/users/dev').length > 5)
  t.equal(changed, 0)
  stub.values = { a: 2 }
  await until('the change', () => changed > 0)
  watch.stop()
  await agent.destroy()
})

t.test('a watch that is switched off or closed asks nothing more', async t => {
  const { stub, url } = await start(t)
  await watched(t, `configserver:${url}`, { 'breakwater.config-client.watch': 'false' })
  const { settings } = await watched(t, `configserver:${url}`)
  await until('the stream', () => stub.streams.length === 1)
  const closed = once(stub.streams[0] as ServerResponse, 'close')
  settings.close()
  await closed
  const before = stub.requests.length
  await sleep(100)
  t.equal(stub.requests.length, before)
  t.equal(settings.get('b'), 'x', 'values stay readable')
})

t.test('a slow answer ends at the deadline', async t => {
  const slow = createServer(() => {})
  slow.listen(0, '127.0.0.1')
  await once(slow, 'listening')
  t.teardown(() => { slow.closeAllConnections(); slow.close() })
  const settings = await load(t, `optional:configserver:http://127.0.0.1:${(slow.address() as AddressInfo).port}`,
    { 'spring.cloud.config.request-read-timeout': '50ms' })
  t.match(settings.warnings, [/TIMEOUT|Timeout/i])
})

t.test('an answer without end is cut', async t => {
  const endless = createServer((_request, response) => {
    const more = () => { while (response.write('x'.repeat(1_000_000))); }
    response.on('drain', more)
    more()
  })
  endless.listen(0, '127.0.0.1')
  await once(endless, 'listening')
  t.teardown(() => { endless.closeAllConnections(); endless.close() })
  const settings = await load(t, `optional:configserver:http://127.0.0.1:${(endless.address() as AddressInfo).port}`)
  t.match(settings.warnings, [/larger than 16777216 bytes/])
})

t.test('server-sent events are read as browsers read them', async t => {
  const parser = new EventStreamParser()
  const events = (text: string) => parser.push(text).map(({ event, data, id }) => `${event}|${data}|${id}`)
  t.same(events(': comment\n\nevent: change\nid: "1"\nda'), [])
  t.same(events('ta: {"a":\ndata: 1}\r\n\r\n'), ['change|{"a":\n1}|"1"'])
  t.same(events('data:x\n\n'), ['message|x|"1"'], 'the id stays until another one comes')
  t.same(events('id\ndata\r\rdata: y\r\r\n'), ['message||', 'message|y|'])
  t.same(events('event: nothing\n\n'), [])
  t.throws(() => new EventStreamParser().push('x'.repeat(2_000_000)), RangeError)
})
