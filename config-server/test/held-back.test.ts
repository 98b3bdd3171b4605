/** What is served while files are broken: their own last good state, or an error that says so; never a part. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createConfigServer, NATIVE_DEFAULTS, REPOSITORY_DEFAULTS, type BackendOptions } from '../index.ts'
import { commitAll, startGit, workTree, type WorkTree } from './git-support.ts'
import { ask, eventually, folder, listLogger, startNative, write, type Teardown } from './support.ts'

const webhook = { unsigned: true, disabled: new Set<string>() }
const SCHEMA = JSON.stringify({ required: ['m'], properties: { m: { type: 'integer', maximum: 9 } } })

async function fetchNow (url: string): Promise<void> {
  const answer = await ask(url, '/monitor', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  if (answer.status !== 200) throw new Error(`the webhook says ${answer.status}`)
}

const errorOf = async (url: string): Promise<string> =>
  (await ask(url, '/actuator/health')).json.components.configServer.details.error ?? ''
const metricOf = async (url: string): Promise<string | undefined> =>
  /^config_server_held_back\S* (\d+)$/m.exec((await ask(url, '/actuator/prometheus')).text)?.[1]

/** Commits of other teams: they touch nothing of `svc`. */
function others (tree: WorkTree, count: number): string {
  return commitAll(tree, Array.from({ length: count }, (_, i) => ({ [`team/other${i % 7}.yml`]: `n: ${i}`, 'README.md': `${i}` })))
}

/** Everything that may be wrong with an application, as endings and contents of its files. */
const FAULTS: Record<string, Record<string, string | Buffer>> = {
  'YAML': { '.yml': 'm: 1\n bad: [\n' },
  'a key twice': { '.yml': 'm: 1\nm: 2\n' },
  'properties': { '.properties': 'm=\\u00zz\n' },
  'XML': { '.xml': '<properties><entry' },
  'too many keys': { '.yml': Array.from({ length: 101 }, (_, i) => `k${i}: 1`).join('\n') },
  'too many bytes': { '.yml': `m: ${'x'.repeat(5_000)}` },
  'a key that was abolished': { '.yml': 'm: 1\nspring.profiles: dev\n' },
  'an include in a profile file': { '-dev.yml': 'spring.profiles.include: more\n' },
  'a profile expression': { '.yml': 'm: 1\n---\nspring.config.activate.on-profile: "(dev"\nm: 2\n' },
  'a value over its maximum': { '.yml': 'm: 10\n' },
  'a value that is missing': { '.yml': 'other: 1\n' },
  'a key that has no place in a tree': { '.yml': 'm: 1\n"a..b": 1\n' },
  'a schema that is none': { '.schema.json': '{"type": 7}' },
  'a schema that is no JSON': { '.schema.json': '{' },
  'a schema that is too large': { '.schema.json': `{"title":"${'x'.repeat(5_000)}"}` }
}
const GOOD = {
  '.yml': 'm: 1\n', '-dev.yml': 'd: 1', '.properties': 'p=1', '.schema.json': SCHEMA, '.xml': '<properties><entry key="x">1</entry></properties>'
}
const filesOf = (name: string, endings: Record<string, string | Buffer>) =>
  Object.fromEntries(Object.entries(endings).map(([ending, content]) => [name + ending, content]))

