import { writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { createLogger } from '@breakwater/starter'
import { createAuthenticator, followServerTls } from '@breakwater/starter/security'
import { loadSettings } from '@breakwater/starter/settings'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import forge from 'node-forge'
import t from 'tap'
import { createDiscovery, type Discovery } from '../index.ts'
import { TokenBucket } from '../eureka/rate-limit.ts'
import { optionsFrom } from '../settings.ts'
import { instance, rawInstance } from './support/instances.ts'
import { call, getJson, JSON_ACCEPT, register, startDiscovery, until } from './support/server.ts'

const PATH = '/eureka/apps/ORDERS/h1:orders:8080'

interface Tap { after: (undo: () => unknown) => unknown }
interface Line {
  msg?: string, audit?: string, principal?: string, app?: string, id?: string, address?: string, by?: string
}

/** A registry as main.ts makes it, from settings. */
async function secured (t: Tap, args: Record<string, string>): Promise<{ discovery: Discovery, lines: Line[] }> {
  const lines: Line[] = []
  const log = createLogger({ name: 'discovery', destination: { write: (line: string) => { lines.push(JSON.parse(line) as Line) } } })
  const settings = await loadSettings({ name: 'discovery', env: {}, args: { 'server.port': '0', ...args }, folder: '/nonexistent' })
  const auth = await createAuthenticator(settings, log)
  const discovery = createDiscovery(optionsFrom(settings), { log, auth })
  await discovery.start()
  t.after(() => discovery.stop())
  if (discovery.url.startsWith('https:')) {
    t.after(followServerTls({ setSecureContext: tls => discovery.useTls(tls) }, settings, log, 20))
  }
  return { discovery, lines }
}

const basic = (user: string, password = 'pw') => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` })
const user = (at: number, name: string, role: string) => ({
  [`breakwater.security.users[${at}].name`]: name,
  [`breakwater.security.users[${at}].password`]: 'pw',
  [`breakwater.security.users[${at}].roles`]: role
})

t.test('beyond loopback somebody must have chosen', async t => {
  await t.rejects(secured(t, { 'server.address': '0.0.0.0' }), { code: 'E_SECURITY_CHOICE' })
})

t.test('basic: readers read, writers write, and a refusal has no body', async t => {
  const { discovery: { url }, lines } = await secured(t, {
    'breakwater.security.mode': 'basic', ...user(0, 'eyes', 'read'), ...user(1, 'hands', 'write')
  })
  const stranger = await register(url)
  t.same([stranger.status, stranger.text, stranger.headers['content-length']], [401, '', '0'])
  t.match(stranger.headers['www-authenticate'], /^Basic/)
  t.equal((await register(url, {}, basic('hands', 'wrong'))).status, 401)
  const reader = await register(url, {}, basic('eyes'))
  t.same([reader.status, reader.text], [403, ''])
  t.equal((await register(url, {}, basic('hands'))).status, 204)
  for (const path of ['/eureka/apps', '/eureka/v2/apps/delta', PATH, '/eureka/status', '/eureka/stream', '/', '/lastn', '/serverinfo/statusoverrides']) {
    const refused = await call(url, path)
    t.same([refused.status, refused.text], [401, ''], path)
    t.equal((await call(url, path, { headers: { ...basic('eyes'), ...JSON_ACCEPT } })).status, 200, path)
  }
  t.equal((await call(url, PATH, { method: 'PUT' })).status, 401)
  t.equal((await call(url, PATH, { method: 'PUT', headers: basic('eyes') })).status, 403)
  t.equal((await call(url, PATH, { method: 'PUT', headers: basic('hands') })).status, 200)
  t.equal((await call(url, '/eureka/peerreplication/batch/', { method: 'POST' })).status, 401)
  await call(url, `${PATH}/status?value=DOWN`, { method: 'PUT', headers: basic('hands') })
  await call(url, PATH, { method: 'DELETE', headers: basic('hands') })
  t.match(lines.filter(line => line.audit !== undefined), [
    { audit: 'register', app: 'ORDERS', id: 'h1:orders:8080', principal: 'hands', address: '127.0.0.1' },
    { audit: 'override DOWN', principal: 'hands' }, { audit: 'cancel', principal: 'hands' }
  ], 'each change has its line')
  t.notMatch(JSON.stringify(lines), 'pw', 'and no password is in the log')
})

t.test('bearer: a token that names applications changes these alone', async t => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwks = join(t.testdir(), 'jwks.json')
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...await exportJWK(publicKey), alg: 'ES256' }] }))
  const token = async (claims: object) => ({
    authorization: `Bearer ${await new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256' }).setSubject('svc').setExpirationTime('1h').sign(privateKey)}`
  })
  const { discovery: { url } } = await secured(t, {
    'breakwater.security.mode': 'bearer', 'spring.security.oauth2.resourceserver.jwt.jwk-set-uri': jwks
  })
  const orders = await token({ roles: ['write'], applications: ['orders'] })
  t.equal((await register(url, {}, orders)).status, 204)
  t.equal((await register(url, { app: 'USERS', instanceId: 'u' }, orders)).status, 403, 'not another\'s')
  t.equal((await register(url, { app: 'USERS', instanceId: 'u' }, await token({ scope: 'write' }))).status, 204, 'unbound: any')
  t.equal((await call(url, PATH, { method: 'PUT', headers: orders })).status, 200)
  const foreign = await call(url, '/eureka/apps/users/u', { method: 'DELETE', headers: orders })
  t.same([foreign.status, foreign.text], [403, ''])
  t.equal((await call(url, '/eureka/apps/users/u/status?value=DOWN', { method: 'PUT', headers: orders })).status, 403)
  t.equal((await call(url, '/eureka/peerreplication/batch/', { method: 'POST', headers: orders, body: '{}' })).status, 403, 'a batch could hold anything')
  t.equal((await call(url, '/eureka/apps', { headers: orders })).status, 200, 'reading is not bound')
  t.equal((await register(url, {}, await token({ roles: ['write'], applications: [] }))).status, 403, 'bound to nothing')
})

