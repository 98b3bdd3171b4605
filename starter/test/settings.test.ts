import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { FolderWatch } from '../settings/folder-watch.ts'
import { checkKeys, isSecretKey, loadSettings, maskValue, Settings } from '../settings/index.ts'
import type { LoadOptions, PropertySource, RemoteConfig, RemoteRequest } from '../settings/index.ts'

const source = (name: string, values: Record<string, string>): PropertySource => ({
  name, properties: new Map(Object.entries(values).map(([key, text]) => [key, { value: { kind: 'string', text }, origin: { source: name } }]))
})
const settingsOf = (...sources: PropertySource[]) => new Settings({ profiles: ['default'], sources, warnings: [] })

/** Loads without watching; files are given as `{ 'application.yml': 'a: 1' }`. */
async function load (test: Test, files: Tree, options: Partial<LoadOptions> = {}): Promise<Settings> {
  return await loadSettings({ name: 'users', folder: test.testdir(files), watch: false, ...options })
}

interface Tree { [name: string]: string | Tree }

t.test('the command line wins over JSON, the environment, profile files, application.yml and defaults', async t => {
  const files = { 'application.yml': 'f: yml\ne: yml', 'application-dev.yml': 'e: dev\nd: dev' }
  const settings = await load(t, files, {
    args: { a: 'line' },
    env: {
      SPRING_APPLICATION_JSON: '{"a":"json","b":"json","n":{"list":[1,{"x":true}],"e":[],"o":{},"d":2.0,"i":12345678901234567890}}', A: 'env', B: 'env', C: 'env', D: 'env',
      PROFILE: 'dev'
    },
    defaults: { a: 'default', f: 'default', g: 'default' }
  })
  t.same(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(key => settings.get(key)), ['line', 'json', 'env', 'env', 'dev', 'yml', 'default'])
  t.same(['a', 'b', 'c', 'e', 'f', 'g'].map(key => settings.origin(key)),
    ['command line', 'SPRING_APPLICATION_JSON', 'env C', 'application-dev.yml:1', 'application.yml:1', 'default'])
  t.same(['n.list[1].x', 'n.d', 'n.i'].map(key => settings.get(key)), ['true', '2.0', '12345678901234567890'])
  t.equal(settings.string('n.e'), '')
  t.equal(settings.get('spring.application.name'), 'users')
  t.equal(settings.origin('nothing'), undefined)
})

t.test('broken JSON and broken files stop the start with their place', async t => {
  await t.rejects(load(t, {}, { env: { SPRING_APPLICATION_JSON: '{"password": hunter2' } }), { code: 'E_CONFIG_JSON' })
  await t.rejects(load(t, {}, { env: { SPRING_APPLICATION_JSON: '[1]' } }), { code: 'E_CONFIG_JSON' })
  await t.rejects(load(t, { config: { 'application.yml': 'a: 1\na: 2' } }),
    { code: 'E_CONFIG_YAML', message: /^config\/application\.yml:2:1: duplicate key/ })
  await t.rejects(load(t, {}, { file: '/nowhere/application.yml' }), { code: 'E_CONFIG_READ', message: /^\/nowhere\/application\.yml: .*no such file/ })
  await t.rejects(load(t, { 'application.yml': 'x'.repeat(1_100_000) }), { code: 'E_CONFIG_LIMIT' })
})

t.test('files of folders, profiles and extensions rank as in Spring Boot', async t => {
  const files = {
    'application.yml': 'a: root\nb: root\nc: root\nd: root',
    'application.properties': 'c=root properties',
    'application-one.yml': 'd: one',
    'application-two.yml': 'd: two\ne: two',
    config: {
      'application.yml': 'a: config\nb: config\nd: config',
      'application-one.yml': 'e: config one',
      extra: { 'application.yaml': 'b: extra' }
    }
  }
  const settings = await load(t, files, { profiles: ['one', 'two'] })
  t.same(['a', 'b', 'c', 'd', 'e'].map(key => settings.get(key)), ['config', 'extra', 'root properties', 'two', 'two'])
  t.same(settings.sources.map(({ name }) => name), [
    'application-two.yml', 'config/application-one.yml', 'application-one.yml', 'config/extra/application.yaml',
    'config/application.yml', 'application.properties', 'application.yml', 'defaults'
  ])
  t.equal((await load(t, files, { profiles: ['two', 'one'] })).get('d'), 'one', 'the last profile wins')
})

