import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { REPOSITORY_DEFAULTS } from '../index.ts'
import { readAsk } from '../environment/ask.ts'
import { matches } from '../backends/git/pattern-choice.ts'
import { isWithin } from '../backends/git/label-choice.ts'
import { prepareCredentials } from '../backends/git/credentials.ts'
import { runGit } from '../backends/git/git-process.ts'
import { gitDaemon, serveGit, startGit, workTree } from './git-support.ts'
import { ask, eventually, folder, listLogger, V2 } from './support.ts'

t.test('a repository is read by commit: names, version, labels', async t => {
  const tree = await workTree(t, { 'application.yml': 'a: 1\n---\nb: 2', 'foo.yml': 'k: main', 'foo-dev.yml': 'k: dev', 'sub/foo.yml': 'k: sub' })
  const main = tree.git('rev-parse', 'HEAD')
  tree.git('tag', '-a', 'v1', '-m', 'one')
  tree.git('tag', 'feature/x')
  tree.git('checkout', '-q', '-b', 'feature/x')
  const feature = await tree.commit({ 'foo.yml': 'k: feature' })
  const { url } = await startGit(t, { uri: `file://${tree.root}`, searchPaths: ['sub'] })
  const root = `file://${tree.root}`

  const { json } = await ask(url, '/foo/dev')
  t.match(json, { name: 'foo', profiles: ['dev'], label: null, version: main, state: '' })
  t.strictSame(json.propertySources.map((source: { name: string }) => source.name), [
    `${root}/foo-dev.yml`, `${root}/sub/foo.yml`, `${root}/foo.yml`,
    `Config resource 'file [${root}/application.yml]' via location '${root}/' (document #1)`,
    `Config resource 'file [${root}/application.yml]' via location '${root}/' (document #0)`
  ])
  t.equal((await ask(url, '/foo/dev', { headers: { accept: V2 } })).json.propertySources[0].source.k.origin, '1:4')
  const version = async (label: string) => (await ask(url, `/foo/dev/${label}`)).json.version
  t.equal(await version('v1'), main, 'an annotated tag')
  t.equal(await version('feature(_)x'), feature, 'a branch comes before a tag of its name')
  t.equal(await version('feature%2Fx'), feature)
  t.equal(await version(main), main, 'a commit')
  t.equal(await version(feature.slice(0, 7)), feature, 'an abbreviated commit')
  t.equal(await version(feature.slice(0, 7)), feature, 'and once more, now known')
  t.equal((await ask(url, '/feature(_)x/foo-none.json')).json.k, 'sub')

  const both = (await ask(url, '/foo/none/v1,feature(_)x')).json
  t.equal(both.version, `${main},${feature}`)
  t.equal(both.label, 'v1,feature/x')
  const names = both.propertySources.map((source: { name: string }) => source.name)
  t.strictSame(names.slice(0, 2), [`${root}/@feature/x/sub/foo.yml`, `${root}/@feature/x/foo.yml`], 'the last label wins')
  t.equal(new Set(names).size, names.length, 'names are unique')

  for (const path of ['/foo/dev/nolabel', '/nolabel/foo-dev.yml', '/foo/dev/v1,nolabel', '/foo/dev/0123456']) {
    const missing = await ask(url, path)
    t.equal(missing.status, 404, path)
    t.strictSame(Object.keys(missing.json), ['timestamp', 'status', 'error', 'path'])
  }
  for (const path of ['/foo/dev/HEAD~1', '/foo/dev/main^', '/foo/dev/main@%7B0%7D', '/foo/dev/-x', '/foo/dev/:foo.yml']) {
    t.ok([400, 404].includes((await ask(url, path)).status), `${path}: the language of revisions is not open to clients`)
  }
  const lax = await startGit(t, { uri: tree.root, continueOnMultipleLabelFailure: true })
  t.equal((await ask(lax.url, '/foo/dev/v1,nolabel')).json.version, main)
})

