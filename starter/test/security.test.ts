import { writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { adminToken } from '../security/admin-token.ts'
import { createAuthenticator } from '../security/authenticator.ts'
import type { Authenticator } from '../security/authenticator.ts'
import { highestRole, may } from '../security/principal.ts'
import { certificate, httpDouble, memoryLog, settingsOf } from './support.ts'
import type { Pem } from './support.ts'

const basic = (name: string, password: string): string => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

function guarded (auth: Authenticator, options = {}): FastifyInstance {
  const app = Fastify(options) as unknown as FastifyInstance
  app.get('/read', { onRequest: auth.requireRole('read') }, () => 'read')
  app.post('/write', { onRequest: auth.requireRole('write', { emptyBody: true }) }, () => 'written')
  app.get('/admin', { onRequest: auth.requireRole('admin') }, async request => (await auth.authenticate(request))?.name)
  return app
}

async function authOf (values: Record<string, string>): Promise<Authenticator> {
  return createAuthenticator(await settingsOf(values), memoryLog().log)
}

t.test('a server bound beyond this machine must be told who may use it', async t => {
  await t.rejects(authOf({ 'server.address': '0.0.0.0' }), { code: 'E_SECURITY_CHOICE', message: /command line: bound to 0\.0\.0\.0/ })
  await t.rejects(authOf({ 'breakwater.security.mode': 'open' }), { code: 'E_SECURITY_MODE' })
  t.equal((await authOf({ 'server.address': '127.0.0.1' })).mode, 'local')
  t.equal((await authOf({ 'server.address': '::1' })).mode, 'local')
  t.equal((await authOf({ 'server.address': '0.0.0.0', 'breakwater.security.mode': 'none' })).mode, 'none')
})

t.test('on this machine everything is allowed but to administer, and nothing to a web page', async t => {
  const file = join(t.testdir(), 'token')
  const app = guarded(await authOf({ 'breakwater.security.admin-token-file': file }))
  const asked = await app.inject({ url: '/admin', headers: { host: 'localhost:1' } })
  t.match(asked, { statusCode: 401, headers: { 'www-authenticate': /^Basic .*breakwater token/ } })
  t.match(asked.json(), { code: 'E_LOCAL_ADMIN' })
  const token = await adminToken(file)
  for (const authorization of [`Bearer ${token}`, `bearer ${token}`, basic('', token), basic('me', token)]) {
    t.equal((await app.inject({ url: '/admin', headers: { host: 'localhost:1', authorization } })).body, 'local')
  }
  for (const authorization of ['', 'Bearer', 'Bearer x', `Bearer ${token}x`, token, basic(token, ''), `Digest ${token}`]) {
    t.equal((await app.inject({ url: '/admin', headers: { host: 'localhost:1', authorization } })).statusCode, 401, authorization)
  }
  t.equal((await app.inject({ method: 'POST', url: '/write' })).statusCode, 200)
  const page = await app.inject({ method: 'POST', url: '/write', headers: { 'sec-fetch-site': 'cross-site' } })
  t.equal(page.statusCode, 403)
  t.equal((await app.inject({ method: 'POST', url: '/write', headers: { origin: 'http://evil.example' } })).statusCode, 403)
  t.equal((await app.inject({ url: '/admin', headers: { host: 'rebound.example' } })).statusCode, 403)
})

t.test('basic: users of the settings, roles, and no hint of which part was wrong', async t => {
  const app = guarded(await authOf({
    'breakwater.security.mode': 'basic',
    'spring.security.user.name': 'boss',
    'spring.security.user.password': 'pw:with:colons',
    'breakwater.security.users[0].name': 'viewer',
    'breakwater.security.users[0].password': 'x',
    'breakwater.security.users[0].roles': 'READ'
  }))
  const status = async (url: string, authorization?: string, method: 'GET' | 'POST' = 'GET'): Promise<number> =>
    (await app.inject({ method, url, headers: authorization === undefined ? {} : { authorization } })).statusCode
  t.equal(await status('/admin', basic('boss', 'pw:with:colons')), 200)
  t.equal(await status('/read', basic('viewer', 'x')), 200)
  t.equal(await status('/write', basic('viewer', 'x'), 'POST'), 403)
  t.equal(await status('/read', basic('viewer', 'wrong')), 401)
  t.equal(await status('/read', basic('nobody', 'x')), 401)
  t.equal(await status('/read', 'Basic !!!'), 401)
  t.equal(await status('/read', `Basic ${'A'.repeat(10_000)}`), 401)
  const refused = await app.inject('/read')
  t.equal(refused.headers['www-authenticate'], 'Basic realm="breakwater", charset="UTF-8"')
  t.match(refused.json(), { status: 401, code: 'E_UNAUTHENTICATED' })
  await t.rejects(authOf({ 'breakwater.security.mode': 'basic' }), { code: 'E_SECURITY_USERS' })
})

t.test('an empty body where Eureka clients would choke on one', async t => {
  const app = guarded(await authOf({ 'breakwater.security.mode': 'basic', 'spring.security.user.password': 'x' }))
  const refused = await app.inject({ method: 'POST', url: '/write' })
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['content-length'], '0')
  t.equal(refused.body, '')
})

