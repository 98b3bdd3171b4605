import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { createTextCipher, deriveKey, loadSettings, readPrefixes, sealCbc } from '@breakwater/starter/settings'
import { createAeadEncryptor } from '../encryption/aead.ts'
import { createKeyRing, type EncryptOptions } from '../encryption/key-ring.ts'
import { createRsaEncryptor, type RsaOptions } from '../encryption/rsa.ts'
import { openGcm } from '../encryption/gcm.ts'
import { readOptions } from '../index.ts'
import { ask, folder, listLogger, startNative, V2 } from './support.ts'

const RSA = { algorithm: 'DEFAULT', strong: false, salt: 'deadbeef' } as const
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const pemText = pem.export({ type: 'pkcs1', format: 'pem' }).toString()
const encrypt = (key: string): EncryptOptions => ({ key, salt: 'deadbeef', rsa: RSA })

t.test('ciphers of Spring are read, and the same IV gives the same bytes', async t => {
  for (const [key, cipher, plain] of [
    ['pie', 'bf29452295df354e6153c5b31b03ef23c70e55fba24299aa85c63438f1c43c95', 'test'],
    ['mykey', '6defc102cd76752fcf4c78231ed82ead85133a09741d9a1442595b4800e2b3d1', 'password'],
    ['foo', 'd1b2458ccede07c856ff952bd841638ff4dd12ed1d36812663c3c7262d57bf46', 'SUPER SECRET'],
    ['deadbeef', '6154ca04d4bb6144d672c4e3d750b5147116dd381946d51fa44f8bc25dc256f4', 'bar'],
    ['deadbeef', 'e4e061f9fe39ba5b14d8012d2f17d39775606039409b71ed4be0fdd033d5324a', 'foo']
  ] as const) {
    const encryptor = createTextCipher(key, 'deadbeef')
    t.equal(encryptor.decrypt(cipher), plain)
    const aes = deriveKey(key, Buffer.from('deadbeef', 'hex'))
    t.equal(sealCbc(aes, Buffer.from(plain), Buffer.from(cipher.slice(0, 32), 'hex')).toString('hex'), cipher)
  }
  const pie = deriveKey('pie', Buffer.from('deadbeef', 'hex'))
  t.equal(pie.toString('hex'), '336007a0060e2b301c486e711a6275c87d88dc2e40451ed87ce6cd01943da61e')
  t.equal(openGcm(pie, Buffer.from('7b831e6c9984086e58803e6e90065feec619db3c556010f2ad1da00466be4a351e96a989', 'hex')).toString(),
    'test')
})

t.test('every kind of encryption reads what it wrote and nothing that was changed', async t => {
  const encryptors = [
    (await createKeyRing(encrypt('k'))).locate(new Map()), await createAeadEncryptor('k', 'deadbeef'),
    createRsaEncryptor(pem, RSA), createRsaEncryptor(pem, { ...RSA, algorithm: 'OAEP' }),
    createRsaEncryptor(pem, { algorithm: 'OAEP', strong: true, salt: 'no hex' })
  ]
  for (const encryptor of encryptors) {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme' }), async text => {
      return await encryptor.decrypt(await encryptor.encrypt(text)) === text
    }), { numRuns: 20 })
    for (const bad of ['', 'AA', 'zz', '{', 'AAAA'.repeat(200)]) await t.rejects(encryptor.decrypt(bad), bad)
  }
  for (const authentic of [encryptors[1]!, encryptors[4]!]) {
    const cipher = await authentic.encrypt('a secret that is longer than a block')
    for (const at of [cipher.length - 3, cipher.length >> 1]) {
      const changed = cipher.slice(0, at) + (cipher[at] === 'A' ? 'B' : 'A') + cipher.slice(at + 1)
      await t.rejects(authentic.decrypt(changed), 'a changed cipher text is noticed')
    }
    await t.rejects(authentic.decrypt(cipher.slice(0, 40)), 'a truncated one too')
  }
})

t.test('prefixes choose the key', async t => {
  t.strictSame(readPrefixes('{key:a}{name:x}text'), {
    head: '{key:a}{name:x}', text: 'text', prefixes: new Map([['key', 'a'], ['name', 'x']])
  })
  t.equal(readPrefixes('{key:a}{plain}{b:c}text').text, '{b:c}text')
  t.equal(readPrefixes('{no prefix}').text, '{no prefix}')
  t.equal(readPrefixes('{key:a').text, '{key:a')
})

