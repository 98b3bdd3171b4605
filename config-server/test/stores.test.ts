import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, readdirSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import {
  createConfigServer, NATIVE_DEFAULTS, readOptions, SQL_DEFAULTS, VAULT_DEFAULTS, type BackendOptions, type VaultOptions
} from '../index.ts'
import { createStoreBackend } from '../backends/store-backend.ts'
import { readAsk } from '../environment/ask.ts'
import { deadPort, freePort } from '../../starter/test/ports.ts'
import { ask, eventually, folder, listLogger, type Teardown } from './support.ts'

async function start (t: Teardown, backends: BackendOptions[], options = {}) {
  const { log, lines } = listLogger()
  const server = await createConfigServer({ port: 0, backends, ...options }, { log })
  t.teardown(() => server.stop())
  return { ...server, lines }
}

/** Starts a program that is killed at the end of the test. */
function run (t: Teardown, program: string, args: string[], options: object): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore', ...options })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('close', resolve))
  })
  return child
}

const names = (json: { propertySources: { name: string }[] }) => json.propertySources.map(({ name }) => name)

function where (program: string): string | undefined {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`]).toString().trim()
  } catch {
    return undefined
  }
}

t.test('Redis hashes, and the last known values while it is down', where('redis-server') === undefined ? { skip: 'redis-server is not installed' } : {}, async t => {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', await folder(t), '--requirepass', 'pw-of-redis']
  const child = run(t, 'redis-server', args, {})
  const admin = new Redis(`redis://:pw-of-redis@127.0.0.1:${port}`, { maxRetriesPerRequest: null })
  admin.on('error', () => {})
  t.teardown(() => admin.disconnect())
  await admin.hset('foo', { 'server.port': '8100', list: 'x' })
  await admin.hset('foo-dev', 'server.port', '8200')
  const settings = await loadSettings({
    name: 'x', folder: await folder(t), args: { 'spring.profiles.active': 'redis', 'spring.data.redis.url': `redis://:pw-of-redis@127.0.0.1:${port}` }
  })
  const { url, lines } = await start(t, [...readOptions(settings).backends])
  const { json } = await ask(url, '/foo/dev,qa')
  t.strictSame(json.propertySources, [
    { name: 'redis:foo-qa', source: {} }, { name: 'redis:foo-dev', source: { 'server.port': '8200' } },
    { name: 'redis:foo', source: { 'server.port': '8100', list: 'x' } }
  ])
  t.strictSame((await ask(url, '/foo-dev.json')).json, { server: { port: '8200' }, list: 'x' })
  await admin.hset('foo-dev', 'server.port', '8300')
  t.equal((await ask(url, '/foo-dev.json')).json.server.port, '8300', 'always the value of now')
  child.kill('SIGKILL')
  await eventually('health tells of it', async () => {
    await ask(url, '/foo/dev')
    return (await ask(url, '/actuator/health')).json.components.configServer.details.error !== undefined
  })
  t.equal((await ask(url, '/foo-dev.json')).json.server.port, '8300')
  t.equal((await ask(url, '/never-asked/dev')).status, 503)
  const text = lines.join('') + (await ask(url, '/actuator/health')).text
  t.notOk(text.includes('pw-of-redis'))
  run(t, 'redis-server', args, {})
  await eventually('it is back', async () => (await ask(url, '/never-asked/dev')).status === 200)
})

const postgres = ['/usr/lib/postgresql'].filter(existsSync).flatMap(root => readdirSync(root).map(version => join(root, version, 'bin'))).at(-1)

