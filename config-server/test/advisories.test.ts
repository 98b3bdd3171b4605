/** The published faults of Spring's config server, by their numbers, asked of ours; what its client really sends. */
import http from 'node:http'
import { readdir, readFile, rename, symlink } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { createConfigServer, NATIVE_DEFAULTS, VAULT_DEFAULTS } from '../index.ts'
import { startGit, workTree } from './git-support.ts'
import { ask, folder, startNative, V2 } from './support.ts'

const OUT = ['..%2F..%2Fsecret', '..%252Fsecret', '(_)..(_)secret', '..', 'x(_)..', '%2e%2e', 'file:(_)(_)(_)etc', 'http:(_)(_)h']

t.test('CVE-2026-22739: a profile or a name never leads out of a search location', async t => {
  const root = await folder(t, { 'config/app/dev/app.yml': 'a: 1', 'secret/app.yml': 'password: stolen', 'app.yml': 'password: stolen' })
  for (const validateProfiles of [true, false]) {
    const { url } = await startNative(t, {}, { validateProfiles },
      { searchLocations: [`file:${root}/config/{application}/{profile}`, `file:${root}/config/{label}`] })
    t.equal((await ask(url, '/app/dev')).json.propertySources.length, 1)
    for (const part of OUT) {
      for (const path of [`/app/${part}`, `/${part}/dev`, `/app/dev/${part}`, `/app/dev,${part}`]) {
        const { text } = await ask(url, path)
        t.notOk(text.includes('stolen'), `${path}, profiles ${validateProfiles ? '' : 'not '}validated`)
      }
    }
  }
})