t.test('/encrypt, /decrypt and /key answer as Spring does', async t => {
  const { url } = await startNative(t, {}, { encrypt: encrypt('pie') })
  const post = async (path: string, body: string, type: string | undefined = 'text/plain') =>
    ask(url, path, { method: 'POST', body, headers: type === undefined ? {} : { 'content-type': type } })
  const made = await post('/encrypt', 'test')
  t.equal(made.status, 200)
  t.equal(made.headers['content-type'], 'text/plain;charset=UTF-8')
  t.match(made.text, /^[0-9a-f]{64}$/)
  t.equal((await post('/decrypt', made.text)).text, 'test')
  t.equal((await post('/decrypt/foo/dev', `{key:any}${made.text}`)).text, 'test', 'a symmetric key serves every alias')
  const prefixed = await post('/encrypt/foo/dev', '{key:k1}{plain}{a:b}')
  t.match(prefixed.text, /^\{key:k1\}[0-9a-f]+$/)
  t.equal((await post('/decrypt', prefixed.text)).text, '{a:b}')

  const form = 'application/x-www-form-urlencoded'
  const dec = async (cipher: string) => (await post('/decrypt', cipher)).text
  t.equal(await dec((await post('/encrypt', 'a%20b%3D=', form)).text), 'a b=', 'a form of curl is undone')
  t.equal(await dec((await post('/encrypt', 'a+b', form)).text), 'a+b', 'without = at the end it is taken as it is')
  t.equal(await dec((await post('/encrypt', '{"a":1}', 'application/json')).text), '{"a":1}')
  t.equal(await dec((await post('/encrypt', 'x=', 'text/plain')).text), 'x=')
  t.equal((await post('/decrypt', `${made.text}=`, form)).text, 'test')

  const bad = await post('/decrypt', made.text.replace(/^./, c => c === '0' ? '1' : '0').slice(0, -2))
  t.equal(bad.status, 400)
  t.strictSame(bad.json, { description: 'Text not encrypted with this key', status: 'INVALID' })
  t.equal((await post('/decrypt', `{cipher}${made.text}`)).status, 400)
  t.strictSame((await ask(url, '/encrypt/status')).json, { status: 'OK' })
  const key = await ask(url, '/key')
  t.equal(key.status, 404)
  t.strictSame(key.json, { description: 'No public key available', status: 'NOT_FOUND' })
  t.equal((await post('/encrypt', '')).status, 400)
  t.equal((await ask(url, '/encrypt', { method: 'POST', body: 'x' })).status, 400, 'no content type')
  const get = await ask(url, '/encrypt')
  t.equal(get.status, 405)
  t.equal(get.headers.allow, 'POST')
  const aead = await post('/encrypt', '{alg:gcm}hush')
  t.match(aead.text, /^\{alg:gcm\}[\w-]+$/)
  t.equal((await post('/decrypt', aead.text)).text, 'hush')

  const bare = await startNative(t, {})
  t.equal((await ask(bare.url, '/encrypt/status')).status, 404)
  t.strictSame((await ask(bare.url, '/encrypt', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } })).json,
    { description: 'No key was installed for encryption service', status: 'NO_KEY' })
})

t.test('RSA keys: PEM in any spacing, the public key in SSH form', async t => {
  const flat = pemText.replaceAll('\n', '')
  for (const key of [pemText, flat, pemText.replaceAll('\n', '\\n')]) {
    const ring = await createKeyRing(encrypt(key))
    const encryptor = ring.locate(new Map())
    t.equal(await encryptor.decrypt(await encryptor.encrypt('x')), 'x')
  }
  const { url } = await startNative(t, {}, { encrypt: encrypt(flat) })
  const { text } = await ask(url, '/key/foo/dev')
  t.match(text, /^ssh-rsa AAAAB3NzaC1yc2E[A-Za-z0-9+/]+=* application$/)
  const cipher = (await ask(url, '/encrypt', { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } })).text
  const encoded = `${encodeURIComponent(cipher)}=`
  t.equal((await ask(url, '/decrypt', {
    method: 'POST', body: encoded, headers: { 'content-type': 'application/x-www-form-urlencoded' }
  })).text, 'hello', 'base64 through a form keeps its = and +')
  await t.rejects(createKeyRing(encrypt('ssh-rsa AAAA')), { code: 'E_CIPHER_FORMAT' })
  await t.rejects(createKeyRing(encrypt('-----BEGIN RSA PRIVATE KEY-----\nxx\n-----END RSA PRIVATE KEY-----')), { code: 'E_CIPHER_FORMAT' })
})