t.test('master stands in for a missing main, never the reverse', async t => {
  const old = await workTree(t, { 'foo.yml': 'a: 1' }, 'master')
  const { url } = await startGit(t, { uri: old.root })
  t.equal((await ask(url, '/foo/dev')).status, 200)
  t.equal((await ask(url, '/foo/dev/main')).status, 200)
  const strict = await startGit(t, { uri: old.root, tryMasterBranch: false })
  t.equal((await ask(strict.url, '/foo/dev')).status, 404)
  const young = await workTree(t, { 'foo.yml': 'a: 1' })
  t.equal((await ask((await startGit(t, { uri: young.root })).url, '/foo/dev/master')).status, 404)
})

t.test('files of a repository; nothing of .git, no links that lead out, no submodules', async t => {
  const tree = await workTree(t, { 'nginx.conf': 'host ${host}', 'foo.yml': 'host: h', 'dir/x.txt': 'x', 'big.txt': 'x'.repeat(3000), 'big.yml': `a: ${'x'.repeat(3000)}` })
  await symlink('/etc/passwd', join(tree.root, 'evil.yml'))
  await symlink('nginx.conf', join(tree.root, 'link.conf'))
  await tree.commit({})
  const { url } = await startGit(t, { uri: tree.root, maxFileBytes: 1000, searchPaths: ['dir'] })
  const file = await ask(url, '/foo/dev/main/nginx.conf')
  t.equal(file.text, 'host h')
  t.ok(Date.parse(file.headers['last-modified'] as string) > 0)
  t.equal((await ask(url, '/foo/dev/main/x.txt')).text, 'x')
  t.equal((await ask(url, '/foo/dev/main/dir/x.txt')).text, 'x')
  t.equal((await ask(url, '/foo/dev/main/link.conf')).text, 'host h', 'a link within the commit')
  for (const path of ['.git/HEAD', 'evil.yml', 'dir', 'none']) {
    t.equal((await ask(url, `/foo/dev/main/${path}`)).status, 404, path)
  }
  t.equal((await ask(url, '/foo/dev/nolabel/nginx.conf')).status, 404)
  t.strictSame((await ask(url, '/evil-x.json')).json, {})
  t.equal((await ask(url, '/foo/dev/main/big.txt')).status, 200, 'the limit is for what is parsed')
  t.match((await ask(url, '/big/dev')).json.message, /max-file-bytes/)
  t.equal((await ask(url, '/foo/dev')).status, 200, 'a file over the limit does not disturb the reads behind it')
})

t.test('search paths: wildcards and placeholders', async t => {
  const tree = await workTree(t, { 'bar1/foo.yml': 'k: 1', 'bar2/foo.yml': 'k: 2', 'apps/foo/foo.yml': 'k: 3', 'deep/a/conf/foo.yml': 'k: 4' })
  const { url } = await startGit(t, { uri: tree.root, searchPaths: ['bar*', 'apps/{application}', 'deep/*/conf'] })
  t.strictSame((await ask(url, '/foo/x')).json.propertySources.map((s: { name: string }) => s.name.slice(`file://${tree.root}`.length)),
    ['/deep/a/conf/foo.yml', '/apps/foo/foo.yml', '/bar2/foo.yml', '/bar1/foo.yml'])
})

