import t from 'tap'
import { parse } from 'yaml'
import { chooseForm } from '../web/accept.ts'
import { ask, eventually, folder, startNative, V2, write } from './support.ts'
import { symlink, rm } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const names = (body: { propertySources: { name: string }[] }, root: string) =>
  body.propertySources.map(source => source.name.replaceAll(root, 'N'))

t.test('the order of files is that of Spring', async t => {
  const { url, root } = await startNative(t, {
    'application.yml': 'k: app\n---\nspring.config.activate.on-profile: dev\nk: app-dev-doc\n---\n' +
      'spring.config.activate.on-profile: prod\nk: never\n---\nspring.config.activate.on-profile: "dev & qa"\nk: both\n',
    'application-dev.yml': 'k: application-dev',
    'foo.yml': 'k: foo',
    'foo.properties': 'k=foo-properties',
    'foo-dev.properties': 'k=foo-dev',
    'foo-qa.yml': 'k: foo-qa',
    'bar.yml': 'k: bar',
    'application-default.yml': 'k: default'
  })
  const sources = async (path: string) => names((await ask(url, path)).json, root)
  const document = (n: number) => `Config resource 'file [N/application.yml]' via location 'file:N/' (document #${n})`

  t.strictSame(await sources('/foo/dev,qa'), [
    'file:N/foo-qa.yml', 'file:N/foo-dev.properties', 'file:N/application-dev.yml',
    'file:N/foo.properties', 'file:N/foo.yml', document(3), document(1), document(0)
  ], 'last profile first, profile files before documents, properties before yml')
  t.strictSame((await sources('/foo/qa,dev')).slice(0, 3),
    ['file:N/foo-dev.properties', 'file:N/application-dev.yml', 'file:N/foo-qa.yml'], 'the last profile wins')
  t.strictSame(await sources('/foo,bar/none'), ['file:N/bar.yml', 'file:N/foo.properties', 'file:N/foo.yml', document(0)],
    'the last name wins')
  t.strictSame(await sources('/application/none'), [document(0)], 'application is not read twice')
  t.strictSame(await sources('/foo/default'), ['file:N/application-default.yml', 'file:N/foo.properties', 'file:N/foo.yml',
    document(0)], 'default is an ordinary profile when asked for')
  t.strictSame(await sources('/unknown/dev'), ['file:N/application-dev.yml', document(1), document(0)],
    'an unknown application is no error')
})

t.test('profiles come before locations, and label folders before plain ones', async t => {
  const { url, root } = await startNative(t, {
    'a/foo-dev.yml': 'k: 1', 'b/foo.yml': 'k: 2', 'b/foo-dev.yml': 'k: 3', 'b/v1/foo.yml': 'k: 4', 'a/feature/x/foo.yml': 'k: 5'
  }, {}, { searchLocations: [] }).then(async server => {
    await server.stop()
    return startNative(t, {}, {}, { searchLocations: [`file:${server.root}/a`, `${server.root}/b/`] })
      .then(second => ({ ...second, root: server.root }))
  })
  const sources = async (path: string) => names((await ask(url, path)).json, root)
  t.strictSame(await sources('/foo/dev'), ['file:N/b/foo-dev.yml', 'file:N/a/foo-dev.yml', 'file:N/b/foo.yml'])
  t.strictSame(await sources('/foo/x/v1'), ['file:N/b/v1/foo.yml', 'file:N/b/foo.yml'])
  t.strictSame(await sources('/foo/x/feature(_)x'), ['file:N/a/feature/x/foo.yml', 'file:N/b/foo.yml'])
  t.strictSame(await sources('/foo/x/feature%2Fx'), ['file:N/a/feature/x/foo.yml', 'file:N/b/foo.yml'])
  t.equal((await ask(url, '/foo/x/feature(_)x')).json.label, 'feature/x')
  t.strictSame(await sources('/foo/x/nolabel'), ['file:N/b/foo.yml'], 'a label is never missing on a folder')
})

t.test('placeholders in search locations are filled for each name and profile', async t => {
  const root = await folder(t, { 'foo/dev/foo.yml': 'k: 1', 'bar/qa/bar.yml': 'k: 2', 'secret/foo.yml': 'k: no' })
  const { url } = await startNative(t, {}, {}, { searchLocations: [`file:${root}/{application}/{profile}`] })
  t.strictSame(names((await ask(url, '/foo,bar/dev,qa')).json, root), ['file:N/bar/qa/bar.yml', 'file:N/foo/dev/foo.yml'])
  t.equal((await ask(url, '/../dev')).status, 400)
})