t.test('bearer: keys from a file; issuer, audience, expiry and algorithm are checked', async t => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const folder = t.testdir()
  const file = join(folder, 'keys.json')
  writeFileSync(file, JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid: 'k1', alg: 'ES256' }] }))
  const jwt = 'spring.security.oauth2.resourceserver.jwt'
  const app = guarded(await authOf({
    'breakwater.security.mode': 'bearer',
    [`${jwt}.jwk-set-uri`]: file,
    [`${jwt}.issuer-uri`]: 'https://id.example',
    [`${jwt}.audiences`]: 'breakwater'
  }))
  const token = (claims: Record<string, unknown>, expires: string | undefined = '5m', key = privateKey): Promise<string> => {
    const jwt = new SignJWT({ sub: 'svc', iss: 'https://id.example', aud: 'breakwater', ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    return (expires === undefined ? jwt : jwt.setExpirationTime(expires)).sign(key)
  }
  const status = async (text: string, url = '/read'): Promise<number> =>
    (await app.inject({ url, headers: { authorization: `Bearer ${text}` } })).statusCode
  t.equal(await status(await token({ roles: ['read'] })), 200)
  t.equal(await status(await token({ scope: 'openid breakwater:admin' }), '/admin'), 200)
  t.equal(await status(await token({ roles: ['read'] }), '/admin'), 403)
  t.equal(await status(await token({}), '/read'), 403, 'known, but without a role')
  t.equal(await status(await token({ roles: ['read'], iss: 'https://other.example' })), 401)
  t.equal(await status(await token({ roles: ['read'], aud: 'other' })), 401)
  t.equal(await status(await token({ roles: ['read'] }, '-2m')), 401, 'expired')
  t.equal(await status(await token({ roles: ['read'] }, '-30s')), 200, 'within the tolerance for clocks')
  const other = await generateKeyPair('ES256')
  t.equal(await status(await token({ roles: ['read'] }, '5m', other.privateKey)), 401, 'signed by somebody else')
  const noExpiry = await new SignJWT({ roles: ['admin'], iss: 'https://id.example', aud: 'breakwater' }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)
  t.equal(await status(noExpiry), 401, 'a token for ever')
  const unsigned = [{ alg: 'none' }, { sub: 'svc', roles: ['admin'], exp: 9999999999 }].map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
  t.equal(await status(`${unsigned.join('.')}.`), 401, 'alg none')
  t.equal(await status('x'.repeat(20_000)), 401)
})