t.test('pattern repositories and placeholders in the URI', async t => {
  const base = await folder(t)
  const names = ['default', 'special', 'team-a']
  for (const name of names) {
    const tree = await workTree(t, { 'application.yml': `repo: ${name}` })
    await rename(tree.root, join(base, name))
  }
  const repo = (id: string, uri: string, patterns: string[]) =>
    ({ ...REPOSITORY_DEFAULTS, id, uri, patterns, refreshMs: 0 })
  const { url } = await startGit(t, {
    uri: `${base}/default`,
    repos: [repo('special', `${base}/special`, ['special*/dev*']), repo('gone', `${base}/gone`, ['gone']),
      repo('each', `${base}/{application}`, ['team-*'])]
  })
  const which = async (path: string) => (await ask(url, path)).json.propertySources[0]?.source.repo
  t.equal(await which('/foo/dev'), 'default')
  t.equal(await which('/special1/dev'), 'special')
  t.equal(await which('/special1/dev,prod'), 'special')
  t.equal(await which('/special1/prod,dev'), 'default')
  t.equal(await which('/special1/prod'), 'default')
  t.equal(await which('/gone/dev'), 'default', 'a repository that fails is skipped')
  t.equal(await which('/team-a/dev'), 'team-a')
  t.equal(await which('/team-b/dev'), 'default', 'one that does not exist is skipped too')
  t.equal((await ask(url, '/team-a(_)..(_)default/dev')).status, 400)
  t.ok(matches(repo('x', 'u', ['a']), readAsk('a', 'dev,qa', null)))
  t.notOk(matches(repo('x', 'u', ['a/qa']), readAsk('a', 'dev', null)))
})

t.test('over a git daemon: fetched commits are seen, a force push too, and the last commit outlives the remote', async t => {
  const tree = await workTree(t, { 'foo.yml': 'k: 1' })
  const base = await folder(t)
  const remote = join(base, 'config.git')
  tree.git('clone', '-q', '--bare', '.', remote)
  tree.git('remote', 'add', 'origin', remote)
  const daemon = await gitDaemon(t, base)
  await writeFile(join(base, 'gitconfig'), '[safe]\n\tdirectory = *\n')
  const { log, lines } = listLogger()
  const { url } = await startGit(t, { uri: `${daemon}/config.git`, refreshMs: 50 }, {}, { log })
  const value = async () => (await ask(url, '/foo-dev.json')).json.k
  await eventually('the first commit', async () => await value() === 1)
  t.match((await ask(url, '/foo/dev')).json.propertySources[0].name, `${daemon}/config.git/foo.yml`)

  await tree.commit({ 'foo.yml': 'k: 2' })
  tree.git('push', '-q', 'origin', 'main')
  await eventually('a pushed commit', async () => await value() === 2)
  const before = (await ask(url, '/foo/dev')).json.version
  tree.git('reset', '-q', '--hard', 'HEAD~1')
  await tree.commit({ 'foo.yml': 'k: 3' })
  tree.git('push', '-q', '--force', 'origin', 'main')
  await eventually('a force-pushed commit', async () => await value() === 3)
  t.equal((await ask(url, `/foo/dev/${before}`)).json.version, before, 'a commit that was fetched can still be asked for')
  tree.git('push', '-q', 'origin', 'main:feature/new')
  await eventually('a new branch', async () => (await ask(url, '/foo/dev/feature(_)new')).status === 200)

  await rename(remote, `${remote}-away`)
  const health = await eventually('health tells of it', async () => {
    const reply = await ask(url, '/actuator/health')
    return reply.json.components.configServer.details.error === undefined ? undefined : reply
  })
  t.equal(health.status, 200, 'what is served is still good')
  t.equal(await value(), 3)
  t.equal(lines.filter(line => line.includes('the last known state')).length > 0, true)
  await rename(`${remote}-away`, remote)
  await eventually('health is well again', async () =>
    (await ask(url, '/actuator/health')).json.components.configServer.details.error === undefined)
})

