/** What a service takes for input: JSON as it is and text that stores can keep; and a problem that names the field. */
import { connect } from 'node:net'
import { once } from 'node:events'
import { t } from 'tap'
import { findBadText } from '../text.ts'
import { service, type ServiceOptions } from '../service.ts'
import { memoryLog, settingsOf } from './support.ts'

const body = {
  type: 'object', additionalProperties: false,
  properties: {
    whole: { type: 'integer', minimum: 0 }, text: { type: 'string' }, flag: { type: 'boolean' },
    list: { type: 'array', items: { type: 'integer' } }, inner: { type: 'object', properties: { whole: { type: 'integer' } } },
    size: { type: 'integer', default: 7 }
  }
} as const
const querystring = {
  type: 'object', properties: { limit: { type: 'integer' }, flag: { type: 'boolean' }, text: { type: 'string' } }
} as const
const params = { type: 'object', properties: { id: { type: 'integer' } } } as const
const headers = { type: 'object', required: ['X-Count'], properties: { 'X-Count': { type: 'integer' } } } as const

async function echoService (fastify: ServiceOptions['fastify'] = {}) {
  const settings = await settingsOf({ 'server.port': '0', 'breakwater.discovery.client': 'fixed', 'breakwater.shutdown.drain': '0' })
  const app = await service({ name: 'test', settings, log: memoryLog().log, fastify })
  app.post('/checked', { schema: { body } }, async request => ({ body: request.body }))
  app.post('/free', async request => ({ body: request.body }))
  app.get('/read/:id', { schema: { querystring, params, headers } }, async request =>
    ({ query: request.query, params: request.params, count: request.headers['x-count'] }))
  app.get('/text/:text', async request => ({ params: request.params, query: request.query }))
  app.post('/zero', async request => ({ minus: JSON.stringify(request.body, (_name, value: unknown) => Object.is(value, -0) ? 'minus' : value) }))
  const post = async (path: string, payload: string | Buffer, type = 'application/json') => {
    const answer = await app.inject({ method: 'POST', url: path, payload, headers: { 'content-type': type } })
    return { status: answer.statusCode, ...answer.json<Record<string, unknown>>() }
  }
  return { app, post }
}

t.test('a body of the wrong type is refused, never turned into the right one', async t => {
  const { app, post } = await echoService()
  t.teardown(() => app.stop())
  const wrong: Record<string, string[]> = {
    whole: ['null', 'true', 'false', '"10"', '""', '[5]', '[]', '{}', '1.5', '-1', '1e400'],
    text: ['null', 'true', '1', '["a"]', '{}'], flag: ['null', '1', '0', '"true"', '[true]'],
    list: ['null', '1', '"1"', '{}', '["1"]', '[null]'], inner: ['null', '[]', '""', '{"whole":"1"}', '{"whole":null}']
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const answer = await post('/checked', `{"${name}":${value}}`)
      t.match(answer, { status: 400, errors: [{ field: new RegExp(`^/${name}`) }] }, `${name}: ${value}`)
    }
  }
  for (const whole of ['null', 'true', '1', '"{}"', '[]', '[{}]', '']) {
    t.equal((await post('/checked', whole)).status, 400, `a body ${whole}`)
  }
  t.equal((await post('/checked', '{"whole":1}', 'text/plain')).status, 400)
})

t.test('what JSON has more than one spelling for is the same number; defaults are filled in, extra members are named', async t => {
  const { app, post } = await echoService()
  t.teardown(() => app.stop())
  for (const spelling of ['10', '10.0', '1e1', '100E-1', '1.0e+1']) {
    t.match(await post('/checked', `{"whole":${spelling}}`), { status: 200, body: { whole: 10, size: 7 } }, spelling)
  }
  t.match(await post('/zero', '{"a":-0,"b":[-0.0,"-0",{"c":-0e5}],"d":-0.5}'),
    { minus: '{"a":0,"b":[0,"-0",{"c":0}],"d":-0.5}' })
  t.match(await post('/zero', '-0'), { minus: '0' })
  t.match(await post('/checked', '{"whole":-0}'), { status: 200, body: { whole: 0 } })
  t.match(await post('/checked', '\ufeff{"whole":1}'), { status: 200, body: { whole: 1 } }, 'a byte order mark')
  t.match(await post('/checked', '{"whole":1,"holy":2}'), { status: 400, errors: [{ field: '/holy' }] })
})

