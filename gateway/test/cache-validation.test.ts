/** What is stale is asked for by its validator, serves who has it already, and stands in for a service that fails. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { isKnown, updated } from '../cache/validation.ts'
import { Clock } from '../clock.ts'
import { AS_ADMIN, call, gateway, upstream } from './harness.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const yaml = (more = '') => `
breakwater.gateway.response-cache: { ${more} }
spring.cloud.gateway.routes:
  - { id: cached, uri: lb://users, predicates: [ Path=/** ], filters: [ "LocalResponseCache=10s", "AddResponseHeader=X-A, b" ] }
`

/** A gateway whose clock is turned by hand, before one service. */
async function cached (t: Test, answer: Answer, more = '') {
  let nowMs = 1_000
  const seen: IncomingMessage[] = []
  const { port } = await upstream(t, (request, response) => {
    seen.push(request)
    answer(request, response)
  })
  const clock = new Clock(() => nowMs)
  const { url, management } = await gateway(t, yaml(more), { users: [port] }, {}, clock)
  const get = (path: string, headers = {}, method = 'GET') => call(`${url}${path}`, { headers, method })
  const after = (seconds: number): void => {
    nowMs += seconds * 1_000
    // Or a connection that begins now is dated by the last sweep, and found silent for as long by the next.
    clock.tick()
  }
  return { seen, get, management, after }
}

t.test('a stale answer whose service says that it still holds is fresh again, and its body did not travel', async t => {
  let control = 'max-age=5'
  const { seen, get, after } = await cached(t, (request, response) => {
    const known = request.headers['if-none-match'] === '"v1"'
    response.writeHead(known ? 304 : 200, { etag: '"v1"', 'cache-control': control, 'x-turn': known ? 'second' : 'first' })
    response.end(known ? '' : 'body')
  })
  t.match(await get('/a'), { status: 200, body: 'body' })
  after(6)
  control = 'max-age=7'
  t.match(await get('/a'), { status: 200, body: 'body', headers: { 'x-turn': 'second', 'x-a': 'b', 'cache-control': 'max-age=7' } })
  t.equal(seen.length, 2)
  after(5)
  t.match(await get('/a'), { body: 'body', headers: { 'cache-control': 'max-age=2' } })
  t.equal(seen.length, 2, 'for as long as the second word allows')
})

t.test('a date is a validator where there is no tag; what has changed is kept instead', async t => {
  const dates = ['Tue, 01 Dec 2026 02:00:00 GMT', 'Tue, 01 Dec 2026 03:00:00 GMT']
  let date = dates[0]!
  const { seen, get, after } = await cached(t, (request, response) => {
    const known = request.headers['if-modified-since'] === date
    response.writeHead(known ? 304 : 200, { 'last-modified': date })
    response.end(known ? '' : date)
  })
  t.equal((await get('/a')).body, dates[0])
  after(11)
  t.equal((await get('/a')).body, dates[0])
  t.equal(seen[1]!.headers['if-modified-since'], dates[0])
  after(11)
  t.equal((await get('/a', { 'if-none-match': '"mine"' })).body, dates[0])
  t.same(seen[2]!.headers['if-none-match'], undefined, 'the caller\'s tag would have the word over our date')
  after(11)
  date = dates[1]!
  t.equal((await get('/a')).body, dates[1])
  t.equal((await get('/a')).body, dates[1])
  t.equal(seen.length, 4)
})

t.test('what must be asked for each time is asked for by its validator, and told as the service says it', async t => {
  const { seen, get } = await cached(t, (request, response) => {
    const known = request.headers['if-none-match'] === 'W/"1"'
    response.writeHead(known ? 304 : 200, { etag: 'W/"1"', 'cache-control': 'no-cache' })
    response.end(known ? '' : 'body')
  })
  for (let n = 1; n <= 3; n++) {
    t.match(await get('/a'), { status: 200, body: 'body', headers: { 'cache-control': 'no-cache' } })
    t.equal(seen.length, n)
  }
  t.same(seen.map(({ headers }) => headers['if-none-match']), [undefined, 'W/"1"', 'W/"1"'])
})

