/**
 * Requests on one connection, one after the other: nothing of one is left for the next. Each kind is asked on a
 * connection of its own; whatever came before it on a shared one, its answer is the same. `ROUNDS` in the environment
 * makes the random row longer, `SEED` repeats one.
 */
import { Agent, request as send, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { connect } from 'node:http2'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { gateway, until, upstream, type Harness } from './harness.ts'
import { waiting } from './fixtures/gate-plugin.ts'

interface Kind {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const yaml = `
resilience4j.circuitbreaker.configs.default: { slidingWindowSize: 1000, minimumNumberOfCalls: 1000 }
spring.cloud.gateway:
  filter.request-header-to-request-uri.enabled: true
  globalcors.cors-configurations:
    '[/fallback]': { allowedOrigins: "https://nobody.example" }
    '[/cors]': { allowedOrigins: "https://a.example" }
  routes:
    - { id: plain, uri: lb://users, predicates: [ Path=/plain ] }
    - { id: host, uri: lb://users, predicates: [ Path=/host ], filters: [ SetRequestHostHeader=other.example ] }
    - { id: kept-host, uri: lb://users, predicates: [ Path=/kept ], filters: [ PreserveHostHeader ] }
    - { id: uri, uri: lb://users, predicates: [ Path=/uri ], filters: [ RequestHeaderToRequestUri=X-To ] }
    - { id: never, uri: lb://users, predicates: [ "Path=/names/{id}", X=1 ] }
    - { id: names, uri: lb://users, predicates: [ "Path=/names/all,/names/one/{id}" ], filters: [ "AddRequestHeader=X-Id, {id}" ] }
    - { id: rewritten, uri: lb://users, predicates: [ "Path=/from/{what}" ], filters: [ "SetPath=/to/{what}", "AddRequestParameter=a, 1", "RemoveRequestHeader=X-Secret" ] }
    - { id: answer, uri: lb://users, predicates: [ Path=/answer ], filters: [ SetStatus=202, "AddResponseHeader=X-Answer, 1", RemoveResponseHeader=X-Method ] }
    - { id: cut, uri: lb://users, predicates: [ Path=/cut ], filters: [ "RemoveJsonAttributesResponseBody=headers" ] }
    - { id: small, uri: lb://users, predicates: [ Path=/small ], filters: [ RequestSize=10B ] }
    - { id: gone, uri: lb://users, predicates: [ Path=/moved ], filters: [ "RedirectTo=302, https://elsewhere.example/" ] }
    - { id: failing, uri: lb://users, predicates: [ Path=/failing ], filters: [ { name: CircuitBreaker, args: { name: b, fallbackUri: "forward:/fallback", statusCodes: [ 500 ] } } ] }
    - { id: fallback, uri: lb://users, predicates: [ Path=/fallback ], filters: [ FallbackHeaders ] }
    - { id: again, uri: lb://users, predicates: [ Path=/again ], filters: [ { name: Retry, args: { retries: 1 } } ] }
    - { id: nobody, uri: lb://nobody, predicates: [ Path=/nobody ] }
    - { id: cors, uri: lb://users, predicates: [ Path=/cors ] }
    - { id: stored, uri: lb://users, predicates: [ Path=/stored ], filters: [ LocalResponseCache=10m ] }
`.replace(', X=1', ', "Header=X-Never, y"')

const KINDS: Readonly<Record<string, Kind>> = {
  plain: { path: '/plain?a=b' }, head: { path: '/plain', method: 'HEAD' }, unchanged: { path: '/plain?st=304', headers: { 'if-none-match': '"1"' } },
  nothing: { path: '/plain?st=204', method: 'DELETE' }, upload: { path: '/plain', method: 'POST', body: 'x'.repeat(20_000) },
  chunked: { path: '/plain', method: 'PUT', body: 'in pieces', headers: { 'transfer-encoding': 'chunked' } },
  host: { path: '/host' }, kept: { path: '/kept', headers: { 'x-secret': '1' } }, uri: { path: '/uri', headers: { 'x-to': 'PORT/elsewhere' } }, uriless: { path: '/uri' },
  named: { path: '/names/one/7' }, unnamed: { path: '/names/all' }, rewritten: { path: '/from/here?b=2', headers: { 'x-secret': '1' } },
  answer: { path: '/answer' }, cut: { path: '/cut' }, small: { path: '/small', method: 'POST', body: 'short' },
  large: { path: '/small', method: 'POST', body: 'longer than ten' }, moved: { path: '/moved' },
  failing: { path: '/failing?st=500', headers: { origin: 'https://a.example' } }, fine: { path: '/failing', headers: { origin: 'https://a.example' } },
  fallback: { path: '/fallback' }, again: { path: '/again?st=503' }, nobody: { path: '/nobody' }, missing: { path: '/none/such' },
  cors: { path: '/cors', headers: { origin: 'https://a.example' } }, foreign: { path: '/cors', headers: { origin: 'https://b.example' } },
  stored: { path: '/stored' }, 'stored-known': { path: '/stored', headers: { 'if-none-match': '"1"' } }
}

/** Of the moment, and of the one who asks. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set(['date', 'x-request-id', 'traceparent', 'keep-alive', 'connection'])

const service: RequestListener = (request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const { method, url = '', headers } = request
    const status = Number(/[?&]st=(\d+)/.exec(url)?.[1] ?? 200)
    const told = Object.entries(headers).filter(([name]) => !OF_THE_MOMENT.has(name))
    response.writeHead(status, { 'content-type': 'application/json', 'x-method': method, etag: '"1"' })
    const body = Buffer.concat(parts).toString()
    response.end(JSON.stringify({ method, url, headers: Object.fromEntries(told), body }))
  })
}

type Ask = (kind: Kind) => Promise<unknown>

/** By HTTP/1.1, on one connection of `agent` or on a new one. */
function asking (url: string, agent: Agent | false): Ask {
  return ({ path, method = 'GET', headers = {}, body }) => new Promise((resolve, reject) => {
    const length = body === undefined || 'transfer-encoding' in headers ? {} : { 'content-length': String(body.length) }
    const sent = send(`${url}${path}`, { method, headers: { ...headers, ...length, host: 'a.example' }, agent }, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part)).on('error', reject)
      response.on('end', () => resolve(told(response.statusCode, response.headers, Buffer.concat(parts).toString())))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** By HTTP/2, all streams of one session. */
function askingBy2 (session: ReturnType<typeof connect>): Ask {
  return ({ path, method = 'GET', headers = {}, body }) => new Promise((resolve, reject) => {
    const fields = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'transfer-encoding'))
    const stream = session.request({ ':path': path, ':method': method, ':authority': 'a.example', ...fields })
    const parts: Buffer[] = []
    let head: IncomingHttpHeaders = {}
    stream.on('response', answer => { head = answer as IncomingHttpHeaders })
    stream.on('data', (part: Buffer) => parts.push(part)).on('error', reject)
    stream.on('end', () => resolve(told(head[':status'], head, Buffer.concat(parts).toString())))
    stream.end(body)
  })
}

function told (status: unknown, headers: IncomingHttpHeaders, body: string): object {
  const fields = Object.entries(headers).filter(([name]) => !OF_THE_MOMENT.has(name) && !name.startsWith(':'))
  // What is left of a kept answer's time is less each second.
  const settled = fields.map(([name, value]) => [name, name === 'cache-control' ? String(value).replace(/\d+/, 'N') : value])
  return { status, headers: Object.fromEntries(settled), body: body.replaceAll(/"(?:timestamp|requestId)":"[^"]*"/g, '') }
}

const seed = Number(process.env['SEED'] ?? Date.now() % 1e9)
const ROUNDS = Number(process.env['ROUNDS'] ?? 400)
t.comment(`seed ${seed}, ${ROUNDS} requests`)

function* picks (): Generator<string> {
  const names = Object.keys(KINDS)
  let state = seed || 1
  for (let n = 0; n < ROUNDS; n++) {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0
    yield names[(state >>> 8) % names.length]!
  }
}

async function start (t: Test): Promise<Harness & { kinds: ReadonlyMap<string, Kind> }> {
  const { port, server } = await upstream(t, service)
  server.keepAliveTimeout = 60_000
  const running = await gateway(t, yaml, { users: [port] })
  const kinds = new Map(Object.entries(KINDS).map(([name, kind]) => {
    const headers = Object.entries(kind.headers ?? {}).map(([field, value]) => [field, value.replace('PORT', `http://127.0.0.1:${port}`)])
    return [name, { ...kind, headers: Object.fromEntries(headers) as Record<string, string> }] as const
  }))
  return Object.assign(running, { kinds })
}

/** Each kind alone, then at random in a row. */
async function compare (t: Test, kinds: ReadonlyMap<string, Kind>, alone: Ask, shared: Ask): Promise<void> {
  const expected = new Map<string, unknown>()
  // Twice, because what is kept is answered otherwise than what is brought.
  for (const [name, kind] of [...kinds, ...kinds]) expected.set(name, await alone(kind))
  let before = 'nothing'
  for (const name of picks()) {
    t.strictSame(await shared(kinds.get(name)!), expected.get(name), `${name} after ${before}`)
    before = name
  }
}

t.test('HTTP/1.1', async t => {
  const { url, kinds, log } = await start(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  await compare(t, kinds, asking(url, false), asking(url, agent))
  t.notOk(log.some(line => line.includes('a filter failed')))
})

t.test('HTTP/2', async t => {
  const { url, kinds } = await start(t)
  const session = connect(url)
  t.teardown(() => session.destroy())
  const alone: Ask = async kind => {
    const own = connect(url)
    try {
      return await askingBy2(own)(kind)
    } finally {
      own.destroy()
    }
  }
  await compare(t, kinds, alone, askingBy2(session))
})

t.test('a filter that decides when its request is over decides nothing for the next one', async t => {
  const { port } = await upstream(t, service)
  const { url } = await gateway(t, `
breakwater.gateway.plugins: [ ${join(import.meta.dirname, 'fixtures/gate-plugin.ts')} ]
spring.cloud.gateway.routes:
  - { id: late, uri: lb://users, predicates: [ Path=/late ], filters: [ Gate ], metadata: { total-timeout: 100 } }
  - { id: next, uri: lb://users, predicates: [ Path=/next ], filters: [ Gate ] }
`, { users: [port] })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const ask = asking(url, agent)
  t.match(await ask({ path: '/late' }), { status: 504 })
  const next = ask({ path: '/next' })
  await until('the next to wait', () => waiting.length === 2)
  waiting[0]!({ status: 418, headers: [], body: '' })
  await new Promise(resolve => setImmediate(resolve))
  waiting[1]!(undefined)
  t.match(await next, { status: 200 })
})