t.test('documents count by profile and platform, later ones win', async t => {
  const files = {
    'application.yml': [
      'a: 0\nspring.profiles.active: dev', 'spring.config.activate.on-profile: "dev & !prod"\na: 1',
      'spring:\n  config:\n    activate:\n      on-profile: [prod, test]\na: 2', 'spring.config.activate.on-cloud-platform: kubernetes\na: 3'
    ].join('\n---\n')
  }
  t.equal((await load(t, files)).get('a'), '1')
  t.equal((await load(t, files, { profiles: ['test'] })).get('a'), '2')
  t.equal((await load(t, files, { env: { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' } })).get('a'), '3')
  t.equal((await load(t, files, { args: { 'spring.main.cloud-platform': 'kubernetes' } })).get('a'), '3')
  await t.rejects(load(t, { 'application.yml': 'spring.config.activate.on-profile: a & b | c' }),
    { code: 'E_CONFIG_EXPRESSION', message: /^application\.yml:1: / })
})

t.test('profiles come from PROFILE, from Spring\'s settings, groups and includes', async t => {
  const profiles = async (files: Tree, options: Partial<LoadOptions> = {}) => (await load(t, files, options)).profiles
  t.same(await profiles({}), ['default'])
  t.same(await profiles({ 'application-default.yml': 'a: 1' }), ['default'])
  t.equal((await load(t, { 'application-default.yml': 'a: 1' })).get('a'), '1')
  t.same(await profiles({}, { env: { PROFILE: 'k8s, eu', SPRING_PROFILES_ACTIVE: 'prod' } }), ['k8s', 'eu', 'prod'])
  t.same(await profiles({ 'application.yml': 'spring.profiles.active: a,b' }), ['a', 'b'])
  t.same(await profiles({ 'application.yml': 'spring.profiles.active: a' }, { env: { PROFILE: 'k8s' } }), ['k8s'])
  t.same(await profiles({ 'application.yml': 'spring:\n  profiles:\n    active: [a]\n    include: [i]\n    group: {a: [x, y], x: z}' }),
    ['i', 'a', 'x', 'z', 'y'])
  t.same(await profiles({ 'application.yml': 'spring.profiles.include: i', config: { 'application.yml': 'spring.profiles.include: k' } }, { profiles: ['a'] }),
    ['k', 'i', 'a'], 'includes of all files add up')
  t.same(await profiles({ 'application.yml': 'spring.profiles.group: {a: b, b: a}' }, { profiles: ['a'] }), ['a', 'b'], 'a ring of groups ends')
  for (const bad of ['../etc', 'a/b', '-x', 'a b']) await t.rejects(profiles({}, { profiles: [bad] }), { code: 'E_CONFIG_PROFILE' }, bad)
})

t.test('an import stands right above its document; the later one wins; each file is read once', async t => {
  const files = {
    'application.yml': 'spring.config.import: [one.yml, "optional:missing.yml", "file:./sub/two.properties"]\na: 0\nb: 0\nc: 0\nd: 0',
    'application-dev.yml': 'b: dev',
    'one.yml': 'a: 1\nb: 1\nc: 1\nspring.config.import: sub/deep/',
    'one-dev.yml': 'a: 1 dev',
    sub: { 'two.properties': 'c=2\nspring.config.import=two.properties', deep: { 'application.yml': 'd: deep' } }
  }
  const settings = await load(t, files, { profiles: ['dev'] })
  t.same(['a', 'b', 'c', 'd'].map(key => settings.get(key)), ['1 dev', 'dev', '2', 'deep'])
  const broken = async (text: string) => await load(t, { 'application.yml': `x: 1\nspring.config.import: "${text}"` })
  await t.rejects(broken('nope.yml'), { code: 'E_CONFIG_LOCATION', message: /^application\.yml:2: location "nope\.yml": there is no such file/ })
  await t.rejects(broken('nope/'), { code: 'E_CONFIG_LOCATION', message: /no such folder/ })
  await t.rejects(broken('vault://x'), { code: 'E_CONFIG_LOCATION', message: /nothing here reads "vault:"/ })
  await t.rejects(broken('file.txt'), { code: 'E_CONFIG_LOCATION', message: /must end in/ })
  await t.rejects(broken('${nowhere}.yml'), { code: 'E_CONFIG_PLACEHOLDER', message: /^application\.yml:2/ })
  const named = await load(t, { 'application.yml': 'spring.config.import: "${where:x}.yml"\nwhere: y', 'y.yml': 'z: 1' })
  t.equal(named.get('z'), '1', 'placeholders in locations see what is known so far')
})

t.test('sources stand in the order a real Spring Boot 3.5.6 put them', async t => {
  const names = async (files: Tree, args: Record<string, string> = {}) =>
    (await load(t, files, { profiles: ['dev'], args })).sources.map(({ name }) => name).filter(name => /\.(yml|properties)$/.test(name))
  t.same(await names({
    'application.yml': 'spring.config.import: [one.yml, "optional:missing.yml", "file:./sub/two.properties"]',
    'application-dev.yml': 'b: dev', 'one.yml': 'spring.config.import: sub/deep/', 'one-dev.yml': 'a: 1 dev',
    sub: { 'two.properties': 'c=2\nspring.config.import=two.properties', deep: { 'application.yml': 'd: deep' } }
  }), ['one-dev.yml', 'application-dev.yml', 'sub/two.properties', 'sub/deep/application.yml', 'one.yml', 'application.yml'],
  'what an import has for the profile rises above the profile files')
  t.same(await names({
    'application.yml': 'spring.config.import: x.yml', 'application-dev.yml': 'spring.config.import: y.yml',
    'x.yml': 'a: x', 'x-dev.yml': 'a: x', 'y.yml': 'a: y', 'y-dev.yml': 'a: y'
  }), ['x-dev.yml', 'y-dev.yml', 'y.yml', 'application-dev.yml', 'x.yml', 'application.yml'])
  const etc = {
    'application.yml': 'a: 0', 'application-dev.yml': 'a: dev', etc: { 'application.yml': 'b: etc' },
    etc2: { 'application.yml': 'c: etc2', 'application-dev.yml': 'c: etc2dev' }
  }
  t.same(await names(etc, { 'spring.config.additional-location': 'file:./etc2/;file:./etc/' }),
    ['etc2/application-dev.yml', 'etc/application.yml', 'etc2/application.yml', 'application-dev.yml', 'application.yml'], 'one group')
  t.same(await names(etc, { 'spring.config.additional-location': 'file:./etc2/,file:./etc/' }),
    ['etc/application.yml', 'etc2/application-dev.yml', 'etc2/application.yml', 'application-dev.yml', 'application.yml'], 'two groups')
  t.same(await names({ 's1.yml': 'a: 1', 's2.yml': 'b: 2', 's1-dev.yml': 'c: 3' }, { 'spring.config.name': 's1,s2' }),
    ['s1-dev.yml', 's2.yml', 's1.yml'])
})

t.test('locations and names of files can be set', async t => {
  const files = {
    'application.yml': 'a: 0\nb: 0', 'application-dev.yml': 'b: dev', 'service.yml': 'a: service',
    etc: { 'application.yml': 'b: etc' }, 'my.yml': 'a: my', 'my-dev.yml': 'b: my dev'
  }
  const get = async (options: Partial<LoadOptions>) => {
    const settings = await load(t, files, { profiles: ['dev'], ...options })
    return [settings.get('a'), settings.get('b')]
  }
  t.same(await get({ args: { 'spring.config.additional-location': 'file:./etc/' } }), ['0', 'etc'], 'a later place wins, profiles or not')
  t.same(await get({ env: { SPRING_CONFIG_NAME: 'service' } }), ['service', undefined])
  t.same(await get({ args: { 'spring.config.location': './etc/' } }), [undefined, 'etc'])
  const folder = t.testdir(files)
  t.same(await get({ file: join(folder, 'my.yml') }), ['my', 'my dev'], '--config and its profile sibling')
  t.same(await get({ args: { 'spring.config.import': 'optional:my.yml' } }), ['my', 'my dev'], 'what is imported at the start wins over files')
})

t.test('mounted folders are settings, and a swap of their link changes them', async t => {
  const folder = t.testdir({ mounted: { '..v1': { 'db.password': 'one\n', greeting: 'hello', nested: { key: 'x' } } } })
  const mounted = join(folder, 'mounted')
  await symlink('..v1', join(mounted, '..data'))
  for (const name of ['db.password', 'greeting', 'nested']) await symlink(join('..data', name), join(mounted, name))
  const settings = await loadSettings({ name: 'users', folder, args: { 'spring.config.import': `configtree:${mounted}/` } })
  t.teardown(() => settings.close())
  t.same(settings.keys('').filter(key => !key.startsWith('spring')), ['db.password', 'greeting', 'nested.key'])
  t.equal(settings.get('db.password'), 'one', 'the newline at the end is no part of the value')
  t.equal(settings.origin('greeting'), join(mounted, 'greeting'))
  // Watches do not keep a process alive; the deadline does.
  const changed = new Promise<string[]>((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('no change was seen')), 90_000)
    settings.on('change', keys => { clearTimeout(deadline); resolve(keys) })
  })
  await mkdir(join(mounted, '..v2'))
  await writeFile(join(mounted, '..v2', 'db.password'), 'two')
  await writeFile(join(mounted, '..v2', 'greeting'), 'hello')
  await symlink('..v2', join(mounted, '..data_tmp'))
  await rename(join(mounted, '..data_tmp'), join(mounted, '..data'))
  t.same((await changed).toSorted(), ['db.password', 'nested.key'])
  t.equal(settings.get('db.password'), 'two')
  await t.rejects(load(t, {}, { args: { 'spring.config.import': 'configtree:/no/such/' } }), { code: 'E_CONFIG_LOCATION' })
  await t.resolves(load(t, {}, { args: { 'spring.config.import': 'optional:configtree:/no/such/' } }))
  const wild = await load(t, { trees: { a: { x: '1', y: '1' }, b: { y: '2' } } }, { args: { 'spring.config.import': 'configtree:./trees/*/' } })
  t.same([wild.get('x'), wild.get('y')], ['1', '2'])
})

t.test('a swap between reading and watching is not missed', async t => {
  const mounted = t.testdir({ '..v2': {} })
  await symlink('..v2', join(mounted, '..data'))
  await new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('the swap was missed')), 90_000)
    const watch = new FolderWatch(new Map([[mounted, '..v1'], ['/not/mounted', undefined]]), () => {
      clearTimeout(deadline)
      watch.close()
      resolve()
    })
  })
})

