import { createHmac } from 'node:crypto'
import { rm } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import type { DiscoveryClient, ServiceInstance } from '@breakwater/starter'
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import { readAsk } from '../environment/ask.ts'
import { Watchers } from '../push/watchers.ts'
import { applicationsOf, changedPaths, isGenuine } from '../push/webhook.ts'
import { refreshUrl } from '../push/spring-refresh.ts'
import { startGit, workTree } from './git-support.ts'
import { ask, eventually, folder, listLogger, startNative, V2, write, type Teardown } from './support.ts'

interface Event {
  id: string
  data: { version: string | null, etag: string, changed: string[] }
}

/** An open event stream and what came over it. */
async function watch (t: Teardown, url: string, path: string, headers: Record<string, string> = {}) {
  const events: Event[] = []
  let text = ''
  const { hostname, port } = new URL(url)
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const request = http.get({ hostname, port, path: `/_config/watch${path}`, headers: { accept: 'text/event-stream', ...headers } }, resolve)
    request.on('error', reject)
    t.teardown(() => request.destroy())
  })
  response.on('error', () => {})
  response.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = /event: change\nid: (.*)\ndata: (.*)/.exec(text.slice(0, end))
      if (event !== null) events.push({ id: event[1]!, data: JSON.parse(event[2]!) })
      text = text.slice(end + 2)
    }
  })
  return { events, response }
}

t.test('only those are woken whose effective environment is another one', async t => {
  const { url, root } = await startNative(t, { 'application.yml': 'shared: 1', 'foo.yml': 'a: 1', 'bar.yml': 'a: 1\nshared: 9' })
  const foo = await watch(t, url, '/foo/dev')
  const again = await watch(t, url, '/foo/dev')
  const bar = await watch(t, url, '/bar/dev')
  t.equal(foo.response.headers['content-type'], 'text/event-stream')

  await write(root, { 'foo.yml': '# a comment\na:   1\n' })
  await write(root, { 'foo.yml': 'a: 2' })
  await eventually('foo is told', () => foo.events.some(event => event.data.changed.includes('a')))
  await eventually('so is its other watcher', () => again.events.length > 0)
  t.strictSame(foo.events.at(-1)?.data.changed, ['a'])
  await eventually('the id is the tag of the environment', async () =>
    (await ask(url, '/foo/dev', { headers: { accept: V2 } })).headers.etag === foo.events.at(-1)?.id)
  t.equal(bar.events.length, 0)

  await write(root, { 'application.yml': 'shared: 2' })
  await eventually('foo is told', () => foo.events.some(event => event.data.changed.includes('shared')))
  await write(root, { 'bar.yml': 'a: 3\nshared: 9' })
  await eventually('bar is told', () => bar.events.length > 0)
  t.strictSame(bar.events.map(event => event.data.changed), [['a']], 'it was not told of what it overrides')
})