t.test('whatever is wrong with the files, their last good state is served, however many commits came since', async t => {
  const all = Object.entries(FAULTS).map(([what, files], index) => ({ what, files, name: `svc${String.fromCharCode(97 + index)}` }))
  const tree = await workTree(t, Object.assign({ 'application.yml': 'shared: 1', 'other.yml': 'o: 1' },
    ...all.map(({ name }) => filesOf(name, GOOD))))
  others(tree, 2)
  const good = tree.git('rev-parse', 'HEAD')
  await tree.commit(Object.assign({}, ...all.map(({ name, files }) => filesOf(name, files))))
  others(tree, 3)
  const limits = { maxFileBytes: 4_000, maxPlainFileBytes: 4_000 }
  const start = async () => startGit(t, { uri: tree.root, ...limits }, { maxKeys: 100, ...limits })
  const { url } = await start()
  for (const { what, name } of all) {
    const { status, json } = await ask(url, `/${name}/dev`)
    t.equal(status, 200, what)
    t.equal(json.version, good, `${what}: the youngest good commit`)
    t.equal((await ask(url, `/${name}-dev.json`)).json.m, 1, `${what}: in the flat forms`)
    t.equal((await ask(url, '/other/dev')).json.version, tree.git('rev-parse', 'HEAD'), `${what}: others have the newest`)
  }
  t.equal(await metricOf(url), String(all.length), 'all of them are counted')
  const own = await start()
  for (const { what, name } of all.slice(0, 10)) {
    await ask(own.url, `/${name}/dev`)
    t.match(await errorOf(own.url), new RegExp(`${name}/dev: .*${name}[.-]`), `${what}: health names the file`)
  }
})

t.test('a good state is found however far back it lies, and looked for once', async t => {
  const tree = await workTree(t, { 'svc.yml': 'm: 1\n', 'application.yml': 'a: 1' })
  commitAll(tree, Array.from({ length: 300 }, (_, i) => ({ 'svc.yml': `m: ${i}\n bad: [\n` })))
  others(tree, 2_000)
  const { log, lines } = listLogger()
  const { url } = await startGit(t, { uri: tree.root }, { webhook }, { log })
  t.equal((await ask(url, '/svc-x.json')).json.m, 1, 'three hundred broken states and two thousand commits of others back')
  for (let i = 0; i < 3; i++) {
    const next = others(tree, 1)
    await fetchNow(url)
    await eventually('others have it', async () => (await ask(url, '/other0/x')).json.version === next)
    t.equal((await ask(url, '/svc-x.json')).json.m, 1)
  }
  t.equal(lines.filter(line => line.includes('held back')).length, 1, 'told once')
  t.equal(await metricOf(url), '1')
  await tree.commit({ 'svc.yml': 'm: 99' })
  await fetchNow(url)
  await eventually('health is well without a question', async () => await errorOf(url) === '')
  t.equal(await metricOf(url), '0')
  t.equal((await ask(url, '/svc-x.json')).json.m, 99)
})

t.test('what broke with its first commit is an error, and never left out', async t => {
  const first: Record<string, [string, Record<string, string>]> = {
    'a new application': ['/newapp/default', { 'newapp.yml': 'db: prod\n bad: [' }],
    'its profile': ['/svc/dev', { 'svc-dev.yml': 'db: [' }],
    'another format': ['/svc/default', { 'svc.properties': 'a=\\uzzzz' }],
    'a search path': ['/svc/default', { 'sub/svc.yml': 'db: [' }],
    'one for all applications': ['/any/default', { 'application-default.yml': 'a: [' }],
    'a schema and values that break it': ['/newapp/default', { 'newapp.yml': 'm: 10', 'newapp.schema.json': SCHEMA }],
    'a schema and no value': ['/newapp/default', { 'newapp.yml': 'x: 10', 'newapp.schema.json': SCHEMA }],
    'a profile that breaks the schema': ['/kept/dev', { 'kept-dev.yml': 'm: 10' }]
  }
  for (const [what, [path, files]] of Object.entries(first)) {
    const tree = await workTree(t, {
      'application.yml': 'db: shared', 'svc.yml': 'm: 1', 'sub/keep.yml': 'a: 1', 'kept.yml': 'm: 1', 'kept.schema.json': SCHEMA
    })
    await tree.commit(files)
    others(tree, 2)
    const { url } = await startGit(t, { uri: tree.root, searchPaths: ['sub'] }, { webhook })
    const { status, json } = await ask(url, path)
    t.equal(status, 500, what)
    t.match(json.message, /No earlier state/, `${what}: and it is said why`)
    for (const name of Object.keys(files)) await rm(join(tree.root, name))
    const repaired = await tree.commit({})
    await fetchNow(url)
    await eventually(`${what}: taken back`, async () => (await ask(url, path)).json.version === repaired)
  }
})

