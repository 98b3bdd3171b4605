/** By which names settings are found: as Spring Boot 4.0.5 answers for the same files, variables and arguments. */
import t from 'tap'
import type { Test } from 'tap'
import { loadSettings, Settings } from '../settings/index.ts'
import type { LoadOptions } from '../settings/index.ts'

interface Files { [name: string]: string | Files }

const load = async (test: Test, files: Files, options: Partial<LoadOptions> = {}): Promise<Settings> =>
  await loadSettings({ name: 'users', folder: test.testdir(files), watch: false, ...options })

/** What each text of a file comes to, in YAML and in properties. */
async function texts (
  test: Test, expected: Record<string, string>, env: Record<string, string>, more: string[] = []
): Promise<void> {
  const all = Object.keys(expected)
  const yaml = [...all.map((text, at) => `t${at}: ${JSON.stringify(text)}`), ...more].join('\n')
  const properties = [...all.map((text, at) => `t${at}=${text}`), ...more.map(line => line.replace(': ', '='))].join('\n')
  for (const files of [{ 'application.yml': yaml }, { 'application.properties': properties }] as Files[]) {
    const settings = await load(test, files, { env })
    test.same(Object.fromEntries(all.map((text, at) => [text, settings.get(`t${at}`)])), expected, Object.keys(files).join())
  }
}

const ENV = {
  GREETING_TEXT: 'hello', smtp_host: 'mx', SMTP_PORT: '25', Mail_User: 'ann', EMPTY_ONE: '', HOSTS_0: 'h0', INNER_REF: '${SMTP_PORT}',
  A_B_C: 'abc', OVER_RIDDEN: 'env', X__Y_: 'xy', 'dotted.name': 'dot'
}

t.test('a placeholder finds an environment variable wherever Spring finds it, and no default wins over it', async t => {
  await texts(t, {
    '${GREETING_TEXT}': 'hello', '${GREETING_TEXT:fallback}': 'hello', '${smtp_host:none}': 'mx', '${Mail_User:none}': 'ann',
    '${SMTP_Port:none}': '25', '${smtp_port:none}': '25', '${smtp.port:none}': '25', '${smtp-port:none}': '25', '${SMTP-PORT:none}': '25',
    '${SMTP.PORT:none}': '25', '${smtpPort:none}': 'none', '${SMTPPORT:none}': 'none', '${HOSTS_0:none}': 'h0', '${hosts[0]:none}': 'h0',
    '${hosts.0:none}': 'h0', '${EMPTY_ONE:none}': '', 'x${nope:${SMTP_PORT}}': 'x25', '${INNER_REF:none}': '25', '${A_B-C:none}': 'abc',
    '${a-b.c:none}': 'abc', '${X__Y_:none}': 'xy', '${X_Y:none}': 'none', '${x.y:none}': 'xy', '${dotted.name:none}': 'dot',
    '${MAIL_USER:none}': 'none', '${mail.user:none}': 'ann', '${GREETING_TEXT.x:none}': 'none'
  }, ENV)
})

t.test('names that are not in lower case with dashes stand for what is written just so', async t => {
  await texts(t, {
    '${fileKey:none}': 'file', '${file-key:none}': 'file', '${filekey:none}': 'file', '${FILE_KEY:none}': 'none', '${file_key:none}': 'none',
    '${over_ridden:none}': 'env', '${over.ridden:none}': 'env', '${maxSize:none}': 'none', '${max-size:none}': '1', '${a b:none}': 'none'
  }, ENV, ['fileKey: file', 'over_ridden: file', 'max-size: 1'])
  const own = await load(t, {
    'application.yml': 'db-password: ${DB_PASSWORD:none}\ndbUser: ${DB_USER:nobody}\n"a b": 5\nref: "${a b} ${A B:no}"'
  })
  t.same([own.get('db-password'), own.get('dbUser'), own.get('ref')], ['none', 'nobody', '5 no'], 'a key does not find itself')
  const set = await load(t, { 'application.yml': 'maxSize: file\na: ${maxSize}\nb: ${max-size}' }, { args: { 'max-size': 'line' } })
  t.same([set.get('a'), set.get('b'), set.string('maxSize')], ['file', 'line', 'line'], 'as written, or the name that is meant')
})

