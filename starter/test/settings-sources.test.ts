/** Which files, documents and variables count, as Spring Boot 4.0.5 answers for the same folder. */
import t from 'tap'
import type { Test } from 'tap'
import { parseCommandLine } from '../command-line.ts'
import { loadSettings } from '../settings/index.ts'
import type { LoadOptions, Settings } from '../settings/index.ts'

interface Files { [name: string]: string | Files }

const load = async (test: Test, files: Files, options: Partial<LoadOptions> = {}): Promise<Settings> =>
  await loadSettings({ name: 'users', folder: test.testdir(files), watch: false, ...options })

t.test('what a config tree holds is literal, to the last line end but a single one', async t => {
  const sec = {
    q: '${SMTP_PORT:9}', pw: 'ab${c}', nl: 'line\n\n\n', one: 'x\n', cr: 'x\r\n', mid: 'a\nb\n', esc: '\\${a}', list: '${a:1},${b:2}'
  }
  const settings = await load(t, {
    'application.yml': 'spring.config.import: "configtree:sec/"\nref: "<${pw}>"\nover: "${q:none} ${esc}"\nspring.profiles.active: ${nl:x}x', sec
  }, { profiles: ['default'] })
  t.same(Object.keys(sec).map(key => settings.get(key)),
    ['${SMTP_PORT:9}', 'ab${c}', 'line\n\n\n', 'x', 'x', 'a\nb\n', '\\${a}', '${a:1},${b:2}'])
  t.same([settings.get('ref'), settings.get('over'), settings.string('pw')], ['<ab${c}>', '${SMTP_PORT:9} \\${a}', 'ab${c}'])
  t.same([settings.list('list'), settings.map('')['pw'], (settings.tree('') as { q: string }).q],
    [['${a:1}', '${b:2}'], 'ab${c}', '${SMTP_PORT:9}'])
  for (const location of ['configtree:sec', 'optional:configtree:sec', 'optional:configtree:none']) {
    await t.rejects(load(t, { 'application.yml': `spring.config.import: "${location}"`, sec }),
      { code: 'E_CONFIG_LOCATION', message: /ends in "\/"/ }, location)
  }
})

t.test('profiles: the group of the default, includes, and what wins', async t => {
  const cases: [text: string, profiles: string[]][] = [
    ['spring.profiles.group.default: [local, debug]', ['default', 'local', 'debug']],
    ['spring.profiles.default: base\nspring.profiles.group.base: [local, debug]', ['base', 'local', 'debug']],
    ['spring.profiles.group.default: [local, default]\nspring.profiles.group.local: z', ['default', 'local', 'z']],
    ['spring.profiles.include: inc\nspring.profiles.default: y', ['inc']],
    ['spring.profiles.group.default: [local]\nspring.profiles.active: x\nspring.profiles.default: y', ['x']],
    ['spring.profiles.include: [i]\nspring.profiles.active: [a, b]\nspring.profiles.group: {i: gi, a: ga, ga: gg}', ['i', 'gi', 'a', 'ga', 'gg', 'b']]
  ]
  for (const [text, profiles] of cases) t.same((await load(t, { 'application.yml': text })).profiles, profiles, text)
})

t.test('profiles named in the file of a profile stop the start with file and line', async t => {
  const keys = ['active', 'include', 'default', 'Active'].flatMap(name => [`spring.profiles.${name}`, `spring.profiles.${name}[0]`])
  for (const key of keys) {
    for (const [file, options] of [['blue', { profiles: ['blue'] }], ['default', {}]] as const) {
      await t.rejects(load(t, { [`application-${file}.properties`]: `a=1\n${key}=green` }, options),
        { code: 'E_CONFIG_MISPLACED', message: new RegExp(`^application-${file}\\.properties:2: .*Move it to application\\.yml`) }, key)
    }
  }
  for (const text of ['spring.profiles.default: green', 'spring.profiles.include: [green]', 'spring: {profiles: {active: [green]}}']) {
    await t.rejects(load(t, { 'application-blue.yml': text }, { profiles: ['blue'] }), { code: 'E_CONFIG_MISPLACED' }, text)
    await t.rejects(load(t, { 'application.yml': 'spring.config.import: other.yml', 'other.yml': '', 'other-blue.yml': text }, { profiles: ['blue'] }),
      { code: 'E_CONFIG_MISPLACED', message: /^other-blue\.yml:1/ }, `imported ${text}`)
  }
  const fine = await load(t, {
    'application-blue.yml': 'spring: {config: {import: o.yml, activate.on-profile: blue}, profiles.group.blue: green}', 'o.yml': 'k: 1'
  }, { profiles: ['blue'] })
  t.same([fine.profiles, fine.get('k')], [['blue'], '1'], 'imports, groups and conditions are no fault')
})

