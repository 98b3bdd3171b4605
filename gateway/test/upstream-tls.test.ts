/** Certificates towards instances: what is issued for hours is taken over while requests go on. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import path from 'node:path'
import t, { type Test } from 'tap'
import { call, gateway, until, type Harness } from './harness.ts'

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const folder = t.testdir({})
const file = (name: string): string => path.join(folder, name)
const run = (...args: string[]): void => { execFileSync('openssl', args, { stdio: 'ignore' }) }

function authority (name: string): void {
  run('req', '-x509', ...KEY, '-days', '2', '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`))
}

function signed (name: string, by: string): void {
  run('req', '-new', ...KEY, '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`))
  writeFileSync(file(`${name}.ext`), 'subjectAltName=IP:127.0.0.1\n')
  run('x509', '-req', '-days', '2', '-in', file(`${name}.csr`), '-CA', file(`${by}.pem`), '-CAkey', file(`${by}.key`), '-set_serial', '1',
    '-extfile', file(`${name}.ext`), '-out', file(`${name}.pem`))
}

if (skip === false) {
  for (const name of ['ca', 'stranger']) authority(name)
  for (const name of ['server', 'one', 'two']) signed(name, 'ca')
}

/** An instance that answers with the name in its caller's certificate. */
async function instance (t: Test): Promise<number> {
  const pem = { key: readFileSync(file('server.key')), cert: readFileSync(file('server.pem')), ca: readFileSync(file('ca.pem')) }
  const server = createSecureServer({ ...pem, allowHTTP1: true, requestCert: true }, (request, response) => {
    const { session } = (request.stream ?? {}) as { session?: { socket: TLSSocket } }
    const socket = session?.socket ?? request.socket as TLSSocket
    response.end(String(socket.getPeerCertificate().subject.CN))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

function show (name: string): void {
  for (const end of ['pem', 'key']) copyFileSync(file(`${name}.${end}`), file(`shown.${end}`))
}

async function started (t: Test, http2: boolean): Promise<Harness> {
  show('one')
  copyFileSync(file('ca.pem'), file('trusted.pem'))
  return gateway(t, `
spring.cloud.gateway.httpclient.ssl.trusted-x509-certificates: [ ${file('trusted.pem')} ]
spring.cloud.gateway.routes:
  - { id: a, uri: "https://127.0.0.1:${await instance(t)}", predicates: [ Path=/a ], metadata: { http2: ${http2} } }
breakwater.gateway:
  upstream-tls: { certificate: "${file('shown.pem')}", private-key: "file:${file('shown.key')}" }
  tls.reload-interval: 20ms
`)
}

for (const http2 of [false, true]) {
  t.test(`a changed certificate is shown at once, over HTTP/${http2 ? '2' : '1.1'}`, { skip }, async t => {
    const { url, log } = await started(t, http2)
    const answer = async () => (await call(`${url}/a`)).body
    t.equal(await answer(), 'one')

    copyFileSync(file('two.pem'), file('shown.pem'))
    await until('the half of a pair is told of', () => log.join().includes('certificates towards instances are not used'))
    t.equal(await answer(), 'one', 'and what fits stays')
    show('two')
    await until('the new pair is shown', async () => await answer() === 'two')
  })
}

t.test('an authority that is withdrawn is trusted no longer, kept connections included', { skip }, async t => {
  const { url, log } = await started(t, false)
  const status = async () => (await call(`${url}/a`)).status
  t.equal(await status(), 200)
  writeFileSync(file('trusted.pem'), 'no certificate')
  await until('it is told of', () => log.join().includes('certificates towards instances are not used'))
  t.equal(await status(), 200)
  copyFileSync(file('stranger.pem'), file('trusted.pem'))
  await until('the instance is refused', async () => await status() === 502)
  copyFileSync(file('ca.pem'), file('trusted.pem'))
  await until('the instance is trusted again', async () => await status() === 200)
})

t.test('a pair that does not fit stops the start', { skip }, async t => {
  await t.rejects(gateway(t, `
breakwater.gateway.upstream-tls: { certificate: "${file('one.pem')}", private-key: "${file('two.key')}" }
`), { code: 'E_GATEWAY_CERTIFICATE', message: /one\.pem, .*two\.key cannot be used: .*mismatch/ })
})
