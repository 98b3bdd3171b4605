import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { request as httpRequest } from 'node:http'
import t, { type Test } from 'tap'
import { instance } from './exchange.ts'
import { AS_ADMIN, call, echo, gateway, upstream, type Harness } from './harness.ts'

/** Routes to what is registered, in each version of HTTP and as a WebSocket, without what tells of a proxy. */
const ROUTES = `
spring.cloud.gateway:
  x-forwarded.enabled: false
  filter.request-header-to-request-uri.enabled: true
  routes:
    - { id: plain, uri: lb://users, predicates: [ "Path=/plain/**" ], filters: [ StripPrefix=1, "RemoveRequestHeader=X-Forwarded-For" ] }
    - { id: http2, uri: lb://users, predicates: [ "Path=/http2/**" ], filters: [ StripPrefix=1 ], metadata: { http2: true } }
    - { id: socket, uri: "lb:ws://users", predicates: [ "Path=/socket/**" ], filters: [ StripPrefix=1 ] }
    - { id: retried, uri: lb://users, predicates: [ "Path=/retried/**" ], filters: [ StripPrefix=1, "Retry=2" ] }
    - { id: chosen, uri: "http://127.0.0.1:1", predicates: [ "Path=/chosen/**" ], filters: [ "RequestHeaderToRequestUri=X-To" ] }
`

const HANDSHAKE = {
  connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=='
}

function registered ({ discovery }: Harness, host: string, port: number, extra = {}): void {
  discovery.set('users', [port], { ...instance('i', port), host, serviceId: 'users', ...extra })
}

/** Answers on all kinds of routes. */
async function answers (url: string, path: string): Promise<number[]> {
  const kinds = ['plain', 'http2', 'retried'].map(kind => call(`${url}/${kind}${path}`).then(({ status }) => status))
  return [...await Promise.all(kinds), await handshake(`${url}/socket${path}`)]
}

function handshake (url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { headers: HANDSHAKE })
    sent.once('response', response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.once('upgrade', (_response, socket) => {
      socket.destroy()
      resolve(101)
    })
    sent.once('error', reject)
    sent.end()
  })
}

async function refuses (t: Test, running: Harness, host: string, port: number, why: RegExp): Promise<void> {
  registered(running, host, port)
  for (const status of await answers(running.url, '/actuator/env')) t.equal(status, 502, `${host}:${port}`)
  t.match(running.log.join(''), why, host)
}

t.test('whatever is registered, nothing comes back to where the gateway listens', async t => {
  const running = await gateway(t, ROUTES)
  const own = [running.management, running.url].map(url => Number(new URL(url).port))
  for (const port of own) {
    for (const host of ['127.0.0.1', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1', '::ffff:7f00:1', '0.0.0.0', '::', '0', '127.1', '0x7f000001']) {
      registered(running, host, port)
      for (const status of await answers(running.url, '/actuator/env')) t.equal(status, 502, `${host}:${port}`)
    }
    for (const to of [`http://127.0.0.1:${port}`, `http://localhost:${port}/`, `http://[::ffff:127.0.0.1]:${port}`, `http://0x7f.1:${port}`]) {
      const { status } = await call(`${running.url}/chosen/x`, { headers: { 'x-to': to } })
      t.equal(status, 502, to)
    }
  }
  const body = JSON.stringify({ uri: running.management, predicates: ['Path=/actuator/**'] })
  await call(`${running.management}/actuator/gateway/routes/own`, { method: 'POST', body, headers: { ...AS_ADMIN, 'content-type': 'application/json' } })
  t.equal((await call(`${running.url}/actuator/health`)).status, 502, 'not even where the operator writes it')
})

t.test('with worker threads, too, also one that takes the place of another', async t => {
  const running = await gateway(t, ROUTES, {}, { BREAKWATER_GATEWAY_WORKERS: '2' })
  registered(running, '127.0.0.1', Number(new URL(running.management).port))
  for (let i = 0; i < 5; i++) for (const status of await answers(running.url, '/actuator/env')) t.equal(status, 502)
})

t.test('nothing is sent to link-local, metadata, multicast and unspecified addresses', async t => {
  const running = await gateway(t, ROUTES)
  for (const host of ['169.254.169.254', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', 'fe80::1', 'fd00:ec2::254',
    '224.0.0.1', 'ff02::1', '0.0.0.0', '::', '255.255.255.255', '100.100.100.200']) {
    registered(running, host, 80)
    const startedMs = performance.now()
    for (const status of await answers(running.url, '/latest/meta-data/')) t.equal(status, 502, host)
    t.ok(performance.now() - startedMs < 5_000, 'it is not tried')
  }
  for (const to of ['http://169.254.169.254', 'http://2852039166', 'http://0xa9.0xfe.0xa9.0xfe', 'http://[::ffff:169.254.169.254]']) {
    t.equal((await call(`${running.url}/chosen/x`, { headers: { 'x-to': to } })).status, 502, to)
  }
})

t.test('an instance that was found is at loopback where this machine is served; else by the operator\'s word', async t => {
  const { port } = await upstream(t, echo)
  const local = await gateway(t, ROUTES)
  registered(local, '127.0.0.1', port)
  t.equal((await call(`${local.url}/plain/x`)).status, 200)
  const strict = 'breakwater.security.loopback-instances: false\n'
  const remote = await gateway(t, `${strict}${ROUTES}`)
  for (const host of ['127.0.0.1', 'localhost', '::1', '::ffff:127.0.0.1', '127.8.8.8']) {
    await refuses(t, remote, host, port, /loopback-instances/)
  }
  registered(remote, '127.0.0.1', port, { written: true })
  t.equal((await call(`${remote.url}/plain/x`)).status, 200, 'what the settings list')
})

t.test('health checks and probes go nowhere else', async t => {
  let asked = 0
  const own = createServer((_request, response) => {
    asked++
    response.end()
  }).on('connection', () => { asked++ }).listen(0, '127.0.0.1')
  t.teardown(() => own.close())
  await new Promise(resolve => own.once('listening', resolve))
  const { port } = own.address() as AddressInfo
  const running = await gateway(t, `breakwater.security.loopback-instances: false
spring.cloud.loadbalancer: { configurations: health-check, health-check.interval: 50ms }
${ROUTES}`)
  registered(running, '127.0.0.1', port)
  for (let i = 0; i < 5; i++) for (const status of await answers(running.url, '/x')) t.equal(status, 502)
  await new Promise(resolve => setTimeout(resolve, 500))
  t.equal(asked, 0)
})

t.test('this machine\'s own name is this machine', { skip: hostname() === '' }, async t => {
  const running = await gateway(t, `server.address: localhost\n${ROUTES}`)
  registered(running, 'localhost', Number(new URL(running.url).port))
  for (const status of await answers(running.url, '/x')) t.equal(status, 502)
})