t.test('variables resolve in arguments, JSON, imports, profiles and file names', async t => {
  const files = {
    'application.yml': 'spring.config.import: "file:${EXTRA_CONF:a.yml}"\nspring.profiles.active: ${RUN_AS:green}\nv: ${DB_PASS:no}',
    'svc.yml': 'n: svc', 'a.yml': 'k: a', 'b.yml': 'k: b', 'application-blue.yml': 'p: "${DB_PASS}"\nl: ["${DB_PASS:x}", "${DB_PASS}"]',
    'application-green.yml': 'p: green'
  }
  const env = {
    EXTRA_CONF: 'b.yml', RUN_AS: 'blue', DB_PASS: 'pw', SPRING_CONFIG_NAME: 'application,${OTHER_NAME:none}', OTHER_NAME: 'svc',
    SPRING_APPLICATION_JSON: '{"j":["${DB_PASS:x}"],"o":{"p":"${DB_PASS:x}"}}'
  }
  const settings = await load(t, files, { env, args: { w: '${DB_PASS:1}' } })
  t.same(settings.profiles, ['blue'])
  t.same(['k', 'p', 'v', 'w', 'n', 'o.p'].map(key => settings.get(key)), ['b', 'pw', 'pw', 'pw', 'svc', 'pw'])
  t.same([settings.list('l'), settings.list('j'), settings.map('o'), settings.tree('o')], [['pw', 'pw'], ['pw'], { p: 'pw' }, { p: 'pw' }])
})

t.test('a variable is found by its own name, and sources above the environment still win', async t => {
  const env = { SMTP_PORT: '25', SMTP_HOST: 'env', NODE_COMPILE_CACHE: '/cache' }
  const settings = await load(t, { 'application.yml': 'SMTP_HOST: file' }, { env, args: { SMTP_PORT: '1', 'smtp.host': 'line' } })
  t.same(['SMTP_PORT', 'smtp.port', 'smtp.host', 'SMTP_HOST', 'NODE_COMPILE_CACHE'].map(key => settings.get(key)),
    ['1', '25', 'line', 'env', '/cache'])
  t.equal(settings.origin('SMTP_HOST'), 'env SMTP_HOST')
  t.equal(settings.property('SMTP_PORT')?.value.text, '1')
})

t.test('a variable beside a dashed key: the form without dashes wins, wherever it stands', async t => {
  for (const names of [['APP_MAXSIZE', 'APP_MAX_SIZE'], ['APP_MAX_SIZE', 'APP_MAXSIZE']]) {
    const env = Object.fromEntries(names.map(name => [name, name === 'APP_MAXSIZE' ? '4MB' : '5MB']))
    const settings = await load(t, { 'application.yml': 'app.max-size: 1MB' }, { env })
    t.equal(settings.bytes('app.max-size'), 4 * 1024 * 1024)
    t.equal((await load(t, {}, { env })).bytes('app.max-size'), 4 * 1024 * 1024)
    t.equal(settings.get('app.max.size'), '5MB')
  }
  const settings = await load(t, { 'application.yml': 'app: {time-out: 1, first_name: 1}' }, { env: { APP_TIME_OUT: '2', APP_FIRST_NAME: '2' } })
  t.same(settings.map('app'), { 'time-out': '2', 'time.out': '2', 'first_name': '2', 'first.name': '2' })
  t.same(settings.tree('app'), { 'time-out': '2', 'first_name': '2' }, 'a tree is read by what the file has')
  t.same([settings.integer('app.time-out'), settings.get('app.first_name')], [2, '2'])
  const exact = await load(t, { 'application.yml': 'app.first_name: 1' }, { env: { APP_FIRSTNAME: '2' } })
  t.same([exact.get('app.first_name'), exact.get('app.firstname'), exact.string('app.first_name')], ['1', '2', '2'])
})