t.test('documents, includes and platforms', async t => {
  const files = {
    'bar.yaml': 'spring.profiles.include: extra, more',
    'bar-extra.yml': 'k: extra',
    'bar-more.yml': 'k: more',
    'bar-dev.yml': 'k: dev',
    'cloud.yml': 'k: plain\n---\nspring.config.activate.on-cloud-platform: kubernetes\nk: kube',
    'list.yml': 'k: 0\n---\nspring:\n  config:\n    activate:\n      on-profile: [a, "!b"]\nk: 1',
    'props.properties': 'k=1\n#---\nspring.config.activate.on-profile=dev\nk=2',
    'legacy.yml': 'a: 1\n---\nspring.profiles: dev\nb: 2',
    'late.yml': 'a: 1\n---\nspring.config.activate.on-profile: dev\nspring.profiles.include: extra',
    'late2-dev.yml': 'spring.profiles.include: [extra]'
  }
  const { url, root } = await startNative(t, files)
  t.strictSame(names((await ask(url, '/bar/dev')).json, root),
    ['file:N/bar-more.yml', 'file:N/bar-extra.yml', 'file:N/bar-dev.yml', 'file:N/bar.yaml'])
  t.strictSame(names((await ask(url, '/bar/default')).json, root), ['file:N/bar.yaml'], 'no includes for default')
  t.strictSame((await ask(url, '/cloud-dev.json')).json, { k: 'plain' })
  t.equal((await ask(url, '/list-b.json')).json.k, 0)
  t.equal((await ask(url, '/list-a.json')).json.k, 1)
  t.equal((await ask(url, '/list/a')).json.propertySources[0].source['spring.config.activate.on-profile[0]'], 'a',
    'the activation key stays in the output')
  t.equal((await ask(url, '/props-dev.json')).json.k, '2')
  const legacy = await ask(url, '/legacy/dev')
  t.equal(legacy.status, 500)
  t.match(legacy.json.message, /legacy\.yml:3: spring\.profiles is no longer a key/)

  for (const path of ['/late/qa', '/late2/dev']) {
    t.match((await ask(url, path)).json, { status: 500, message: /late2?(-dev)?\.yml:\d.*spring\.profiles\.include has no place/ })
  }
  t.equal((await ask(url, '/late2/qa')).status, 200)

  const kube = await startNative(t, files, { cloudPlatform: 'kubernetes' })
  t.strictSame((await ask(kube.url, '/cloud-dev.json')).json.k, 'kube')
})

t.test('values keep their types and every digit', async t => {
  const { url } = await startNative(t, {
    'types.yml': ['int: 42', 'octal: 014', 'hex: 0xFF', 'under: 1_000', 'sexa: 12:30:45', 'big: 12345678901234567890',
      'float: 3.14', 'exp: 1e3', 'two: 2.0', 'small: 0.0009', 'nan: .nan', 'inf: .inf', 'huge: 1e400', 'yes: yes', 'flag: off',
      'date: 2020-01-02', 'nothing:', 'tilde: ~', 'empty: []', 'map: {}', 'text: "42"', 'eight: 08', 'bin: !!binary aGk=',
      'o14: 0o14', '__proto__: {polluted: 1}', 'm: {1: a, false: b, "[a/b]": c, "a/b": d}'].join('\n')
  })
  const { text, json } = await ask(url, '/types/x')
  for (const part of ['"int":42', '"octal":12', '"hex":255', '"under":1000', '"sexa":45045', '"big":12345678901234567890',
    '"float":3.14', '"exp":1000.0', '"two":2.0', '"small":9.0E-4', '"nan":"NaN"', '"inf":"Infinity"', '"huge":"Infinity"',
    '"flag":false', '"date":"2020-01-02"', '"nothing":""', '"tilde":""', '"empty":""', '"text":"42"', '"eight":"08"',
    '"bin":"aGk="', '"o14":"0o14"', '"__proto__.polluted":1', '"m[1]":"a"', '"m[false]":"b"', '"m[a/b]":"c"', '"m.a/b":"d"',
    '"[true]":true']) {
    t.ok(text.includes(part), part)
  }
  t.notOk(text.includes('"map'), 'an empty map vanishes')
  t.notOk(text.includes('[B@'))
  t.equal(({} as { polluted?: number }).polluted, undefined)
  t.equal(json.propertySources.length, 1)
})

