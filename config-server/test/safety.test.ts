import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startGit, workTree } from './git-support.ts'
import { ask, eventually, folder, listLogger, startNative, write } from './support.ts'

const SCHEMA = JSON.stringify({
  type: 'object',
  required: ['port'],
  properties: { port: { type: 'integer', maximum: 65535 }, url: { type: 'string', format: 'uri' }, list: { type: 'array', maxItems: 2 } }
})
const webhook = { unsigned: true, disabled: new Set<string>() }
const fetchNow = (url: string) => ask(url, '/monitor', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })

t.test('a commit that breaks a schema is not served, for that application only', async t => {
  const tree = await workTree(t, { 'foo.schema.json': SCHEMA, 'foo.yml': 'port: 1\nsecret: "{cipher}00"', 'bar.yml': 'port: 1' })
  const good = tree.git('rev-parse', 'HEAD')
  const { log, lines } = listLogger()
  const { url } = await startGit(t, { uri: tree.root }, { webhook }, { log })
  t.equal((await ask(url, '/foo/dev')).json.version, good)
  const bad = await tree.commit({ 'foo.yml': 'x: 1\nport: 70000', 'bar.yml': 'port: 99999' })
  await fetchNow(url)
  await eventually('bar has the new commit', async () => (await ask(url, '/bar/dev')).json.version === bad)
  const { json } = await ask(url, '/foo/dev')
  t.equal(json.version, good)
  t.equal(json.propertySources[0].source.port, 1)
  t.equal((await ask(url, '/foo-dev.json')).json.port, 1, 'in every form')
  const health = (await ask(url, '/actuator/health'))
  t.equal(health.status, 200)
  t.match(health.json.components.configServer.details.error, /foo\/dev: foo\.yml:2: port must be <= 65535: rule maximum of foo\.schema\.json/)
  t.ok(lines.some(line => line.includes('held back') && line.includes('"application":"foo"')))
  t.notOk(lines.join('').includes('70000'), 'no value is told')

  const fixed = await tree.commit({ 'foo.properties': 'port=8080', 'foo.yml': 'x: 1\nlist: [1, 2]' })
  await fetchNow(url)
  await eventually('the repaired commit', async () => (await ask(url, '/foo/dev')).json.version === fixed)
  t.equal((await ask(url, '/actuator/health')).json.components.configServer.details.error, undefined)

  await tree.commit({ 'foo.properties': 'nothing=1' })
  await tree.commit({ 'foo.yml': 'broken: [' })
  await fetchNow(url)
  await eventually('two bad commits back', async () =>
    (await ask(url, '/actuator/health')).json.components.configServer.details.error !== undefined ||
    (await ask(url, '/foo/dev')).status === 0)
  t.equal((await ask(url, '/foo/dev')).json.version, fixed, 'also past several bad ones, and for broken YAML')

  const restarted = await startGit(t, { uri: tree.root })
  t.equal((await ask(restarted.url, '/foo/dev')).json.version, fixed, 'a server that starts now finds the good one too')
})

t.test('a folder has no history: the last good state is kept in memory', async t => {
  const { url, root } = await startNative(t, { 'foo.yml': 'a: 1', 'bar.yml': 'b: 1' })
  t.equal((await ask(url, '/foo-dev.json')).json.a, 1)
  await write(root, { 'foo.yml': 'a: [1' })
  await eventually('it is noticed', async () => {
    await ask(url, '/foo/dev')
    return (await ask(url, '/actuator/health')).json.components.configServer.details.error?.includes('foo.yml')
  })
  t.equal((await ask(url, '/foo-dev.json')).json.a, 1)
  await write(root, { 'foo.yml': 'a: 2' })
  await eventually('repaired', async () => (await ask(url, '/foo-dev.json')).json.a === 2)
  await write(root, { 'new.schema.json': '{"type": 7}' })
  await eventually('a schema that is none', async () => (await ask(url, '/new/dev')).status === 500)
  t.match((await ask(url, '/new/dev')).json.message, /new\.schema\.json: the schema cannot be used/)
  await rm(join(root, 'new.schema.json'))
})

t.test('effective, history, diff, validate, clients', async t => {
  const tree = await workTree(t, { 'application.yml': 'a: 1\npassword: p1', 'foo.yml': 'a: 2\nlist: [1, 2]' })
  const first = tree.git('rev-parse', 'HEAD')
  const second = await tree.commit({ 'foo.yml': 'a: 3\npassword: hunter2\nlist: [1]' }, 'second change')
  const { url } = await startGit(t, { uri: tree.root })
  const effective = (await ask(url, '/_config/effective/foo/dev')).json
  t.match(effective.properties.find((one: { key: string }) => one.key === 'a'), {
    value: '3', source: `file://${tree.root}/foo.yml`, origin: 'foo.yml:1', overridden: [{ value: '1', origin: 'application.yml:1' }]
  })
  t.equal(effective.version, second)
  const history = (await ask(url, '/_config/history/foo/dev?limit=5')).json
  t.match(history.commits, [{ commit: second, subject: 'second change', author: 'tester' }, { commit: first }])
  const diff = (await ask(url, `/_config/diff/foo/dev?from=${first}&to=main`)).json
  t.strictSame(diff.changes, [
    { key: 'a', from: '2', to: '3' }, { key: 'list[1]', from: '2', to: null }, { key: 'password', from: '******', to: '******' }
  ])
  t.notOk(JSON.stringify([effective, diff]).includes('hunter2'))
  t.equal((await ask(url, '/_config/diff/foo/dev?from=nolabel')).status, 404)
  t.equal((await ask(url, '/_config/diff/foo/dev?from=..')).status, 400)

  const validate = async (files: object) => (await ask(url, '/_config/validate/foo/dev',
    { method: 'POST', body: JSON.stringify({ files }), headers: { 'content-type': 'application/json' } })).json
  t.strictSame(await validate({ 'foo.yml': 'port: 1', 'foo.schema.json': SCHEMA }), { valid: true, problems: [] })
  t.strictSame(await validate({ 'foo.yml': 'port: 1', 'foo-dev.yml': 'url: "not a url"', 'foo.schema.json': SCHEMA }), {
    valid: false, problems: [{ where: 'foo-dev.yml:1', key: 'url', rule: 'format', text: 'url must match format "uri"' }]
  })
  t.match(await validate({ 'foo.yml': 'a: [' }), { valid: false, problems: [{ where: /^foo\.yml:1/, rule: 'E_CONFIG_YAML' }] })
  t.match(await validate({ 'foo.schema.json': SCHEMA }), { problems: [{ where: 'foo.schema.json', key: 'port', rule: 'required' }] })
  t.equal((await ask(url, '/_config/validate/foo/dev', { method: 'POST', body: 'x', headers: { 'content-type': 'application/json' } })).status, 400)

  const { headers } = await ask(url, '/foo/dev', { headers: { 'x-config-instance': 'foo-7' } })
  t.match((await ask(url, '/_config/clients')).json.read.find((one: { instance: string }) => one.instance === 'foo-7'),
    { application: 'foo', profiles: 'dev', etag: headers.etag, principal: 'everyone' })
  const native = await startNative(t, { 'foo.yml': 'a: 1' })
  t.equal((await ask(native.url, '/_config/history/foo/dev')).status, 404)
})