t.test('bearer: keys from a URL only of an allowed host; trouble with them is 503, not 401', async t => {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const keys = JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid: 'a', alg: 'RS256' }] })
  let broken = false
  const issuer = await httpDouble((_request, response) => response.writeHead(broken ? 500 : 200, { 'content-type': 'application/json' }).end(keys))
  t.teardown(() => issuer.close())
  const settings = { 'breakwater.security.mode': 'bearer', 'spring.security.oauth2.resourceserver.jwt.jwk-set-uri': `${issuer.url}/keys` }
  await t.rejects(authOf(settings), { code: 'E_SECURITY_HOST' })
  await t.rejects(authOf({ ...settings, 'spring.security.oauth2.resourceserver.jwt.jwk-set-uri': 'http://id.example/keys', 'breakwater.security.allowed-hosts': 'id.example' }),
    { code: 'E_SECURITY_HTTP' })
  const token = await new SignJWT({ roles: 'admin' }).setProtectedHeader({ alg: 'RS256', kid: 'a' }).setExpirationTime('5m').sign(privateKey)
  const headers = { authorization: `Bearer ${token}`, host: 'localhost' }
  const app = guarded(await authOf({ ...settings, 'breakwater.security.allowed-hosts': '127.0.0.1' }))
  t.equal((await app.inject({ url: '/admin', headers })).statusCode, 200)
  broken = true
  const second = guarded(await authOf({ ...settings, 'breakwater.security.allowed-hosts': '127.0.0.1' }))
  const answer = await second.inject({ url: '/admin', headers })
  t.equal(answer.statusCode, 503)
  t.equal(answer.json().code, 'E_SECURITY_KEYS')
})

t.test('mtls: the certificate is the caller', async t => {
  const authority = certificate('authority')
  const server = certificate('localhost', authority)
  const peer = certificate('registry-2', authority)
  const stranger = certificate('registry-2')
  const auth = await authOf({ 'breakwater.security.mode': 'mtls', 'breakwater.security.mtls.roles.registry-2': 'admin' })
  const { key, cert } = server
  const app = guarded(auth, { https: { key, cert, ca: authority.cert, requestCert: true, rejectUnauthorized: false } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const call = (client: Pem | undefined): Promise<number> => new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: '/admin', ca: authority.cert, servername: 'localhost' }
    httpsRequest({ ...options, agent: false, ...client }, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    }).on('error', reject).end()
  })
  t.equal(await call(peer), 200)
  t.equal(await call(certificate('someone', authority)), 403, 'genuine, but only a reader')
  t.equal(await call(stranger), 401, 'the right name from the wrong authority')
  t.equal(await call(undefined), 401)
})

t.test('mtls: alternative names count too, and no name pretends to be two', async t => {
  const auth = await authOf({
    'breakwater.security.mode': 'mtls', 'breakwater.security.mtls.roles.ops.example.org': 'admin',
    'breakwater.security.mtls.roles.spiffe://mesh/orders': 'write', 'breakwater.security.mtls.roles.both': 'write'
  })
  const seen = async (subject: object, subjectaltname?: string) => {
    const socket = { authorized: true, getPeerCertificate: () => ({ subject, subjectaltname }) }
    return auth.authenticate({ socket } as unknown as FastifyRequest)
  }
  t.same(await seen({ CN: 'x' }, 'DNS:y, DNS:ops.example.org'), { name: 'ops.example.org', role: 'admin' })
  t.same(await seen({}, 'URI:spiffe://mesh/orders'), { name: 'spiffe://mesh/orders', role: 'write' })
  t.same(await seen({ CN: 'x' }, 'DNS:y'), { name: 'x', role: 'read' }, 'the common name is the name of those without a role')
  t.same(await seen({ CN: ['both', 'other'] }), undefined)
  for (const text of ['DNS:"a, DNS:ops.example.org"', 'DirName:"CN=x, DNS:ops.example.org"', 'DirName:x", DNS:ops.example.org',
    'email:ops.example.org', 'IP Address:ops.example.org']) {
    t.not((await seen({ CN: 'x' }, text))?.role, 'admin', text)
  }
})

t.test('roles: words of Spring and of OAuth, and who may what', t => {
  t.equal(highestRole(['ROLE_ADMIN']), 'admin')
  t.equal(highestRole(['breakwater:write', 'read']), 'write')
  t.equal(highestRole(['SCOPE_read']), 'read')
  t.equal(highestRole(['other']), undefined)
  t.ok(may({ name: 'x', role: 'admin' }, 'read'))
  t.notOk(may({ name: 'x', role: 'read' }, 'write'))
  t.notOk(may({ name: 'x', role: undefined }, 'read'))
  t.end()
})