t.test('maps have what is in brackets without them, whoever sets it', async t => {
  const settings = await load(t, {
    'application.yml': 'app: {labels: {"[v1.2]": x, "[a b]": y, plain: z}}\nm: {"[team]": 1, "[Up]": 2, "[a-b]": 3, "[c]": {d: 4}}',
    'application.properties': 'labels[team/name]=blue\nlabels[z].w=2\nlabels[q.r].s[t]=3\nlabels[x][y]=1'
  }, { args: { 'labels[p.q]': '2' } })
  t.same(settings.map('app.labels'), { 'v1.2': 'x', 'a b': 'y', 'plain': 'z' })
  t.same(settings.map('labels'), { 'team/name': 'blue', 'z.w': '2', 'q.r.s.t': '3', 'x.y': '1', 'p.q': '2' })
  t.same(settings.tree('app'), { labels: { 'v1.2': 'x', 'a b': 'y', 'plain': 'z' } })
  t.same(settings.keys('app'), ['app.labels[v1.2]', 'app.labels[a b]', 'app.labels.plain'], 'keys can be asked for as they are')
  t.same(['m.team', 'm[team]', 'm[Up]', 'm.up', 'm.a-b', 'm.c.d', 'm[c][d]', 'labels.p.q'].map(key => settings.get(key)),
    ['1', '1', '2', undefined, undefined, '4', '4', undefined])
  const over = await load(t, { 'application.yml': 'app.labels: {"[p.q]": 1, "[Team]": 2, "[x-y]": 3}' },
    { env: { APP_LABELS_P_Q: '9', APP_LABELS_TEAM: '8', APP_LABELS_X_Y: '7' } })
  t.same(over.map('app.labels'), { 'p.q': '9', 'team': '8', 'x.y': '7', 'Team': '8', 'x-y': '7' })
  t.same(['p.q', 'Team', 'x-y'].map(name => over.get(`app.labels[${name}]`)), ['1', '8', '7'])
})

t.test('outside brackets only the letters, digits and -_. of ASCII count', async t => {
  const settings = await load(t, {
    'application.yml': 'app: {"team/name": 1, "two words": 2, $n: 3, straße: 4, "x[y]": 5, "[]": 6, a_b: 7, ü: 8, "-d": 9, "[a]b": 10}'
  })
  const expected = { 'teamname': 1, 'twowords': 2, 'n': 3, 'strae': 4, 'a_b': 7, 'd': 9 }
  t.same(settings.map('app'), { ...mapValues(expected, String), 'x.y': '5', 'a.b': '10' })
  t.same(settings.tree('app'), { ...expected, x: { y: 5 }, a: { b: 10 } })
  t.same(['app.team/name', 'app.teamname', 'app.$n', 'app.x[y]', 'app.x.y', 'app.straße', 'app.ü'].map(key => settings.get(key)),
    ['1', '1', '3', '5', '5', '4', '8'])
})

const mapValues = (object: Record<string, number>, map: (value: number) => string) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))

t.test('of equal names each is what is written, and the dashed one in small letters is meant', async t => {
  for (const m of ['Up: 1, up: 2, one-two: 3, oneTwo: 4', 'oneTwo: 4, one-two: 3, up: 2, Up: 1']) {
    const settings = await load(t, { 'application.yml': `m: {${m}}` })
    t.same(['m.Up', 'm.up', 'm.one-two', 'm.oneTwo', 'm.onetwo'].map(key => settings.get(key)), ['1', '2', '3', '4', '3'])
    t.same(settings.map('m'), { 'Up': '2', 'up': '2', 'one-two': '3', 'oneTwo': '3' }, 'all names, one value')
  }
  const first = await load(t, { 'application.properties': 'm.Aa=1\nm.AA=2' })
  t.same([first.get('m.aa'), first.get('m.Aa'), first.get('m.AA'), first.map('m')], ['1', '1', '2', { Aa: '1', AA: '1' }])
})

t.test('a key with an empty end is only found as it is written', async t => {
  const settings = await load(t, { 'application.yml': '"b.": 1\n".c": 2\n"d..e": 3\nf: {"": 4}' })
  t.same(['b', 'b.', 'c', '.c', 'd.e', 'd..e', 'f', 'f.'].map(key => settings.get(key)),
    [undefined, '1', undefined, '2', '3', '3', undefined, '4'])
})