t.test('each change has its line, whoever makes it and by whatever road', async t => {
  const { discovery, lines } = await secured(t, {
    'breakwater.security.mode': 'basic', ...user(0, 'peer', 'write'), ...user(1, 'boss', 'admin'), 'eureka.server.eviction-interval-timer-in-ms': '50'
  })
  const { url, registry } = discovery
  const audited = () => lines.filter(({ audit }) => audit !== undefined)
  const item = (action: string, id: string, more = {}) => ({
    action, appName: 'ORDERS', id, lastDirtyTimestamp: Date.now(), instanceInfo: rawInstance({ instanceId: id }), ...more
  })
  const batch = (...replicationList: object[]) => call(url, '/eureka/peerreplication/batch/', {
    method: 'POST', headers: { ...basic('peer'), 'content-type': 'application/json' }, body: JSON.stringify({ replicationList })
  })
  await batch(item('Register', 'a'), item('Register', 'b'), item('StatusUpdate', 'a', { status: 'DOWN' }), item('Heartbeat', 'a'),
    item('DeleteStatusOverride', 'a', { status: 'UP' }), item('Cancel', 'b'), item('Cancel', 'nobody'))
  const peer = { principal: 'peer', by: 'peer', address: '127.0.0.1', app: 'ORDERS' }
  t.match(audited(), [{ audit: 'Register', id: 'a', ...peer }, { audit: 'Register', id: 'b', ...peer },
    { audit: 'StatusUpdate', id: 'a', ...peer }, { audit: 'DeleteStatusOverride', id: 'a', ...peer }, { audit: 'Cancel', id: 'b', ...peer }])
  t.equal(audited().length, 5, 'what changes nothing leaves none')
  lines.length = 0
  const act = (kind: string, more = {}) => call(url, '/dashboard/api/actions', {
    method: 'POST', headers: { ...basic('boss'), 'content-type': 'application/json' }, body: JSON.stringify({ app: 'ORDERS', id: 'a', kind, ...more })
  })
  await act('override', { status: 'DOWN' })
  await act('deregister')
  t.match(audited(), [{ audit: 'override', principal: 'boss', by: 'page' }, { audit: 'deregister', principal: 'boss', by: 'page' }])
  lines.length = 0
  await register(url, {}, basic('peer'))
  await call(url, `${PATH}/metadata?a=b`, { method: 'PUT', headers: basic('peer') })
  t.match(audited(), [{ audit: 'register', by: 'client' }, { audit: 'metadata', by: 'client' }])
  lines.length = 0
  registry.book.evict()
  registry.book.cancel('ORDERS', 'h1:orders:8080')
  t.match(audited(), [{ audit: 'deleted', by: 'registry', id: 'h1:orders:8080' }], 'also where nobody said who it is')
  const told = await startDiscovery(t)
  await register(told.url)
  lines.length = 0
  await discovery.usePeers([`${told.url}/eureka/`])
  await until(() => audited().length === 1, 'what a peer knew')
  t.match(audited(), [{ audit: 'added', by: 'peer', app: 'ORDERS' }])
})