t.test('who has it already is told just that, from memory and after asking', async t => {
  const { seen, get, after } = await cached(t, (request, response) => {
    const known = request.headers['if-none-match'] === '"v1"'
    response.writeHead(known ? 304 : 200, { etag: '"v1"', 'content-type': 'text/plain', vary: 'accept' })
    response.end(known ? '' : 'body')
  })
  await get('/a')
  for (const tag of ['"v1"', 'W/"v1"', '"x", "v1"', '*']) {
    const { status, body, headers } = await get('/a', { 'if-none-match': tag })
    t.match({ status, body, etag: headers.etag, vary: headers.vary }, { status: 304, body: '', etag: '"v1"', vary: 'accept' }, tag)
    t.equal(headers['content-type'], undefined)
    t.equal(headers['x-a'], 'b', 'as the other filters have it')
  }
  t.match(await get('/a', { 'if-none-match': '"v0"' }), { status: 200, body: 'body' })
  t.equal(seen.length, 1)
  after(11)
  t.match(await get('/a', { 'if-none-match': '"v0"' }), { status: 200, body: 'body' }, 'the caller\'s tag is not ours')
  t.equal(seen[1]!.headers['if-none-match'], '"v1"')
  after(11)
  t.match(await get('/a', { 'if-none-match': '"v1"' }), { status: 304, body: '' })
  t.equal(seen.length, 3)
})

t.test('a 304 about what the caller has is the caller\'s, where nothing is kept', async t => {
  const { get } = await cached(t, (_, response) => response.writeHead(304, { etag: '"v9"' }).end())
  t.match(await get('/a', { 'if-none-match': '"v9"' }), { status: 304, body: '' })
})

t.test('nor has what is kept without a validator to do with it', async t => {
  const { get, after } = await cached(t, (request, response) => {
    response.writeHead(request.headers['if-none-match'] === undefined ? 200 : 304).end()
  }, 'stale-if-error: 60s')
  await get('/a')
  after(11)
  t.match(await get('/a', { 'if-none-match': '"v9"' }), { status: 304 })
})

t.test('a service that fails is stood in for, as long as it has allowed or the gateway is told to', async t => {
  let fails: 'no' | 'status' | 'reset' = 'no'
  let control: Record<string, string> = {}
  const { get, after } = await cached(t, (_, response) => {
    if (fails === 'reset') return response.destroy()
    response.writeHead(fails === 'status' ? 503 : 200, control)
    response.end(fails === 'status' ? 'away' : 'body')
  }, 'stale-if-error: 30s')
  for (const [path, given, isLate, isTooLate] of [
    ['/silent', {}, 25, 31], ['/tagged', { etag: '"1"' }, 25, 31],
    ['/own', { 'cache-control': 'max-age=5, stale-if-error=60' }, 55, 61], ['/never', { 'cache-control': 'must-revalidate' }, 0, 1],
    ['/shared', { 'cache-control': 's-maxage=5' }, 0, 6], ['/plainly-not', { 'cache-control': 'max-age=5, stale-if-error=0' }, 0, 6]
  ] as const) {
    fails = 'no'
    control = given as Record<string, string>
    await get(path)
    fails = 'status'
    control = {}
    if (isLate > 0) {
      after(10 + isLate - (path === '/own' ? 5 : 0))
      t.match(await get(path), { status: 200, body: 'body', headers: { 'x-a': 'b', 'cache-control': /max-age=0/ } }, path)
      fails = 'reset'
      t.match(await get(path), { status: 200, body: 'body' }, `${path}, no answer at all`)
      fails = 'status'
    }
    after(isTooLate + 10 - isLate)
    t.match(await get(path), { status: 503, body: 'away' }, `${path}, too late`)
  }
})

