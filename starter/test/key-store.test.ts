/** Key stores as Java's keytool makes them (JDK 17): two keys, a store of authorities, and one in Java's old format. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:https'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { t } from 'tap'
import { openKeyStore } from '../security/key-store.ts'
import { followServerTls, readServerTls } from '../security/tls.ts'
import { memoryLog, settingsOf } from './support.ts'

const at = (name: string) => join(import.meta.dirname, 'fixtures/key-store', name)
const store = { 'server.ssl.key-store': `file:${at('two.p12')}`, 'server.ssl.key-store-password': 'changeit' }

t.test('keys are found by their alias in letters of any case, RSA and EC, each with its own certificate', async t => {
  const { entry, certificates } = openKeyStore(readFileSync(at('two.p12')), 'changeit', undefined)
  for (const [alias, name] of [[undefined, 'localhost'], ['gateway', 'localhost'], ['SECOND', 'second.example']] as const) {
    const found = entry(alias)!
    t.equal(new X509Certificate(found.cert).subject, `CN=${name}`)
    t.doesNotThrow(() => createSecureContext(found))
  }
  t.equal(entry('third'), undefined)
  t.equal(certificates.match(/BEGIN CERTIFICATE/g)!.length, 2)
})

t.test('a server with key store and trust store asks its clients for a certificate, and knows theirs', async t => {
  const { rejectUnauthorized, ...tls } = readServerTls(await settingsOf({
    ...store, 'server.ssl.key-alias': 'gateway', 'server.ssl.client-auth': 'need',
    'server.ssl.trust-store': at('trust.p12'), 'server.ssl.trust-store-password': 'changeit'
  }))!
  t.ok(rejectUnauthorized)
  const server = createServer({ ...tls, rejectUnauthorized }, (_request, response) => { response.end('well met') })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close().closeAllConnections() })
  const { port } = server.address() as AddressInfo
  const ask = (own: object) => new Promise<string>((resolve, reject) => {
    request({ host: '127.0.0.1', servername: 'localhost', port, ca: tls.cert, ...own }, response => {
      response.setEncoding('utf8').on('data', resolve).on('error', reject)
    }).on('error', reject).end()
  })
  const { entry } = openKeyStore(readFileSync(at('two.p12')), 'changeit', undefined)
  t.equal(await ask(entry('second')!), 'well met')
  await t.rejects(ask({}))
})

t.test('a PEM file goes before a key store, as with Spring', async t => {
  const { entry } = openKeyStore(readFileSync(at('two.p12')), 'changeit', undefined)
  const folder = t.testdir({ 'cert.pem': entry('second')!.cert, 'key.pem': entry('second')!.key })
  const tls = readServerTls(await settingsOf({ ...store, 'server.ssl.certificate': `${folder}/cert.pem`,
    'server.ssl.certificate-private-key': `${folder}/key.pem` }))
  t.equal(new X509Certificate(tls!.cert).subject, 'CN=second.example')
})

t.test('a key store that is replaced is taken over', async t => {
  const file = join(t.testdir(), 'store.p12')
  writeFileSync(file, readFileSync(at('trust.p12')))
  const settings = await settingsOf({ ...store, 'server.ssl.key-store': file, 'server.ssl.key-alias': 'second' })
  const taken = Promise.withResolvers<{ cert?: unknown }>()
  const { log } = memoryLog()
  t.teardown(followServerTls({ setSecureContext: tls => { taken.resolve(tls) } }, settings, log, 20))
  // The watch itself keeps nobody alive.
  const awake = setInterval(() => {}, 1000)
  t.teardown(() => { clearInterval(awake) })
  writeFileSync(file, readFileSync(at('two.p12')))
  t.equal(new X509Certificate(String((await taken.promise).cert)).subject, 'CN=second.example')
})

t.test('what cannot be used is named with its place, and nothing is plain HTTP by accident', async t => {
  const faults: ReadonlyArray<readonly [Record<string, string>, { code: string, message?: RegExp }]> = [
    [{ 'server.ssl.key-store-password': 'wrong' }, { code: 'E_KEY_STORE', message: /password/ }],
    [{ 'server.ssl.key-alias': 'third' }, { code: 'E_KEY_STORE', message: /no key third/ }],
    [{ 'server.ssl.key-store': at('trust.p12') }, { code: 'E_KEY_STORE', message: /no key in it/ }],
    [{ 'server.ssl.key-store': at('old.jks') }, { code: 'E_KEY_STORE', message: /keytool -importkeystore/ }],
    [{ 'server.ssl.key-store': import.meta.filename }, { code: 'E_KEY_STORE' }],
    [{ 'server.ssl.key-store': '/nowhere.p12' }, { code: 'E_FILE' }],
    [{ 'server.ssl.bundle': 'web' }, { code: 'E_TLS_UNUSED' }]
  ]
  for (const [values, fault] of faults) {
    const settings = await settingsOf({ ...store, ...values })
    t.throws(() => readServerTls(settings), fault)
  }
  t.equal(readServerTls(await settingsOf({ ...store, 'server.ssl.enabled': 'false' })), undefined)
})