t.test('PostgreSQL rows in the order of Spring', postgres === undefined ? { skip: 'PostgreSQL is not installed' } : {}, async t => {
  const root = await folder(t)
  chmodSync(root, 0o777)
  const port = await freePort()
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: Number(execFileSync('id', ['-u', 'postgres'])), gid: Number(execFileSync('id', ['-g', 'postgres'])) } : {}
  execFileSync(join(postgres!, 'initdb'), ['-D', join(root, 'data'), '-U', 'config', '-A', 'trust', '--no-sync'], { stdio: 'ignore', cwd: root, ...user })
  run(t, join(postgres!, 'postgres'), ['-D', join(root, 'data'), '-p', String(port), '-k', root, '-c', 'listen_addresses=127.0.0.1', '-F'], { cwd: root, ...user })
  const db = await eventually('PostgreSQL is up', async () => {
    const client = new pg.Client(`postgresql://config@127.0.0.1:${port}/postgres`)
    client.on('error', () => {})
    try {
      await client.connect()
      return client
    } catch {
      return undefined
    }
  })
  t.teardown(() => db.end())
  await db.query('create table PROPERTIES (APPLICATION text, PROFILE text, LABEL text, "KEY" text, "VALUE" text)')
  for (const row of [['application', null, 'master', 'a', '1'], ['foo', null, 'master', 'a', '2'], ['foo', 'dev', 'master', 'a', '3'],
    ['application', 'default', 'master', 'd', '1'], ['foo', null, 'v1', 'a', '4'], ['foo', null, 'master', "quote'", null]]) {
    await db.query('insert into PROPERTIES values ($1, $2, $3, $4, $5)', row)
  }
  const settings = await loadSettings({
    name: 'x', folder: await folder(t),
    args: { 'spring.profiles.active': 'jdbc', 'spring.datasource.url': `jdbc:postgresql://127.0.0.1:${port}/postgres`, 'spring.datasource.username': 'config' }
  })
  const { url } = await start(t, [...readOptions(settings).backends])
  const { json } = await ask(url, '/foo/dev')
  t.strictSame(names(json), ['foo-dev', 'application-default', 'foo', 'application'])
  t.strictSame(json.propertySources[2].source, { a: '2', "quote'": '' })
  t.strictSame(names((await ask(url, '/foo/dev/v1')).json), ['foo'])
  t.equal((await ask(url, "/foo'%20or%201=1/dev")).json.propertySources.some((s: { name: string }) => s.name.startsWith("foo'")), false,
    'a name is a parameter, never part of the statement')
  const broken = await start(t, [{ type: 'sql', sql: { ...SQL_DEFAULTS, url: `postgresql://127.0.0.1:${await deadPort()}/x`, timeoutMs: 2_000 } }])
  t.equal((await ask(broken.url, '/foo/dev')).status, 503)
  t.equal((await ask(broken.url, '/actuator/health')).status, 503)
  await t.rejects(async () => readOptions(await loadSettings({
    name: 'x', folder: await folder(t), args: { 'spring.profiles.active': 'jdbc', 'spring.datasource.url': 'jdbc:mysql://u:secret@h/x' }
  })), { code: 'E_CONFIG_SETTING', message: /^(?!.*secret)/ })
})