t.test('the environment JSON is that of Spring, member by member', async t => {
  const { url, root } = await startNative(t, { 'foo.yml': 'a: ${b}\nb:\n  - c: 1' })
  const v1 = await ask(url, '/foo/dev,qa')
  t.equal(v1.text, `{"name":"foo","profiles":["dev,qa"],"label":null,"version":null,"state":null,"propertySources":` +
    `[{"name":"file:${root}/foo.yml","source":{"a":"\${b}","b[0].c":1}}]}`)
  t.equal(v1.headers['content-type'], 'application/json')
  const v2 = await ask(url, '/foo/dev,qa', { headers: { accept: V2 } })
  t.equal(v2.headers['content-type'], V2)
  t.strictSame(v2.json.propertySources[0].source, {
    a: { value: '${b}', origin: '1:4' }, 'b[0].c': { value: 1, origin: '3:8' }
  })
  const none = await ask(url, '/foo/dev', { headers: { accept: 'text/plain' } })
  t.equal(none.status, 406)
  t.equal(none.text, '')
  t.equal(none.headers.accept, `application/json, ${V2}`)
})

t.test('quality values of Accept decide between the forms', async t => {
  for (const [accept, form] of [
    [undefined, 'v1'], ['*/*', 'v1'], ['application/json', 'v1'], [V2, 'v2'], [`${V2}, application/json`, 'v2'],
    [`application/json, ${V2}`, 'v1'], [`application/json;q=0.5, ${V2};q=0.9`, 'v2'], [`${V2};q=0.1, */*`, 'v1'],
    [`${V2};q=0, */*;q=0`, undefined], ['application/*', 'v1'], ['text/html', undefined], ['APPLICATION/JSON', 'v1'],
    ['application/xml', undefined], [`${V2}; q=1.0`, 'v2'], ['application/json;q=x', undefined]
  ] as const) {
    t.equal(chooseForm(accept), form, String(accept))
  }
})

