import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { VerifiedTokens } from '../security/verified-tokens.ts'
import { call, echo, gateway, upstream } from './harness.ts'

async function signer (kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const sign = (claims: object, expires = '5m') => new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid })
    .setSubject('ada').setIssuer('https://issuer').setExpirationTime(expires).sign(privateKey)
  return { jwk: { ...await exportJWK(publicKey), kid, alg: 'ES256' }, sign }
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const seen = (body: string) => (JSON.parse(body) as { headers: Record<string, string> }).headers

/** Another signature. Not by its last character, whose lowest bits say nothing. */
function tampered (token: string): string {
  const at = token.lastIndexOf('.') + 1
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
}

t.test('jwt: signature, issuer, expiry and scopes by route; the token goes on only as it came', async t => {
  const { port } = await upstream(t, echo)
  const key = await signer('k1')
  const stranger = await signer('k1')
  const jwks = join(t.testdir({}), 'keys.json')
  await writeFile(jwks, JSON.stringify({ keys: [key.jwk] }))
  const { url, log } = await gateway(t, `
spring.security.oauth2.resourceserver.jwt: { jwk-set-uri: "${jwks}", issuer-uri: "https://issuer" }
spring.cloud.gateway.routes:
  - { id: read, uri: lb://users, predicates: [ Path=/read ], filters: [ Authenticate=jwt, TokenRelay ] }
  - { id: write, uri: lb://users, predicates: [ Path=/write ], filters: [ "RequireScope=users:write", Authenticate=jwt ] }
`, { users: [port] })
  const good = await key.sign({ scope: 'users:read' })
  t.match(await call(`${url}/read`), { status: 401, headers: { 'www-authenticate': 'Bearer' } })
  const answer = await call(`${url}/read`, bearer(good))
  t.equal(answer.status, 200)
  t.equal(seen(answer.body)['authorization'], `Bearer ${good}`)
  t.equal((await call(`${url}/write`, bearer(good))).status, 403)
  t.equal((await call(`${url}/write`, bearer(await key.sign({ scope: 'users:read users:write' })))).status, 200)
  t.equal((await call(`${url}/read`, bearer(await stranger.sign({})))).status, 401, 'signed by somebody else')
  t.equal((await call(`${url}/read`, bearer(await key.sign({}, '-5m')))).status, 401, 'expired')
  t.equal((await call(`${url}/read`, bearer(tampered(good)))).status, 401)
  const none = Buffer.from('{"alg":"none"}').toString('base64url') + '.' + Buffer.from('{"sub":"x"}').toString('base64url') + '.'
  t.equal((await call(`${url}/read`, bearer(none))).status, 401, 'alg none')
  t.notOk(log.some(line => line.includes(good)), 'no token in the log')
})

t.test('jwt: keys from a URL are cached, and asked for again when an unknown one appears', async t => {
  const { port } = await upstream(t, echo)
  const first = await signer('k1')
  let asked = 0
  const keys = createServer((_, response) => {
    asked++
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [first.jwk] }))
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => keys.once('listening', resolve))
  t.teardown(() => keys.close())
  const settings = (hosts: string) => `
breakwater.security.allowed-hosts: [ "${hosts}" ]
spring.security.oauth2.resourceserver.jwt.jwk-set-uri: "http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks"
spring.cloud.gateway.routes:
  - { id: read, uri: lb://users, predicates: [ Path=/** ], filters: [ Authenticate=jwt ] }
`
  const { url } = await gateway(t, settings('127.0.0.1'), { users: [port] })
  for (let i = 0; i < 3; i++) t.equal((await call(url, bearer(await first.sign({ i })))).status, 200)
  t.equal(asked, 1)
  await t.rejects(gateway(t, settings('keys.example')), { message: /127.0.0.1 is not in breakwater.security.allowed-hosts/ })
})