t.test('where nobody is asked, a page of another site still changes nothing', async t => {
  const { discovery: { url } } = await secured(t, {})
  t.equal((await register(url)).status, 204)
  t.equal((await register(url, {}, { 'sec-fetch-site': 'cross-site' })).status, 403)
  t.equal((await register(url, {}, { origin: 'http://evil.example' })).status, 403)
})

t.test('where nobody is asked, nothing is told or taken under a foreign name, for a page, or through a proxy', async t => {
  const { discovery: { url } } = await secured(t, { 'breakwater.security.hosts': 'registry.test' })
  await register(url)
  const routes = [['GET', '/eureka/apps'], ['GET', '/eureka/v2/apps/delta'], ['POST', '/eureka/apps/ORDERS'], ['PUT', PATH],
    ['PUT', `${PATH}/status?value=DOWN`], ['DELETE', PATH], ['POST', '/eureka/peerreplication/batch/'], ['GET', '/'],
    ['GET', '/dashboard/api/overview'], ['GET', '/dashboard/events'], ['POST', '/dashboard/api/actions'], ['GET', '/nowhere']] as const
  const strangers: Record<string, string>[] = [{ host: 'evil.com:8761', origin: 'http://evil.com:8761' }, { host: 'evil.com' },
    { host: '127.0.0.1.evil.com' }, { host: 'localhost.evil.com' }, { host: '10.0.0.1' }, { host: '[::1].evil.com' },
    { origin: 'null' }, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, { 'sec-fetch-site': 'same-site' },
    { 'x-forwarded-for': '127.0.0.1' }, { via: '1.1 sidecar' }, { 'x-real-ip': '127.0.0.1' }, { forwarded: 'for=127.0.0.1' }]
  for (const [method, path] of routes) {
    for (const headers of strangers) {
      const refused = await call(url, path, { method, headers })
      t.equal(refused.status, 403, `${method} ${path} ${JSON.stringify(headers)}`)
      if (method === 'PUT') t.equal(refused.text, '', 'Eureka\'s Java client stops renewing when an error has a body')
      else t.match(refused.text, /E_(?:HOST|FOREIGN_PAGE|LOCAL_ONLY)/)
    }
  }
  t.match((await call(url, '/eureka/apps', { headers: { host: 'evil.com' } })).text, /breakwater\.security\.hosts/)
  const { port } = new URL(url)
  const visit = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  for (const headers of [{ host: `localhost:${port}` }, { host: `registry.test:${port}` }, { host: `[::1]:${port}` }, visit]) {
    t.equal((await call(url, '/eureka/apps', { headers: headers as Record<string, string> })).status, 200, JSON.stringify(headers))
  }
  t.equal((await call(url, PATH, { method: 'PUT' })).status, 200, 'and what was there is there')
})

t.test('peers identify themselves: credentials in the URL, or a token from a file', async t => {
  const { discovery: a } = await secured(t, { 'breakwater.security.mode': 'basic', ...user(0, 'peer', 'write') })
  const b = await startDiscovery(t, { peerUrls: [`${a.url.replace('//', '//peer:pw@')}/eureka/`], peerBatchMs: 10 })
  await register(b.url)
  await until(() => a.registry.book.size === 1, 'told with credentials')
  const c = await startDiscovery(t, { peerUrls: [`${a.url}/eureka/`], peerBatchMs: 10 })
  await register(c.url, { instanceId: 'other' })
  await until(() => c.peers.states()[0]!.failures === 1, 'refused without')
  t.equal(a.registry.book.size, 1)

  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const [jwks, tokenFile] = [join(t.testdir(), 'jwks.json'), join(t.testdir(), 'token')]
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...await exportJWK(publicKey), alg: 'ES256' }] }))
  const { discovery: d } = await secured(t, {
    'breakwater.security.mode': 'bearer', 'spring.security.oauth2.resourceserver.jwt.jwk-set-uri': jwks
  })
  writeFileSync(tokenFile, `${await new SignJWT({ roles: ['write'] }).setProtectedHeader({ alg: 'ES256' }).setExpirationTime('1h').sign(privateKey)}\n`)
  const e = await startDiscovery(t, { peerUrls: [`${d.url}/eureka/`], peerBatchMs: 10, peerTokenFile: tokenFile })
  await register(e.url)
  await until(() => d.registry.book.size === 1, 'told with a token')
})