t.test('an answer has a strong tag, and who has it gets 304', async t => {
  const { url } = await startNative(t, { 'foo.yml': 'a: 1' })
  const first = await ask(url, '/foo/dev')
  const etag = first.headers.etag as string
  t.match(etag, /^"[\w-]{20}\.[\w-]{16}"$/)
  for (const tag of [etag, `"x", W/${etag}`, '*']) {
    const again = await ask(url, '/foo/dev', { headers: { 'if-none-match': tag } })
    t.equal(again.status, 304)
    t.equal(again.text, '')
  }
  t.equal((await ask(url, '/foo/dev', { headers: { 'if-none-match': '"other"' } })).status, 200)
  const head = await ask(url, '/foo/dev', { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.text, '')
  t.equal(head.headers['content-length'], String(first.body.length))
})

t.test('flat formats', async t => {
  const { url } = await startNative(t, {
    'application.yml': 'name: shop\nport: 80\nlist: [1, 2, 3]\nurl: http://${name}:${port}/${missing}/${other:dflt}\n' +
      'esc: \\${name}\ntext: "42"\nmulti: "a\\nb\\n"\nblank: ""\norg.springframework: WARN\norg.springframework.cloud: ERROR\n' +
      'b: {"[hello]": c}\n',
    'foo.yml': 'list: [9]\nport: 8080',
    'seq.yml': '- a\n- b: 1',
    'alone/x.yml': '- q',
    'clash.yml': 'map:\n  1: x\n  a: y',
    'dots.properties': 'a..b=1',
    'circle.yml': 'a: ${b}\nb: ${a}',
    'replace.yml': 'l: []\ns: [1, 2]\nm: {a: 1}\nx: {y: 1}\n',
    'replace-p.yml': 'l: [a]\ns: one\nm: [3]\nx: {z: 2}\n'
  })
  const yml = await ask(url, '/foo-dev.yml')
  t.equal(yml.headers['content-type'], 'text/plain')
  t.equal(yml.text, ['name: shop', 'port: 8080', 'url: http://shop:8080/${missing}/dflt', 'esc: ${name}', "text: '42'",
    'multi: |', '  a', '  b', "blank: ''", 'org:', '  springframework: WARN', '  springframework.cloud: ERROR', 'list:', '- 9',
    'b[hello]: c', ''].join('\n'))
  t.equal((await ask(url, '/foo-dev.yaml')).text, yml.text)
  t.equal((await ask(url, '/some-label/foo-dev.yml')).text, yml.text)
  const properties = await ask(url, '/foo-dev.properties?resolvePlaceholders=false')
  t.equal(properties.headers['content-type'], 'text/plain')
  t.match(properties.text, /^name: shop\nport: 8080\nurl: http:\/\/\$\{name\}:\$\{port\}\/\$\{missing\}\/\$\{other:dflt\}\n/)
  t.notOk(properties.text.endsWith('\n'))
  t.match((await ask(url, '/foo-dev.json', { headers: { accept: 'text/plain' } })).text,
    /^\{"name":"shop","port":8080,.*"list":\[9\]/, 'Accept is ignored')
  t.strictSame((await ask(url, '/replace-p.json')).json,
    { ...(await ask(url, '/unknown-p.json')).json, l: ['a'], s: 'one', m: [3], x: { y: 1, z: 2 } },
    'a list, a scalar and a map replace each other whole')

  for (const [path, key] of [['/clash-x.yml', 'map[1]'], ['/dots-x.json', 'a..b'], ['/dots-x.yml', 'a..b']] as const) {
    const reply = await ask(url, path)
    t.equal(reply.status, 400, path)
    t.ok(reply.json.message.includes(key), 'the key is named')
  }
  t.equal((await ask(url, '/dots-x.properties')).status, 200)
  t.equal((await ask(url, '/dots/x')).status, 200)
  t.equal((await ask(url, '/circle-x.yml')).status, 400)
  t.equal((await ask(url, '/circle/x')).status, 200)
})

t.test('a file that is only a list is shown as one; nothing at all is {}', async t => {
  const { url } = await startNative(t, { 'seq.yml': '- a\n- b: 1', 'word.yml': 'just text' })
  t.equal((await ask(url, '/seq-x.yml')).text, '- a\n- b: 1\n')
  t.equal((await ask(url, '/word-x.yml')).text, 'just text\n')
  t.equal((await ask(url, '/seq-x.json')).text, '{"document":["a",{"b":1}]}')
  t.equal((await ask(url, '/none-x.yml')).text, '{}\n')
  t.equal((await ask(url, '/none-x.json')).text, '{}')
  t.equal((await ask(url, '/none-x.properties')).text, '')
})

t.test('texts that YAML would read as something else, or not show, are quoted', async t => {
  const { url } = await startNative(t, {
    'foo.yml': 'tab: "a\\tb"\nmerge: "<<"\nmark: "--- a"\nend: "..."\ntail: "a \\nb"\nbell: "\\a"\ndate: "2020-01-02"\nplain: a b\ntrue: x\nm: {true: z}'
  })
  const { text } = await ask(url, '/foo-dev.yml')
  for (const line of ['tab: "a\\tb"', "merge: '<<'", "mark: '--- a'", "end: '...'", 'bell: !!binary |-', 'plain: a b', "'[true]': x", 'm[true]: z']) {
    t.ok(text.split('\n').includes(line), `${line} in ${text}`)
  }
  t.strictSame(parse(text, { version: '1.1' }), {
    tab: 'a\tb', merge: '<<', mark: '--- a', end: '...', tail: 'a \nb', bell: Buffer.of(7), date: '2020-01-02', plain: 'a b', '[true]': 'x', 'm[true]': 'z'
  })
})

t.test('routing follows the table of the protocol', async t => {
  const { url } = await startNative(t, {
    'foo.yml': 'a: foo', 'foo-bar-foo2-bar2.yml': 'a: long', 'nginx.conf': 'plain', 'sub/deep.txt': 'deep', 'team/svc.yml': 'a: slash'
  }, { prefix: '' })
  const status = async (path: string, method = 'GET') => (await ask(url, path, { method })).status
  for (const path of ['/foo', '/foo.yml', '/foo/dev.yml', '/foo/dev/', '/', '//', '/foo//', '/foo/dev/lbl/', '/foo/dev/lbl/none.txt']) {
    t.equal(await status(path), 404, path)
  }
  t.equal((await ask(url, '/other/foo-bar-foo2-bar2-spam.json')).json.a, 'long', 'the last hyphen parts name and profile')
  t.equal((await ask(url, '/foo/dev-yml')).json.profiles[0], 'dev-yml')
  t.equal((await ask(url, '/foo/default/nginx.conf')).json.label, 'nginx.conf', 'without useDefaultLabel it is a label')
  t.equal((await ask(url, '/foo/default/nginx.conf?useDefaultLabel')).text, 'plain')
  t.equal((await ask(url, '/foo/default/sub/deep.txt?useDefaultLabel=true')).text, 'deep')
  t.equal((await ask(url, '/team(_)svc-dev.json')).json.a, 'slash')
  t.equal((await ask(url, '/team(_)svc/dev')).json.name, 'team/svc')
  t.equal((await ask(url, '/foo/dev%2Cqa')).json.profiles[0], 'dev,qa', 'clients encode the comma')
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    const reply = await ask(url, '/foo/dev', { method, body: 'x' })
    t.equal(reply.status, 405)
    t.equal(reply.headers.allow, 'GET')
  }
  t.equal((await ask(url, '/foo/dev', { method: 'OPTIONS' })).headers.allow, 'GET, HEAD, OPTIONS')
  t.match((await ask(url, '/foo/dev.yml?a=b')).json, { status: 404, error: 'Not Found', path: '/foo/dev.yml' })
  t.strictSame(Object.keys((await ask(url, '/foo')).json), ['timestamp', 'status', 'error', 'path'])

  const prefixed = await startNative(t, { 'foo.yml': 'a: 1' }, { prefix: '/config' })
  t.equal((await ask(prefixed.url, '/config/foo/dev')).status, 200)
  t.equal((await ask(prefixed.url, '/foo/dev')).status, 404)
  t.equal((await ask(prefixed.url, '/configfoo/dev')).status, 404)
})

t.test('names, profiles, labels and paths that could leave their place are refused', async t => {
  const { url } = await startNative(t, { 'foo.yml': 'a: 1', 'foo.txt': 'x', '.git/HEAD': 'ref', 'a.b/c.txt': 'ok', 'a(_)b.txt': 'literal', 'sub/n.txt': 'n',
    'META-INF/m.txt': 'm', 'WEB-INF/web.xml': 'w'
  })
  for (const path of [
    '/..%2Ffoo/dev', '/(_)foo/dev', '/foo%23/dev', '/foo/dev,..,x', '/foo/de$v', '/foo/-dev', '/foo/dev%20x', '/foo/dev,',
    '/foo/,dev', '/foo/dev/..', '/foo/dev/(_)x', '/foo/dev/a(_)..(_)b', '/foo/dev/%252e%252e%252fx', '/foo/dev/x%00',
    '/foo%5Cbar/dev', '/foo/dev/lbl/..%2F..%2Fetc%2Fpasswd', '/foo/dev/lbl/..%5c..%5cx',
    '/foo/dev/lbl/file:%2F%2Fetc/passwd', '/foo/dev/lbl/a%00b', '/foo/dev/lbl/a%7fb',
    '/foo/dev%2F..%2F..%2Fx/lbl', '/foo/http:%2F%2Fevil/lbl', '/foo/%C0%AE', '/foo/%', '/foo/dev/%2Fetc', `/${'x'.repeat(2000)}/dev`,
    `/foo/${Array(100).fill('p').join(',')}`, '/team%2Fsvc/dev', '/team%2Fsvc-dev.yml', '/lbl/team%2Fsvc-dev.yml', '/foo/dev/lbl/a.b%2Fc.txt'
  ]) {
    t.equal((await ask(url, path)).status, 400, path)
  }
  for (const path of ['/foo/dev/lbl/.git/HEAD', '/foo/dev/.git/HEAD?useDefaultLabel', '/foo/dev/lbl/.GIT/HEAD']) {
    t.equal((await ask(url, path)).status, 404, path)
  }
  // What Spring refuses inside the path of a file looks like a file that is not there.
  for (const path of ['lbl/%2e%2e/x', 'lbl/%252e%252e/x', 'lbl/WEB-INF/web.xml', 'lbl/META-INF/m.txt', 'META-INF?useDefaultLabel',
    'META-INF/m.txt?useDefaultLabel', 'lbl/http:/x', 'lbl/(_)etc(_)passwd', 'lbl/x%23y', 'lbl/..b', 'lbl/sub(_)n.txt']) {
    const { status, text } = await ask(url, `/foo/dev/${path}`)
    t.strictSame([status, text], [404, ''], path)
  }
  t.equal((await ask(url, '/foo/dev/lbl/a(_)b.txt')).text, 'literal', 'in the path of a file it is no slash')
  t.equal((await ask(url, '/foo/dev/lbl/a.b/c.txt')).text, 'ok')
  const lax = await startNative(t, { 'foo.yml': 'a: 1' }, { validateProfiles: false })
  t.equal((await ask(lax.url, '/foo/de$v')).status, 200)
  t.equal((await ask(lax.url, '/foo/dev%2F..%2F..%2Fx')).status, 400, 'the rule on .. cannot be switched off')
})

t.test('links out of the folder, pipes and folders named as files are not read', async t => {
  const outside = await folder(t, { 'secret.yml': 'password: x' })
  const { url, root } = await startNative(t, { 'real/foo.yml': 'a: 1', 'folder.yml/x': '' })
  await symlink(join(outside, 'secret.yml'), join(root, 'evil.yml'))
  await symlink(join(root, 'real/foo.yml'), join(root, 'inside.yml'))
  execFileSync('mkfifo', [join(root, 'pipe.yml')])
  t.strictSame((await ask(url, '/evil-x.json')).json, {})
  t.strictSame((await ask(url, '/inside-x.json')).json, { a: 1 }, 'links inside are how Kubernetes mounts a ConfigMap')
  t.strictSame((await ask(url, '/pipe-x.json')).json, {})
  t.strictSame((await ask(url, '/folder-x.json')).json, {})
  t.equal((await ask(url, '/foo/dev/lbl/evil.yml')).status, 404)
})

t.test('a broken file breaks only who reads it', async t => {
  const { url } = await startNative(t, {
    'application.yml': 'a: 1', 'bad.yml': 'a: 1\nb: [1\nsecret: hunter2', 'twice.yml': 'a: 1\na: 2', 'good.yml': 'a: 2',
    'big.yml': `a: ${'x'.repeat(3000)}`, 'many.properties': Array.from({ length: 30 }, (_, i) => `k${i}=1`).join('\n'),
    'xml.xml': '<?xml version="1.0"?>\n<properties>\n<entry key="a.b">1 &lt; 2</entry><entry key="c"/>\n</properties>',
    'xxe.xml': '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><properties><entry key="a">&e;</entry></properties>'
  }, { maxFileBytes: 2000, maxKeys: 20 }, { maxFileBytes: 2000 })
  for (const name of ['bad', 'twice']) {
    const reply = await ask(url, `/${name}/dev`)
    t.equal(reply.status, 500)
    t.match(reply.json.message, new RegExp(`/${name}\\.yml:\\d+:\\d+`), 'file and line are told')
    t.notOk(reply.text.includes('hunter2'))
    t.notOk(/\bat .*:\d+:\d+\)/.test(reply.text), 'no stack')
  }
  t.match((await ask(url, '/big/dev')).json.message, /max-file-bytes/)
  t.match((await ask(url, '/many/dev')).json.message, /30 keys, the limit is 20/)
  t.equal((await ask(url, '/good-dev.json')).json.a, 2)
  t.strictSame((await ask(url, '/xml/dev', { headers: { accept: V2 } })).json.propertySources[0].source,
    { 'a.b': '1 < 2', c: '' })
  t.equal((await ask(url, '/xxe/dev')).status, 500)
})