/** A fake that speaks the part of Vault's API that is used: tokens, KV 1 and 2, AppRole. */
async function fakeVault (t: Teardown, secrets: Record<string, string>) {
  const seen: string[] = []
  const bodies: string[] = []
  const server = http.createServer((request, response) => {
    const { 'x-vault-token': token, 'x-vault-namespace': namespace } = request.headers
    seen.push([request.method, request.url, token, namespace].join(' '))
    const body = secrets[decodeURIComponent(request.url ?? '')]
    const isLogin = request.url?.endsWith('/login') === true
    const status = !isLogin && token !== 'good' ? 403 : body === undefined ? 404 : 200
    request.on('data', (chunk: Buffer) => bodies.push(chunk.toString())).on('end', () => response.writeHead(status, { 'content-type': 'application/json' }).end(status === 200 ? body : '{"errors":[]}'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, seen, bodies, server }
}

const vault = (url: string, options: Partial<VaultOptions> = {}): BackendOptions => ({ type: 'vault', vault: { ...VAULT_DEFAULTS, url, ...options } })

t.test('Vault: keys, versions, tokens; one caller never gets what another may see', async t => {
  const { url: address, seen } = await fakeVault(t, {
    '/v1/secret/application': '{"data":{"shared":"s"}}',
    '/v1/secret/myapp': '{"data":{"pw":"p1","n":12345678901234567890,"list":[{"a":2.0}],"none":null}}',
    '/v1/secret/myapp,dev': '{"data":{"pw":"p2"}}',
    '/v1/kv/data/base/myapp': '{"data":{"data":{"pw":"v2"},"metadata":{"version":3}}}',
    '/v1/auth/approle/login': '{"auth":{"client_token":"good","lease_duration":3600}}'
  })
  const { url, lines } = await start(t, [vault(address, { namespace: 'team' })])
  const good = { headers: { 'x-config-token': 'good' } }
  const { json, text } = await ask(url, '/myapp/dev', good)
  t.strictSame(names(json), ['vault:myapp,dev', 'vault:myapp', 'vault:application'])
  t.match(text, '"source":{"pw":"p1","n":12345678901234567890,"list[0].a":2.0,"none":""}')
  t.ok(seen.some(line => line.endsWith('good team')))
  t.equal((await ask(url, '/myapp/dev')).status, 400, 'no token')
  t.equal((await ask(url, '/myapp/dev', { headers: { 'x-config-token': 'bad' } })).status, 403)
  t.ok(lines.some(line => line.includes('read secrets') && line.includes('"secrets":6')), 'reading is audited')
  t.notOk(lines.join('').includes('"good"'))

  const second = await start(t, [vault(address, { kvVersion: 2, backend: 'kv', pathToKey: 'base', login: { method: 'APPROLE', path: 'approle', roleId: 'r', secretId: 's' } })])
  t.strictSame((await ask(second.url, '/myapp-dev.json')).json, { pw: 'v2' })
  await ask(second.url, '/myapp-dev.json')
  t.equal(seen.filter(line => line.includes('approle')).length, 1, 'it logs in once')
})

t.test('Vault: many who need a token at once wait for one login; a service account logs in with its file', async t => {
  const fake = await fakeVault(t, {
    '/v1/secret/myapp': '{"data":{"pw":"p"}}', '/v1/auth/k8s/login': '{"auth":{"client_token":"good","lease_duration":3600}}'
  })
  const tokenFile = join(await folder(t, { token: 'jwt-of-the-pod\n' }), 'token')
  const settings = await loadSettings({
    name: 'x', folder: await folder(t), args: Object.fromEntries([
      ['port', new URL(fake.url).port], ['authentication', 'KUBERNETES'], ['kubernetes.role', 'config'],
      ['kubernetes.kubernetes-path', 'k8s'], ['kubernetes.service-account-token-file', tokenFile]
    ].map(([key, value]) => [`spring.cloud.config.server.vault.${key}`, value!]))
  })
  const { url } = await start(t, [...readOptions(settings).backends])
  const replies = await Promise.all(Array.from({ length: 10 }, async () => ask(url, '/myapp-dev.json')))
  t.ok(replies.every(({ json }) => json.pw === 'p'))
  t.equal(fake.seen.filter(line => line.includes('/login')).length, 1)
  t.strictSame(fake.bodies, ['{"role":"config","jwt":"jwt-of-the-pod"}'])
  await t.rejects(async () => readOptions(await loadSettings({
    name: 'x', folder: await folder(t), args: { 'spring.cloud.config.server.vault.authentication': 'CUBBYHOLE' }
  })), { code: 'E_CONFIG_SETTING', message: /KUBERNETES/ })
})

t.test('{vault}:key#field in a file of any store; what cannot be had spoils only itself', async t => {
  const fake = await fakeVault(t, { '/v1/secret/accounts/mypay': '{"data":{"access_key":"mysecret","n":12345678901234567890,"a":{"b":"deep"}}}' })
  const root = await folder(t, {
    'foo.yml': ['key: "{vault}:accounts/mypay#access_key"', 'n: "{vault}:accounts/mypay#n"', 'deep: "{vault}:accounts/mypay#a.b"',
      'gone: "{vault}:accounts/mypay#none"', 'absent: "{vault}:accounts/other#x"', 'short: "{vault}:accounts/mypay"', 'colon: "{vault}x#y"',
      'out: "{vault}:../sys/policy#x"', 'port: 1'].join('\n'),
    'foo.schema.json': '{"properties":{"n":{"type":"integer"}}}'
  })
  const native: BackendOptions = { type: 'native', native: { ...NATIVE_DEFAULTS, searchLocations: [root] } }
  const { url, lines } = await start(t, [native, vault(fake.url)])
  const reply = await ask(url, '/foo/dev', { headers: { 'x-config-token': 'good' } })
  t.strictSame(reply.json.propertySources[0].source, {
    port: 1, key: 'mysecret', n: '12345678901234567890', deep: 'deep', 'invalid.gone': '<n/a>', 'invalid.absent': '<n/a>',
    'invalid.short': '<n/a>', 'invalid.colon': '<n/a>', 'invalid.out': '<n/a>'
  })
  t.equal(fake.seen.filter(line => line.includes('mypay')).length, 1, 'a key is read once for an answer')
  t.notOk(fake.seen.some(line => line.includes('policy')), 'a reference stays inside the mount')
  t.equal((await ask(url, '/foo/dev', { headers: { 'x-config-token': 'bad' } })).status, 403, 'and is never answered from what another got')
  t.ok(lines.some(line => line.includes('read secrets') && line.includes('"application":"foo"')), 'reading is audited')
  t.notOk(lines.join('').includes('mysecret'))
  const bare = await start(t, [native])
  t.equal((await ask(bare.url, '/foo-dev.json')).json.key, '{vault}:accounts/mypay#access_key', 'without a Vault it is a text')
})

t.test('a store that failed is not waited for by every caller, and is tried again by one', async t => {
  const state = { now: 0, reads: 0, isDown: false, release: () => {} }
  const found = (name: string) =>
    ({ version: null, state: null, sources: [{ name, properties: new Map<string, never>() }] })
  const store = (keepLastKnown: boolean) => createStoreBackend({
    description: 'store', timeoutMs: 60_000, keepLastKnown, onProblem: () => {}, stop: async () => {}, nowMs: () => state.now,
    read: async () => {
      state.reads++
      if (!state.isDown) return found(`read ${state.reads}`)
      return new Promise((_resolve, reject) => { state.release = () => reject(new Error('gone')) })
    },
    secrets: async () => {
      state.reads++
      throw new Error('gone')
    }
  })
  const one = readAsk('foo', 'dev', null)
  for (const keeps of [true, false]) {
    Object.assign(state, { now: 0, reads: 0, isDown: false })
    const backend = store(keeps)
    await backend.find(one, {})
    state.isDown = true
    const waiting = backend.find(one, {})
    state.release()
    if (keeps) t.equal((await waiting).sources[0]?.name, 'read 1')
    else await t.rejects(waiting, { code: 'E_CONFIG_BACKEND' })
    for (let i = 0; i < 50; i++) {
      if (keeps) await backend.find(one, {})
      else await t.rejects(backend.find(one, {}), { code: 'E_CONFIG_BACKEND' })
      await t.rejects(backend.find(readAsk(`new${i}`, 'dev', null), {}), { code: 'E_CONFIG_BACKEND' })
      await t.rejects(Promise.resolve(backend.secrets?.('key', {})), { code: 'E_CONFIG_BACKEND' })
    }
    t.equal(state.reads, 2, 'nobody asked it after the first failure')
    state.now += 1_000
    const trial = backend.find(one, {})
    const late = new Promise<undefined>(resolve => { setTimeout(resolve, 5_000) })
    if (keeps) t.equal((await Promise.race([trial, late]))?.sources[0]?.name, 'read 1', 'who tries again does not wait')
    else trial.catch(() => {})
    for (let i = 0; i < 50; i++) await backend.find(one, {}).catch(() => {})
    t.equal(state.reads, 3, 'one try after the pause')
    state.release()
    state.isDown = false
    await new Promise(resolve => setImmediate(resolve))
    state.now += 60_000
    await backend.find(one, {})
    await new Promise(resolve => setImmediate(resolve))
    t.equal((await backend.find(one, {})).sources[0]?.name, 'read 5', 'it is there again for everyone')
    t.strictSame(backend.health(), { up: true })
    await t.rejects(Promise.resolve(backend.secrets?.('key', {})), { code: 'E_CONFIG_BACKEND' })
    t.equal(backend.health().problem, 'store: gone', 'a secret that cannot be had counts too')
  }
})

t.test('Vault down: 503, never a kept answer', async t => {
  const fake = await fakeVault(t, { '/v1/secret/myapp': '{"data":{"a":1}}' })
  const { url } = await start(t, [vault(fake.url, { token: 'good', timeoutMs: 2_000 })])
  t.equal((await ask(url, '/myapp/dev')).json.propertySources.length, 1)
  fake.server.closeAllConnections()
  await new Promise(resolve => fake.server.close(resolve))
  t.equal((await ask(url, '/myapp/dev')).status, 503)
})

t.test('composite: the order of the list, one that fails', async t => {
  const fake = await fakeVault(t, { '/v1/secret/foo': '{"data":{"a":"vault"}}' })
  const root = await folder(t, { 'foo.yml': 'a: file\nb: 1', 'x.txt': 'hello ${a}' })
  const native: BackendOptions = { type: 'native', native: { ...NATIVE_DEFAULTS, searchLocations: [root] } }
  const { url } = await start(t, [vault(fake.url, { token: 'good' }), native])
  const { json } = await ask(url, '/foo/dev')
  t.strictSame([json.version, json.state], [null, null])
  t.strictSame(names(json), ['vault:foo', `file:${root}/foo.yml`])
  t.equal((await ask(url, '/foo/dev/x/x.txt')).text, 'hello vault')
  const bad = vault(`http://127.0.0.1:${await deadPort()}`, { token: 'good', timeoutMs: 2_000 })
  t.equal((await ask((await start(t, [bad, native])).url, '/foo/dev')).status, 503)
  t.strictSame(names((await ask((await start(t, [bad, native], { failOnCompositeError: false })).url, '/foo/dev')).json), [`file:${root}/foo.yml`])
})

t.test('stores are chosen by settings as in Spring', async t => {
  const types = async (args: Record<string, string>) =>
    readOptions(await loadSettings({ name: 'x', folder: await folder(t), args })).backends.map(({ type }) => type)
  const s = 'spring.cloud.config.server'
  t.strictSame(await types({}), ['native'])
  t.strictSame(await types({ [`${s}.git.uri`]: 'file:///x' }), ['git'])
  t.strictSame(await types({ 'spring.profiles.active': 'native,vault', [`${s}.vault.order`]: '1' }), ['vault', 'native'])
  t.strictSame(await types({ [`${s}.composite[0].type`]: 'native', [`${s}.composite[1].type`]: 'git', [`${s}.composite[1].uri`]: '/x' }), ['native', 'git'])
  await t.rejects(types({ [`${s}.composite[0].type`]: 'svn' }), { code: 'E_CONFIG_SETTING', message: /"svn"/ })
  const [git] = readOptions(await loadSettings({
    name: 'x', folder: await folder(t), args: {
      [`${s}.git.uri`]: 'https://h/r', [`${s}.git.username`]: 'u', [`${s}.git.refresh-rate`]: '0', [`${s}.git.timeout`]: '9',
      [`${s}.git.repos.simple`]: 'https://h/simple', [`${s}.git.repos.special.uri`]: 'https://h/special',
      [`${s}.git.repos.special.pattern`]: 'special*/dev*,*special*/dev*', [`${s}.git.repos.special.refresh-rate`]: '-1',
      [`${s}.git.preferred-authentications`]: 'publickey,password', [`${s}.git.proxy.https.host`]: 'proxy',
      [`${s}.git.proxy.https.non-proxy-hosts`]: '*.corp|localhost'
    }
  })).backends
  if (git?.type !== 'git') return t.fail('git')
  t.match(git.git, { uri: 'https://h/r', refreshMs: 5000, timeoutMs: 9000, credentials: { username: 'u' } })
  t.match(git.git.credentials, { preferredAuthentications: ['publickey', 'password'], proxy: 'http://proxy:3128', nonProxyHosts: ['*.corp', 'localhost'] })
  await t.rejects(types({ [`${s}.git.uri`]: 'x', [`${s}.git.preferred-authentications`]: 'a; touch pwned' }), { code: 'E_CONFIG_SETTING' })
  t.match(git.git.repos, [
    { id: 'simple', uri: 'https://h/simple', patterns: ['simple'], timeoutMs: 9000, credentials: { username: 'u' } },
    { id: 'special', uri: 'https://h/special', patterns: ['special*/dev*', '*special*/dev*'], refreshMs: 0 }
  ])
})
