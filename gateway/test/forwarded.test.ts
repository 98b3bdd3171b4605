/** X-Forwarded-*, Forwarded and the remaining time: what an instance is told about those in front. */
import t, { type Test } from 'tap'
import type { ForwardedOptions } from '../data-plane-options.ts'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { loadSettings } from '@breakwater/starter/settings'
import { readOptions } from '../settings/read-options.ts'
import { heldClock, named, RawClient, RawUpstream, route, startDataPlane } from './raw.ts'

const TRUSTED = { trustedProxies: ['.*'] }
const INHERITED = 'X-Forwarded-For: 192.168.0.2\r\nX-Forwarded-Host: example.com\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\n'
const KEPT_APART = { append: { for: false, host: false, port: false, proto: false, prefix: false } }

interface Vector {
  readonly what: string
  readonly options?: Partial<ForwardedOptions>
  readonly path?: string
  readonly host?: string
  readonly lines?: string
  /** Every x-forwarded-* line that the instance sees. */
  readonly seen: Readonly<Record<string, string>>
  readonly filters?: ReadonlyArray<readonly [name: string, args: Record<string, string>]>
}

const OWN = { for: '127.0.0.1', proto: 'http', host: 'localhost:8080', port: '8080' }
const rewritten = (what: string, path: string, regexp: string, replacement: string, prefix?: string): Vector => ({
  what, path, filters: [['RewritePath', { regexp, replacement }]], seen: prefix === undefined ? OWN : { ...OWN, prefix }
})

/** The vectors of Spring's own tests, their peer 10.0.0.1 being 127.0.0.1 here. */
const VECTORS: readonly Vector[] = [
  { what: 'no inbound headers', seen: OWN },
  { what: 'a Host without a port', host: 'localhost', seen: { ...OWN, host: 'localhost', port: '80' } },
  {
    what: 'inherited ones are appended to, without a space',
    lines: INHERITED,
    seen: { for: '192.168.0.2,127.0.0.1', host: 'example.com,localhost:8080', port: '443,8080', proto: 'https,http' }
  },
  { what: 'all *-append=false', options: KEPT_APART, lines: `${INHERITED}X-Forwarded-Prefix: /prefix\r\n`, seen: { ...OWN, prefix: '/prefix' } },
  rewritten('a prefix cut off, the slash at the end too', '/prefix/get/', '/prefix/get/', '/get', '/prefix'),
  rewritten('a prefix that looks like the rest', '/resource/resource/', '/resource/resource/', '/resource', '/resource'),
  rewritten('all of it cut off', '/foo/bar', '/foo/bar', '/', '/foo/bar'),
  rewritten('cut out of the middle there is no prefix', '/one/two/three', '/one/two/three', '/two'),
  { what: 'one equal to the peer is kept', lines: 'X-Forwarded-For: 127.0.0.1\r\n', seen: { ...OWN, for: '127.0.0.1,127.0.0.1' } },
  {
    what: 'an inherited prefix comes first',
    path: '/a/get',
    lines: 'X-Forwarded-Prefix: /edge\r\n',
    filters: [['StripPrefix', { parts: '1' }]],
    seen: { ...OWN, prefix: '/edge,/a' }
  },
  {
    what: 'with prefix-append=false ours takes its place',
    options: KEPT_APART,
    path: '/a/get',
    lines: 'X-Forwarded-Prefix: /edge\r\n',
    filters: [['StripPrefix', { parts: '1' }]],
    seen: { ...OWN, prefix: '/a' }
  },
  {
    what: 'a peer that is not trusted: nothing inherited, the peer told all the same',
    options: { trustedProxies: ['10\\.0\\..*'] },
    lines: `${INHERITED}X-Forwarded-Prefix: /p\r\nX-Forwarded-Foo: y\r\n`,
    seen: OWN
  },
  { what: 'each can be switched off', options: { for: false, host: false, port: false, proto: false, prefix: false }, seen: {} },
  { what: 'switched off, an inherited one passes', options: { for: false, host: false, port: false, proto: false }, lines: INHERITED,
    seen: { for: '192.168.0.2', host: 'example.com', port: '443', proto: 'https' } }
]