t.test('a commit is looked at for those only whose files it touches', async t => {
  const tree = await workTree(t, { 'application.yml': 'a: 1', 'foo.yml': 'k: 1', 'bar.yml': 'spring.profiles.include: extra\nk: 1', 'deep/team/svc.yml': 'k: 1' })
  const webhook = { unsigned: true, disabled: new Set<string>() }
  const { url } = await startGit(t, { uri: tree.root, searchPaths: ['deep', 'new*'] }, { webhook })
  const watchers = await Promise.all(['/foo/dev', '/bar/dev', '/team(_)svc/dev', '/food/dev'].map(async path => watch(t, url, path)))
  const wakes = async (files: Record<string, string>, who: number) => {
    const before = watchers[who]!.events.length
    await tree.commit(files)
    await ask(url, '/monitor', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
    await eventually(`watcher ${who} is woken`, () => watchers[who]!.events.length > before)
  }
  await wakes({ 'foo.yml': 'k: 2' }, 0)
  await wakes({ 'bar-extra.yml': 'k: 2' }, 1) // a profile that a file includes
  await wakes({ 'deep/team/svc.yml': 'k: 2', 'foo.txt': 'x' }, 2)
  await wakes({ 'newer/foo.yml': 'k: 3' }, 0) // a folder that a wildcard meets from now on
  await wakes({ 'application-dev.yml': 'a: 2' }, 3)
  await eventually('what concerns all reaches all', () => watchers.every(({ events }) => events.at(-1)?.data.changed[0] === 'a'))
  t.strictSame(watchers.map(({ events }) => events.length), [3, 2, 2, 1], 'and nothing else any of them')
})

t.test('a stream resumes by the last id', async t => {
  const { url, root } = await startNative(t, { 'foo.yml': 'a: 1' })
  const etag = (await ask(url, '/foo/dev', { headers: { accept: V2 } })).headers.etag as string
  const v1 = (await ask(url, '/foo/dev')).headers.etag as string
  await write(root, { 'other.yml': 'x: 1' })
  const same = await watch(t, url, '/foo/dev', { 'last-event-id': etag })
  const sameV1 = await watch(t, url, '/foo/dev', { 'last-event-id': v1 })
  await write(root, { 'foo.yml': 'a: 2' })
  await eventually('the change', () => same.events.length > 0 && sameV1.events.length > 0)
  t.equal(same.events.length, 1, 'nothing was missed, so nothing was told at the start')
  const late = await watch(t, url, '/foo/dev', { 'last-event-id': etag })
  await eventually('what was missed is told at once', () => late.events.length === 1)
  const foreign = await watch(t, url, '/foo/dev', { 'last-event-id': '"from another server"' })
  await eventually('an unknown id means: read again', () => foreign.events.length === 1)
})

t.test('long poll: 304 when nothing came, the environment when something did', async t => {
  const { url, root } = await startNative(t, { 'foo.yml': 'a: 1' })
  const { headers } = await ask(url, '/foo/dev')
  const etag = headers.etag as string
  const quiet = await ask(url, '/_config/watch/foo/dev?wait=50ms', { headers: { 'if-none-match': etag } })
  t.equal(quiet.status, 304)
  t.equal((await ask(url, '/_config/watch/foo/dev?wait=60s')).status, 200, 'without a tag it answers at once')
  const waiting = ask(url, '/_config/watch/foo/dev?wait=60s', { headers: { 'if-none-match': etag, accept: V2 } })
  await write(root, { 'foo.yml': 'a: 2' })
  const reply = await waiting
  t.equal(reply.status, 200)
  t.equal(reply.json.propertySources[0].source.a.value, 2)
  t.not(reply.headers.etag, etag)
  t.equal((await ask(url, '/_config/watch/foo/de$v')).status, 400)
  t.equal((await ask(url, '/_config/watch/foo/dev', { headers: { accept: 'text/html' } })).status, 406)
})

t.test('watchers are bounded, and none is left behind or keeps the server from stopping', async t => {
  const server = await startNative(t, { 'foo.yml': 'a: 1' }, { maxWatchers: 2 })
  const one = await watch(t, server.url, '/foo/dev')
  await watch(t, server.url, '/foo/dev')
  const refused = await ask(server.url, '/_config/watch/foo/dev')
  t.equal(refused.status, 503)
  one.response.destroy()
  await eventually('room again', async () => (await ask(server.url, '/_config/watch/foo/dev')).status === 200)
  const { headers } = await ask(server.url, '/foo/dev')
  const poll = ask(server.url, '/_config/watch/foo/dev?wait=60s', { headers: { 'if-none-match': headers.etag as string } })
  await eventually('the poll is waiting', async () => (await ask(server.url, '/_config/watch/foo/dev')).status === 503)
  await server.stop()
  t.equal((await poll).status, 304)
})

t.test('from git push to a running service, through a signed webhook', async t => {
  const tree = await workTree(t, { 'shop.yml': 'greeting: hello\nother: 1', 'application.yml': 'a: 1' })
  const webhook = { secret: 'sesame', unsigned: false, disabled: new Set<string>() }
  const { url } = await startGit(t, { uri: tree.root }, { webhook })
  const settings = await loadSettings({
    name: 'shop', folder: await folder(t), args: { 'spring.config.import': `configserver:${url}` }
  })
  t.teardown(() => settings.close())
  t.equal(settings.get('greeting'), 'hello')
  const changed: string[][] = []
  settings.on('change', keys => changed.push(keys))

  await tree.commit({ 'shop.yml': 'greeting: good day\nother: 1' })
  const body = JSON.stringify({ commits: [{ modified: ['shop.yml'] }] })
  const signature = `sha256=${createHmac('sha256', 'sesame').update(body).digest('hex')}`
  const post = async (headers: Record<string, string>) => ask(url, '/monitor',
    { method: 'POST', body, headers: { 'content-type': 'application/json', 'x-github-event': 'push', ...headers } })
  t.equal((await post({})).status, 403)
  t.equal((await post({ 'x-hub-signature-256': signature.replace(/.$/, c => c === '0' ? '1' : '0') })).status, 403)
  t.equal(settings.get('greeting'), 'hello')
  // The service's stream may still be connecting: what it missed it is told then.
  const reply = await post({ 'x-hub-signature-256': signature })
  t.strictSame(reply.json, ['shop'])
  await eventually('the service has it', () => settings.get('greeting') === 'good day')
  t.ok(changed.flat().includes('greeting'))
  t.notOk(changed.flat().includes('other'))
})

t.test('a change in the middle of a look leads to another look', async t => {
  const started: Array<{ ask: string, finish: (print: string) => void }> = []
  const watchers = new Watchers({
    look: ({ name }) => ({
      key: name, stamp: undefined,
      take: () => new Promise(resolve => started.push({
        ask: name, finish: print => resolve({ etag: print, print, version: null, values: new Map() })
      }))
    }),
    concerns: async () => true,
    onFailure: (_ask, failure) => t.fail(String(failure)),
    maxWatchers: 10
  })
  const woken: string[] = []
  const current = { etag: 'old', print: 'old', version: null, values: new Map() }
  watchers.add({ ask: readAsk('foo', 'dev', null), asker: {}, current, stamp: undefined, wake: ({ print }) => woken.push(print) })
  const first = watchers.check()
  await eventually('the first look is under way', () => started.length === 1)
  // The store changes while what it was before is still being read, twice.
  const others = [watchers.check(), watchers.check()]
  started[0]!.finish('old')
  await eventually('it is looked at again', () => started.length === 2)
  t.strictSame(woken, [])
  started[1]!.finish('new')
  await Promise.all([first, ...others])
  t.strictSame(woken, ['new'])
  t.equal(started.length, 2, 'and once for both changes')
})

t.test('webhooks: providers, names, signatures', async t => {
  const commits = [{ added: ['a/foo-local-dev.yml'], removed: [], modified: ['application-local.yml', 'x\\bar.properties'] }]
  const none = new Set<string>()
  const paths = ['a/foo-local-dev.yml', 'application-local.yml', 'x\\bar.properties']
  for (const headers of [{ 'x-github-event': 'push' }, { 'x-gitlab-event': 'Push Hook' }, { 'x-git-oschina-event': 'Push Hook' }, { 'x-gogs-event': 'push' }]) {
    t.strictSame(changedPaths(headers, { commits }, none), paths)
  }
  t.strictSame(applicationsOf(paths), ['foo-local-dev', 'foo-local', 'foo', 'application-local', '*', 'bar'])
  for (const [headers, body] of [
    [{ 'x-gitea-event': 'push', 'x-gogs-event': 'push', 'x-github-event': 'push' }, { commits }],
    [{ 'x-event-key': 'repo:push', 'x-hook-uuid': 'u' }, { push: { changes: [] } }],
    [{ 'x-event-key': 'repo:refs_changed', 'x-request-id': 'r' }, { changes: [] }],
    [{ 'x-event-key': 'pr:merged', 'x-request-id': 'r' }, {}],
    [{ 'x-forgejo-event': 'push', 'x-github-event': 'push' }, { commits }],
    [{}, { eventType: 'git.push', resource: { refUpdates: [] } }]
  ] as const) t.strictSame(changedPaths(headers, body, none), ['application.yml'])
  t.equal(changedPaths({ 'x-github-event': 'ping' }, { zen: 'x' }, none), undefined)
  t.equal(changedPaths({ 'x-github-event': 'push' }, { commits }, new Set(['github'])), undefined)
  t.strictSame(changedPaths({}, { path: 'foo-dev.yml' }, none), ['foo-dev.yml'])
  t.strictSame(applicationsOf(['.gitignore', 'x/']), [])

  const body = Buffer.from('{}')
  const hex = createHmac('sha256', 's').update(body).digest('hex')
  const options = { secret: 's', unsigned: false, disabled: none }
  const NOW = 1_700_000_000_000
  for (const header of ['x-hub-signature-256', 'x-hub-signature', 'x-gitea-signature', 'x-forgejo-signature', 'x-gogs-signature']) {
    t.notOk(isGenuine({ [header]: hex }, Buffer.from('{ }'), options, NOW), `${header} of another body`)
    t.ok(isGenuine({ [header]: hex }, body, options, NOW))
  }
  for (const header of ['x-gitlab-token', 'x-gitee-token']) {
    t.ok(isGenuine({ [header]: 's' }, body, options, NOW))
    t.notOk(isGenuine({ [header]: 'x' }, body, options, NOW))
  }
  t.notOk(isGenuine({ 'x-gitlab-token': '' }, body, { ...options, secret: undefined }, NOW), 'no secret, no entry')
  t.notOk(isGenuine({ 'x-gitlab-token': '' }, body, { ...options, secret: '' }, NOW))

  const { url } = await startNative(t, {}, { webhook: { unsigned: true, disabled: none } })
  const post = async (text: string, type = 'application/json') =>
    ask(url, '/monitor', { method: 'POST', body: text, headers: { 'content-type': type } })
  t.strictSame((await post('path=foo&path=application.yml', 'application/x-www-form-urlencoded')).json, ['foo', '*'])
  t.strictSame((await post('{"x":1}')).json, [])
  t.equal((await post('[]')).status, 400)
  t.equal((await post('{')).status, 400)
  t.equal((await ask(url, '/monitor')).status, 404)

  const moved = await startNative(t, {}, { prefix: '/config', monitorPath: '/hooks', webhook: { unsigned: true, disabled: none } })
  const at = async (path: string) => (await ask(moved.url, path, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })).status
  t.equal(await at('/hooks/monitor'), 200)
  t.equal(await at('/monitor'), 405)
  t.equal(await at('/config/hooks/monitor'), 405, 'the prefix of the configuration is not put before it, as in Spring')
})

