/** TLS from Spring's `server.ssl.*`: certificates as identity, and their change while the server runs. */
import { copyFile, rename, symlink, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { join } from 'node:path'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import { certificate, type Pem } from '../../starter/test/support.ts'
import { readOptions } from '../index.ts'
import { eventually, folder, listLogger, startNative, write } from './support.ts'

type Tap = Parameters<typeof folder>[0]

const FILES = { 'orders.yml': 'a: 1', 'users.yml': 'a: 2' }
const authority = certificate('authority')
const first = certificate('127.0.0.1', authority)

function pemFiles (name: string, { cert, key }: Pem): Record<string, string> {
  return { [`${name}.crt`]: cert, [`${name}.key`]: key }
}

/** A server whose settings are this YAML, beside the files that it names. */
async function start (t: Tap, root: string, yaml: string) {
  await writeFile(join(root, 'application.yml'), yaml.replaceAll('ROOT', root))
  const settings = await loadSettings({ name: 'config-server', folder: root })
  const { log, lines } = listLogger()
  const { backends: _unused, ...options } = readOptions(settings)
  return { ...await startNative(t, FILES, { ...options, port: 0 }, {}, { settings, log }), lines }
}

const SSL = 'server.ssl: { certificate: "file:ROOT/server.crt", certificate-private-key: ROOT/server.key }\n'

async function call (url: string, path: string, client?: Pem): Promise<{ status: number, text: string }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(url)
    const request = https.get({ host: '127.0.0.1', port, path, ca: authority.cert, agent: false, timeout: 30_000, ...client }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.on('error', reject)
  })
}

/** A connection that trusts the authority; it stays open until the end of the test. */
async function handshake (t: Tap, url: string): Promise<{ socket: TLSSocket, peer: PeerCertificate }> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca: authority.cert })
  t.teardown(() => socket.destroy())
  await new Promise((resolve, reject) => { socket.once('secureConnect', resolve).once('error', reject) })
  return { socket, peer: socket.getPeerCertificate() }
}

t.test('certificates say who calls, and rules what each may read', async t => {
  const root = await folder(t, { ...pemFiles('server', first), 'ca.crt': authority.cert })
  const { url, secure } = await start(t, root, `
server.ssl:
  certificate: file:ROOT/server.crt
  certificate-private-key: file:ROOT/server.key
  trust-certificate: ROOT/ca.crt
  client-auth: want
breakwater:
  security: { mode: mtls, mtls: { roles: { ops: admin }, default-roles: read } }
  config-server.access: [{ principals: orders, applications: orders }]
`)
  t.match(url, /^https:/)
  t.equal(secure, true)
  const [orders, ops, stranger] = [certificate('orders', authority), certificate('ops', authority), certificate('ops')]
  t.equal((await call(url, '/orders/dev', orders)).status, 200)
  t.equal((await call(url, '/users/dev', orders)).status, 403)
  t.equal((await call(url, '/users/dev', ops)).status, 200)
  t.equal((await call(url, '/users/dev', stranger)).status, 401, 'the name of an admin from another authority')
  t.equal((await call(url, '/orders/dev')).status, 401)
  t.equal((await call(url, '/_config/clients', orders)).status, 403)
  t.equal((await call(url, '/_config/clients', ops)).status, 200)
  t.equal((await call(url, '/actuator/health')).status, 200, 'probes show no certificate')
})

t.test('client-auth: need ends the handshake of who shows nothing', async t => {
  const root = await folder(t, { ...pemFiles('server', first), 'ca.crt': authority.cert })
  const { url } = await start(t, root, `${SSL.replace(' }', ', trust-certificate: ROOT/ca.crt, client-auth: need }')}`)
  await t.rejects(call(url, '/orders/dev'), { code: /ECONNRESET|ERR_SSL/ })
  await t.rejects(call(url, '/orders/dev', certificate('orders')), { code: /ECONNRESET|ERR_SSL/ })
  t.equal((await call(url, '/orders/dev', certificate('orders', authority))).status, 200)
  await t.rejects(fetch(url.replace('https', 'http')), 'no plain HTTP on this port')
})

t.test('changed files are taken over while connections stay; half a change is not', async t => {
  const root = await folder(t, pemFiles('server', first))
  const { url, lines } = await start(t, root, SSL)
  const open = await handshake(t, url)
  t.equal(open.peer.serialNumber, (await handshake(t, url)).peer.serialNumber)

  const second = certificate('127.0.0.1', authority)
  await writeFile(join(root, 'server.crt'), second.cert)
  await eventually('half a change is told of', () => lines.some(line => line.includes('the changed certificates are not used')))
  t.equal((await handshake(t, url)).peer.fingerprint256, open.peer.fingerprint256, 'the old pair goes on')
  await writeFile(join(root, 'server.key'), second.key)
  await eventually('the new pair', async () => (await handshake(t, url)).peer.fingerprint256 !== open.peer.fingerprint256)
  const answered = new Promise(resolve => { open.socket.once('data', resolve) })
  open.socket.write('GET /orders/dev HTTP/1.1\r\nhost: localhost\r\n\r\n')
  t.match(String(await answered), /^HTTP\/1\.1 200 /)
  t.notOk(lines.join('').includes('PRIVATE KEY'))
})

t.test('a mounted secret changes by a swap of links', async t => {
  const second = certificate('127.0.0.1', authority)
  const root = await folder(t)
  await write(root, Object.fromEntries([...Object.entries(pemFiles('v1/server', first)), ...Object.entries(pemFiles('v2/server', second))]))
  await symlink('v1', join(root, 'data'))
  const { url } = await start(t, root, SSL.replaceAll('ROOT', 'ROOT/data'))
  const { fingerprint256 } = (await handshake(t, url)).peer
  await symlink('v2', join(root, 'next'))
  await rename(join(root, 'next'), join(root, 'data'))
  await eventually('the new pair', async () => (await handshake(t, url)).peer.fingerprint256 !== fingerprint256)
})

t.test('what cannot be stops the start with its setting', async t => {
  const root = await folder(t, pemFiles('server', first))
  await t.rejects(start(t, root, SSL.replace('server.crt', 'none.crt')), { code: 'E_FILE', message: /none\.crt/ })
  await copyFile(join(root, 'server.crt'), join(root, 'other.crt'))
  await t.rejects(start(t, root, SSL.replace(' }', ', client-auth: perhaps }')), { code: 'E_TLS_CLIENT_AUTH' })
  await writeFile(join(root, 'server.key'), certificate('x', authority).key)
  await t.rejects(start(t, root, SSL), { code: 'E_TLS_FILES', message: /server\.ssl\.certificate.*key values mismatch/ })
})