t.test('one name in any spelling; a variable may leave out dashes or write them', async t => {
  const settings = settingsOf(
    source('environment', { EUREKA_CLIENT_FETCH_REGISTRY: 'false', EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: 'http://env/', ONLY_FAIL_FAST: 'true' }),
    source('file', { 'eureka.client.fetch-registry': 'true', 'eureka.client.serviceUrl.defaultZone': 'http://file/' })
  )
  t.equal(settings.get('eureka.client.fetchRegistry'), 'false')
  t.equal(settings.get('eureka.client.service-url.default-zone'), 'http://env/')
  t.same(settings.map('eureka.client.service-url'), { defaultZone: 'http://env/', defaultzone: 'http://env/' }, 'every spelling, one value')
  t.same(settings.tree('eureka.client.service-url'), { defaultZone: 'http://env/' }, 'spelled as the file does')
  t.same(settings.keys('eureka.client'), ['eureka.client.fetch-registry', 'eureka.client.serviceUrl.defaultZone'])
  const real = await load(t, {}, { env: { SPRING_CLOUD_CONFIG_FAIL_FAST: 'true' } })
  t.equal(real.boolean('spring.cloud.config.fail-fast'), true)
  t.equal(real.origin('spring.cloud.config.failFast'), undefined, 'camel case cannot tell where the dash was')
})