t.test('a partial repair serves what is right', async t => {
  const tree = await workTree(t, { 'svc.yml': 'm: 1', 'svc-dev.yml': 'd: 1', 'svc-qa.yml': 'q: 1' })
  const good = tree.git('rev-parse', 'HEAD')
  await tree.commit({ 'svc.yml': 'm: [', 'svc-dev.yml': 'd: [' })
  const half = await tree.commit({ 'svc.yml': 'm: 3' })
  const { url } = await startGit(t, { uri: tree.root })
  t.equal((await ask(url, '/svc/qa')).json.version, half)
  t.equal((await ask(url, '/svc/dev')).json.version, good)
  t.strictSame((await ask(url, '/svc-dev.json')).json, { m: 1, d: 1 }, 'one state, not a mixture of two')
})

t.test('several labels: each goes back on its own line', async t => {
  const tree = await workTree(t, { 'svc.yml': 'm: 1\nfrom: base' })
  tree.git('checkout', '-q', '-b', 'b')
  const b = await tree.commit({ 'svc.yml': 'm: 2\nfrom: b' })
  await tree.commit({ 'svc.yml': 'm: [' })
  tree.git('checkout', '-q', 'main')
  const main = await tree.commit({ 'application.yml': 'new: 1' })
  const { url } = await startGit(t, { uri: tree.root })
  t.equal((await ask(url, '/svc/dev/main,b')).json.version, `${main},${b}`)
  t.equal((await ask(url, '/main,b/svc-dev.json')).json.from, 'b')
  t.equal((await ask(url, '/svc/dev/b,main')).json.version, `${b},${main}`)
  tree.git('tag', 'bad', 'b')
  tree.git('checkout', '-q', '--orphan', 'alone')
  await tree.commit({ 'svc.yml': 'm: [' })
  const again = await startGit(t, { uri: tree.root })
  t.equal((await ask(again.url, '/svc/dev/main,alone')).status, 500, 'a label without a good state')
  t.equal((await ask(again.url, '/svc/dev/bad')).json.version, b, 'a tag')
  t.equal((await ask(again.url, `/svc/dev/${tree.git('rev-parse', 'bad')}`)).json.version, b, 'a commit by its id')
})