t.test('the old spelling of a condition is refused wherever it stands', async t => {
  for (const text of ['spring.profiles: blue', 'spring: {profiles: [blue]}', 'spring.profiles:', 'a: 1\n---\nspring.profiles: blue']) {
    await t.rejects(load(t, { 'application.yml': text }), { code: 'E_CONFIG_MISPLACED', message: /application\.yml.*spring\.config\.activate\.on-profile/ }, text)
  }
  await t.rejects(load(t, { 'application-blue.properties': 'spring.profiles[0]=x' }, { profiles: ['blue'] }), { code: 'E_CONFIG_MISPLACED' })
  await t.rejects(load(t, {}, { args: { 'spring.profiles': 'blue' } }), { code: 'E_CONFIG_MISPLACED', message: /^command line/ })
  await t.rejects(load(t, {}, { env: { SPRING_PROFILES: 'blue' } }), { code: 'E_CONFIG_MISPLACED', message: /^env SPRING_PROFILES/ })
})

t.test('profiles in a document with a condition', async t => {
  for (const on of ['on-profile: "!red"', 'on-profile: blue', 'on-cloud-platform: kubernetes']) {
    const file = (line: string) => ({ 'application.yml': `k: 0\n---\nspring.config.activate.${on}\n${line}\nk: 1` })
    for (const include of ['spring.profiles.include: green', 'spring.profiles.include: [green]']) {
      for (const options of [{}, { profiles: ['blue'] }]) {
        await t.rejects(load(t, file(include), options), { code: 'E_CONFIG_MISPLACED', message: /^application\.yml:4: / }, `${on} ${include}`)
      }
    }
    for (const key of ['active', 'default']) {
      t.same((await load(t, file(`spring.profiles.${key}: green`))).profiles, ['green'], `${on}: ${key} is taken`)
      t.same((await load(t, file(`spring.profiles.${key}: green`), { profiles: ['blue'] })).profiles, ['blue'], 'unless somebody asks')
    }
    t.same((await load(t, file('spring.profiles.group.blue: green'), { args: { 'spring.profiles.active': 'blue' } })).profiles, ['blue', 'green'])
  }
  const counts = await load(t, { 'application.yml': 'spring.config.activate.on-cloud-platform: none\nspring.profiles.include: green' })
  t.same(counts.profiles, ['green'], 'a condition that holds already is none')
})