t.test('a PKCS12 store of keytool or openssl: {key:alias} picks the key', async t => {
  const root = await folder(t)
  const second = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const stores: Buffer[] = []
  for (const [alias, key] of [['one', pem], ['two', second]] as const) {
    await writeFile(join(root, `${alias}.pem`), key.export({ type: 'pkcs8', format: 'pem' }))
    execFileSync('openssl', ['req', '-new', '-x509', '-key', join(root, `${alias}.pem`), '-subj', '/CN=x', '-out', join(root, 'c.pem')],
      { stdio: 'ignore' })
    execFileSync('openssl', ['pkcs12', '-export', '-inkey', join(root, `${alias}.pem`), '-in', join(root, 'c.pem'), '-name', alias,
      '-passout', 'pass:letmein', '-out', join(root, `${alias}.p12`)], { stdio: 'ignore' })
    stores.push(await readFile(join(root, `${alias}.p12`)))
  }
  const ring = await createKeyRing({
    salt: 'deadbeef', rsa: RSA, keyStore: { content: stores[0]!, location: 'one.p12', password: 'letmein', secret: 'letmein', alias: 'ONE' }
  })
  const cipher = await createRsaEncryptor(createPrivateKey(pemText), RSA).encrypt('from the same key')
  t.equal(await ring.locate(new Map()).decrypt(cipher), 'from the same key')
  t.equal(await ring.locate(new Map([['key', 'one']])).decrypt(cipher), 'from the same key')
  t.throws(() => ring.locate(new Map([['key', 'other']])), { code: 'E_CIPHER_UNKNOWN_KEY' })
  const wrong = (password: string, alias: string, content = stores[1]!) =>
    createKeyRing({ salt: 'deadbeef', rsa: RSA, keyStore: { content, location: 'k.p12', password, secret: password, alias } })
  await t.rejects(wrong('nope', 'two'), { code: 'E_CIPHER_STORE' })
  await t.rejects(wrong('letmein', 'missing'), { code: 'E_CIPHER_STORE' })
  for (const bad of ['', 'feedfeed00000002', 'feedfeed0000000200000001'.padEnd(100, '0'), '3003020103']) {
    await t.rejects(wrong('letmein', 'two', Buffer.from(bad, 'hex')), { code: 'E_CIPHER_STORE' }, bad)
  }
  await t.rejects(wrong('guess-me', 'two'), { message: /^(?!.*guess-me)/s }, 'the password is not told')
})

// Made with keytool and with spring-security-crypto 7.0.4's RsaSecretEncryptor: mytestkey's own password is "changeme".
const KEYS = join(import.meta.dirname, 'fixtures/keys')
interface Vector extends RsaOptions { readonly alias: string, readonly plain: string, readonly cipher: string }

t.test('key stores of keytool and RSA ciphers of Spring: every algorithm, strength and salt', async t => {
  const vectors = JSON.parse(await readFile(join(KEYS, 'vectors.json'), 'utf8')) as Vector[]
  t.equal(vectors.length, 16)
  const content = await readFile(join(KEYS, 'server.jks'))
  const keyStore = { content, location: 'server.jks', password: 'letmein', secret: 'changeme', alias: 'mytestkey' }
  for (const { alias, plain, cipher, ...rsa } of vectors) {
    const ring = await createKeyRing({ salt: 'deadbeef', rsa, keyStore })
    const { prefixes, text } = readPrefixes(`${alias === 'other' ? '{key:Other}{secret:letmein}' : ''}${cipher}`)
    t.equal(await ring.locate(prefixes).decrypt(text), plain)
    t.equal(await ring.locate(prefixes).decrypt(await ring.locate(prefixes).encrypt('back')), 'back')
    const wrong = await createKeyRing({ salt: 'deadbeef', rsa: { ...rsa, salt: 'beef' }, keyStore })
    await t.rejects(wrong.locate(prefixes).decrypt(text), 'under another salt')
  }
  const ring = await createKeyRing({ salt: 'deadbeef', rsa: RSA, keyStore })
  for (const prefixes of [{ key: 'none' }, { key: 'other' }, { key: 'other', secret: 'guess' }]) {
    t.throws(() => ring.locate(new Map(Object.entries(prefixes))), { code: 'E_CIPHER_UNKNOWN_KEY' })
  }
  // Values name their keys: what they name is kept up to a bound, in every spelling.
  const spelled = (index: number) => new Map([['secret', 'letmein'], ['key', Array.from('other', (letter, at) =>
    index >> at & 1 ? letter.toUpperCase() : letter).join('')], ['name', String(index)]])
  const bounded = await createKeyRing({ salt: 'deadbeef', rsa: RSA, keyStore }, 10)
  const kept = bounded.locate(spelled(0))
  for (let index = 1; index < 10; index++) bounded.locate(spelled(index))
  t.equal(bounded.locate(spelled(0)), kept, 'at the bound')
  bounded.locate(spelled(10))
  t.not(bounded.locate(spelled(0)), kept, 'one beyond it')
  await t.rejects(createKeyRing({ salt: 'deadbeef', rsa: RSA, keyStore: { ...keyStore, secret: 'letmein' } }),
    { code: 'E_CIPHER_STORE', message: /^(?!.*changeme)/s })
  await t.rejects(createKeyRing({ salt: 'deadbeef', rsa: RSA, keyStore: { ...keyStore, password: 'changeme' } }), { code: 'E_CIPHER_STORE' })
  for (let cut = 0; cut < content.length; cut += 97) {
    await t.rejects(createKeyRing({ salt: 'deadbeef', rsa: RSA, keyStore: { ...keyStore, content: content.subarray(0, cut) } }),
      { code: 'E_CIPHER_STORE' })
  }
})

