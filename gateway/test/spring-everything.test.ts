/** One application.yml with all that Spring's reference documents, unchanged, asked feature by feature. */
import t from 'tap'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { call, echo, gateway, upstream, until } from './harness.ts'
import { heldClock } from './raw.ts'

interface Echoed { method: string, url: string, body: string, headers: Record<string, string> }

t.test('everything in one file', async t => {
  const users = await upstream(t, echo)
  const answers = await upstream(t, (request, response) => {
    response.setHeader('content-type', 'application/json')
    response.setHeader('x-powered-by', 'magic')
    response.setHeader('x-link', '/42?user=ford&password=omg!what&flag=true')
    response.setHeader('x-twice', ['first', 'last'])
    response.setHeader('location', 'https://inner.example/v2/some/object')
    response.end(JSON.stringify({ url: request.url, internal: 1, more: { internal: 2, shown: 3 } }))
  })
  const failing = await upstream(t, (_, response) => { response.statusCode = 500; response.end() })
  const slow = await upstream(t, () => {})
  const yaml = await readFile(join(import.meta.dirname, 'fixtures/spring-everything.yml'), 'utf8')
  const clock = heldClock()
  const { url, management, log } = await gateway(t, yaml.replace('management:', 'management:\n  server:\n    port: 0'),
    { users: [users.port], answers: [answers.port], failing: [failing.port], slow: [slow.port] }, { SERVER_PORT: '0' }, clock)
  t.strictSame(log.filter(line => /"level":(?:40|50)/.test(line)).filter(line => /no effect/.test(line)), [], 'nothing of it is without effect')
  const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET', body?: string) => {
    const answer = await call(`${url}${path}`, { headers, method, ...body === undefined ? {} : { body } })
    return { ...answer, echoed: (answer.body.startsWith('{"method') ? JSON.parse(answer.body) : {}) as Partial<Echoed> }
  }

  await t.test('predicates, each of them needed', async t => {
    const wanted = { host: 'www.shop.example', 'x-version': '7', cookie: 'a=b; session=c0ffee', 'x-forwarded-for': '192.168.1.1' }
    t.match((await ask('/every/1?page=2&sort=', wanted)).echoed, { url: '/found/1?page=2&sort=' })
    t.match((await ask('/each/1?page=2&sort', wanted)).echoed, { url: '/found/1?page=2&sort' })
    const without: Array<[string, Record<string, string>, string?]> = [
      ['/none/1?page=2&sort=', wanted], ['/every/1?page=x&sort=', wanted], ['/every/1?page=2', wanted],
      ['/every/1?page=2&sort=', { ...wanted, host: 'shop.evil' }], ['/every/1?page=2&sort=', { ...wanted, 'x-version': 'v' }],
      ['/every/1?page=2&sort=', { ...wanted, cookie: 'session=x' }], ['/every/1?page=2&sort=', { ...wanted, 'x-forwarded-for': '10.0.0.1' }],
      ['/every/1?page=2&sort=', wanted, 'PUT']
    ]
    for (const [path, headers, method] of without) t.equal((await ask(path, headers, method)).status, 404, `${method ?? ''} ${path} ${JSON.stringify(headers)}`)
    const colours = new Set<unknown>()
    for (let i = 0; i < 100 && colours.size < 2; i++) colours.add((await ask('/weighted')).headers['x-colour'])
    t.strictSame([...colours].toSorted((a, b) => String(a).localeCompare(String(b))), ['blue', 'green'])
    const foundry = { 'x-cf-forwarded-url': 'http://a', 'x-cf-proxy-signature': 'b', 'x-cf-proxy-metadata': 'c' }
    t.equal((await ask('/cf', foundry)).status, 200)
    t.equal((await ask('/cf')).status, 404)
    t.equal((await ask('/off')).status, 404, 'enabled: false')
  })

  await t.test('what goes to the instance', async t => {
    const { echoed } = await ask('/headers/blue', { 'x-from': 'f', 'x-secret': 's', 'x-set': 'old', 'x-size': 'small', 'x-internal': 'i',
      'x-forwarded-for': '9.9.9.9' })
    t.match(echoed.headers, { 'x-segment': 'blue', 'x-colour': 'blue', 'x-size': 'small', 'x-to': 'f', 'x-set': 'new', host: 'inner.example',
      'x-gateway': 'everything', 'x-forwarded-for': '127.0.0.1' })
    for (const gone of ['x-secret', 'x-internal']) t.notOk(echoed.headers?.[gone], gone)
    t.equal((await ask('/headers/blue', { 'x-long': 'a'.repeat(5_000) })).status, 431)
    t.equal((await ask('/headers/blue', {}, 'POST', 'a'.repeat(1_048_577))).status, 413)
    t.match((await ask('/parameters?secret=1&campaign=old&q=%20')).echoed, { url: '/parameters?q=%20&added=yes&campaign=fall2023' })
  })

  await t.test('what comes back', async t => {
    const answer = await ask('/answers/some/object', { host: 'shop.example' })
    t.match(answer, { status: 202, headers: {
      'x-default': 'one', 'x-twice': 'last', 'x-link': '/42?user=ford&password=***&flag=true', location: 'https://shop.example/some/object',
      'x-frame-options': 'SAMEORIGIN', 'x-content-type-options': 'nosniff'
    } })
    t.strictSame(JSON.parse(answer.body), { url: '/api/some/object', more: { shown: 3 } })
    for (const gone of ['x-powered-by', 'x-download-options']) t.notOk(answer.headers[gone], gone)
    const before = users.calls()
    for (let i = 0; i < 3; i++) t.match(await ask('/cached'), { status: 200, headers: { 'cache-control': /max-age=\d+/ } })
    t.equal(users.calls(), before + 1)
    t.match(await ask('/old?a=1'), { status: 301, headers: { location: 'https://shop.example/new?a=1' } })
  })

  await t.test('failures', async t => {
    t.match(await ask('/broken?q=1', {}, 'POST', 'salt'), { status: 200, echoed: { method: 'POST', url: '/spare?q=1', body: 'salt', headers: { 'x-cause': 'StatusError' } } })
    t.match((await ask('/inside')).echoed, { url: '/spare' })
    const late = ask('/slow')
    await until('it is asked', () => slow.calls() === 1)
    await clock.pass(201)
    t.equal((await late).status, 504)
    t.strictSame([(await ask('/limited')).status, (await ask('/limited')).status, (await ask('/limited')).status], [200, 200, 429])
  })

  await t.test('CORS, of all and of one', async t => {
    const origin = { origin: 'https://shop.example' }
    const preflight = { ...origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-a' }
    t.match(await ask('/anywhere', preflight, 'OPTIONS'), { status: 200, headers: {
      'access-control-allow-origin': 'https://shop.example', 'access-control-allow-credentials': 'true', 'access-control-max-age': '30' } })
    t.match(await ask('/spare', origin), { headers: { 'access-control-allow-origin': 'https://shop.example', 'access-control-expose-headers': 'X-Total' } })
    t.equal((await ask('/spare', { origin: 'https://evil.example' })).status, 403)
    t.match(await ask('/public/x', { origin: 'https://evil.example' }), { status: 200, headers: { 'access-control-allow-origin': '*' } })
  })

  await t.test('the locator\'s routes', async t => {
    for (const [path, wanted] of [['/services/users/a/b', '/a/b'], ['/services/users', '/'], ['/services/users/', '/']] as const) {
      t.match((await ask(path)).echoed, { url: wanted }, path)
    }
    t.equal((await ask('/users/a')).status, 404, 'its predicates take the place of the usual ones')
  })

  await t.test('metrics under their own prefix and tags', async t => {
    const { body } = await call(`${management}/actuator/prometheus`)
    t.match(body, /custom_gateway_requests_seconds_count\{httpMethod="GET",[^}]*region="eu"[^}]*\} \d+/)
  })
})

t.test('${name} is a group of the pattern beside it, or a value that somebody forgot', async t => {
  const users = await upstream(t, echo)
  const yaml = (filter: string, uri = 'lb://users') => `
spring.cloud.gateway.routes: [ { id: r, uri: "${uri}", predicates: [ "Path=/**" ], filters: [ "${filter}" ] } ]
prefix: /p
`
  const { url } = await gateway(t, yaml('RewritePath=/a/(?<rest>.*), ${prefix}/${rest}'), { users: [users.port] })
  t.match(JSON.parse((await call(`${url}/a/b`)).body), { url: '/p/b' })
  await t.rejects(gateway(t, yaml('AddRequestHeader=X-Token, ${token}')), { code: 'E_ROUTE_ARGUMENT', message: /"\$\{token\}" has no value/ })
  await t.rejects(gateway(t, yaml('StripPrefix=1', 'http://${host}:80')), { code: 'E_ROUTE_DEFINITION', message: /has no value/ })
})