t.test('empty environments are 404 when asked to be', async t => {
  const { url } = await startNative(t, { 'foo.yml': 'a: 1' }, { acceptEmpty: false })
  t.equal((await ask(url, '/bar/dev')).status, 404)
  t.equal((await ask(url, '/foo/dev')).status, 200)
})

t.test('plain text and binary files', async t => {
  const { url } = await startNative(t, {
    'application.yml': 'host: example.org', 'foo-dev.yml': 'host: dev.example.org', 'nginx.conf': 'server ${host} ${unknown};',
    'nginx-dev.conf': 'dev ${host};', 'blob.bin': Buffer.from([0, 255, 254, 36, 123]), 'latin.txt': Buffer.from([0xe9]), 'noext': 'n'
  })
  const text = await ask(url, '/foo/qa/lbl/nginx.conf')
  t.equal(text.text, 'server example.org ${unknown};')
  t.equal(text.headers['content-type'], 'text/plain;charset=UTF-8')
  const modified = text.headers['last-modified'] as string
  t.equal((await ask(url, '/foo/qa/lbl/nginx.conf', { headers: { 'if-modified-since': modified } })).status, 304)
  t.equal((await ask(url, '/foo/dev/lbl/nginx.conf')).text, 'dev dev.example.org;', 'the file of the profile comes first')
  t.equal((await ask(url, '/foo/default,dev/lbl/nginx.conf')).text, 'server dev.example.org ${unknown};')
  t.equal((await ask(url, '/foo/dev/lbl/nginx.conf', { headers: { accept: 'application/json' } })).headers['content-type'],
    'application/json')
  const binary = await ask(url, '/foo/dev/lbl/blob.bin', { headers: { accept: 'application/octet-stream' } })
  t.strictSame([...binary.body], [0, 255, 254, 36, 123])
  t.equal((await ask(url, '/foo/dev/lbl/latin.txt', { headers: { 'accept-charset': 'iso-8859-1' } })).text, 'é')
  const missing = await ask(url, '/foo/dev/lbl/none.conf')
  t.equal(missing.status, 404)
  t.equal(missing.text, '')
  t.equal((await ask(url, '/foo/dev/lbl/noext')).text, 'n')

  const twice = await folder(t, { 'one/x.txt': '1', 'two/x.txt': '2', 'two/lbl/x.txt': 'label' })
  const first = async (reverseLocationOrder: boolean) => {
    const { url } = await startNative(t, {}, {}, { searchLocations: [`${twice}/one`, `${twice}/two`], reverseLocationOrder })
    return (await ask(url, '/foo/dev/lbl/x.txt')).text
  }
  t.equal(await first(false), '1')
  t.equal(await first(true), 'label', 'the last location, that of the label, comes first')
})