t.test('lists come from one source as a whole', async t => {
  const settings = settingsOf(
    source('high', { 'l[0]': 'x', 'm.deep[0].a': '1', 's': 'p, q' }),
    source('low', { 'l[0]': 'a', 'l[1]': 'b', 'm.deep[0].b': '2', 'm.deep[1].a': '3', 's[0]': 'z', 'e': '', 'n[1]': 'two', 'n[0]': 'one', 'n[10]': 'last' })
  )
  t.same(settings.list('l'), ['x'])
  t.equal(settings.get('l[1]'), 'b', 'a single item is a key like any other')
  t.same(settings.tree('m'), { deep: [{ a: '1' }] })
  t.same(settings.list('s'), ['p', 'q'])
  t.same(settings.list('e'), [])
  t.same(settings.list('n'), ['one', 'two', 'last'])
  t.same(settings.list('none', ['d']), ['d'])
  const under = settingsOf(source('high', { 'l[0]': 'x' }), source('low', { l: 'a,b' }))
  t.same(under.list('l'), ['x'], 'a list wins over a comma text below it')
  t.same(under.tree(''), { l: ['x'] })
})

t.test('trees keep types, exact integers and literal keys', async t => {
  const settings = await load(t, {
    'application.yml': 'gateway:\n  routes:\n  - id: a\n    order: 0\n    flag: on\n    ratio: 0.5\n    big: 12345678901234567890\n' +
      '    text: "8"\n    ref: "${gateway.name}"\n  "[x/y]": z\n  name: gw\n  empty: []\n  __proto__: {polluted: 1}\n'
  })
  const tree = settings.tree('gateway') as Record<string, unknown>
  t.same(tree['routes'], [{ id: 'a', order: 0, flag: true, ratio: 0.5, big: '12345678901234567890', text: '8', ref: 'gw' }])
  t.equal(tree['x/y'], 'z')
  t.equal(tree['empty'], '')
  t.equal(Object.getPrototypeOf(tree), null)
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)
  t.equal(settings.tree('gateway.name'), 'gw')
  t.same(settings.tree('nothing.here'), {})
  const groups = await load(t, { 'application.yml': 'a: { to: "/${rest}/${name}" }\nname: n\n' })
  t.same(groups.tree('a', 'keep'), { to: '/${rest}/n' })
  t.throws(() => groups.tree('a'), { code: 'E_CONFIG_PLACEHOLDER' })
  t.same(settings.map('gateway.routes[0]'), {
    id: 'a', order: '0', flag: 'true', ratio: '0.5', big: '12345678901234567890', text: '8', ref: 'gw'
  })
})