t.test('the platform is told by the variables that Spring looks at', async t => {
  const names = ['heroku', 'cloud-foundry', 'sap', 'nomad', 'azure-app-service', 'kubernetes', 'none']
  const file = { 'application.yml': names.map(name => `spring.config.activate.on-cloud-platform: ${name}\nk: ${name}`).join('\n---\n') }
  const azure = { WEBSITE_SITE_NAME: 'a', WEBSITE_INSTANCE_ID: 'b', WEBSITE_RESOURCE_GROUP: 'c' }
  const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }
  const cases: [env: Record<string, string>, name: string][] = [
    [{}, 'none'], [{ DYNO: '' }, 'heroku'], [{ VCAP_SERVICES: '{}', DYNO: '1' }, 'cloud-foundry'], [{ VCAP_APPLICATION: '{}' }, 'cloud-foundry'],
    [{ HC_LANDSCAPE: 'x', NOMAD_ALLOC_ID: '1' }, 'sap'], [{ HC_LANDSCAPE: 'x', DYNO: '1' }, 'heroku'], [{ NOMAD_ALLOC_ID: '1' }, 'nomad'],
    [azure, 'none'], [{ ...azure, WEBSITE_SKU: 'd' }, 'azure-app-service'], [{ ...azure, ...pod, WEBSITE_SKU: 'd' }, 'kubernetes'],
    [pod, 'kubernetes'], [{ KUBERNETES_SERVICE_HOST: 'a' }, 'none'], [{ X_SERVICE_HOST: 'a', X_SERVICE_PORT: '1' }, 'kubernetes'],
    [{ X_SERVICE_HOST: 'a', Y_SERVICE_PORT: '1' }, 'none'], [{ ...pod, DYNO: '1' }, 'heroku'],
    [{ DYNO: '1', SPRING_MAIN_CLOUDPLATFORM: 'SAP' }, 'sap'], [{ DYNO: '1', SPRING_MAIN_CLOUD_PLATFORM: 'Cloud_Foundry' }, 'cloud-foundry'],
    [{ DYNO: '1', SPRING_MAIN_CLOUDPLATFORM: 'cloud-foundry' }, 'none'], [{ DYNO: '1', SPRING_MAIN_CLOUDPLATFORM: 'none' }, 'none']
  ]
  for (const [env, name] of cases) t.equal((await load(t, file, { env })).get('k'), name, JSON.stringify(env))
  for (const [text, k] of [['HEROKU', '1'], ['Heroku', '1'], ['""', '1'], ['sap', '0']] as const) {
    const settings = await load(t, { 'application.yml': `k: 0\n---\nspring.config.activate.on-cloud-platform: ${text}\nk: 1` }, { env: { DYNO: '1' } })
    t.equal(settings.get('k'), k, text)
  }
  for (const text of ['aws', 'k8s', '"a,b"']) {
    await t.rejects(load(t, { 'application.yml': `k: 0\nspring.config.activate.on-cloud-platform: ${text}` }),
      { code: 'E_CONFIG_PLATFORM', message: /^application\.yml:2: .*kubernetes/ }, text)
  }
})

t.test('imports: hints, groups, variables, and what nothing here reads', async t => {
  const files = {
    'conf': 'k: conf', 'conf-x': 'k: x', 'conf-x.yml': 'k: wrong', 'one.yml': 'k: one\nj: one', 'two.yml': 'k: two', 'one-x.yml': 'k: one-x',
    'd': { 'application.yml': 'k: d\nj: d' }, 'e': { 'application.yml': 'k: e' }
  }
  const env = { SOME_VAR: 'k=some\nj=${k}', YAML_VAR: 'k: yaml\nj: {x: 1}', BROKEN: 'geheim: [' }
  const imported = async (location: string, more = '') =>
    await load(t, { ...files, 'application.yml': `k: 0\nj: 0\nspring.config.import: "${location}"\n${more}` }, { env })
  const cases: [location: string, k: string, j: string | undefined, more?: string][] = [
    ['file:conf[.yml]', 'conf', '0'], ['conf[.yml]', 'conf', '0'], ['conf[.properties]', 'conf', '0'], ['optional:none[.yml]', '0', '0'],
    ['one.yml;two.yml', 'two', 'one'], ['file:d/;file:e/', 'e', 'd'], ['one.yml; optional:none.yml', 'one', 'one'], ['env:SOME_VAR', 'some', 'some'],
    ['env:SOME_VAR[.properties]', 'some', 'some'], ['optional:env:NO_VAR', '0', '0'], ['conf[.yml]', 'x', '0', 'spring.profiles.active: x'],
    ['one.yml;two.yml', 'one-x', 'one', 'spring.profiles.active: x'], ['one.yml,two.yml', 'one-x', 'one', 'spring.profiles.active: x']
  ]
  for (const [location, k, j, more] of cases) {
    const settings = await imported(location, more)
    t.same([settings.get('k'), settings.get('j')], [k, j], location)
  }
  t.equal((await imported('env:YAML_VAR[.yml]')).get('j.x'), '1')
  t.equal((await imported('env:SOME_VAR')).origin('k'), 'env SOME_VAR:1')
  for (const location of ['optional:vault:x', 'optional:consulish', 'optional:file:conf']) {
    const settings = await imported(location)
    t.same([settings.get('k'), settings.warnings.length], ['0', 1], location)
    t.match(settings.warnings[0], `application.yml:3: "${location}" is passed over`)
  }
  for (const location of ['vault:x', 'env:NO_VAR', 'env:SOME_VAR[.txt]', 'none[.yml]', 'conf[.txt]', 'optional:none.yml;none.yml']) {
    await t.rejects(imported(location), { code: 'E_CONFIG_LOCATION', message: /^application\.yml:3/ }, location)
  }
  await t.rejects(imported('env:BROKEN[.yml]'), { code: 'E_CONFIG_YAML', message: /^env BROKEN:1(?!.*geheim)/ })
})