t.test('a remote that hangs holds up nobody, and its fetch is ended', async t => {
  const sockets = new Set<Socket>()
  const hanging = createServer(socket => {
    sockets.add(socket)
    socket.resume()
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  await new Promise<void>(resolve => hanging.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    hanging.close()
  })
  const { port } = hanging.address() as { port: number }
  const never = await startGit(t, { uri: `git://127.0.0.1:${port}/x.git`, timeoutMs: 300 })
  const refused = await ask(never.url, '/foo/dev')
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '5')
  t.match(refused.json.message, /no answer within 300 ms/)
  t.equal((await ask(never.url, '/actuator/health')).status, 503)
  await eventually('the connection is gone with git', () => sockets.size === 0)
  const spring = await startGit(t, { uri: `git://127.0.0.1:${port}/x.git`, timeoutMs: 300 }, { unreachableStatus: 404 })
  t.match((await ask(spring.url, '/foo/dev')).json, { status: 404, error: 'Not Found', path: '/foo/dev' })

  const basedir = await folder(t)
  const tree = await workTree(t, { 'foo.yml': 'k: 1' })
  const base = await folder(t)
  tree.git('clone', '-q', '--bare', '.', join(base, 'config.git'))
  await writeFile(join(base, 'gitconfig'), '[safe]\n\tdirectory = *\n')
  let backend = (socket: Socket) => serveGit(base, socket)
  const relay = createServer(socket => backend(socket))
  await new Promise<void>(resolve => relay.listen(0, '127.0.0.1', resolve))
  t.teardown(() => relay.close())
  const uri = `git://127.0.0.1:${(relay.address() as { port: number }).port}/config.git`
  const first = await startGit(t, { uri, basedir, refreshMs: 100, timeoutMs: 600_000 })
  await eventually('it serves', async () => (await ask(first.url, '/foo-dev.json')).json.k === 1)
  backend = socket => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  await eventually('a fetch hangs', () => sockets.size > 0)
  for (let i = 0; i < 50; i++) t.equal((await ask(first.url, `/foo/p${i}`)).status, 200)
  t.equal(sockets.size, 1, 'while it hangs, answers come')
  await first.stop()
  const second = await startGit(t, { uri, basedir, timeoutMs: 60_000 })
  t.equal((await ask(second.url, '/foo-dev.json')).json.k, 1, 'a restart serves from the mirror without waiting for the remote')
})

t.test('fifty labels at once never mix', async t => {
  const tree = await workTree(t, { 'foo.yml': 'label: main\nother: main', 'shared.yml': 's: 1' })
  const labels = Array.from({ length: 50 }, (_, i) => `l${i}`)
  for (const label of labels) {
    tree.git('checkout', '-q', '-b', label, 'main')
    await tree.commit({ 'foo.yml': `label: ${label}\nother: ${label}` })
  }
  const { url } = await startGit(t, { uri: tree.root })
  await Promise.all([...labels, ...labels, ...labels].map(async label => {
    const { json } = await ask(url, `/${label}/foo-dev.json`)
    if (json.label !== label || json.other !== label) t.fail(`${label} got ${JSON.stringify(json)}`)
  }))
  t.equal((await ask(url, '/main/foo-dev.json')).json.label, 'main')
})