t.test('typed values, or an error that tells where and what to do', async t => {
  const settings = settingsOf(source('app.yml', {
    port: '80', bad: 'eighty', flag: 'on', wait: '10s', size: '10MB', ratio: '.5', empty: '', 'my.password': 'hunter2', ref: '${gone}'
  }))
  t.equal(settings.integer('port'), 80)
  t.equal(settings.boolean('flag'), true)
  t.equal(settings.durationMs('wait'), 10_000)
  t.equal(settings.bytes('size'), 10_485_760)
  t.equal(settings.number('ratio'), 0.5)
  t.equal(settings.integer('empty', 7), 7, 'empty means not set')
  t.equal(settings.string('empty', 'x'), '')
  t.equal(settings.string('none', 'x'), 'x')
  t.throws(() => settings.integer('bad', 1), { code: 'E_SETTING_TYPE', message: /^app\.yml: setting "bad" is "eighty", which is no whole number\. Give / })
  t.throws(() => settings.string('a.b-c'), { code: 'E_SETTING_MISSING', message: /environment variable A_BC\./ })
  t.throws(() => settings.integer('my.password'), { message: /^app\.yml: setting "my\.password" is \*{6}, which/ })
  t.throws(() => settings.get('ref'), { code: 'E_CONFIG_PLACEHOLDER', message: /^app\.yml: placeholder "\$\{gone\}"/ })
  t.equal(settings.property('ref')?.value.text, '${gone}')
})

t.test('random values are drawn once and stay', async t => {
  const values = { id: 'x:${random.value}', uuid: '${random.uuid}', port: '${random.int[1000,1002]}', low: '${random.int(1)}', other: '${random.long}' }
  const state = { profiles: [], sources: [source('a', values)], warnings: [] }
  const settings = new Settings(state, { reload: async () => state, close: () => {} })
  const id = settings.string('id')
  t.match(id, /^x:[0-9a-f]{32}$/)
  t.match(settings.get('uuid'), /^[0-9a-f-]{36}$/)
  t.ok([1000, 1001].includes(settings.integer('port')))
  t.equal(settings.integer('low'), 0)
  t.match(settings.get('other'), /^-?\d+$/)
  t.same(await settings.refresh(), [], 'a refresh changes none of them')
  t.equal(settings.get('id'), id)
})