t.test('pins and rollouts of a broken commit', async t => {
  const tree = await workTree(t, { 'svc.yml': 'k: 1' })
  const good = tree.git('rev-parse', 'HEAD')
  const bad = await tree.commit({ 'svc.yml': 'k: [' })
  await tree.commit({ 'svc.yml': 'k: 3' })
  const { url } = await startGit(t, { uri: tree.root })
  const send = async (method: string, path: string, body: object) =>
    ask(url, path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  await send('PUT', '/_config/pins/svc/dev/main', { commit: bad })
  t.equal((await ask(url, '/svc-dev.json')).json.k, 1, 'pinned to the broken one: what was good before it')
  await send('DELETE', '/_config/pins/svc/dev/main', {})
  t.equal((await ask(url, '/svc-dev.json')).json.k, 3)
  await send('PUT', '/_config/rollouts/svc/dev/main', { from: good, to: bad, percent: 50 })
  const values = await Promise.all(Array.from({ length: 40 }, async (_, i) =>
    (await ask(url, '/svc-dev.json', { headers: { 'x-config-instance': `i${i}` } })).json.k))
  t.ok(values.every(value => value === 1), 'nobody gets the broken commit of a rollout')
  t.match(await errorOf(url), /svc\/dev/)
})

async function startComposite (t: Teardown, backends: BackendOptions[]) {
  const server = await createConfigServer({ port: 0, backends, webhook }, { environment: process.env })
  t.teardown(() => server.stop())
  return server
}

const gitStore = (uri: string): BackendOptions =>
  ({ type: 'git', git: { ...REPOSITORY_DEFAULTS, uri, refreshMs: 0, timeoutMs: 20_000, repos: [], maxFileBytes: 1_048_576 } })

t.test('composite: the store whose files are broken goes back, the others stay', async t => {
  const tree = await workTree(t, { 'svc.yml': 'g: 1\n' })
  await tree.commit({ 'svc.yml': 'g: [' })
  others(tree, 2)
  const files = await folder(t, { 'svc.yml': 'n: 1', 'fresh.yml': 'a: 1' })
  const native = { type: 'native' as const, native: { ...NATIVE_DEFAULTS, searchLocations: [`file:${files}`] } }
  for (const stores of [[gitStore(tree.root), native], [native, gitStore(tree.root)]]) {
    const { url } = await startComposite(t, stores)
    t.strictSame((await ask(url, '/svc-dev.json')).json, { g: 1, n: 1 })
    await write(files, { 'svc.yml': 'n: 2' })
    await eventually('the other store goes on', async () => (await ask(url, '/svc-dev.json')).json.n === 2)
    t.equal((await ask(url, '/svc-dev.json')).json.g, 1)
    await write(files, { 'svc.yml': 'n: [' })
    t.strictSame((await ask(url, '/svc-qa.json')).json, { g: 1, n: 2 }, 'both are broken, each has its own good state')
    await write(files, { 'svc.yml': 'n: 1' })
    await eventually('repaired', async () => (await ask(url, '/svc-dev.json')).json.n === 1)
  }
})

t.test('a folder: also for questions that nobody asked before the break', async t => {
  const { url, root } = await startNative(t, {
    'svc.yml': 'm: 1', 'svc-dev.yml': 'd: 1', 'application.yml': 'a: 1', 'kept.yml': 'm: 1', 'kept.schema.json': SCHEMA, 'lab/svc.yml': 'l: 1'
  })
  await write(root, { 'svc.yml': 'm: [', 'lab/svc.yml': 'l: [', 'application.yml': 'a: 2' })
  const flat = async (path: string) => (await ask(url, path)).json
  await eventually('the others go on', async () => (await flat('/other-x.json')).a === 2)
  t.strictSame(await flat('/svc-dev.json'), { a: 2, m: 1, d: 1 }, 'the broken file as it was, the rest as it is')
  t.strictSame(await flat('/svc-qa.json'), { a: 2, m: 1 })
  t.strictSame(await flat('/lab/svc-qa.json'), { a: 2, m: 1, l: 1 })
  await write(root, { 'new.yml': 'x: [' })
  await eventually('a file that was never good is an error', async () => (await ask(url, '/new/dev')).status === 500)
  await write(root, { 'kept.yml': 'm: 2' })
  await eventually('a good change', async () => (await flat('/kept-x.json')).m === 2)
  await write(root, { 'kept.yml': 'm: 10' })
  await eventually('one that breaks the schema is noticed', async () => {
    t.equal((await flat('/kept-y.json')).m, 2, 'and not served')
    return (await errorOf(url)).includes('kept/y')
  })
  for (let i = 0; i < 30; i++) await write(root, { 'svc.yml': `m: [${i}` })
  t.equal((await flat('/svc-z.json')).m, 1, 'many broken versions push out nothing')
  await write(root, { 'svc.yml': 'm: 5', 'kept.yml': 'm: 6', 'lab/svc.yml': 'l: 5' })
  await rm(join(root, 'new.yml'))
  await eventually('health is well without a question', async () => await errorOf(url) === '')
  t.equal((await flat('/svc-z.json')).m, 5)
})

t.test('whatever is not followed is told once, with the name of the file', async t => {
  const tree = await workTree(t, { 'svc.yml': 'spring.config.import: other.yml\nm: 1', 'own.yml': 'spring.config.import: "optional:configserver:"' })
  const { log, lines } = listLogger()
  const { url } = await startGit(t, { uri: tree.root }, {}, { log })
  for (const path of ['/svc/a', '/svc/b', '/own/a']) t.equal((await ask(url, path)).status, 200)
  const told = lines.filter(line => line.includes('counts for nothing'))
  t.equal(told.length, 1)
  t.match(told[0], /svc\.yml.*spring\.config\.import of other\.yml is not followed/)
})