t.test('credentials reach git and neither its arguments nor a log', async t => {
  const seen: string[] = []
  const server = http.createServer((request, response) => {
    seen.push(request.headers.authorization ?? '')
    response.writeHead(request.headers.authorization === undefined ? 401 : 403, { 'www-authenticate': 'Basic realm="x"' }).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const { log, lines } = listLogger()
  const { url } = await startGit(t, { uri: `http://us%40er:p%2Fss@127.0.0.1:${port}/x.git` }, {}, { log })
  const reply = await ask(url, '/foo/dev')
  t.equal(reply.status, 503)
  t.ok(seen.includes(`Basic ${Buffer.from('us@er:p/ss').toString('base64')}`))
  const health = await ask(url, '/actuator/health')
  for (const text of [reply.text, health.text, lines.join('')]) t.notMatch(text, /p(%2F|\/)ss/)

  const own = await prepareCredentials({
    ...REPOSITORY_DEFAULTS.credentials, username: 'u', password: 'secret', passphrase: 'phrase', privateKey: 'KEY', hostKey: 'ssh-rsa AAAA',
    ignoreLocalSshSettings: true, preferredAuthentications: ['publickey', 'password'], proxy: 'http://p:1',
    nonProxyHosts: ['*.example.org', 'localhost']
  }, { PATH: process.env['PATH'], OTHER: 'x' })
  const { GIT_ASKPASS, GIT_SSH_COMMAND } = own.environment
  const answer = (question: string) =>
    execFileSync(GIT_ASKPASS!, [question], { env: own.environment }).toString().trim()
  t.strictSame(['Username for x', 'Password for x', 'Enter passphrase for key'].map(answer), ['u', 'secret', 'phrase'])
  t.match(GIT_SSH_COMMAND, /^ssh -o StrictHostKeyChecking=yes -F \/dev\/null -o PreferredAuthentications=publickey,password -i \S+\/key -o IdentitiesOnly=yes -o UserKnownHostsFile=\S+$/)
  t.notMatch(GIT_SSH_COMMAND, /secret|phrase/)
  t.equal(own.environment['OTHER'], undefined)
  t.match(own.environment, { http_proxy: 'http://p:1', https_proxy: 'http://p:1', no_proxy: '.example.org,localhost' })
  await own.remove()
})

t.test('what could run a command or point elsewhere is refused', async t => {
  const root = await folder(t)
  await t.rejects(runGit({ args: ['fetch', '--', 'ext::sh -c "touch pwned"'], folder: root, environment: {}, silenceMs: 10_000 }))
  t.strictSame(await readdir(root), [])
  const tree = await workTree(t, { 'foo.yml': 'a: 1' })
  await symlink(tree.root, join(root, 'link'))
  const linked = await startGit(t, { uri: `file://${join(root, 'link')}` })
  t.match((await ask(linked.url, '/foo/dev')).json.message, /symbolic link/)
  await mkdir(join(root, 'repo'))
  await symlink(join(tree.root, '.git'), join(root, 'repo/.git'))
  t.equal((await ask((await startGit(t, { uri: join(root, 'repo') })).url, '/foo/dev')).status, 503)
  t.equal((await ask((await startGit(t, { uri: '--upload-pack=touch /tmp/pwned' })).url, '/foo/dev')).status, 503)
})

t.test('a lock left by a killed fetch does not stop the next run', async t => {
  const tree = await workTree(t, { 'foo.yml': 'k: 1' })
  const basedir = await folder(t)
  await (await startGit(t, { uri: tree.root, basedir })).stop()
  const [mirror = ''] = (await readdir(basedir)).filter(name => name.endsWith('.git'))
  await writeFile(join(basedir, mirror, 'packed-refs.lock'), '')
  await mkdir(join(basedir, mirror, 'refs/heads'), { recursive: true })
  await writeFile(join(basedir, mirror, 'refs/heads/main.lock'), '')
  await tree.commit({ 'foo.yml': 'k: 2' })
  const { url } = await startGit(t, { uri: tree.root, basedir, refreshMs: 50 })
  await eventually('the new commit', async () => (await ask(url, '/foo-dev.json')).json.k === 2)
  await rm(basedir, { recursive: true, force: true })
})

t.test('a share of instances is sticky and only grows', t => {
  const instances = Array.from({ length: 1000 }, (_, i) => `i${i}`)
  const at = (percent: number) => instances.filter(one => isWithin(one, { from: 'a', to: 'b', percent }))
  t.equal(at(0).length, 0)
  t.equal(at(100).length, 1000)
  const tenth = at(10)
  t.ok(tenth.length > 60 && tenth.length < 140)
  t.ok(tenth.every(one => at(30).includes(one)))
  t.end()
})

t.test('overview of the mirror folder', async t => {
  const basedir = await folder(t)
  const tree = await workTree(t, { 'foo.yml': 'k: 1' })
  const server = await startGit(t, { uri: tree.root, basedir })
  const [mirror = ''] = await readdir(basedir)
  t.match(mirror, /^[0-9a-f]{24}\.git$/)
  t.match(await readFile(join(basedir, mirror, 'config'), 'utf8'), /bare = true/)
  await server.stop()
})