async function exchanged (t: Test, { options = {}, path = '/get', host = 'localhost:8080', lines = '', filters = [] }: Omit<Vector, 'what' | 'seen'>,
  metadata = {}): Promise<string> {
  const upstream = await new RawUpstream().listen()
  const forwarded = { ...DATA_PLANE_DEFAULTS.forwarded, ...TRUSTED, ...options }
  const gateway = await startDataPlane([
    route('all', upstream.url, '/**', { metadata, filters: filters.map(([name, args]) => named(name, args)) })
  ], { forwarded }, { clock: heldClock() })
  await new RawClient(gateway.port).send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`).answers()
  t.teardown(async () => {
    await gateway.dataPlane.stop(0)
    upstream.close()
  })
  return upstream.received
}

function fields (head: string, prefix: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [, name = '', value = ''] of head.matchAll(new RegExp(`^${prefix}([^:\r\n]*): (.*)\r$`, 'gim'))) {
    const key = name.toLowerCase()
    found[key] = found[key] === undefined ? value : `${found[key]} AND ${value}`
  }
  return found
}

t.test('X-Forwarded-*', async (t) => {
  for (const vector of VECTORS) t.strictSame(fields(await exchanged(t, vector), 'x-forwarded-'), vector.seen, vector.what)
})

t.test('Forwarded (RFC 7239)', async (t) => {
  const forwarded = async (options: Partial<ForwardedOptions>, lines = '', host = 'api.example') =>
    fields(await exchanged(t, { options: { forwarded: true, ...options }, lines, host }), 'forwarded')[''] ?? ''
  t.match(await forwarded({}), /^proto=http;host="api\.example";for="127\.0\.0\.1:\d+"$/)
  t.match(await forwarded({}, 'Forwarded: for=9.9.9.9\r\n'), /^for=9\.9\.9\.9,proto=http;/)
  t.match(await forwarded({ trustedProxies: [] }, 'Forwarded: for=9.9.9.9\r\n'), /^proto=http;/)
  t.match(await forwarded({ by: true }), /;for="127\.0\.0\.1:\d+";by="127\.0\.0\.1:\d+"$/)
  t.equal(await forwarded({ forwarded: false }), '')
})

t.test('the settings have Spring\'s names', async (t) => {
  const properties = {
    'spring.cloud.gateway.x-forwarded.for-append': 'false',
    'spring.cloud.gateway.x-forwarded.prefix-append': 'false',
    'spring.cloud.gateway.x-forwarded.port-enabled': 'false',
    'spring.cloud.gateway.forwarded.enabled': 'true',
    'spring.cloud.gateway.forwarded.by.enabled': 'true',
    'spring.cloud.gateway.trusted-proxies': '10\\.0\\..*'
  }
  const settings = await loadSettings({ name: 'gateway', env: {}, args: properties })
  t.teardown(() => settings.close())
  t.match(readOptions(settings).dataPlane.forwarded, {
    trustedProxies: ['10\\.0\\..*'], port: false, for: true, forwarded: true, by: true,
    append: { for: false, host: true, port: true, proto: true, prefix: false }
  })
})

t.test('x-forwarded-client-cert is the gateway\'s alone: even a trusted proxy\'s is left out', async (t) => {
  const lines = 'X-Forwarded-Client-Cert: Hash=0;Subject="CN=admin"\r\n'
  t.notMatch(await exchanged(t, { lines }), /client-cert/i)
  t.notMatch(await exchanged(t, { options: { trustedProxies: [] }, lines }), /client-cert/i)
})

t.test('the remaining time goes upstream when there is a limit; only a trusted peer may shorten it', async (t) => {
  const left = async (lines: string, limitMs = 0, options: Partial<ForwardedOptions> = {}) => {
    const head = await exchanged(t, { lines, options }, { 'total-timeout': limitMs })
    const values = Object.values(fields(head, 'x-request-deadline-ms'))
    t.ok(values.length <= 1)
    return values[0] === undefined ? undefined : Number(values[0])
  }
  t.equal(await left(''), undefined, 'no limit, no header')
  t.equal(await left('', 9_000), 9_000)
  t.equal(await left('X-Request-Deadline-Ms: 5000\r\n', 9_000), 5_000)
  t.equal(await left('X-Request-Deadline-Ms: 5000\r\n'), 5_000)
  t.equal(await left('X-Request-Deadline-Ms: 50000\r\n', 9_000), 9_000)
  t.equal(await left('X-Request-Deadline-Ms: soon\r\n', 9_000), 9_000)
  t.equal(await left('X-Request-Deadline-Ms: 5000\r\n', 0, { trustedProxies: [] }), undefined, 'a stranger\'s is left out')
  t.equal(await left('X-Request-Deadline-Ms: 5\r\nX-Request-Deadline-Ms: 6\r\n', 9_000, { trustedProxies: [] }), 9_000)
})
