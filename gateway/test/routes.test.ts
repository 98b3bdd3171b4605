import fc from 'fast-check'
import t from 'tap'
import { compilePath } from '../routes/path-pattern.ts'
import { compileHost } from '../routes/host-pattern.ts'
import { fullMatch, replaceAll } from '../regex/java-regex.ts'
import { parseBytes, parseDurationMs } from '../routes/units.ts'
import { splitCommas } from '../routes/shortcut.ts'
import { readRoutes } from '../routes/definitions.ts'
import type { Route } from '../routes/route.ts'
import { compiled, request, through } from './exchange.ts'

const route = (predicates: unknown[], more: object = {}) => [{ id: 'r', uri: 'http://localhost:1', predicates, ...more }]

function matches (predicates: unknown[], x: ReturnType<typeof request>, options = {}): boolean {
  return compiled(route(predicates), options).table.match(x) !== undefined
}

t.test('a path pattern means what Spring PathPattern means', async t => {
  const table: Array<[string, string, Record<string, string> | false]> = [
    ['/red/{segment}', '/red/1', { segment: '1' }],
    ['/blue/{segment}', '/blue/green', { segment: 'green' }],
    ['/red/{segment}', '/red/1/2', false],
    ['/red/{segment}', '/red/', false],
    ['/a/**', '/a', {}],
    ['/a/**', '/a/', {}],
    ['/a/**', '/a/b/c', {}],
    ['/a/**', '/ab', false],
    ['/**', '/', {}],
    ['/**', '/x/y', {}],
    ['/a/{*rest}', '/a/users/1', { rest: '/users/1' }],
    ['/a/{*rest}', '/a', { rest: '' }],
    ['/a/*', '/a/b', {}],
    ['/a/*', '/a/b/c', false],
    ['/a/*', '/a/', false],
    ['/a/*.html', '/a/x.html', {}],
    ['/a/?', '/a/x', {}],
    ['/a/?', '/a/xy', false],
    ['/u/{id:\\d{1,3}}', '/u/12', { id: '12' }],
    ['/u/{id:\\d{1,3}}', '/u/1234', false],
    ['/u/{id}.{ext}', '/u/a.txt', { id: 'a', ext: 'txt' }],
    ['/a', '/a', {}],
    ['/a', '/a/', {}],
    ['/a', '/b', false],
    ['/users', '/us%65rs', {}],
    ['/users/**', '/us%65rs/1', {}],
    ['/a/{v}', '/a/x%2Fy', { v: 'x/y' }],
    ['/a/{v}', '/a/x;m=1', { v: 'x' }],
    ['/**/end', '/x/y/end', {}],
    ['/a/{__proto__}', '/a/x', { ['__proto__']: 'x' }],
    ['/', '/', {}],
    ['/a//b', '/a/b', false]
  ]
  for (const [pattern, path, wanted] of table) {
    const found: Record<string, string> = Object.create(null)
    const fits = compilePath(pattern, true).matches(path, (name, value) => { found[name] = value })
    t.equal(fits, wanted !== false, `${pattern} on ${path}`)
    if (wanted !== false) t.strictSame({ ...found }, { ...wanted }, `${pattern} on ${path} sets its variables`)
  }
  t.equal(compilePath('/a', false).matches('/a/', () => {}), false, 'matchTrailingSlash=false refuses a trailing slash')
  for (const bad of ['/a/{', '/a/{}', '/{*rest}/x', '/{a}/{a}', '/{a:[}']) {
    t.throws(() => compilePath(bad, true), bad)
  }
})

t.test('a literal pattern fits exactly its own text, whatever the text', async t => {
  const segment = fc.stringMatching(/^[\w.~-]{1,8}$/)
  fc.assert(fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), fc.array(segment, { maxLength: 5 }),
    (own, other) => {
      const path = `/${own.join('/')}`
      const pattern = compilePath(path, false)
      t.ok(pattern.matches(path, () => {}))
      t.equal(pattern.matches(`/${other.join('/')}`, () => {}), `/${other.join('/')}` === path)
      t.ok(compilePath(`${path}/**`, true).matches(`${path}/${other.join('/')}`, () => {}))
      t.ok(compilePath('/{*all}', true).matches(path, (_, value) => t.equal(value, path)))
    }))
})