t.test('placeholders of a text file are filled in unless the question says no', async t => {
  const text = 'listen ${port}; esc \\${port}; dflt ${nope:d};'
  const { url } = await startNative(t, {
    'dock.yml': 'port: 7001', 'txt/dock.conf': text, 'txt/dock-dev.conf': `dev ${text}`, 'txt/site.xml': '<c>${port}</c>',
    'own.yml': 'a: ${port}', 'top.conf': text
  })
  const filled = 'listen 7001; esc ${port}; dflt d;'
  const body = async (path: string, headers = {}) => (await ask(url, path, { headers })).text
  for (const word of ['false', 'FALSE', 'False', 'off', 'no', '0', '%20false']) {
    t.equal(await body(`/dock/default/txt/dock.conf?resolvePlaceholders=${word}`), text, word)
    t.equal(await body(`/dock/dev/txt/dock.conf?resolvePlaceholders=${word}`), `dev ${text}`, `${word}, of a profile`)
    t.equal(await body(`/own-x.yml?resolvePlaceholders=${word}`), 'a: ${port}\n', word)
  }
  for (const word of ['true', 'ON', 'yes', '1', '']) {
    t.equal(await body(`/dock/default/txt/dock.conf?resolvePlaceholders=${word}`), filled, word)
  }
  for (const word of ['x', 'false,true', 'nein']) {
    for (const path of ['/dock/default/txt/dock.conf', '/dock-default.yml']) {
      t.equal((await ask(url, `${path}?resolvePlaceholders=${word}`)).status, 400, path + word)
    }
  }
  t.equal(await body('/dock/default/top.conf?useDefaultLabel&resolvePlaceholders=false'), text)
  t.equal(await body('/dock/default/txt/dock.conf?useDefaultLabel&resolvePlaceholders=false'), text)
  for (const accept of ['application/xml', 'application/json', 'text/css']) {
    t.equal(await body('/dock/default/txt/site.xml?resolvePlaceholders=false', { accept }), '<c>${port}</c>')
    t.equal(await body('/dock/default/txt/site.xml', { accept }), '<c>7001</c>')
  }
  t.equal(await body('/dock/default/x/own.yml?resolvePlaceholders=false'), 'a: ${port}')
  t.equal(await body('/dock/default/x/own.yml'), 'a: 7001')
})

