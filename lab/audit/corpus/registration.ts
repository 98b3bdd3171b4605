/** Instances at addresses that nothing may be sent to, and instances whose names are an attack. */
import type { Attack, Sent, Theme } from '../attack.ts'
import { as, json, request } from './http.ts'

const SOURCE = 'security.md F1, F13'
/** What this machine can be called; every listener of ours is behind one of the ports. */
const OURSELVES = ['127.0.0.1', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1', '::ffff:7f00:1', '0.0.0.0', '::', '0', '127.1', '0x7f000001', '2130706433', '017700000001', '127.0.0.1.']
const DENIED = ['169.254.169.254', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1', '169.254.170.2', '169.254.0.1',
  'fe80::1', 'fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '168.63.129.16', '192.0.0.192', '224.0.0.1', '239.255.255.250', 'ff02::1',
  '0.0.0.0', '0.1.2.3', '::', '255.255.255.255']
/** Spellings of a metadata address that a resolver may take for one. */
const SPELLED = ['0xa9fea9fe', '2852039166', '0251.0376.0251.0376', '169.254.43518', '0xa9.0xfe.0xa9.0xfe', '169.254.169.254.', '[169.254.169.254]', '①⑥⑨.254.169.254']

interface Instance { readonly app: string, readonly host: string, readonly port: string, readonly more?: object }

/** What both profiles take. */
const register = ({ app, host, port, more = {} }: Instance): string => json(`POST /eureka/apps/${app}`, {
  instance: { instanceId: `${app}-x`, hostName: host, app, ipAddr: host, status: 'UP', vipAddress: app.toLowerCase(), port: { $: port, '@enabled': 'true' },
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' }, ...more }
}, [as('writer')])

const SELVES = OURSELVES.flatMap((host, at) => ['{port:gateway}', '{port:admin}'].map((port, nth): Instance => ({ app: `SELF${at}N${nth}`, host, port })))
const REFUSED = [...DENIED, ...SPELLED].map((host, at): Instance => ({ app: `DENIED${at}`, host, port: '80' }))
/** Nothing listens at a metadata address here; on the unspecified one the witness does, and would be reached. */
const REACHABLE = ['0.0.0.0', '::', '::ffff:0.0.0.0', '0'].map((host, at): Instance => ({ app: `OPEN${at}`, host, port: '{witness}' }))
/** Eureka takes any number: whoever connects must bear it. */
const PORTS = ['99999999', '-1', '0', '65536'].map((port, at): Instance => ({ app: `PORT${at}`, host: '127.0.0.1', port }))
const PROOF: Instance = { app: 'PROOF', host: '127.0.0.1', port: '{witness}' }

const before: Sent[] = [...SELVES, ...REFUSED, ...REACHABLE, ...PORTS, PROOF].map(instance => ({ door: 'registry', bytes: register(instance) }))

/** The first question waits until the gateway has read the registry. */
function through ({ app, host, port }: Instance, path: string, must: Attack['must'], logged?: string): Attack {
  return {
    name: `${host}:${port}${path}`, source: SOURCE, door: 'gateway', own: true,
    bytes: request(`GET /${app.toLowerCase()}${path}`), must: { ...must, ...logged === undefined ? {} : { logged } }
  }
}

const NAMES: ReadonlyArray<readonly [string, string]> = [
  ['NUL', 'a\u0000b'], ['ESC', 'a\u001b[31mb'], ['CR LF', 'a\r\nb'], ['DEL', 'a\u007fb'], ['a line separator', 'a\u2028b'], ['an override of direction', 'a\u202eb'],
  ['5000 characters', 'x'.repeat(5000)], ['nothing', ''], ['blanks only', '   '], ['a slash', 'a/b'], ['dots', '..']
]

const odd = (name: string, instance: object, status: readonly number[] = [400]): Attack => ({
  name, source: 'security.md F20', door: 'registry', bytes: json('POST /eureka/apps/ODD', {
    instance: { instanceId: 'odd-{mark}', hostName: '127.0.0.1', app: 'ODD', ipAddr: '127.0.0.1', status: 'UP', vipAddress: 'odd', port: { $: 1, '@enabled': 'true' },
      dataCenterInfo: { name: 'MyOwn' }, ...instance }
  }, [as('writer')]), must: { status }
})

const CHOSEN = ['http://127.0.0.1:{port:admin}/actuator/env', 'http://127.0.0.1:{port:gateway}/x', 'http://localhost:{port:admin}/', 'http://[::ffff:127.0.0.1]:{port:admin}/',
  'http://0x7f.1:{port:admin}/', 'http://169.254.169.254/latest/meta-data/', 'http://[fe80::1]/', 'http://[64:ff9b::a9fe:a9fe]/', 'http://0xa9fea9fe/', 'http://2852039166/',
  'http://0.0.0.0:{witness}/{mark}']
/** Not what the header is for: the request goes where the route says, as in Spring. */
const NOT_CHOSEN = ['file:///etc/passwd', 'gopher://127.0.0.1:{port:admin}/{mark}', 'javascript:x', 'lb://', 'lb://users', 'forward:/admin/{mark}', 'no://op', '//x', '/admin/{mark}', '']

export const REGISTRATION: Theme = {
  name: 'registration',
  about: 'instances at addresses that nothing may be sent to, and names that are an attack',
  before,
  attacks: [
    { name: 'an honest instance is reached', source: SOURCE, door: 'gateway', own: true, bytes: request('GET /proof/{mark}'), patienceMs: 5000,
      must: { status: [200], heard: ['/{mark}'] } },
    ...SELVES.flatMap(one => ['/actuator/env', '/actuator/health'].map(path => through(one, path, { status: [404, 500, 502, 503] }))),
    ...REFUSED.slice(0, DENIED.length).map(one => through(one, '/{mark}', { status: [502, 503] }, 'E_DESTINATION')),
    ...DENIED.map((host, at) => through({ app: `DENIED${at}`, host, port: '80' }, '/{mark}/again', { status: [502, 503], logged: `${host} ` })),
    ...REFUSED.slice(DENIED.length).map(one => through(one, '/{mark}', { status: [404, 502, 503] })),
    ...REACHABLE.map(one => through(one, '/{mark}', { status: [404, 502, 503], unheard: ['.'] })),
    ...CHOSEN.map((uri): Attack => ({
      name: `a header names ${uri}`, source: `${SOURCE}, kind`, door: 'gateway', own: true, bytes: request('GET /chosen/{mark}', [`X-To: ${uri}`]),
      must: { status: [400, 404, 500, 501, 502, 503], lacks: ['propertySources', 'root:x:'], unheard: ['.'] }
    })),
    ...NOT_CHOSEN.map((uri): Attack => ({
      name: `a header names ${uri}, which it may not`, source: `${SOURCE}, kind`, door: 'gateway', own: true, bytes: request('GET /chosen/{mark}', [`X-To: ${uri}`]),
      must: { has: ['HTTP/1.1 '], lacks: ['propertySources', 'root:x:'], unheard: ['^[A-Z]+ /admin'] }
    })),
    ...PORTS.map(one => through(one, '/{mark}', { has: ['HTTP/1.1 '] })),
    ...NAMES.flatMap(([what, text]) => [
      odd(`an id of ${what}`, { instanceId: text }, text === '' || what === 'a slash' || what === 'dots' || what === 'blanks only' ? [204, 400] : [400]),
      ...what.startsWith('blanks') || what === 'nothing' ? [] : [odd(`a host of ${what}`, { hostName: text }, what === 'a slash' || what === 'dots' || what.startsWith('5000') ? [204, 400] : [400])],
      odd(`an application of ${what}`, { app: text }, [400, 403])
    ]),
    odd('another application than the URL says', { app: 'USERS' }, [400, 403]),
    odd('__proto__ as metadata', JSON.parse('{"metadata": {"__proto__": {"polluted": "yes"}, "constructor": "x"}}') as object, [204, 400]),
    odd('a status that is none', { status: '<script>' }, [204, 400]),
    ...[[], null, 'x', 5, [[]], { instance: {} }].map((instance): Attack => ({
      name: `an instance that is ${JSON.stringify(instance)}`, source: 'security.md F20', door: 'registry', bytes: json('POST /eureka/apps/ODD', { instance }, [as('writer')]), must: { status: [400] }
    }))
  ]
}
