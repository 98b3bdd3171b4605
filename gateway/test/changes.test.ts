/** What changes while requests are under way: a loop that dies, instances that come and go, a gateway that drains. */
import { connect as connectHttp2 } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { ROUTING_DEFAULTS } from '../options.ts'
import { createDataPlane } from '../workers/data-plane.ts'
import { gateway, upstream } from './harness.ts'
import { ask } from './http2-client.ts'
import { load } from './load.ts'
import { OK, RawClient, RawUpstream, route, startDataPlane, statusOf, until } from './raw.ts'

const GET = 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n'

t.test('a worker that dies takes its own connections with it, and no others; it is replaced', async (t) => {
  const raw = await new RawUpstream().listen()
  const compilerModule = new URL('./dying-compiler.ts', import.meta.url).href
  const dataPlane = createDataPlane({ ...DATA_PLANE_DEFAULTS, port: 0, workers: 2 }, () => {}, { compilerModule })
  t.teardown(async () => {
    await dataPlane.stop(0)
    raw.close()
  })
  const { port } = await dataPlane.start()
  const routes = [route('thread', 'forward:/thread', '/thread'), route('all', raw.url, '/**')]
  await dataPlane.apply({ routes, defaultFilters: [], options: ROUTING_DEFAULTS, instances: {} } as object)
  const clients = Array.from({ length: 32 }, () => new RawClient(port).send('GET /thread HTTP/1.1\r\nHost: h\r\n\r\n'))
  const threads = await Promise.all(clients.map(async (client) => Number((await client.answers(1))[0]!.split('\r\n\r\n')[1])))
  const [victim] = threads
  const others = clients.filter((_, at) => threads[at] !== victim)
  t.ok(others.length > 0 && others.length < clients.length, `${others.length} of 32 are the other worker's`)
  await dataPlane.ask('die', victim)
  await until(() => clients.every((client) => client.closed || others.includes(client)), 'connections of the one that died to end')
  for (const client of others) t.equal(statusOf((await client.send(GET).answers(2))[1]!), 200)
  await until(async () => {
    const living = await dataPlane.ask('thread')
    return living.length === 2 && !living.includes(victim)
  }, 'it to be replaced')
  for (const client of clients) client.socket.destroy()
})

t.test('instances that come and go ten times a second under load: not one request fails', async (t) => {
  const instances = await Promise.all([1, 2, 3].map(() => upstream(t, (_, response) => { setTimeout(() => response.end('ok'), 5) })))
  const ports = instances.map(({ port }) => port)
  const { url, discovery } = await gateway(t, `
spring.cloud.gateway.routes: [ { id: users, uri: lb://users, predicates: [ "Path=/**" ] } ]
`, { users: ports.slice(0, 2) })
  const loaded = load(url, 2, 300)
  for (let n = 0; n < 18; n++) {
    await sleep(100)
    discovery.set('users', ports.filter((_, i) => i !== n % 3))
  }
  const { requests, errors } = await loaded
  t.equal(errors, 0, `of ${requests}`)
  for (const one of instances) t.ok(one.calls() > 20, `${one.calls()} calls`)
})

t.test('drain over HTTP/2: streams under way are finished, the session is told, and ends', async (t) => {
  const raw = await new RawUpstream().listen()
  t.teardown(() => raw.close())
  const { dataPlane, url } = await startDataPlane([route('all', raw.url, '/**')])
  raw.onHead = () => {}
  const session = connectHttp2(url)
  let told = false
  session.on('goaway', () => { told = true })
  const answer = ask(session, { ':path': '/x' })
  await until(() => raw.peers[0]?.heads === 1, 'the call')
  const stopped = dataPlane.stop(30_000)
  await until(() => told, 'the session to be told')
  raw.peers[0]!.socket.write(OK)
  t.match(await answer, { status: 200, body: 'ok' })
  await stopped
  await until(() => session.destroyed, 'the end of the session')
})