t.test('a host pattern means what Spring says, but case never counts and a port only where it is named', async t => {
  const table: Array<[string, string, boolean | undefined, Record<string, string> | false]> = [
    ['**.somehost.org', 'www.somehost.org', undefined, {}],
    ['**.somehost.org', 'beta.somehost.org', undefined, {}],
    ['**.somehost.org', 'a.b.somehost.org', undefined, {}],
    ['**.somehost.org', 'somehost.org', undefined, {}],
    ['**.somehost.org', 'evilsomehost.org', undefined, false],
    ['{sub}.myhost.org', 'a.myhost.org', undefined, { sub: 'a' }],
    ['{sub}.myhost.org', 'a.b.myhost.org', undefined, false],
    ['{sub:a|b}.myhost.org', 'c.myhost.org', undefined, false],
    ['*.a.org', 'x.A.ORG', undefined, {}],
    ['a.org', 'A.org:8080', undefined, {}],
    ['hostpatternarg.org:8080', 'hostpatternarg.org:8080', true, {}],
    ['hostpatternarg.org', 'hostpatternarg.org:8080', true, false],
    ['hostpatternarg.org', 'hostpatternarg.org:8080', false, {}],
    ['hostpatternarg.org:8080', 'hostpatternarg.org:8081', undefined, false],
    ['a.**', 'a.b.c', undefined, {}],
    ['**', 'anything', undefined, {}],
    ['a?.org', 'ab.org', undefined, {}],
    ['axorg', 'a.org', undefined, false]
  ]
  for (const [pattern, host, includePort, wanted] of table) {
    const found: Record<string, string> = {}
    const fits = compileHost(pattern, includePort).matches(host, (name, value) => { found[name] = value })
    t.equal(fits, wanted !== false, `${pattern} on ${host}`)
    if (wanted !== false) t.strictSame(found, wanted)
  }
})

t.test('Java expressions keep their meaning', async t => {
  t.ok(fullMatch('gr.*').test('green'))
  t.notOk(fullMatch('gr').test('green'), 'matches() is the whole text')
  t.notOk(fullMatch('a|ab').test('abc'), 'alternatives are grouped before they are anchored')
  t.ok(fullMatch('(?i)abc').test('ABC'))
  t.ok(fullMatch('\\Qa.b\\E').test('a.b'))
  t.notOk(fullMatch('\\Qa.b\\E').test('axb'))
  t.ok(fullMatch('\\p{Alpha}+').test('abc'))
  t.ok(fullMatch('[\\p{Alpha}_]+').test('a_b'))
  t.equal(replaceAll('/foo/(?<id>\\d.*)', '/bar/baz/$\\{id}')('/foo/123'), '/bar/baz/123')
  t.equal(replaceAll('(a)(b)', '$2$1')('ab'), 'ba')
  t.equal(replaceAll('a', '\\$1')('a'), '$1')
})

t.test('units are Spring Boot units', async t => {
  for (const [text, ms] of [['5s', 5000], ['10ms', 10], ['PT1S', 1000], ['PT1M30S', 90000], ['250', 250], ['1h', 3.6e6],
    ['P1D', 8.64e7], ['-1', -1]] as const) t.equal(parseDurationMs(text), ms, text)
  for (const text of ['', 'x', 'PT', 'P', '5 s', '5sec']) t.equal(parseDurationMs(text), undefined, text)
  for (const [text, bytes] of [['5MB', 5242880], ['16000B', 16000], ['12', 12], ['1kb', 1024]] as const) t.equal(parseBytes(text), bytes)
})

