/** `spring.config.import: consul:` against a real Consul. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { loadSettings } from '../settings/index.ts'
import { ConsulAgent, findConsul } from './consul-agent.ts'
import { until } from './support.ts'
import type { Test } from 'tap'
import type { Settings } from '../settings/index.ts'
import type { AgentOptions } from './consul-agent.ts'

const found = findConsul(process.env)
const skip = 'missing' in found ? found.missing : false

async function agent (t: Test, options: AgentOptions = {}): Promise<ConsulAgent> {
  if ('missing' in found) throw new Error(found.missing)
  const started = await ConsulAgent.start(found.command, options)
  t.teardown(() => started.stop())
  return started
}

async function load (
  t: Test, consul: ConsulAgent, more: Record<string, string> = {}, profiles: string[] = []
): Promise<Settings> {
  const settings = await loadSettings({
    name: 'users', folder: t.testdir(), profiles,
    args: { 'spring.config.import': `consul:127.0.0.1:${consul.port}`, 'spring.cloud.consul.retry.initial-interval': '50ms', ...more }
  })
  t.teardown(() => settings.close())
  return settings
}

t.test('key/value pairs', { skip }, async (t) => {
  const consul = await agent(t)
  await consul.put('config/application/common/text', 'everyone')
  await consul.put('config/application/who', 'everyone')
  await consul.put('config/application,blue/who', 'everyone in blue')
  await consul.put('config/users/who', 'users')
  await consul.put('config/users,blue/who', 'users in blue')
  await consul.put('config/users/', '')
  await consul.put('config/users/server/port', '1234')
  await consul.put('config/usersx/leak', 'no')

  t.test('own folder wins over the common one, the profile over none, and each says where it is from', async (t) => {
    const settings = await load(t, consul)
    t.equal(settings.string('who'), 'users')
    t.equal(settings.string('common.text'), 'everyone')
    t.equal(settings.integer('server.port'), 1234)
    t.equal(settings.origin('who'), 'consul:config/users/who')
    t.equal(settings.get('leak'), undefined, 'a folder that begins alike is another folder')
    t.equal((await load(t, consul, {}, ['blue'])).string('who'), 'users in blue')
  })

  t.test('prefixes, separator, names and single contexts are as in Spring', async (t) => {
    await consul.put('shop/users::blue/who', 'shop')
    const key = 'spring.cloud.consul.config'
    const settings = await load(t, consul, { [`${key}.prefixes`]: 'shop', [`${key}.profile-separator`]: '::' }, ['blue'])
    t.equal(settings.string('who'), 'shop')
    const one = await load(t, consul, { 'spring.config.import': `consul:127.0.0.1:${consul.port}/config/application` })
    t.equal(one.string('who'), 'everyone')
  })

  t.test('a change, a new key and a deleted one arrive without polling', async (t) => {
    const settings = await load(t, consul)
    const changes: string[] = []
    settings.on('change', (keys) => changes.push(...keys))
    await consul.put('config/users/who', 'changed')
    await until('the change', () => settings.get('who') === 'changed')
    t.ok(changes.includes('who'))
    await consul.put('config/users/fresh', 'yes')
    await until('the change', () => settings.get('fresh') === 'yes')
    await consul.remove('config/users/fresh')
    await until('the change', () => settings.get('fresh') === undefined)
    await consul.put('config/users/who', 'users')
    await until('the change', () => settings.get('who') === 'users')
  })

  t.test('files in YAML and properties form, with documents of profiles', async (t) => {
    await consul.put('config/files/data', 'a: {b: 1}\nlist: [x, y]\n---\nspring.config.activate.on-profile: blue\na.b: 2\n')
    const key = 'spring.cloud.consul.config'
    const yaml = { [`${key}.format`]: 'YAML', [`${key}.name`]: 'files' }
    t.equal((await load(t, consul, yaml)).integer('a.b'), 1)
    t.same((await load(t, consul, yaml)).list('list'), ['x', 'y'])
    const blue = await load(t, consul, yaml, ['blue'])
    t.equal(blue.integer('a.b'), 2)
    t.equal(blue.origin('a.b'), 'consul:config/files/data:5')
    await consul.put('config/files/props', 'a.b = 3')
    t.equal((await load(t, consul, { ...yaml, [`${key}.format`]: 'properties', [`${key}.data-key`]: 'props' })).integer('a.b'), 3)
    await t.rejects(load(t, consul, { ...yaml, [`${key}.format`]: 'TOML' }), { code: 'E_CONSUL_SETTING', message: /"TOML" is none of KEY_VALUE/ })
  })

  t.test('a broken file stops a start, and leaves a running service what it had', async (t) => {
    await consul.put('config/files/data', 'a: 1')
    const key = 'spring.cloud.consul.config'
    const yaml = { [`${key}.format`]: 'YAML', [`${key}.name`]: 'files', 'spring.cloud.consul.retry.max-attempts': '1' }
    const settings = await load(t, consul, yaml)
    const warnings: string[] = []
    settings.on('warning', (text) => warnings.push(text))
    await consul.put('config/files/data', 'a: [')
    await until('the change', () => warnings.length > 0)
    t.match(warnings[0], /consul:config\/files\/data:1.*configuration read before stays/)
    t.equal(settings.integer('a'), 1)
    await t.rejects(load(t, consul, yaml), { code: 'E_CONSUL_KV' })
    await consul.put('config/files/data', 'a: 2')
    await until('the change', () => settings.integer('a') === 2)
  })
})

t.test('without Consul', { skip }, async (t) => {
  const consul = await agent(t)
  await consul.put('config/users/who', 'before')
  // A dev agent counts from the start again; a query for a later index then waits for its whole time.
  const settings = await load(t, consul, { 'spring.cloud.consul.config.watch.wait-time': '1s' })
  const warnings: string[] = []
  settings.on('warning', (text) => warnings.push(text))
  await consul.kill()
  await until('the change', () => warnings.length > 0)
  t.match(warnings[0], /tells of no changes/)
  t.equal(settings.string('who'), 'before', 'what was known stays')
  const attempts = { 'spring.cloud.consul.retry.max-attempts': '2' }
  await t.rejects(load(t, consul, attempts), { code: 'E_CONSUL_KV', message: /ECONNREFUSED.*optional:consul:/ })
  const optional = await load(t, consul, { 'spring.config.import': `optional:consul:127.0.0.1:${consul.port}` })
  t.match(optional.warnings[0], /started without its settings/)
  await consul.run()
  // Nor may the new agent reach the very numbers of the old one, which no real cluster ever does.
  for (let i = 0; i < 30; i++) await consul.put('elsewhere', String(i))
  await consul.put('config/users/who', 'after')
  await until('the change', () => settings.get('who') === 'after' && optional.get('who') === 'after')
})

t.test('with access control and TLS', { skip }, async (t) => {
  const token = 'b1gs33cr3t-0000-0000-0000-000000000000'.replace(/[^0-9a-f-]/g, '0')
  const folder = t.testdir()
  certificates(folder)
  const consul = await agent(t, {
    token,
    config: {
      acl: { enabled: true, default_policy: 'deny', tokens: { master: token } },
      ca_file: join(folder, 'ca.pem'), cert_file: join(folder, 'server.pem'), key_file: join(folder, 'server.key')
    }
  })
  await consul.put('config/users/who', 'secured')
  const tls = {
    'spring.config.import': 'consul:', 'spring.cloud.consul.host': 'localhost', 'spring.cloud.consul.port': String(consul.httpsPort),
    'spring.cloud.consul.scheme': 'https', 'spring.cloud.consul.retry.max-attempts': '1'
  }
  const ca = { 'breakwater.consul.tls.ca-file': join(folder, 'ca.pem') }
  const right = { ...tls, ...ca, 'spring.cloud.consul.config.acl-token': token }

  t.test('the right token and authority read, and follow changes', async (t) => {
    const settings = await load(t, consul, right)
    t.equal(settings.string('who'), 'secured')
    await consul.put('config/users/who', 'changed')
    await until('the change', () => settings.get('who') === 'changed')
  })
  t.test('a wrong token or a foreign authority stops the start, and the token is not told', async (t) => {
    const wrong = '00000000-1111-2222-3333-444444444444'
    const refused = await load(t, consul, { ...right, 'spring.cloud.consul.config.acl-token': wrong }).then(() => undefined, (error: Error) => error)
    t.match(refused, { code: 'E_CONSUL_KV', message: /ACL not found|[Ff]orbidden|403/ })
    t.notMatch(JSON.stringify(refused) + refused?.message + refused?.stack, /4444-|444444444444/)
    await t.rejects(load(t, consul, { ...right, ...tls, 'breakwater.consul.tls.ca-file': join(folder, 'none.pem') }), { code: 'E_CONSUL_FILE' })
    await t.rejects(load(t, consul, { ...tls, 'spring.cloud.consul.config.acl-token': token }), { code: 'E_CONSUL_KV', message: /certificate|issuer/ })
  })
})

/** An authority and a certificate of it for localhost. */
function certificates (folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority')
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost')
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'server.pem', '-days', '2', '-copy_extensions', 'copy')
}