t.test('no secret of any source is on an operator\'s page, overridden or not', async t => {
  const secrets = ['low-1', 'mid-2', 'top-3', 'list-4', 'list-5']
  const tree = await workTree(t, {
    'application.yml': 'db.password: low-1\ntokens: [list-4]\nshown: 1', 'foo.yml': 'db.password: mid-2\ntokens: [list-5]\nshown: 2',
    'foo-dev.yml': 'db.password: top-3'
  })
  const first = tree.git('rev-parse', 'HEAD')
  await tree.commit({ 'foo-dev.yml': 'db.password: top-33\nshown: 3' })
  const { url } = await startGit(t, { uri: tree.root })
  for (const path of ['effective/foo/dev', `effective/foo/dev/${first}`, 'history/foo/dev', `diff/foo/dev?from=${first}&to=main`]) {
    const { status, text } = await ask(url, `/_config/${path}`)
    t.equal(status, 200, path)
    t.match(text, path.startsWith('history') ? first : 'shown', 'it does say something')
    for (const secret of secrets) t.notOk(text.includes(secret), `${secret} in ${path}`)
  }
  const { properties } = (await ask(url, '/_config/effective/foo/dev')).json
  const password = properties.find(({ key }: { key: string }) => key === 'db.password')
  t.strictSame([password.value, ...password.overridden.map(({ value }: { value: string }) => value)], Array(3).fill('******'))
})

t.test('a pin rolls back, a rollout goes to a share of the instances, and both outlive a restart', async t => {
  const tree = await workTree(t, { 'foo.yml': 'k: 1' })
  const first = tree.git('rev-parse', 'HEAD')
  const second = await tree.commit({ 'foo.yml': 'k: 2' })
  const basedir = await folder(t)
  const { log, lines } = listLogger()
  const server = await startGit(t, { uri: tree.root, basedir }, {}, { log })
  const send = async (url: string, method: string, path: string, body?: object) =>
    ask(url, path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }), headers: { 'content-type': 'application/json' } })
  const value = async (url: string, instance = 'i') =>
    (await ask(url, '/foo-dev.json', { headers: { 'x-config-instance': instance } })).json.k
  t.equal(await value(server.url), 2)
  t.strictSame((await send(server.url, 'PUT', '/_config/pins/foo/dev/main', { commit: first.slice(0, 8) })).json, { pinned: first })
  t.equal(await value(server.url), 1, 'pinned back')
  t.ok(lines.some(line => line.includes('"audit"') && line.includes('PUT pins')))
  t.equal((await send(server.url, 'PUT', '/_config/pins/foo/dev/main', { commit: 'deadbeef' })).status, 404)
  t.equal((await send(server.url, 'PUT', '/_config/pins/foo/dev/main', { commit: 1 })).status, 400)
  await server.stop()

  const next = await startGit(t, { uri: tree.root, basedir })
  t.equal(await value(next.url), 1, 'still pinned')
  await send(next.url, 'DELETE', '/_config/pins/foo/dev/main')
  t.equal(await value(next.url), 2)
  await send(next.url, 'PUT', '/_config/rollouts/foo/dev/main', { from: first, to: second, percent: 50 })
  const instances = Array.from({ length: 60 }, (_, i) => `foo-${i}`)
  const values = await Promise.all(instances.map(async instance => value(next.url, instance)))
  t.ok(values.includes(1) && values.includes(2), 'some have the new commit, some the old one')
  t.strictSame(await Promise.all(instances.map(async instance => value(next.url, instance))), values, 'an instance keeps its side')
  t.match((await ask(next.url, '/_config/rollouts')).json.rollouts, { [`${tree.root}#main`]: { percent: 50 } })
  await send(next.url, 'PUT', '/_config/rollouts/foo/dev/main', { from: first, to: second, percent: 100 })
  t.ok((await Promise.all(instances.map(async instance => value(next.url, instance)))).every(one => one === 2))
  await send(next.url, 'DELETE', '/_config/rollouts/foo/dev/main')
  t.equal((await send(next.url, 'PUT', '/_config/rollouts/foo/dev/main', { to: second, percent: 101 })).status, 400)
})