t.test('refresh tells exactly which effective values changed, and keeps the old ones when it fails', async t => {
  const folder = t.testdir({ 'application.yml': 'a: 1\nb: ${a}\nc: 1\nd: 1' })
  const file = join(folder, 'application.yml')
  const settings = await loadSettings({ name: 'users', folder, watch: false, args: { c: 'fixed' } })
  const heard: string[][] = []
  settings.on('change', () => { throw new Error('listener') }).on('change', keys => heard.push(keys))
  const warnings: string[] = []
  settings.on('warning', text => warnings.push(text))
  t.equal(settings.get('b'), '1')
  await writeFile(file, 'a: 2\nb: ${a}\nc: 2\ne: 1')
  t.same((await settings.refresh()).toSorted(), ['a', 'b', 'd', 'e'], 'c is shadowed by the command line')
  t.equal(settings.get('b'), '2')
  t.equal(heard.length, 1, 'a listener that throws does not keep others from hearing')
  t.match(warnings[0], /listener/)
  await writeFile(file, 'a: [')
  await t.rejects(settings.refresh(), { code: 'E_CONFIG_YAML' })
  t.equal(settings.get('a'), '2')
  await writeFile(file, 'a: 3\nb: ${a}')
  const first = settings.refresh()
  await writeFile(file, 'a: 4\nb: ${a}')
  await Promise.all([first, settings.refresh(), settings.refresh()])
  t.equal(settings.get('a'), '4', 'a call during a reading leads to one more reading')
  await rm(file)
  t.same((await settings.refresh()).toSorted(), ['a', 'b'])
})

t.test('{cipher} values are decrypted with the service\'s own key', async t => {
  const vectors = [['pie', 'bf29452295df354e6153c5b31b03ef23c70e55fba24299aa85c63438f1c43c95', 'test'],
    ['mykey', '6defc102cd76752fcf4c78231ed82ead85133a09741d9a1442595b4800e2b3d1', 'password'],
    ['foo', 'd1b2458ccede07c856ff952bd841638ff4dd12ed1d36812663c3c7262d57bf46', 'SUPER SECRET']] as const
  for (const [key, cipher, plain] of vectors) {
    const settings = await load(t, { 'application.yml': `v: "{cipher}{key:x}${cipher}"` }, { env: { ENCRYPT_KEY: key } })
    t.equal(settings.get('v'), plain)
  }
  const bad = { 'application.yml': 'db.password: "{cipher}00112233"' }
  await t.rejects(load(t, bad, { env: { ENCRYPT_KEY: 'pie' } }), { code: 'E_CONFIG_CIPHER', message: /^application\.yml:1: .*"db\.password"/ })
  const lenient = await load(t, bad, { args: { 'encrypt.key': 'pie', 'encrypt.fail-on-error': 'false' } })
  t.equal(lenient.get('db.password'), '', 'never the cipher itself')
  t.match((await load(t, bad)).warnings, [/stay encrypted.*db\.password/])
})

t.test('secrets are known by their names and taken out of addresses', async t => {
  for (const key of ['db.password', 'DB_PASSWD', 'jwt.secret-key', 'spring.cloud.config.token', 'encrypt.key', 'aws.accessKey', 'a.credentials.x',
    'tokens[0]', 'api-key', 'ssl.key-store-password', 'client-secret']) t.ok(isSecretKey(key), key)
  for (const key of ['server.port', 'eureka.client.service-url.defaultZone', 'keyboard.layout', 'spring.application.name']) t.notOk(isSecretKey(key), key)
  t.equal(maskValue('a.password', 'x'), '******')
  t.equal(maskValue('a', '{cipher}abc'), '******')
  t.equal(maskValue('u', 'http://u:p@h:1/x?a=b,https://token@h2/,http://h3/a@b'), 'http://******@h:1/x?a=b,https://******@h2/,http://h3/a@b')
  t.equal(maskValue('u', 'jdbc:postgresql://me:p@ss@db/x'), 'jdbc:postgresql://******@db/x')
})