t.test('a kept answer is that of the very question', async t => {
  const { url } = await startNative(t, {
    'foo.yml': 'a: 1\nb: ${a}', 'foo-dev.yml': 'd: ${a}', 'bar.yml': 'c: ${a:x}', 'l1/foo.yml': 'a: l1'
  })
  const questions = [
    ...['foo', 'bar', 'foo,bar'].flatMap(name => ['dev', 'qa', 'dev,qa'].flatMap(profile => ['', '/l1', '/l2'].flatMap(label =>
      ['', V2].map(accept => [`/${name}/${profile}${label}`, accept] as const)))),
    ...['yml', 'json', 'properties'].flatMap(form => ['foo', 'bar'].flatMap(name => ['', '/l1'].flatMap(label =>
      ['', '?resolvePlaceholders=false'].map(query => [`${label}/${name}-dev.${form}${query}`, ''] as const))))
  ]
  const alone = new Map<string, string>()
  const body = async (path: string, accept: string) => {
    const { status, text, headers } = await ask(url, path, { headers: accept === '' ? {} : { accept } })
    return `${status} ${headers['content-type']} ${headers.etag} ${text}`
  }
  for (const [path, accept] of questions) alone.set(path + accept, await body(path, accept))
  for (const [path, accept] of questions.toReversed()) {
    t.equal(await body(path, accept), alone.get(path + accept), path + accept)
  }
  t.not(alone.get('/foo-dev.yml'), alone.get('/foo-dev.yml?resolvePlaceholders=false'), 'they do differ')
  t.not(alone.get('/foo-dev.json'), alone.get('/foo-dev.json?resolvePlaceholders=false'))
})