t.test('webhooks that carry a password or the standard signature', async t => {
  const body = Buffer.from('{"eventType":"git.push"}')
  const nowMs = 1_700_000_000_000
  const key = Buffer.from('0123456789abcdef01234567')
  const options = { secret: `whsec_${key.toString('base64')}`, unsigned: false, disabled: new Set<string>() }
  const genuine = (headers: http.IncomingHttpHeaders, secret = options.secret): boolean =>
    isGenuine(headers, body, { ...options, secret }, nowMs)
  const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` })
  t.ok(genuine(basic('anyone:s:e:c'), 's:e:c'), 'Azure: the secret is the password')
  for (const pair of ['s:e:c', 'anyone:', 'anyone', ':s', '']) t.notOk(genuine(basic(pair), 's:e:c'), pair)
  t.notOk(genuine({ authorization: 'Bearer s' }, 's'))

  const sign = (time: string, id = 'm1', using: Buffer | string = key) =>
    `v1,${createHmac('sha256', using).update(`${id}.${time}.`).update(body).digest('base64')}`
  const standard = (time: string, signature: string, id = 'm1') =>
    ({ 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature })
  t.ok(genuine(standard('1700000000', sign('1700000000'))))
  t.ok(genuine(standard('1700000000', `v1,old ${sign('1700000000')}`)), 'one of several while a key is changed')
  t.ok(genuine(standard('1700000300', sign('1700000300'))), 'a clock that is five minutes ahead')
  t.ok(genuine(standard('1700000000', sign('1700000000', 'm1', 'plain')), 'plain'), 'a secret that is no base64')
  t.notOk(genuine(standard('1699999699', sign('1699999699'))), 'an old one is not played again')
  t.notOk(genuine(standard('1700000301', sign('1700000301'))))
  t.notOk(genuine(standard('1700000001', sign('1700000000'))), 'the time is signed')
  t.notOk(genuine(standard('1700000000', sign('1700000000'), 'm2')), 'the id is signed')
  t.notOk(genuine(standard('1700000000', sign('1700000000').slice(3))), 'without its version')
  t.notOk(genuine({ 'webhook-signature': sign('1700000000') }))
})

t.test('applications of Spring are refreshed when they opted in and something of theirs changed', async t => {
  const posts: string[] = []
  const app = http.createServer((request, response) => {
    posts.push(`${request.method} ${request.url}`)
    response.writeHead(posts.length === 1 ? 500 : 200, { 'content-type': 'application/json' }).end('["a"]')
  })
  await new Promise<void>(resolve => app.listen(0, '127.0.0.1', resolve))
  t.teardown(() => app.close())
  const { port } = app.address() as { port: number }
  const instance = (serviceId: string, id: string, metadata: Record<string, string>): ServiceInstance =>
    ({ serviceId, instanceId: id, host: '127.0.0.1', port, secure: false, status: 'UP', metadata })
  const discovery = fixedDiscovery([
    instance('foo', 'foo-1', { 'config-refresh': 'true', 'management.context-path': '/foo-1' }),
    instance('foo', 'foo-2', { 'config-refresh': 'true', 'config-profiles': 'dev', 'management.context-path': '/foo-2' }),
    instance('foo', 'foo-3', { 'management.context-path': '/foo-3' }),
    instance('bar', 'bar-1', { 'config-refresh': 'true', 'management.context-path': '/bar-1' })
  ])
  const { log, lines } = listLogger()
  const { url, root } = await startNative(t, { 'foo.yml': 'a: 1', 'foo-dev.yml': 'b: 1', 'bar.yml': 'a: 1' },
    { refreshClients: { enabled: true, pauseMs: 1, timeoutMs: 5_000 } }, {}, { discovery, log })
  await ask(url, '/foo/default')
  await eventually('what they have is known', async () => {
    await write(root, { 'foo-dev.yml': `b: ${Math.random()}` })
    return posts.includes('POST /foo-2/refresh') || undefined
  })
  const before = posts.filter(post => post.includes('foo-1')).length
  await write(root, { 'foo.yml': 'a: 2' })
  await eventually('both instances of foo', () => posts.filter(post => post === 'POST /foo-1/refresh').length > before)
  t.notOk(posts.some(post => /foo-3|bar/.test(post)), 'nobody else')
  await eventually('it is logged with the keys', () => lines.some(line => line.includes('refreshed an instance') && line.includes('"changed":["a"]')))
  t.ok(lines.some(line => line.includes('was not refreshed') && line.includes('status 500')), 'a failure too')
  t.equal(refreshUrl(instance('x', 'x', { 'management.port': '9' })), 'http://127.0.0.1:9/actuator/refresh')
  await rm(join(root, 'foo-dev.yml'))
})

function fixedDiscovery (all: readonly ServiceInstance[]): DiscoveryClient {
  const ofService = (id: string) => all.filter(({ serviceId }) => serviceId === id)
  return {
    description: 'fixed',
    connected: true,
    start: async () => {},
    stop: async () => {},
    instances: ofService,
    services: () => [...new Set(all.map(({ serviceId }) => serviceId))],
    watch (_id, listener) {
      for (const id of this.services()) listener(id, ofService(id))
      return () => {}
    }
  }
}