t.test('a PKCS12 store that keytool made of a JKS one, by settings; /key shows its public key', async t => {
  const settings = await loadSettings({
    name: 'x', folder: await folder(t), args: {
      'encrypt.key-store.location': `file:${join(KEYS, 'server.p12')}`, 'encrypt.key-store.password': 'letmein',
      'encrypt.key-store.alias': 'mytestkey', 'encrypt.rsa.algorithm': 'oaep', 'encrypt.rsa.strong': 'true'
    }
  })
  const vectors = JSON.parse(await readFile(join(KEYS, 'vectors.json'), 'utf8')) as Vector[]
  const { cipher, plain } = vectors.find(({ algorithm, strong, salt }) => algorithm === 'OAEP' && strong && salt === 'deadbeef')!
  const { url } = await startNative(t, { 'foo.yml': `a: "{cipher}{key:mytestkey}${cipher}"\nb: "{cipher}{key:none}${cipher}"` },
    { encrypt: readOptions(settings).encrypt })
  t.strictSame((await ask(url, '/foo-dev.json')).json, { a: plain, invalid: { b: '<n/a>' } })
  t.match((await ask(url, '/key')).text, /^ssh-rsa AAAAB3/)
  t.strictSame((await ask(url, '/decrypt', { method: 'POST', body: '{key:none}AAAA', headers: { 'content-type': 'text/plain' } })).json,
    { description: 'Server-side decryption is not supported', status: 'BAD_REQUEST' })
})

t.test('served values are decrypted; a bad one spoils only itself', async t => {
  const cipher = '{cipher}bf29452295df354e6153c5b31b03ef23c70e55fba24299aa85c63438f1c43c95'
  const files = {
    'foo.yml': `pw: "${cipher}"\nafter: 1\nbad: "{cipher}0000"\nlist: ["${cipher}"]\nnamed: "{cipher}{name:x}{key:y}${cipher.slice(8)}"\n`,
    'tpl.txt': `pw=\${pw} raw=${cipher}`, 'tpl.json': `{"pw":"${cipher}","x":"\${after}"}`
  }
  const { url } = await startNative(t, files, { encrypt: encrypt('pie') })
  t.match((await ask(url, '/foo/dev')).text,
    '"source":{"after":1,"pw":"test","invalid.bad":"<n/a>","list[0]":"test","named":"test"}')
  t.strictSame((await ask(url, '/foo/dev', { headers: { accept: V2 } })).json.propertySources[0].source.pw, 'test',
    'a decrypted value has no origin')
  t.equal((await ask(url, '/foo/dev/x/tpl.txt')).text, `pw=test raw=${cipher}`)
  t.equal((await ask(url, '/foo/dev/x/tpl.json')).json.pw, cipher, 'files stay encrypted unless asked')

  const plain = await startNative(t, files, { encrypt: encrypt('pie'), decryptFiles: true })
  t.strictSame((await ask(plain.url, '/foo/dev/x/tpl.json')).json, { pw: 'test', x: '1' })
  t.equal((await ask(plain.url, '/foo/dev/x/tpl.txt')).text, `pw=test raw=${cipher}`, 'only structured files')
  const kept = await startNative(t, files, { encrypt: encrypt('pie'), decrypt: false })
  t.match((await ask(kept.url, '/foo/dev')).text, `"pw":"${cipher}","after":1`)
  const handed = await startNative(t, files, { decrypt: false })
  t.match((await ask(handed.url, '/foo/dev')).text, `"pw":"${cipher}"`, 'clients decrypt where the server is told not to')
  const same = await startNative(t, files, { encrypt: encrypt('pie'), prefixInvalid: false })
  t.match((await ask(same.url, '/foo/dev')).text, '"bad":"<n/a>"')
})

