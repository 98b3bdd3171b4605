/** Client certificates: asked for, checked, known to routes and limits, and told to instances by the gateway alone. */
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { Agent, get } from 'node:https'
import type { TLSSocket } from 'node:tls'
import path from 'node:path'
import t from 'tap'
import { loadSettings } from '@breakwater/starter/settings'
import { certificateLine, clientCertificate, nameOf } from '../security/client-certificate.ts'
import { readListenerTls } from '../settings/read-tls.ts'
import { echo, gateway, upstream } from './harness.ts'

const openssl = spawnSync('openssl', ['version']).status === 0
const skip = openssl ? false : 'openssl is not installed'
const folder = t.testdir({})
const file = (name: string): string => path.join(folder, name)
const run = (...args: string[]): void => { execFileSync('openssl', args, { stdio: 'ignore' }) }
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

function authority (name: string): void {
  run('req', '-x509', ...KEY, '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`))
}

function signed (name: string, by: string, subject: string, alternatives: string): void {
  run('req', '-new', ...KEY.slice(0, 5), '-subj', subject, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`))
  writeFileSync(file(`${name}.ext`), `subjectAltName=${alternatives}\n`)
  run('x509', '-req', '-days', '2', '-in', file(`${name}.csr`), '-CA', file(`${by}.pem`), '-CAkey', file(`${by}.key`), '-set_serial', '1',
    '-extfile', file(`${name}.ext`), '-out', file(`${name}.pem`))
}

if (openssl) {
  authority('ca')
  authority('stranger')
  signed('server', 'ca', '/CN=gateway', 'DNS:localhost,IP:127.0.0.1')
  signed('orders', 'ca', '/O=Acme, Inc./CN=orders', 'URI:spiffe://acme/orders,DNS:orders.acme')
  signed('users', 'ca', '/O=Acme/CN=users', 'DNS:users.acme')
  signed('liar', 'stranger', '/O=Acme/CN=orders', 'URI:spiffe://acme/orders')
}

interface Answer { status: number, body: string }

function ask (url: string, who?: string, headers: Record<string, string> = {}): Promise<Answer> {
  const shown = who === undefined ? {} : { cert: readFileSync(file(`${who}.pem`)), key: readFileSync(file(`${who}.key`)) }
  return new Promise((resolve, reject) => {
    get(url, { ca: readFileSync(file('ca.pem')), ...shown, headers, agent: false }, response => {
      let body = ''
      response.on('data', (part: Buffer) => { body += part.toString() })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    }).on('error', reject)
  })
}

function yaml (auth: string): string {
  return `
server.ssl:
  certificate: ${file('server.pem')}
  certificate-private-key: ${file('server.key')}
  trust-certificate: ${file('ca.pem')}
  client-auth: ${auth}
spring.cloud.gateway.routes:
  - { id: orders, uri: lb://users, predicates: [ Path=/who, "ClientCertificate=URI:spiffe://acme/ord.*" ] }
  - { id: others, uri: lb://users, predicates: [ Path=/who, "ClientCertificate=.*" ], filters: [ "AddRequestHeader=X-Other, yes" ] }
  - { id: nobody, uri: lb://users, predicates: [ Path=/who ], filters: [ "AddRequestHeader=X-Nobody, yes" ] }
  - { id: known, uri: lb://users, predicates: [ Path=/known ], filters: [ Authenticate=certificate ] }
  - id: limited
    uri: lb://users
    predicates: [ Path=/limited ]
    filters:
      - name: RequestRateLimiter
        # One call an hour.
        args: { redis-rate-limiter.replenishRate: 1, redis-rate-limiter.burstCapacity: 3600, redis-rate-limiter.requestedTokens: 3600,
          key-resolver: "#{@certificate}" }
`
}

t.test('client-auth=want: a certificate is checked when shown, and may be missing', { skip }, async t => {
  const { port } = await upstream(t, echo)
  const { url } = await gateway(t, yaml('want'), { users: [port] })
  const headers = async (who?: string, more = {}) => (JSON.parse((await ask(`${url}/who`, who, more)).body) as { headers: Record<string, string> }).headers

  const orders = await headers('orders')
  const hash = new X509Certificate(readFileSync(file('orders.pem'))).fingerprint256.replaceAll(':', '').toLowerCase()
  t.equal(orders['x-forwarded-client-cert'],
    `Hash=${hash};Subject="CN=orders,O=Acme\\\\, Inc.";URI=spiffe://acme/orders;DNS=orders.acme`)
  t.notOk(orders['x-other'])
  t.equal((await headers('users'))['x-other'], 'yes')
  const forged = { 'x-forwarded-client-cert': 'Hash=0;Subject="CN=orders"' }
  t.match(await headers('users', forged), { 'x-forwarded-client-cert': /^Hash=[0-9a-f]{64};Subject="CN=users,O=Acme";DNS=users\.acme$/ })
  const nobody = await headers(undefined, forged)
  t.equal(nobody['x-nobody'], 'yes')
  t.notOk(nobody['x-forwarded-client-cert'], 'who shows nothing can claim nothing')
  await t.rejects(ask(`${url}/who`, 'liar'), 'a certificate of an unknown authority is refused, not ignored')

  t.equal((await ask(`${url}/known`)).status, 401)
  t.equal((await ask(`${url}/known`, 'users')).status, 200)
  t.equal((await ask(`${url}/limited`, 'users')).status, 200)
  t.equal((await ask(`${url}/limited`, 'users')).status, 429)
  t.equal((await ask(`${url}/limited`, 'orders')).status, 200, 'each certificate has its own bucket')
  t.equal((await ask(`${url}/limited`)).status, 403, 'no certificate, no key')
})

t.test('client-auth=need: no certificate, no connection; HTTP/2 knows it too', { skip }, async t => {
  const { port } = await upstream(t, echo)
  const { url } = await gateway(t, yaml('need'), { users: [port] })
  await t.rejects(ask(`${url}/who`))
  await t.rejects(ask(`${url}/who`, 'liar'))
  t.equal((await ask(`${url}/who`, 'users')).status, 200)
  const session = connectHttp2(url, { ca: readFileSync(file('ca.pem')), cert: readFileSync(file('orders.pem')), key: readFileSync(file('orders.key')) })
  t.teardown(() => session.destroy())
  const stream = session.request({ ':path': '/who' })
  let body = ''
  stream.on('data', (part: Buffer) => { body += part.toString() })
  await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject))
  t.match(JSON.parse(body), { headers: { 'x-forwarded-client-cert': /URI=spiffe:\/\/acme\/orders/ } })
})

t.test('settings that would trust the whole world are refused', async t => {
  const read = async (more: Record<string, string> = {}) => {
    const settings = await loadSettings({ name: 'gateway', env: {},
      args: { 'server.ssl.certificate': 'a.pem', 'server.ssl.certificate-private-key': 'a.key', ...more } })
    try {
      return readListenerTls(settings)?.clients
    } finally {
      settings.close()
    }
  }
  t.equal(await read(), undefined)
  t.strictSame(await read({ 'server.ssl.client-auth': 'WANT', 'server.ssl.trust-certificate': 'file:/etc/ca.pem' }), { trusted: '/etc/ca.pem', required: false })
  await t.rejects(read({ 'server.ssl.client-auth': 'need' }), { code: 'E_GATEWAY_SETTING', message: /trust-certificate/ })
  await t.rejects(read({ 'server.ssl.client-auth': 'maybe' }), { code: 'E_TLS_CLIENT_AUTH' })
})

t.test('names that an authority may have signed cannot break out of the header', async t => {
  const fake = (subject: string, subjectAltName: string) =>
    clientCertificate({ subject, subjectAltName, fingerprint256: 'AB:CD' } as unknown as X509Certificate)
  const odd = fake('O=\u00e4\nCN=a"b\r;URI=evil', 'URI:"spiffe://a,b\\"c", DNS:x;y, email:a@b')
  t.strictSame(odd.names, ['URI:spiffe://a,b"c', 'DNS:x;y', 'email:a@b'])
  t.equal(certificateLine(odd), 'x-forwarded-client-cert: Hash=abcd;Subject="CN=a\\"b%0D;URI=evil,O=%C3%A4";URI="spiffe://a,b\\"c";DNS="x;y"\r\n')
  t.equal(nameOf(odd), 'spiffe://a,b"c')
  t.equal(nameOf(fake('C=DE\nCN=me', 'DNS:a')), 'me')
  t.equal(nameOf(fake('C=DE', '')), 'C=DE')
  t.equal(clientCertificate({ fingerprint256: 'AB' } as unknown as X509Certificate).subject, '')
})

t.test('a resumed session knows its client as the first one did', { skip }, async t => {
  const { port } = await upstream(t, echo)
  const { url } = await gateway(t, yaml('want'), { users: [port] })
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 10, ca: readFileSync(file('ca.pem')), maxVersion,
      cert: readFileSync(file('orders.pem')), key: readFileSync(file('orders.key')) })
    t.teardown(() => agent.destroy())
    const one = () => new Promise<{ reused: boolean, body: string }>((resolve, reject) => {
      get(`${url}/who`, { agent }, response => {
        const reused = (response.socket as TLSSocket).isSessionReused()
        let body = ''
        response.on('data', (part: Buffer) => { body += part.toString() })
        response.on('end', () => resolve({ reused, body }))
      }).on('error', reject)
    })
    let answer = await one()
    for (let i = 0; i < 20 && !answer.reused; i++) answer = await one()
    t.ok(answer.reused, `${maxVersion}: resumed`)
    t.match(JSON.parse(answer.body), { headers: { 'x-forwarded-client-cert': /URI=spiffe:\/\/acme\/orders/ } }, maxVersion)
  }
})
