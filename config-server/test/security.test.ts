import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import { readOptions } from '../index.ts'
import { ask, folder, listLogger, startNative } from './support.ts'

const FILES = {
  'foo.yml': 'pw: "{cipher}bf29452295df354e6153c5b31b03ef23c70e55fba24299aa85c63438f1c43c95"', 'bar.yml': 'a: 1', 'x.txt': 'text'
}
const SETTINGS = `
breakwater:
  security:
    mode: basic
    users:
    - { name: foo, password: foo-secret, roles: read }
    - { name: writer, password: w-secret, roles: write }
    - { name: root, password: r-secret, roles: admin }
  config-server:
    access:
    - principals: foo
      applications: foo*
      profiles: [dev, default]
      labels: ["", "v*"]
      files: x.txt
    - { principals: writer, applications: "*", actions: "*" }
encrypt.key: pie
management.endpoint.env.show-values: secrets-masked
`

async function start (t: Tap, yaml: string) {
  const root = await folder(t, { 'application.yml': yaml })
  const settings = await loadSettings({ name: 'config-server', folder: root })
  const { log, lines } = listLogger()
  const { backends: _unused, ...options } = readOptions(settings)
  return { ...await startNative(t, FILES, { ...options, port: 0 }, {}, { settings, log }), lines }
}

type Tap = Parameters<typeof folder>[0]

const basic = (name: string, password: string) =>
  ({ authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` })

t.test('a caller gets what a rule gives it and nothing else', async t => {
  const { url, lines } = await start(t, SETTINGS)
  const foo = basic('foo', 'foo-secret')
  const status = async (path: string, headers = {}) => (await ask(url, path, { headers })).status
  const refused = await ask(url, '/foo/dev')
  t.equal(refused.status, 401)
  t.match(refused.headers['www-authenticate'], /^Basic /)
  t.equal(await status('/foo/dev', basic('foo', 'wrong')), 401)
  t.equal(await status('/foo/dev', foo), 200)
  t.equal(await status('/foo-dev.yml', foo), 200)
  t.equal(await status('/v1/foo-dev.yml', foo), 200)
  t.equal(await status('/food/dev/v1', foo), 200, 'a wildcard of a rule')
  t.equal(await status('/foo/dev/v1/x.txt', foo), 200)
  for (const path of ['/bar/dev', '/foo,bar/dev', '/foo/prod', '/foo/dev,prod', '/foo/dev/main', '/foo/dev/v1,main', '/bar-dev.yml',
    '/main/foo-dev.yml', '/foo/dev/main/x.txt', '/bar/dev/v1/x.txt', '/foo/prod/x.txt?useDefaultLabel']) {
    t.equal(await status(path, foo), 403, path)
  }
  t.equal(await status('/bar/prod', basic('writer', 'w-secret')), 200)
  t.equal(await status('/bar/prod', basic('root', 'r-secret')), 200, 'an admin needs no rule')
  t.equal(await status('/actuator/health'), 200, 'probes need no password')
  t.equal(await status('/actuator/env'), 401)
  t.equal(await status('/actuator/env', basic('root', 'r-secret')), 200)

  const post = async (path: string, headers: object) =>
    (await ask(url, path, { method: 'POST', body: '00', headers: { 'content-type': 'text/plain', ...headers } })).status
  t.equal(await post('/decrypt', foo), 403, 'decrypting by hand needs more than reading')
  t.equal(await post('/encrypt', foo), 403, 'the rule names reading and watching only')
  t.equal(await post('/encrypt', basic('writer', 'w-secret')), 200)
  t.equal(await post('/decrypt', basic('writer', 'w-secret')), 400)

  const audited = lines.filter(line => line.includes('"msg":"audit"')).map(line => JSON.parse(line))
  t.match(audited.find(line => line.action === 'read secrets'),
    { principal: 'foo', address: '127.0.0.1', application: 'foo', profiles: 'dev', label: null, secrets: 1 })
  t.match(audited.find(line => line.action === 'decrypt'), { principal: 'writer' })
  t.notOk(audited.some(line => line.application === 'bar'), 'no line where no secret was read')
  const env = (await ask(url, '/actuator/env', { headers: basic('root', 'r-secret') })).text
  t.match(env, '"value":"basic"', 'what is no secret is there')
  for (const secret of ['foo-secret', 'w-secret', '"pie"', '"test"']) {
    t.notOk(lines.join('').includes(secret), `${secret} in no log line`)
    t.notOk(env.includes(secret), `${secret} not in /actuator/env`)
  }
})

t.test('a rule that says too little, or has a word that is none, stops the start', async t => {
  for (const [rule, what] of [['principals: foo', /applications/], ['{ principals: a, applications: b, profile: c }', /profile/]] as const) {
    const root = await folder(t)
    await writeFile(join(root, 'application.yml'), `breakwater.config-server.access:\n- ${rule}\n`)
    const settings = await loadSettings({ name: 'config-server', folder: root })
    t.throws(() => readOptions(settings), { code: 'E_CONFIG_SETTING', message: what })
  }
})