t.test('misspelled settings are told with place and nearest name', async t => {
  const settings = await load(t, {
    'application.yml': 'breakwater:\n  gatway:\n    port: 1\n  gateway:\n    port: 1\n    hosts: [a]\n    limits: {x: 1}\n    free: {a: {b: c}}\n' +
      'eureka.client.fetch-registri: true\nother.thing: 1\n'
  }, { env: { BREAKWATER_SERVICE_HOST: '10.1.1.1' }, args: { 'breakwater.gateway.hostz': 'x' } })
  const known = ['breakwater.gateway.port', 'breakwater.gateway.hosts[*]', 'breakwater.gateway.limits.*', 'breakwater.gateway.free.**',
    'eureka.client.fetch-registry']
  t.throws(() => checkKeys(settings, { owned: ['breakwater'], known }), {
    code: 'E_CONFIG_KEY',
    message: 'command line: "breakwater.gateway.hostz" is no setting. Did you mean "breakwater.gateway.hosts"?\n' +
      'application.yml:3: "breakwater.gatway.port" is no setting. Did you mean "breakwater.gateway.port"?'
  })
  t.same(checkKeys(settings, { owned: ['breakwater.none'], shared: ['eureka'], known }),
    ['Spring\'s settings that have no effect here: eureka.client.fetch-registri (application.yml:9; did you mean "eureka.client.fetch-registry"?)'])
  t.same(checkKeys(settings, { owned: [], known, idle: { 'other.*': 'it is done by itself' } }),
    ['other.thing (application.yml:10) has no effect: it is done by itself'])
  t.same(checkKeys(settings, { owned: [], known }), [])
})

t.test('a section that no part of the platform has is warned of; the config client\'s own names are checked', async t => {
  const settings = await load(t, { 'application.yml': 'breakwater:\n  gatway.port: 1\n  gatway.host: x\n  gateway: {port: 1}\n  Kubernetes.mode: x\n  zzzzzzzz: 1' },
    { env: { BREAKWATER_PORT: 'tcp://10.0.0.1:80' } })
  t.same(settings.warnings, [
    'application.yml:2: no part of the platform has settings below "breakwater.gatway". Did you mean "breakwater.gateway"?',
    'application.yml:6: no part of the platform has settings below "breakwater.zzzzzzzz".'
  ])
  await t.rejects(load(t, { 'application.yml': 'a: 1\nbreakwater.config-client.poll-intervall: 1s' }), {
    code: 'E_CONFIG_KEY',
    message: 'application.yml:2: "breakwater.config-client.poll-intervall" is no setting. Did you mean "breakwater.config-client.poll-interval"?'
  })
})

t.test('remote sources stand where Spring Boot puts them', async t => {
  const asked: RemoteRequest[] = []
  const remote: RemoteConfig = {
    fetch: async request => {
      asked.push(request)
      return { profile: [source('r-dev', { a: 'r-dev' })], plain: [source('r', { a: 'r', b: 'r', c: 'r' })], warnings: ['odd'] }
    },
    watch: () => {},
    close: () => {}
  }
  const files = {
    'application.yml': 'spring.config.import: "optional:configserver:http://one,http://two?fail-fast=true"\na: 0\nb: 0\nc: 0\nd: 0',
    'application-dev.yml': 'a: dev\nb: dev'
  }
  const settings = await load(t, files, { profiles: ['dev'], remote })
  t.same(['a', 'b', 'c', 'd'].map(key => settings.get(key)), ['r-dev', 'dev', 'r', '0'])
  t.same(settings.sources.map(({ name }) => name), ['r-dev', 'application-dev.yml', 'r', 'application.yml', 'defaults'])
  t.same(settings.warnings, ['odd'])
  t.equal(asked.length, 1, 'asked once, when the profiles are known')
  t.match(asked[0], { location: 'http://one,http://two?fail-fast=true', optional: true, where: 'application.yml:1' })
  const given = await load(t, files, { profiles: ['dev'], remote, env: { SPRING_CONFIG_IMPORT: 'configserver:' } })
  t.equal(given.get('b'), 'r', 'an import given at the start wins over all files')
})