t.test('bytes become text as the file says, or not at all', async t => {
  const xml = (encoding: string, text: string) => `<?xml version="1.0" encoding="${encoding}"?>\n<properties><entry key="a">${text}</entry></properties>`
  const utf16be = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()
  const good: Record<string, [Buffer, string | number]> = {
    'le.yml': [Buffer.from('\ufeffa: ä\n', 'utf16le'), 'ä'],
    'be.yml': [utf16be('a: ä\n'), 'ä'],
    'mark.yml': [Buffer.from('\ufeffa: 1\n'), 1],
    'u8.xml': [Buffer.from(xml('UTF-8', 'ä€')), 'ä€'],
    'l1.xml': [Buffer.from(xml('ISO-8859-1', 'ä'), 'latin1'), 'ä'],
    'win.xml': [Buffer.from(xml('windows-1252', '\u0080'), 'latin1'), '€'],
    'le.xml': [Buffer.from(`\ufeff${xml('UTF-16', 'ä€')}`, 'utf16le'), 'ä€'],
    'be.xml': [utf16be(xml('UTF-8', 'ä€')), 'ä€']
  }
  const bad: Record<string, Buffer> = {
    'b1.yml': Buffer.from('a: \xff\n', 'latin1'),
    'b2.yml': Buffer.from([0xff, 0xfe, ...Buffer.from('a: \ud800\n', 'utf16le')]),
    'b3.yml': Buffer.from([...Buffer.from('\ufeffa: 1', 'utf16le'), 0x0a]),
    'b4.yml': Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]),
    'b5.xml': Buffer.from(xml('UTF-8', '\xe4'), 'latin1'),
    'b6.xml': Buffer.from(xml('klingon', 'a'))
  }
  for (const [file, [content, value]] of Object.entries(good)) {
    const { url } = await startNative(t, { [`foo.${file.split('.')[1]}`]: content })
    t.equal((await ask(url, '/foo/x')).json.propertySources[0].source.a, value, file)
  }
  const { url } = await startNative(t, bad)
  for (const file of Object.keys(bad)) {
    const { status, json } = await ask(url, `/${file.split('.')[0]}/x`)
    t.equal(status, 500, file)
    t.match(json.message, file, 'it names the file')
  }
})

t.test('XML has no origins, blanks in a label count', async t => {
  const { url } = await startNative(t, { 'foo.xml': '<properties><entry key="a">12</entry></properties>', 'lab1/foo.yml': 'k: 1', 'lab2/foo.yml': 'k: 2' })
  t.strictSame((await ask(url, '/foo/x', { headers: { accept: V2 } })).json.propertySources[0].source, { a: '12' })
  t.equal((await ask(url, '/foo/x/lab1,%20lab2')).json.propertySources[0].source.k, 1)
  t.equal((await ask(url, '/lab2%20/foo-x.json')).text, '{"a":"12"}')
})

t.test('a changed, new or removed file is served at once, a hit reads no file', async t => {
  const { url, root } = await startNative(t, { 'foo.yml': 'a: 1' })
  const value = async () => (await ask(url, '/foo-dev.json')).json.a
  t.equal(await value(), 1)
  await write(root, { 'foo.yml': 'a: 2' })
  await eventually('the new value', async () => await value() === 2)
  await write(root, { 'foo-dev.yml': 'a: 3' })
  await eventually('the new file', async () => await value() === 3)
  await rm(join(root, 'foo-dev.yml'))
  await eventually('the old value', async () => await value() === 2)
})

t.test('a folder that appears later is seen by the sweep', async t => {
  const root = await folder(t)
  const { url } = await startNative(t, {}, {}, { searchLocations: [`file:${root}/later`], sweepMs: 20 })
  t.strictSame((await ask(url, '/foo-dev.json')).json, {})
  await write(root, { 'later/foo.yml': 'a: 1' })
  await eventually('the new folder', async () => (await ask(url, '/foo-dev.json')).json.a === 1)
})