t.test('shortcuts split at commas outside braces', async t => {
  t.strictSame(splitCommas(' a, b ,,c '), ['a', 'b', 'c'])
  t.strictSame(splitCommas('/x/{id:\\d{1,3}},/y'), ['/x/{id:\\d{1,3}}', '/y'])
  t.strictSame(splitCommas('a{,b'), ['a{', 'b'])
})

t.test('Method, Header, Query, Cookie', async t => {
  t.ok(matches(['Method=GET,POST'], request('/a', {}, 'POST')))
  t.notOk(matches(['Method=GET,POST'], request('/a', {}, 'PUT')))
  t.ok(matches([{ name: 'Method', args: { methods: ['GET', 'PUT'] } }], request('/a', {}, 'PUT')))
  t.ok(matches(['Header=X-Request-Id, \\d+'], request('/a', { 'x-request-id': '12' })))
  t.ok(matches(['Header=X-Request-Id, \\d+'], request('/a', { 'x-request-id': 'a, 12' })), 'values are split on commas')
  t.notOk(matches(['Header=X-Request-Id, \\d+'], request('/a', { 'x-request-id': '12a' })), 'the whole value')
  t.notOk(matches(['Header=X-Request-Id'], request('/a')))
  t.ok(matches(['Header=X-Request-Id'], request('/a', { 'x-request-id': 'x' })), 'presence alone')
  t.notOk(matches(['Header=X-Request-Id'], request('/a', { 'x-request-id': '' })), 'without a value it is not there')
  t.ok(matches(['Query=color, gr.*'], request('/a?color=green')))
  t.ok(matches(['Query=color, a b'], request('/a?x=1&color=a+b')), 'decoded')
  t.notOk(matches(['Query=color, gr.*'], request('/a?color=red')))
  t.ok(matches(['Query=color'], request('/a?color')))
  t.notOk(matches(['Query=color'], request('/a?colors=1')))
  t.ok(matches(['Cookie=chocolate, ch.p'], request('/a', { cookie: 'a=b; chocolate=chip' })))
  t.notOk(matches(['Cookie=chocolate, ch.p'], request('/a', { cookie: 'chocolate=chips' })))
  t.throws(() => matches(['Cookie=chocolate'], request('/a')), { message: /regexp is required/ })
})

t.test('After, Before, Between', async t => {
  t.ok(matches(['After=2017-01-20T17:42:47.789-07:00[America/Denver]'], request('/')))
  t.notOk(matches(['Before=2017-01-20T17:42:47.789-07:00'], request('/')))
  t.ok(matches([`Before=${Date.now() + 60_000}`], request('/')))
  t.ok(matches(['Between=2017-01-20T17:42:47.789Z, 2217-01-21T17:42:47.789Z'], request('/')))
  t.throws(() => matches(['Between=2018-01-20T17:42:47Z, 2017-01-21T17:42:47Z'], request('/')), { message: /before datetime2/ })
  t.throws(() => matches(['After=tomorrow'], request('/')), { message: /does not parse/ })
})

t.test('RemoteAddr and XForwardedRemoteAddr', async t => {
  t.ok(matches(['RemoteAddr=10.0.0.0/8'], request('/', {}, 'GET', '10.1.2.3')))
  t.ok(matches(['RemoteAddr=10.0.0.0/8'], request('/', {}, 'GET', '::ffff:10.1.2.3')), 'a mapped peer is IPv4')
  t.notOk(matches(['RemoteAddr=10.0.0.1'], request('/', {}, 'GET', '10.0.0.2')))
  t.notOk(matches(['RemoteAddr=fd00::1'], request('/', {}, 'GET', 'fd00::2')), 'a bare IPv6 address is itself alone')
  t.throws(() => matches(['RemoteAddr=10.0.0.0/33'], request('/')), { message: /no address or network/ })
  const chain = { 'x-forwarded-for': '0.0.0.1, 0.0.0.2, 0.0.0.3' }
  for (const [index, address] of [[1, '0.0.0.3'], [2, '0.0.0.2'], [3, '0.0.0.1'], [4, '0.0.0.1'], [9, '0.0.0.1']] as const) {
    const predicate = { name: 'XForwardedRemoteAddr', args: { sources: address, maxTrustedIndex: index } }
    t.ok(matches([predicate], request('/', chain)), `index ${index} is ${address}`)
  }
  t.throws(() => matches([{ name: 'XForwardedRemoteAddr', args: { sources: '1.1.1.1', maxTrustedIndex: 0 } }], request('/')),
    { message: /maxTrustedIndex/ })
  t.ok(matches(['XForwardedRemoteAddr=9.9.9.9'], request('/', {}, 'GET', '9.9.9.9')), 'no header: the peer')
  const twice = request('/', { 'x-forwarded-for': '1.1.1.1' }, 'GET', '9.9.9.9')
  twice.addHeader('x-forwarded-for', '2.2.2.2')
  t.notOk(matches(['XForwardedRemoteAddr=2.2.2.2'], twice), 'more than one line: all are ignored')
})