t.test('basic and API keys', async t => {
  const { port } = await upstream(t, echo)
  const { url } = await gateway(t, `
breakwater.gateway.security:
  users: [ { name: ada, password: s3cret, scopes: [ a ] } ]
  api-keys: [ { name: robot, key: k-123, scopes: [ b ] } ]
spring.cloud.gateway.routes:
  - { id: either, uri: lb://users, predicates: [ Path=/either ], filters: [ "Authenticate=basic,api-key" ] }
  - { id: a, uri: lb://users, predicates: [ Path=/a ], filters: [ "Authenticate=basic,api-key", RequireScope=a ] }
`, { users: [port] })
  const basic = (text: string) => ({ headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } })
  t.equal((await call(`${url}/either`)).status, 401)
  t.equal((await call(`${url}/either`, basic('ada:s3cret'))).status, 200)
  t.equal((await call(`${url}/either`, basic('ada:wrong'))).status, 401)
  t.equal((await call(`${url}/either`, { headers: { 'x-api-key': 'k-123' } })).status, 200)
  t.equal((await call(`${url}/either`, { headers: { 'x-api-key': 'k-124' } })).status, 401)
  t.equal((await call(`${url}/a`, basic('ada:s3cret'))).status, 200)
  t.equal((await call(`${url}/a`, { headers: { 'x-api-key': 'k-123' } })).status, 403)
  await t.rejects(gateway(t, 'spring.cloud.gateway.default-filters: [ Authenticate=basic ]\nspring.cloud.gateway.routes: [ { id: x, uri: "no://op" } ]'),
    { message: /basic needs breakwater.gateway.security.users/ })
})

t.test('addresses, secure headers, size limits', async t => {
  const { port } = await upstream(t, echo)
  const { url } = await gateway(t, `
spring.cloud.gateway:
  filter.secure-headers: { frame-options: SAMEORIGIN, disable: [ x-download-options ] }
  routes:
    - { id: in, uri: lb://users, predicates: [ Path=/in ], filters: [ "AllowAddresses=127.0.0.0/8", SecureHeaders ] }
    - { id: out, uri: lb://users, predicates: [ Path=/out ], filters: [ "DenyAddresses=127.0.0.1" ] }
    - { id: only, uri: lb://users, predicates: [ Path=/only ], filters: [ "AllowAddresses=10.0.0.0/8" ] }
    - { id: size, uri: lb://users, predicates: [ Path=/size ], filters: [ RequestSize=1000B ] }
    - { id: head, uri: lb://users, predicates: [ Path=/head ], filters: [ RequestHeaderSize=100B ] }
`, { users: [port] })
  const inside = await call(`${url}/in`)
  t.match(inside, { status: 200, headers: { 'x-frame-options': 'SAMEORIGIN', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' } })
  t.equal(inside.headers['x-download-options'], undefined)
  t.equal(inside.headers['permissions-policy'], undefined)
  t.equal((await call(`${url}/out`)).status, 403)
  t.equal((await call(`${url}/only`)).status, 403)
  t.equal((await call(`${url}/size`, { method: 'POST', body: 'x'.repeat(1_000) })).status, 200)
  t.match(await call(`${url}/size`, { method: 'POST', body: 'x'.repeat(1_001), headers: { 'content-length': '1001' } }),
    { status: 413, headers: { errormessage: /Request size is 1.0 kB where permissible limit is 1.0 kB/ } })
  t.equal((await call(`${url}/size`, { method: 'POST', body: 'x'.repeat(1_001), headers: { 'transfer-encoding': 'chunked' } })).status, 413,
    'chunked bodies are counted too')
  t.equal((await call(`${url}/head`, { headers: { 'x-a': 'y'.repeat(90) } })).status, 200)
  t.match(await call(`${url}/head`, { headers: { 'x-a': 'y'.repeat(98) } }), { status: 431, headers: { errormessage: /'x-a' is 101B/ } })
})

t.test('verified tokens are remembered for a minute at most and never beyond their end', async t => {
  let nowMs = 0
  const tokens = new VerifiedTokens(() => nowMs)
  const principal = { kind: 'jwt' as const, name: 'a', scopes: new Set<string>(), token: 't' }
  tokens.add('long', principal, 1e9)
  tokens.add('short', principal, 1_000)
  nowMs = 1_000
  t.equal(tokens.get('short'), undefined)
  t.equal(tokens.get('long'), principal)
  nowMs = 60_000
  t.equal(tokens.get('long'), undefined)
})
