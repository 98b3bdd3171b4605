/** Which repository, which commit and which files a question means; the tables were measured on config-server 5.0.2. */
import { execFileSync } from 'node:child_process'
import { rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { repositoriesOf } from '../backends/git/pattern-choice.ts'
import { matchesWildcard } from '../backends/wildcard.ts'
import { readAsk } from '../environment/ask.ts'
import { REPOSITORY_DEFAULTS, type GitOptions } from '../index.ts'
import { startGit, workTree } from './git-support.ts'
import { ask, folder, listLogger, startNative, V2, type Teardown } from './support.ts'

const repo = (id: string, patterns: string[], uri = id) => ({ ...REPOSITORY_DEFAULTS, id, uri, patterns, refreshMs: 0 })
const OPTIONS: GitOptions = {
  ...REPOSITORY_DEFAULTS,
  uri: 'def',
  maxFileBytes: 1_000,
  repos: [
    repo('dev', ['*dev*']), repo('qa', ['q*x']), repo('app1', ['app-*']), repo('mix', ['mix*/pro*', 'two/one']), repo('abs', ['abs']),
    repo('comma', ['cc/a', 'b']), repo('gone', ['gone*']), repo('gone2', ['gone-a*']), repo('tmpl', ['t-*'], '{profile}')
  ]
}

/** Question, and the repositories that are tried one after the other, without the default one at the end. */
const TABLE: Record<string, string> = {
  'svc/dev': 'dev', 'svc/dev,qa': 'dev', 'svcx/dev': 'dev', 'svc/prodev': 'dev', 'svc/qa,dev': 'dev', 'devx/zz': 'dev', 'zz/devx': 'dev',
  'a(_)dev/x': 'dev', 'q/x': 'qa', 'qsvc/x': 'qa', 'q(_)x/y': 'qa', 'q/y,x': 'qa', 'q/x,y': 'qa', 'q/x,dev': 'dev qa',
  'app-foo/dev': 'dev app1', 'app-foo/x': 'app1', 'app-foo/x,y': 'app1', 'app-/x': 'app1', 'mix1/pro': 'mix', 'mix1/prod,qa': 'mix',
  'mix1/qa,prod': '', 'mix/pro': 'mix', 'two/one': 'mix', 'two/one,two': 'mix', 'two/two,one': '', 'two,x/one': '', 'x,two/one': '',
  'abs/x': 'abs', 'abs/x,y': 'abs', 'abs,b/x': 'abs', 'b,abs/x': 'comma', 'absx/x': '', 'cc/a': 'comma', 'cc/a,b': 'comma', 'cc/b,a': '',
  'cc/a,b,c': 'comma', 'b/x': 'comma', 'gone/x': 'gone', 'gone-a/x': 'gone gone2', 't-1/app1': 'app1', 't-1/app1,mix': 'mix app1',
  't-1/none,mix': 'mix none', 'unknown/zz': ''
}

t.test('the repositories of a question are those that Spring would ask, in its order', t => {
  for (const [question, expected] of Object.entries(TABLE)) {
    const [name = '', profile = ''] = question.split('/')
    const uris = repositoriesOf(OPTIONS, readAsk(name, profile, null)).map(({ uri }) => uri)
    t.equal(uris.join(' '), `${expected} def`.trim(), question)
  }
  t.end()
})

t.test('wildcards take no time', t => {
  t.notOk(matchesWildcard(`${'a*'.repeat(500)}b`, 'a'.repeat(20_000)))
  for (const [pattern, text, fits] of [['*', '', true], ['**', 'x', true], ['a*b*', 'ab', true], ['a*b', 'aXbY', false], ['*b', 'abb', true],
    ['.', 'x', false], ['', '', true], ['*a*', 'bab', true], ['a*a', 'a', false]] as const) {
    t.equal(matchesWildcard(pattern, text), fits, `${pattern} ${text}`)
  }
  t.end()
})

async function bare (t: Teardown, base: string, name: string, files: Record<string, string>): Promise<void> {
  const tree = await workTree(t, files)
  await rename(tree.root, join(base, name))
}

t.test('the first that is there and has the label answers; one that is there and broken is not skipped', async t => {
  const base = await folder(t)
  for (const name of ['def', 'dev', 'two']) await bare(t, base, name, { 'application.yml': `repo: ${name}` })
  await bare(t, base, 'bad', { 'application.yml': 'repo: [' })
  const at = (id: string, patterns: string[], uri = id) => repo(id, patterns, join(base, uri))
  const { url } = await startGit(t, {
    uri: join(base, 'def'),
    repos: [at('gone', ['x*']), at('dev', ['*dev*']), at('two', ['x*']), at('bad', ['bad']), at('named', ['n-*'], '{profile}')]
  })
  const which = async (path: string) => (await ask(url, path)).json.propertySources?.[0]?.source.repo
  t.equal(await which('/x1/dev'), 'dev', 'one that is not there gives way to the next that fits')
  t.equal(await which('/x1/qa'), 'two')
  t.equal(await which('/svc/dev'), 'dev')
  t.equal(await which('/n-1/two,none'), 'two', 'of several profiles the last that names a repository')
  t.equal((await ask(url, '/bad/x')).status, 500, 'other values are not its values')
})

t.test('a branch, a tag and a commit in all spellings of git, and no expression', async t => {
  const tree = await workTree(t, { 'application.yml': 'at: first' })
  const first = tree.git('rev-parse', 'HEAD')
  tree.git('tag', '-a', 'v1', '-m', 'x')
  tree.git('tag', 'light')
  const object = tree.git('rev-parse', 'v1')
  tree.git('branch', 'feature/x')
  const main = await tree.commit({ 'application.yml': 'at: main' })
  const { url } = await startGit(t, { uri: tree.root })
  const spellings: Record<string, string> = {
    'heads(_)main': main, 'refs(_)heads(_)main': main, 'origin(_)main': main, 'remotes(_)origin(_)main': main, 'refs(_)remotes(_)origin(_)main': main,
    'tags(_)v1': first, 'refs(_)tags(_)v1': first, 'light': first, 'feature(_)x': first, 'heads(_)feature(_)x': first, 'origin(_)feature(_)x': first,
    [main]: main, [main.slice(0, 4)]: main, [main.toUpperCase()]: main, [main.slice(0, 8).toUpperCase()]: main,
    [object]: first,
    [`v1-1-g${main.slice(0, 7)}`]: main
  }
  for (const [label, commit] of Object.entries(spellings)) t.equal((await ask(url, `/s/z/${label}`)).json.version, commit, label)
  for (const label of ['heads(_)light', 'tags(_)main', 'origin', 'ORIG_HEAD', 'main~1', 'main%5E', 'main@%7B0%7D', 'v1%5E0', 'Main', '@', ':README',
    'refs(_)main', 'heads(_)v1', 'heads(_)', main.slice(0, 3)]) {
    t.ok([400, 404].includes((await ask(url, `/s/z/${label}`)).status), label)
  }
})

t.test('a pin holds a branch however it is spelled', async t => {
  const tree = await workTree(t, { 'svc.yml': 'k: 1' })
  const first = tree.git('rev-parse', 'HEAD')
  await tree.commit({ 'svc.yml': 'k: 2' })
  const { url } = await startGit(t, { uri: tree.root })
  const body = JSON.stringify({ commit: first })
  await ask(url, '/_config/pins/svc/dev/heads%2Fmain', { method: 'PUT', body, headers: { 'content-type': 'application/json' } })
  for (const label of ['main', 'heads(_)main', 'origin(_)main', 'refs(_)heads(_)main']) {
    t.equal((await ask(url, `/svc/dev/${label}`)).json.version, first, label)
  }
})

t.test('links within the commit are followed, for configuration and files; others are told once', async t => {
  const tree = await workTree(t, {
    'base.yml': 'l: lin', 'd/deep.yml': 'q: 1', 'd/x.txt': 'text', 'conf/a/app.yml': 'c: 1', 'private.yml': 'p: 1', 'd/sub/in.yml': 'i: 1'
  })
  const link = async (target: string, path: string) => symlink(target, join(tree.root, path))
  const good: [string, string][] = [['base.yml', 'linked.yml'], ['d', 'dl'], ['../base.yml', 'd/up.yml'], ['linked.yml', 'twice.yml'],
    ['dl/deep.yml', 'through.yml'], ['./d/../base.yml', 'dots.yml'], ['dl/sub/../../base.yml', 'physical.yml'], ['../conf/a', 'd/conf']]
  for (const [target, path] of good) await link(target, path)
  const bad: [string, string][] = [['/etc/passwd', 'out.yml'], ['../../../../etc/passwd', 'up.yml'], ['loop.yml', 'loop.yml'], ['.git/config', 'git.yml'],
    ['b.yml', 'c.yml'], ['c.yml', 'b.yml'], ['nowhere.yml', 'dangling.yml'], ['d/.GIT', 'caps.yml'], ['/base.yml', 'abs.yml']]
  for (const [target, path] of bad) await link(target, path)
  await tree.commit({})
  execFileSync('git', ['update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},module`], { cwd: tree.root })
  tree.git('commit', '-q', '-m', 'module')
  const { log, lines } = listLogger()
  const { url } = await startGit(t, { uri: tree.root, searchPaths: ['d', 'dl', 'd/co*', 'module'] }, {}, { log })
  const flat = async (name: string) => (await ask(url, `/${name}-z.json`)).json
  t.strictSame(await flat('linked'), { l: 'lin' })
  t.equal((await ask(url, '/linked/z')).json.propertySources[0].name, `file://${tree.root}/linked.yml`, 'under its own name')
  for (const name of ['twice', 'up', 'dots', 'physical']) t.strictSame(await flat(name), { l: 'lin' }, name)
  t.strictSame(await flat('through'), { q: 1 })
  t.strictSame((await ask(url, '/deep/z')).json.propertySources.map(({ name }: { name: string }) => name.slice(-11)), ['dl/deep.yml', '/d/deep.yml'])
  t.strictSame(await flat('app'), { c: 1 }, 'a search path that is a link')
  t.equal((await ask(url, '/s/z/main/dl/x.txt')).text, 'text')
  t.equal((await ask(url, '/s/z/main/linked.yml')).text, 'l: lin')
  for (const [, path] of bad) {
    for (let i = 0; i < 2; i++) t.strictSame((await ask(url, `/${path.slice(0, -4)}/z`)).json.propertySources.length, path === 'up.yml' ? 2 : 0, path)
    if (path !== 'up.yml') t.equal((await ask(url, `/s/z/main/${path}`)).status, 404, path)
  }
  const told = lines.filter(line => line.includes('counts for nothing'))
  for (const name of ['out.yml', 'up.yml', 'loop.yml', 'git.yml', 'caps.yml', 'dangling.yml', 'abs.yml', 'module']) {
    t.equal(told.filter(line => line.includes(`/${name}"`)).length, 1, `${name} is told once`)
  }
  t.notOk(JSON.stringify(await flat('out')).includes('root:'))

  const watching = await startGit(t, { uri: tree.root }, { webhook: { unsigned: true, disabled: new Set() } })
  const before = (await ask(watching.url, '/twice/z', { headers: { accept: V2 } })).headers.etag ?? ''
  const woken = ask(watching.url, '/_config/watch/twice/z?wait=100s', { headers: { accept: V2, 'if-none-match': before } })
  await tree.commit({ 'base.yml': 'l: new' })
  await ask(watching.url, '/monitor', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  t.equal((await woken).json.propertySources[0].source.l.value, 'new', 'who watches a link is told of what it leads to')
  const changed = await tree.commit({ 'base.yml': 'l: [' })
  const again = await startGit(t, { uri: tree.root })
  t.not((await ask(again.url, '/linked/z')).json.version, changed, 'a link to a file that broke is held back')
  t.strictSame((await ask(again.url, '/linked-z.json')).json, { l: 'new' })
})

t.test('a plain file over the limit of configuration is served, one over its own limit is 413', async t => {
  const big = Buffer.alloc(5_000, 7)
  const files = { 'big.bin': big, 'large.txt': 'x'.repeat(9_000), 'svc.yml': `a: ${'x'.repeat(5_000)}` }
  const tree = await workTree(t, files)
  const limits = { maxFileBytes: 1_000, maxPlainFileBytes: 8_000 }
  const git = await startGit(t, { uri: tree.root, ...limits })
  const native = await startNative(t, files, {}, limits)
  for (const { url } of [git, native]) {
    const binary = await ask(url, '/svc/x/main/big.bin', { headers: { accept: 'application/octet-stream' } })
    t.equal(binary.status, 200)
    t.ok(binary.body.equals(big))
    const refused = await ask(url, '/svc/x/main/large.txt')
    t.equal(refused.status, 413)
    t.match(refused.json.message, /large\.txt: The file has 9000 bytes, the limit is 8000.*max-plain-file-bytes/)
    t.match((await ask(url, '/svc/x')).json.message, /max-file-bytes/, 'configuration keeps its own limit')
  }
})

t.test('several labels of a folder: the first wins, as in Spring', async t => {
  const files = { 'st.yml': 'k: base', 'lab1/st.yml': 'k: lab1', 'lab2/st.yml': 'k: lab2', 'lab1/p.txt': 'one', 'lab2/p.txt': 'two' }
  const { url } = await startNative(t, files)
  const order = async (labels: string) =>
    (await ask(url, `/st/default/${labels}`)).json.propertySources.map(({ source }: { source: { k: string } }) => source.k).join(' ')
  t.equal(await order('lab1,lab2'), 'lab1 lab2 base')
  t.equal(await order('lab2,lab1'), 'lab2 lab1 base')
  t.equal(await order('lab1,none'), 'lab1 base')
  t.equal((await ask(url, '/lab1,lab2/st-default.json')).json.k, 'lab1')
  t.equal((await ask(url, '/st/default/lab1,lab2/p.txt')).text, 'two', 'files are looked for from the other end, there too')
})