t.test('Weight draws once per request and group, in proportion, over the routes there are', async t => {
  const weighted = (id: string, weight: number) =>
    ({ id, uri: 'http://localhost:1', predicates: ['Path=/w', `Weight=g, ${weight}`] })
  const { table, host } = compiled([weighted('a', 8), weighted('b', 2)])
  host.draws = [0.79]
  t.equal(table.match(request('/w'))?.id, 'a')
  host.draws = [0.81]
  t.equal(table.match(request('/w'))?.id, 'b')
  host.draws = [0.79, 0.81]
  const same = request('/w', { 'x-request-id': 'again' })
  t.same([table.match(same)?.id, table.match(same)?.id], ['a', 'b'], 'whatever id a client sends, and sends again')
  const alone = compiled([weighted('b', 2)])
  for (let i = 0; i < 20; i++) t.equal(alone.table.match(request('/w'))?.id, 'b', 'a deleted route is no longer drawn')
})

t.test('Version and CloudFoundryRouteService', async t => {
  const options = { apiVersion: { header: 'X-Version' } }
  t.ok(matches(['Version=1.3'], request('/', { 'x-version': '1.3' }), options))
  t.notOk(matches(['Version=1.3'], request('/', { 'x-version': '1.4' }), options))
  t.ok(matches(['Version=1.1+'], request('/', { 'x-version': '1.10' }), options))
  t.notOk(matches(['Version=1.1+'], request('/', { 'x-version': '1.0' }), options))
  t.ok(matches(['Version=1.1+'], request('/'), options), 'no version fits')
  t.ok(matches(['Version=2'], request('/v2/x'), { apiVersion: { pathSegment: 0 } }))
  t.notOk(matches(['CloudFoundryRouteService='], request('/')))
})

t.test('definitions: one-line routes, order, disabled, empty lists, several faults at once', async t => {
  const { table } = compiled([
    'one=http://localhost:1,Path=/one/**',
    { id: 'late', uri: 'http://localhost:1', order: 5, predicates: ['Path=/x'] },
    { id: 'early', uri: 'http://localhost:1', order: -1, predicates: ['Path=/x'] },
    { id: 'off', uri: 'http://localhost:1', order: -5, enabled: false, predicates: ['Path=/x'] }
  ])
  t.equal(table.match(request('/one/two'))?.id, 'one')
  t.equal(table.match(request('/x'))?.id, 'early')
  t.strictSame(table.routes.map(route => route.id), ['early', 'one', 'late'])
  const faults = readRoutes([
    { id: 'a', uri: 'localhost:8080', predicates: ['Path=/'] },
    { id: 'b', uri: 'http://x', predicates: [] },
    { id: 'c', uri: 'http://x', predicate: ['Path=/'] },
    { id: 'd', predicates: ['Path=/'] },
    { id: 'e', uri: 'http://x', predicates: ['Path'] },
    { id: 'f', uri: 'http://x', predicates: [{ Path: '/x' }] }
  ], 'routes', key => `a.yml ${key}`).map(result => 'fault' in result ? String(result.fault) : '')
  t.match(faults[0], /scheme can not be empty.*http:\/\/localhost:8080/)
  t.match(faults[1], /predicates must not be empty/)
  t.match(faults[2], /"predicate" is no setting here. Did you mean "predicates"/)
  t.match(faults[3], /URI can not be empty/)
  t.match(faults[4], /Name=value/)
  t.match(faults[5], /"Path=..."/)
})