t.test('queries, paths and headers are text, and are read as what their schema says', async t => {
  const { app } = await echoService()
  t.teardown(() => app.stop())
  const answer = await app.inject({ url: '/read/7?limit=10&flag=true', headers: { 'x-count': '3' } })
  t.same(answer.json(), { query: { limit: 10, flag: true }, params: { id: 7 }, count: 3 })
  t.match((await app.inject({ url: '/read/7' })).json(), { status: 400, errors: [{ message: /x-count/ }] }, 'whatever its case')
  t.equal((await app.inject({ url: '/read/x', headers: { 'x-count': '3' } })).statusCode, 400)
  t.equal((await app.inject({ url: '/read/7?limit=1&limit=2', headers: { 'x-count': '3' } })).statusCode, 400)
  for (const [url, count, field] of [['/read/7?limit=1e400', '3', '/limit'], ['/read/-1e999', '3', '/id'], ['/read/7', '1e999', '/x-count']]) {
    t.match((await app.inject({ url: url!, headers: { 'x-count': count } })).json(), { status: 400, errors: [{ field }] }, 'no number is infinite')
  }
})

t.test('text that a store could not keep is refused at each door, and the problem says where', async t => {
  const { app, post } = await echoService()
  t.teardown(() => app.stop())
  const bad: Array<[string, string]> = [
    ['{"text":"a\\u0000b"}', '/text'], ['{"text":"\\ud800"}', '/text'], ['{"text":"\\udc00\\ud800"}', '/text'],
    ['{"list":[1,{"a/b":"x\\u0000"}]}', '/list/1/a~1b'], ['{"a\\u0000":1}', '/a\u0000'], ['["\\udfff"]', '/0'], ['"\\u0000"', '/']
  ]
  for (const [text, field] of bad) {
    for (const path of ['/free', '/checked']) t.match(await post(path, text), { status: 400, errors: [{ field }] }, `${path} ${text}`)
  }
  for (const [url, field] of [['/text/a%00b', '/text'], ['/text/a?q=%00', '/q'], ['/text/a?q=b&q=%00', '/q/1'], ['/text/a?%00=1', '/\u0000']]) {
    t.match((await app.inject({ url: url! })).json(), { status: 400, errors: [{ field }] }, url!)
  }
  t.equal((await app.inject({ url: '/text/%ed%a0%80' })).statusCode, 400, 'a surrogate in UTF-8')
  const fine = '{"text":"\\ud83d\\ude00 \\u0001 \\ufffd\\uffff é"}'
  t.match(await post('/free', fine), { status: 200, body: JSON.parse(fine) })
})

t.test('JSON that readers disagree about is refused', async t => {
  const { app, post } = await echoService()
  t.teardown(() => app.stop())
  t.match(await post('/checked', '{"whole":1,"text":"{\\"whole\\":2}","whole":2}'), { status: 400, detail: /"whole" twice/ })
  t.match(await post('/free', '{"a":[{"b":1,"\\u0062" :2}]}'), { status: 400, detail: /"b" twice/ })
  t.match(await post('/free', '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":"\\"a\\":"}]}'), { status: 200 }, 'each object by itself')
  t.match(await post('/free', Buffer.from('7b2261223a22ff227d', 'hex')), { status: 400, detail: /UTF-8/ })
  t.equal((await post('/free', '{"__proto__":1}')).status, 400)
  t.equal((await post('/free', '{"a":1')).status, 400)
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  t.equal((await post('/free', nested(500))).status, 200)
  t.match(await post('/free', nested(501)), { status: 400, detail: /deeper than 500/ })
  t.equal((await post('/free', nested(400_000))).status, 400)
})

t.test('a service may read JSON its own way, and coerce if it says so', async t => {
  const { app, post } = await echoService({ ajv: { customOptions: { coerceTypes: true } } })
  t.teardown(() => app.stop())
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => { done(null, { text: `own ${text as string}` }) })
  t.match(await post('/free', '{"a":"\\u0000"}'), { body: { text: 'own {"a":"\\u0000"}' } })
  const other = await echoService({ ajv: { customOptions: { coerceTypes: true } } })
  t.teardown(() => other.app.stop())
  t.match(await other.post('/checked', '{"whole":"10"}'), { status: 200, body: { whole: 10 } })
})

t.test('over a socket: a body whose bytes come one by one is the same body', async t => {
  const { app } = await echoService()
  t.teardown(() => app.stop())
  const { url } = await app.start()
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const bytes = Buffer.from('{"text":"é😀"}')
  socket.write(`POST /free HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${bytes.length}\r\n\r\n`)
  for (const byte of bytes) {
    socket.write(Buffer.of(byte))
    await new Promise(resolve => { setImmediate(resolve) })
  }
  let answer = ''
  socket.setEncoding('utf8').on('data', text => { answer += String(text) })
  await once(socket, 'close')
  t.match(answer, /^HTTP\/1.1 200[^]*\{"body":\{"text":"é😀"\}\}/)
})

t.test('bad text is found however deep it is', async t => {
  let value: unknown = '\ud800'
  for (let depth = 0; depth < 200_000; depth++) value = [value]
  t.match(findBadText(value), { why: /surrogate/ })
  for (const fine of [undefined, null, 1, true, '', 'é😀', {}, [], { a: [{ b: 'c' }] }]) t.equal(findBadText(fine), undefined)
})