t.test('mTLS: certificates say who calls, also between peers', async t => {
  const folder = t.testdir()
  const ca = authority()
  const files = (name: string) => {
    const { cert, key } = ca.issue(name)
    const paths = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
    writeFileSync(paths.cert, cert)
    writeFileSync(paths.key, key)
    return { ...paths, certText: cert, keyText: key }
  }
  writeFileSync(join(folder, 'ca.crt'), ca.cert)
  const [server, orders, visitor] = [files('registry'), files('orders'), files('visitor')]
  const { discovery } = await secured(t, {
    'breakwater.security.mode': 'mtls',
    'breakwater.security.mtls.roles.orders': 'write',
    'breakwater.security.mtls.roles.registry': 'write',
    'server.ssl.certificate': server.cert,
    'server.ssl.certificate-private-key': server.key,
    'server.ssl.trust-certificate': join(folder, 'ca.crt'),
    'server.ssl.client-auth': 'want'
  })
  t.match(discovery.url, /^https:/)
  const { port } = new URL(discovery.url)
  const as = (who: { certText: string, keyText: string } | undefined, method: string, path: string, body?: string) =>
    new Promise<number>((resolve, reject) => {
      const outgoing = httpsRequest({
        host: '127.0.0.1', port, path, method, ca: ca.cert, servername: 'localhost',
        ...(who === undefined ? {} : { cert: who.certText, key: who.keyText }), headers: { 'content-type': 'application/json' }
      }, response => { response.resume(); resolve(response.statusCode ?? 0) })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  const body = JSON.stringify({ instance: rawInstance() })
  t.equal(await as(undefined, 'GET', '/eureka/apps'), 401)
  t.equal(await as(visitor, 'GET', '/eureka/apps'), 200)
  t.equal(await as(visitor, 'POST', '/eureka/apps/ORDERS', body), 403)
  t.equal(await as(orders, 'POST', '/eureka/apps/ORDERS', body), 204)

  const other = await startDiscovery(t, {
    peerUrls: [`https://localhost:${port}/eureka/`], ownHosts: [], peerBatchMs: 10,
    tls: { cert: server.certText, key: server.keyText, ca: ca.cert, requestCert: false, rejectUnauthorized: false }
  })
  t.equal(other.registry.book.size, 1, 'it took over the list')
  other.registry.cancel('ORDERS', 'h1:orders:8080', { replicated: false })
  await until(() => discovery.registry.book.size === 0, 'and tells what happens')
})

t.test('certificates are replaced while it runs, for clients and for calls to peers', async t => {
  const folder = t.testdir()
  const ca = authority()
  const [crt, key] = [join(folder, 'registry.crt'), join(folder, 'registry.key')]
  const write = (pem: { cert: string, key: string }): void => {
    writeFileSync(key, pem.key)
    writeFileSync(crt, pem.cert)
  }
  write(ca.issue('before'))
  writeFileSync(join(folder, 'ca.crt'), ca.cert)
  const ssl = {
    'server.ssl.certificate': crt,
    'server.ssl.certificate-private-key': key,
    'server.ssl.trust-certificate': join(folder, 'ca.crt')
  }
  const { discovery: peer } = await secured(t, {
    ...ssl, 'server.ssl.client-auth': 'want', 'breakwater.security.mode': 'mtls', 'breakwater.security.mtls.roles.after': 'write'
  })
  const { discovery, lines } = await secured(t, { ...ssl, 'server.ssl.client-auth': 'want', 'breakwater.security.mode': 'none' })
  await discovery.usePeers([`${peer.url.replace('127.0.0.1', 'localhost')}/eureka/`])
  const shown = () => new Promise<string>((resolve, reject) => {
    const socket = connect({ port: Number(new URL(discovery.url).port), host: '127.0.0.1', ca: ca.cert, servername: 'localhost' }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    }).on('error', reject)
  })
  const told = () => discovery.registry.register(instance(), false)
  t.equal(await shown(), 'before')
  told()
  await until(() => discovery.peers.states()[0]!.failures === 1, 'the peer knows nobody of this name')

  writeFileSync(crt, 'half of a change')
  await until(() => lines.some(line => line.msg === 'the changed certificates are not used'), 'it is said')
  t.equal(await shown(), 'before', 'what cannot be used is not')
  write(ca.issue('after'))
  await until(async () => await shown() === 'after', 'new connections see the new one')
  told()
  await until(() => peer.registry.book.size === 1, 'and the peer lets in who shows it')
})

t.test('files of TLS that cannot be', async t => {
  const files = { 'server.ssl.certificate': '/nowhere.crt', 'server.ssl.certificate-private-key': '/nowhere.key' }
  await t.rejects(secured(t, files), { code: 'E_FILE', message: /server.ssl.certificate|nowhere.crt/ })
  t.throws(() => createDiscovery({ tls: { cert: 'no', key: 'pem', requestCert: false, rejectUnauthorized: false } }), /PEM/)
})

t.test('rate limits', async t => {
  t.test('a bucket fills at its rate and holds its burst', async t => {
    const bucket = new TokenBucket(2, 10, 0)
    t.same([0, 0, 0, 99, 100, 100, 10_000, 10_000, 10_000].map(at => bucket.take(at)),
      [true, true, false, false, true, false, true, true, false])
  })
  t.test('fetches beyond the burst get an empty 503, Netflix\'s own clients and the privileged do not', async t => {
    const rateLimit = { enabled: true, burst: 3, fetchesPerSec: 0.001, fullPerSec: 0.001, throttleStandard: false, privileged: ['probe'] }
    const { url } = await startDiscovery(t, { rateLimit })
    const codes = async (headers: Record<string, string>, path = '/eureka/apps/') => {
      const replies = [await call(url, path, { headers }), await call(url, path, { headers })]
      return replies.map(reply => [reply.status, reply.status === 503 ? reply.text : ''])
    }
    await codes({})
    t.same(await codes({}), [[200, ''], [503, '']])
    t.same(await codes({}, '/eureka/apps/delta'), [[503, ''], [503, '']])
    for (const name of ['DefaultClient', 'DefaultServer', 'probe']) {
      t.same(await codes({ 'discoveryidentity-name': name }), [[200, ''], [200, '']], name)
    }
    t.equal((await register(url)).status, 204, 'changes are not limited')
    const strict = await startDiscovery(t, { rateLimit: { ...rateLimit, burst: 1, throttleStandard: true } })
    await call(strict.url, '/eureka/apps')
    t.equal((await call(strict.url, '/eureka/apps', { headers: { 'discoveryidentity-name': 'DefaultClient' } })).status, 503)
  })
})

t.test('an override set by name and password of an operator is seen by everybody', async t => {
  const { discovery: { url } } = await secured(t, { 'breakwater.security.mode': 'basic', ...user(0, 'op', 'admin') })
  await register(url, {}, basic('op'))
  await call(url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT', headers: basic('op') })
  t.match(await getJson(url, PATH, basic('op')), { instance: { status: 'OUT_OF_SERVICE' } })
})

/** A certificate authority of the test's own, and certificates for localhost and the given name. */
function authority (): { cert: string, issue: (name: string) => { cert: string, key: string } } {
  const keys = forge.pki.rsa.generateKeyPair(2048)
  const subject = [{ name: 'commonName', value: 'test authority' }]
  const cert = certificate(keys.publicKey, subject, subject, keys.privateKey, [{ name: 'basicConstraints', cA: true }])
  return {
    cert: forge.pki.certificateToPem(cert),
    issue (name) {
      const own = forge.pki.rsa.generateKeyPair(2048)
      const names = { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }, { type: 7, ip: '127.0.0.1' }] }
      const issued = certificate(own.publicKey, [{ name: 'commonName', value: name }], subject, keys.privateKey, [names])
      return { cert: forge.pki.certificateToPem(issued), key: forge.pki.privateKeyToPem(own.privateKey) }
    }
  }
}

function certificate (
  publicKey: forge.pki.PublicKey, subject: forge.pki.CertificateField[], issuer: forge.pki.CertificateField[],
  signer: forge.pki.PrivateKey, extensions: object[]
): forge.pki.Certificate {
  const cert = forge.pki.createCertificate()
  cert.publicKey = publicKey
  cert.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(8))}`
  cert.validity.notBefore = new Date(Date.now() - 3_600_000)
  cert.validity.notAfter = new Date(Date.now() + 3_600_000)
  cert.setSubject(subject)
  cert.setIssuer(issuer)
  cert.setExtensions(extensions)
  cert.sign(signer as forge.pki.rsa.PrivateKey, forge.md.sha256.create())
  return cert
}