t.test('while one asks anew, others are given what there was', async t => {
  let hold: (() => void) | undefined
  let turn = 0
  const { seen, get, after } = await cached(t, (_, response) => {
    turn++
    const text = `turn ${turn}`
    if (turn === 1) response.end(text)
    else hold = () => response.end(text)
  }, 'stale-while-revalidate: 20s')
  await get('/a')
  after(11)
  const asking = get('/a')
  while (hold === undefined) await new Promise(resolve => setImmediate(resolve))
  t.match(await Promise.all([get('/a'), get('/a')]), [{ body: 'turn 1' }, { body: 'turn 1' }])
  hold()
  t.equal((await asking).body, 'turn 2')
  t.equal((await get('/a')).body, 'turn 2')
  t.equal(seen.length, 2)
})

t.test('a write that was taken ends what was kept of its path, whatever the query; one that failed ends nothing', async t => {
  let turn = 0
  let status = 200
  const { get } = await cached(t, (request, response) => {
    response.writeHead(request.method === 'GET' ? 200 : status).end(`${++turn}`)
  })
  const paths = ['/u', '/u?page=2', '/v']
  const read = async () => (await Promise.all(paths.map(path => get(path)))).map(({ body }) => body)
  const before = await read()
  status = 500
  await get('/u', {}, 'POST')
  t.same(await read(), before)
  status = 201
  await get('/u?x=1', {}, 'POST')
  const after = await read()
  t.not(after[0], before[0])
  t.not(after[1], before[1])
  t.equal(after[2], before[2])
})

t.test('an operator ends what is kept by path, route or host, or all of it', async t => {
  let turn = 0
  const { get, management, after } = await cached(t, (_, response) => response.end(`${++turn}`))
  const purge = (query: string) => call(`${management}/actuator/gateway/cache${query}`, { method: 'DELETE', headers: AS_ADMIN })
  for (const query of ['', '?path=/a', '?path=/*', '?route=cached', '?route=cached&path=/a']) {
    const { body } = await get('/a')
    t.equal((await get('/a')).body, body)
    t.equal((await purge(query)).status, 204)
    after(1)
    t.not((await get('/a')).body, body, query)
  }
  const { body } = await get('/a')
  for (const query of ['?path=/b', '?route=other', '?host=elsewhere']) t.equal((await purge(query)).status, 204)
  const slip = await purge('?paths=/a')
  t.match(slip, { status: 400, body: /E_CACHE_SELECTION|selects no answers/ })
  t.match(await purge('?path=/a&path=/b'), { status: 400, body: /"path\\?" selects no answers/ })
  t.equal((await get('/a')).body, body, 'nothing else, and nothing by a slip')
})

t.test('which tags and dates are known, and what a 304 changes', async t => {
  const fields = (given: Record<string, string>) => (name: string) => name in given ? [given[name]!] : []
  const stored = [['etag', 'W/"a,b"'], ['last-modified', 'Tue, 01 Dec 2026 02:00:00 GMT']] as const
  for (const [given, known] of [
    [{ 'if-none-match': '"a,b"' }, true], [{ 'if-none-match': '"a", "b"' }, false], [{ 'if-none-match': 'a,b' }, false],
    [{ 'if-modified-since': 'Tue, 01 Dec 2026 02:00:00 GMT' }, true], [{ 'if-modified-since': 'Tue, 01 Dec 2026 01:59:59 GMT' }, false],
    [{ 'if-modified-since': 'yesterday' }, false], [{}, false],
    [{ 'if-none-match': '"x"', 'if-modified-since': 'Tue, 01 Dec 2026 02:00:00 GMT' }, false]
  ] as const) t.equal(isKnown(fields(given), stored), known, JSON.stringify(given))
  t.notOk(isKnown(fields({ 'if-none-match': '"a"' }), []))
  t.same(updated([['etag', '"1"'], ['content-type', 'a'], ['x', '1'], ['x', '2']], [['x', '3'], ['content-type', 'b']]),
    [['etag', '"1"'], ['content-type', 'a'], ['x', '3']])
})