t.test('without a key no cipher goes out as a value, and the start says so', async t => {
  const cipher = `{cipher}${'0'.repeat(64)}`
  const files = {
    'till.yml': `till:\n  pin: '${cipher}'\n  keys: ['{cipher}{key:a}0011', plain, '{cipher}{name:x}']\nopen: yes\n`,
    'tpl.json': `{"pw":"${cipher}"}`
  }
  const { log, lines } = listLogger()
  const { url } = await startNative(t, files, { decryptFiles: true }, {}, { log })
  t.ok(lines.some(line => line.includes('there is no key to decrypt with')))
  const source = async (headers = {}) => (await ask(url, '/till/default', { headers })).json.propertySources[0].source
  const invalid = { 'invalid.till.pin': '<n/a>', 'invalid.till.keys[0]': '<n/a>', 'invalid.till.keys[2]': '<n/a>' }
  t.strictSame(await source(), { 'till.keys[1]': 'plain', open: true, ...invalid })
  t.strictSame(await source({ accept: V2 }),
    { 'till.keys[1]': { value: 'plain', origin: '3:33' }, open: { value: true, origin: '4:7' }, ...invalid })
  for (const form of ['yml', 'json', 'properties']) {
    const { status, text } = await ask(url, `/till-default.${form}`)
    t.equal(status, 200)
    t.notOk(text.includes('cipher'), form)
    t.match(text, 'n/a', form)
  }
  t.strictSame((await ask(url, '/till/default/x/tpl.json')).json, { pw: '<n/a>' })
  const silent = listLogger()
  await startNative(t, files, { decrypt: false }, {}, { log: silent.log })
  t.notOk(silent.lines.some(line => line.includes('no key')))
})

t.test('methods that an endpoint has not are refused with those it has', async t => {
  for (const prefix of ['', '/cfg']) {
    const { url } = await startNative(t, {}, { encrypt: encrypt('pie'), prefix })
    const seen = async (method: string, path: string) => {
      const { status, headers, text } = await ask(url, prefix + path, { method })
      if (status === 405) {
        const { timestamp: _time, ...body } = JSON.parse(text)
        t.strictSame(body, { status: 405, error: 'Method Not Allowed', path: (prefix + path).split('?')[0] }, method + path)
      }
      return `${status} ${headers.allow}`
    }
    for (const path of ['/encrypt', '/decrypt']) {
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) t.equal(await seen(method, `${path}?x=1`), '405 POST', method + path)
      t.equal(await seen('OPTIONS', path), '200 POST, OPTIONS')
      for (const method of ['PUT', 'DELETE', 'PATCH']) t.equal(await seen(method, `${path}/a/b`), '405 GET, POST', method)
      t.equal(await seen('OPTIONS', `${path}/a/b`), '200 GET, POST, HEAD, OPTIONS')
    }
    for (const path of ['/key', '/key/a/b', '/encrypt/status']) {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) t.equal(await seen(method, path), '405 GET', method + path)
      t.equal(await seen('OPTIONS', path), '200 GET, HEAD, OPTIONS', path)
    }
    t.equal((await ask(url, `${prefix}/encrypt/a/b`)).json.name, 'encrypt', 'an environment by its label')
  }
})

t.test('slashes hidden in the parts of an encryption path are refused', async t => {
  const { url } = await startNative(t, {}, { encrypt: encrypt('pie') })
  const post = async (path: string) =>
    (await ask(url, path, { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } })).status
  for (const path of ['..%2ftill/dev', 'till/%2e%2e%2fdev', 'a%5cb/dev', 'a/b%00', 'a/b%0a']) {
    t.equal(await post(`/encrypt/${path}`), 400, path)
    t.equal((await ask(url, `/key/${path}`)).status, 400, path)
  }
  for (const path of ['a..b/dev', 'till%23/dev']) t.equal(await post(`/encrypt/${path}`), 200, path)
})

t.test('overrides come first and last, after decryption, and are text', async t => {
  const text = (value: string) => ({ value: { kind: 'string', text: value } as const, origin: { source: 'overrides' } })
  const { url } = await startNative(t, { 'foo.yml': 'a: 1' }, { overrides: new Map([['a', text('5')], ['b', text('${x}')]]), acceptEmpty: false })
  t.strictSame((await ask(url, '/foo/dev')).json.propertySources[0], { name: 'overrides', source: { a: '5', b: '${x}' } })
  t.strictSame((await ask(url, '/foo/dev', { headers: { accept: V2 } })).json.propertySources[0].source.a,
    { value: '5', origin: 'Config server overrides' })
  t.equal((await ask(url, '/unknown/dev')).status, 200, 'with overrides nothing is empty')
})