t.test('spring.config.on-not-found: ignore passes over what is not there', async t => {
  const file = (more = '') => ({ 'application.yml': `k: 0\nspring.config.import: [none.yml, "file:none/", "configtree:none/", "env:NONE"]${more}` })
  for (const env of [{ SPRING_CONFIG_ONNOTFOUND: 'ignore' }, { SPRING_CONFIG_ON_NOT_FOUND: 'IGNORE' }]) {
    t.equal((await load(t, file(), { env })).get('k'), '0')
  }
  t.equal((await load(t, {}, { args: { 'spring.config.on-not-found': 'ignore', 'spring.config.additional-location': 'file:none/' } })).get('k'), undefined)
  await t.rejects(load(t, file('\nspring.config.on-not-found: ignore')), { code: 'E_CONFIG_LOCATION' }, 'files are too late to say so')
  await t.rejects(load(t, file(), { args: { 'spring.config.on-not-found': 'other' } }), { code: 'E_SETTING_TYPE', message: /ignore or fail/ })
})

t.test('bytes: marks of the byte order, and what is no text', async t => {
  const utf16 = Buffer.from('a: ü\n', 'utf16le')
  const files: [bytes: Buffer, a: string][] = [
    [Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]), 'ü'], [Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]), 'ü'],
    [Buffer.from('\ufeffa: ü'), 'ü'], [Buffer.from('a: ü'), 'ü']
  ]
  for (const [bytes, a] of files) t.equal((await load(t, { 'application.yml': bytes as unknown as string })).get('a'), a, bytes.toString('hex'))
  for (const bytes of ['a: 1\nb: \xfc\n', 'a: 1\nb: \xed\xa0\x80', 'a: 1\nb: \xff\xfe']) {
    await t.rejects(load(t, { 'application.yml': Buffer.from(bytes, 'latin1') as unknown as string }),
      { code: 'E_CONFIG_YAML', message: /^application\.yml:2: the file is no UTF-8/ })
  }
  const marked = await load(t, { 'application.properties': Buffer.from('\xef\xbb\xbfa=1\nb=\xfc', 'latin1') as unknown as string })
  t.same([marked.get('a'), marked.get('b')], ['1', 'ü'])
  const binary = await load(t, { 'application.yml': 'k: !!binary aGk=' })
  t.same([binary.get('k'), binary.warnings.length], ['aGk=', 1])
  t.match(binary.warnings[0], /^application\.yml:1: "k" is read as Base64/)
})

t.test('an argument that is given more than once has all its values', async t => {
  const { settings } = parseCommandLine(['--v=red', '--v=blue', '--v=red', '--w=1', '--toString=x'])
  t.same({ ...settings }, { v: 'red,blue,red', w: '1', toString: 'x' })
  t.same((await load(t, {}, { args: settings })).list('v'), ['red', 'blue', 'red'])
})