t.test('lists: all from the highest source, single items from any; variables with either form', async t => {
  const settings = await load(t, { 'application.yml': 'l: [a, b, c]\nr: "${l[2]}"\napp: {my-sites: [a, b], sites: [a, b]}' }, {
    args: { 'l[0]': 'x' }, env: { APP_SITES_0: 's', APP_MY_SITES_0: 'x', APP_MY_SITES_1: 'y', APP_MY_SITES_2: 'z', APP_MYSITES_0: 'q' }
  })
  t.same([settings.list('l'), settings.list('app.sites'), settings.list('app.my-sites')], [['x'], ['s'], ['q', 'y', 'z']])
  t.same(['l[2]', 'r', 'l[0]', 'app.sites[1]', 'app.my-sites[2]'].map(key => settings.get(key)), ['c', 'c', 'x', 'b', 'z'])
  t.same(settings.tree('app'), { 'my-sites': ['q', 'y', 'z'], 'sites': ['s'] })
})

t.test('a value and what is below it: the higher source decides what the tree has', async t => {
  const over = await load(t, { 'application.yml': 'app.x.y: 1' }, { env: { APP_X: '5' } })
  t.same([over.tree('app'), over.get('app.x.y')], [{ x: '5' }, '1'])
  const under = await load(t, { 'application.yml': 'app.x: 5' }, { env: { APP_X_Y: '1' } })
  t.same([under.tree('app'), under.get('app.x')], [{ x: { y: '1' } }, '5'])
})

t.test('numbers: what YAML and JSON have as one, in the form that Java gives it', async t => {
  const env = { SPRING_APPLICATION_JSON: '{"r":2.50,"s":1e2,"t":12345678901234567890,"y":1E400,"n":null,"l":[null,1],"w":123456789012.5,"z":[-0,-0.0]}' }
  const settings = await load(t, { 'application.yml': 'a: 3.0\nb: 2e2\nc: 3.7\nd: "3.0"\ne: .inf\nn: low\nx: "  "' }, { env })
  t.same(['r', 's', 't', 'y', 'n', 'l[0]', 'l[1]', 'w'].map(key => settings.get(key)),
    ['2.5', '100.0', '12345678901234567890', 'Infinity', 'low', undefined, '1', '1.234567890125E11'], 'a null sets nothing')
  t.same(['z[0]', 'z[1]'].map(key => settings.get(key)), ['0', '-0.0'], 'of whole numbers there is one zero')
  t.same(['a', 'b', 's'].map(key => settings.integer(key)), [3, 200, 100])
  for (const key of ['c', 'd', 'e', 'y']) t.throws(() => settings.integer(key), { code: 'E_SETTING_TYPE' }, key)
  t.throws(() => settings.number('e'), { code: 'E_SETTING_TYPE' }, 'what is not finite is no number of a setting')
  t.same([settings.string('e'), settings.tree('e'), settings.boolean('x', true), settings.list('x')], ['Infinity', 'Infinity', true, ['']])
})

t.test('members of a section are known by their name and asked for by their key', async t => {
  const settings = await load(t, { 'application.yml': 'a.per-service: {users: {x: 1}, "[user.service]": {x: 2}, l: [1, 2], "$n": 3}' },
    { env: { A_PERSERVICE_USERS_Y: '4' } })
  const members = settings.members('a.per-service')
  t.same([...members.keys()], ['users', 'user.service', 'l', '$n'])
  t.same(['users', 'user.service'].map(name => settings.get(`${members.get(name)}.x`)), ['1', '2'])
  t.same([...settings.members('a.per-service.l').values()], ['a.per-service.l[0]', 'a.per-service.l[1]'])
  t.same(settings.members('none'), new Map())
})

t.test('a change that comes while a reading is under way is read by the refresh that it causes', async t => {
  const stateOf = (value: string) => ({
    profiles: [], warnings: [],
    sources: [{ name: 'f', properties: new Map([['k', { value: { kind: 'string', text: value }, origin: { source: 'f' } } as const]]) }]
  })
  let current = 'one'
  const held: Array<() => void> = []
  const settings = new Settings(stateOf('zero'), {
    reload: async () => {
      const read = current
      await new Promise<void>(resolve => held.push(resolve))
      return stateOf(read)
    },
    close: () => {}
  })
  const first = settings.refresh()
  current = 'two'
  const [second, third] = [settings.refresh(), settings.refresh()]
  held.shift()?.()
  t.same([await first, settings.get('k')], [['k'], 'one'])
  await new Promise(resolve => setImmediate(resolve))
  held.shift()?.()
  t.same([await second, await third, settings.get('k'), held.length], [['k'], ['k'], 'two', 0], 'one more reading for both')
})