t.test('a fault names the file, the line and the nearest name; all faults come at once', async t => {
  t.throws(() => compiled(route(['Pth=/x'])), { code: 'E_ROUTE_PREDICATE', message: /test.yml.*Did you mean "Path"/ })
  t.throws(() => compiled(route(['Path=/x'], { filters: ['StripPrefx=1'] })),
    { code: 'E_ROUTE_FILTER', message: /Unable to find GatewayFilterFactory with name StripPrefx. Did you mean "StripPrefix"/ })
  t.throws(() => compiled([...route(['Pth=/x']), ...route(['Host={'])]), { errors: [{}, {}] })
  const { table, host } = compiled([...route(['Pth=/x']), { id: 'ok', uri: 'no://op', predicates: ['Path=/'] }],
    { failOnRouteDefinitionError: false })
  t.strictSame(table.routes.map(one => one.id), ['ok'])
  t.match(host.logged[0], /left out/)
  t.throws(() => compiled(route([{ name: 'Path', args: { patterns: '/x' } }], { filters: [{ name: 'StripPrefix', args: { part: 1 } }] })),
    { message: /"part" is no argument of it. Did you mean "parts"/ })
  t.throws(() => compiled(route(['Path=/x']), { disabledPredicates: ['Path'] }), { code: 'E_ROUTE_PREDICATE' })
})

t.test('default filters and a route\'s own interleave as Spring orders them', async t => {
  const { table } = compiled(route(['Path=/**'], { filters: ['AddRequestHeader=X, r1', 'AddRequestHeader=X, r2'] }), {},
    ['AddRequestHeader=X, d1', 'AddRequestHeader=X, d2'])
  const { x } = await through(table, request('/a'))
  t.strictSame(x.headerValues('x'), ['d1', 'r1', 'd2', 'r2'])
})

t.test('the index finds what a walk over all routes finds', async () => {
  const segment = fc.constantFrom('a', 'b', 'c', '*', '{v}', '**')
  const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map(parts => `/${parts.map((part, i) => part === '{v}' ? `{v${i}}` : part).join('/')}`)
  const host = fc.constantFrom('', 'h1', 'h2', '*.h', 'h1,h2')
  const definition = fc.record({ paths: fc.array(pattern, { maxLength: 2 }), host,
    order: fc.integer({ min: -2, max: 2 }) })
  const asked = fc.record({
    path: fc.array(fc.constantFrom('a', 'b', 'c', '%61', 'a;x=1', ''), { maxLength: 4 }).map(parts => `/${parts.join('/')}`),
    host: fc.constantFrom('h1', 'H2', 'x.h', 'other', 'h1:80')
  })
  fc.assert(fc.property(fc.array(definition, { maxLength: 12 }), asked, (definitions, { path, host }) => {
    const routes = definitions.map((one, i) => ({
      id: `r${i}`,
      uri: 'no://op',
      order: one.order,
      predicates: ['Method=GET', ...one.paths.length > 0 ? [`Path=${one.paths.join(',')}`] : [], ...one.host === '' ? [] : [`Host=${one.host}`]]
    }))
    const { table, compiler } = compiled(routes)
    const fits = (one: Route, x = request(path, { host })) =>
      one.predicates.every(predicate => predicate.test(x)) ? x : undefined
    const linear = table.routes.find(one => fits(one) !== undefined)
    const x = request(path, { host })
    const found = table.match(x)
    compiler.stop()
    // The variables are those of the route that was found, and of no other that was looked at.
    const alone = linear === undefined ? null : fits(linear)!.variables
    return found?.id === linear?.id && JSON.stringify(x.variables) === JSON.stringify(alone)
  }), { numRuns: 300 })
})