t.test('CVE-2026-22739: nor does it make the server call another host', async t => {
  let calls = 0
  const other = createServer(socket => {
    calls++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => other.once('listening', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const base = await folder(t)
  const { url } = await startGit(t, { uri: `file://${base}/{application}-{profile}` }, { validateProfiles: false })
  for (const value of [`@127.0.0.1:${port}(_)x`, `git:(_)(_)127.0.0.1:${port}(_)x`, `ext::sh -c "curl 127.0.0.1:${port}"`, '--upload-pack=x']) {
    for (const path of [`/app/${encodeURIComponent(value)}`, `/${encodeURIComponent(value)}/dev`]) {
      t.ok((await ask(url, path)).status >= 400, path)
    }
  }
  t.equal(calls, 0)
})

t.test('CVE-2026-41002: what stands in the place of a mirror is not written to', async t => {
  const tree = await workTree(t, { 'foo.yml': 'a: 1' })
  const [basedir, victim] = [await folder(t), await folder(t, { config: 'untouched' })]
  const first = await startGit(t, { uri: tree.root, basedir })
  await first.stop()
  const [mirror = ''] = await readdir(basedir)
  await rename(join(basedir, mirror), join(basedir, 'moved'))
  await symlink(victim, join(basedir, mirror))
  const { url } = await startGit(t, { uri: tree.root, basedir })
  t.match((await ask(url, '/foo/dev')).json, { status: 503, message: /belongs to somebody else/ })
  t.strictSame(await readdir(victim), ['config'])
  t.equal(await readFile(join(victim, 'config'), 'utf8'), 'untouched')
})

t.test('CVE-2026-40981: no header of a caller chooses a project, a prefix or a key', async t => {
  const seen: string[] = []
  const vault = http.createServer((request, response) => {
    seen.push(`${request.url} ${JSON.stringify(request.headers)}`)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":{"a":"1"}}')
  })
  await new Promise<void>(resolve => vault.listen(0, '127.0.0.1', resolve))
  t.teardown(() => vault.close())
  const { port } = vault.address() as AddressInfo
  const server = await createConfigServer({
    port: 0,
    backends: [
      { type: 'vault', vault: { ...VAULT_DEFAULTS, url: `http://127.0.0.1:${port}`, token: 'own' } },
      { type: 'native', native: { ...NATIVE_DEFAULTS, searchLocations: [await folder(t, { 'foo.yml': 'a: 1' })] } }
    ]
  })
  t.teardown(() => server.stop())
  const plain = await ask(server.url, '/foo/dev')
  const headers = {
    'x-project-id': 'theirs', 'x-secret-prefix': 'theirs', 'x-encrypt-key': 'theirs', 'x-config-token': 'theirs', 'x-vault-namespace': 'theirs'
  }
  t.equal((await ask(server.url, '/foo/dev', { headers })).text, plain.text)
  t.notOk(seen.join('').includes('theirs'), 'a server with a token of its own sends nobody else\'s')
})

t.test('CVE-2019-3799, CVE-2020-5405, CVE-2020-5410: no spelling of a path leads out of the repository', async t => {
  const root = await folder(t, { 'repo/foo.txt': 'ok', 'secret.txt': 'stolen' })
  const native = await startNative(t, {}, {}, { searchLocations: [`${root}/repo`] })
  const tree = await workTree(t, { 'foo.txt': 'ok' })
  const git = await startGit(t, { uri: tree.root })
  for (const { url } of [native, git]) {
    t.equal((await ask(url, '/foo/dev/main/foo.txt')).text, 'ok')
    for (const up of ['..', '%2e%2e', '..%2f', '..%252f', '%252e%252e', '..(_)', '(_)..(_)', '..%5c', '..%255c', '....%2f%2f', '..;', '%c0%ae%c0%ae']) {
      for (const path of [`/foo/dev/main/${up}/secret.txt`, `/foo/dev/${up}/secret.txt`, `/foo/dev/main${up}secret.txt/x`,
        `/foo/dev/${up}secret.txt?useDefaultLabel`, `/foo/dev/main(_)${up}(_)/${up}/secret.txt`]) {
        const { status, text } = await ask(url, path)
        t.ok(status >= 400 && !text.includes('stolen'), `${path}: ${status}`)
      }
    }
  }
})

t.test('a served file cannot import another', async t => {
  const root = await folder(t, { 'outside.yml': 'password: stolen' })
  const { url } = await startNative(t, {
    'foo.yml': `a: 1\nspring.config.import: "file:${root}/outside.yml, optional:foo-more.yml"`, 'foo-more.yml': 'b: 2'
  })
  t.strictSame((await ask(url, '/foo/dev')).json.propertySources.length, 1)
  t.notOk((await ask(url, '/foo-dev.yml')).text.includes('stolen'))
})

// Sent by a Spring Boot 3.5.6 application with config-client 4.3.0, the label feature/x and the profiles dev and qa.
t.test('the two requests of a starting Spring client', async t => {
  const tree = await workTree(t, { 'application.yml': 'a: 0', 'myapp.yml': 'a: 1.0', 'myapp-qa.yml': 'a: 2' })
  tree.git('branch', 'feature/x')
  const { url } = await startGit(t, { uri: `file://${tree.root}` })
  const headers = {
    accept: V2, 'accept-charset': 'utf-8', authorization: 'Basic dTpw', 'x-config-token': 'tok', 'x-config-state': 's', connection: 'keep-alive'
  }
  const first = await ask(url, '/myapp/default/feature(_)x', { headers })
  t.equal(first.status, 200)
  t.equal(first.headers['content-type'], V2)
  const { text } = await ask(url, '/myapp/dev,qa/feature(_)x', { headers })
  t.equal(text, `{"name":"myapp","profiles":["dev,qa"],"label":"feature/x","version":"${tree.git('rev-parse', 'HEAD')}","state":"",` +
    `"propertySources":[{"name":"file://${tree.root}/myapp-qa.yml","source":{"a":{"value":2,"origin":"1:4"}}},` +
    `{"name":"file://${tree.root}/myapp.yml","source":{"a":{"value":1.0,"origin":"1:4"}}},` +
    `{"name":"file://${tree.root}/application.yml","source":{"a":{"value":0,"origin":"1:4"}}}]}`)
})
