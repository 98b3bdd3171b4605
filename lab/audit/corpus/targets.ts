/** Paths that mean another one behind: the route that asks for a key must not be missed by a spelling. */
import type { Attack, Theme } from '../attack.ts'
import { request } from './http.ts'

const SOURCE = 'security.md F17 and "Path confusion"'

/** All of them are, or may be read behind the gateway as, `/admin/...`, which wants a key. */
const SPELLINGS: readonly string[] = [
  '/admin/{mark}', '//admin/{mark}', '///admin/{mark}', '/;/admin/{mark}', '/;a=b/admin/{mark}', '/.;/admin/{mark}',
  '/./admin/{mark}', '/x/../admin/{mark}', '/x/..;/admin/{mark}', '/x/..;a=b/admin/{mark}', '/x/%2e%2e/admin/{mark}',
  '/x/.%2e/admin/{mark}', '/x/%2e./admin/{mark}', '/%2e/admin/{mark}', '/x/%2E%2E/admin/{mark}', '/x/%252e%252e/admin/{mark}',
  '/x/%2e%2e;/admin/{mark}', '/x/..%3b/admin/{mark}', '/%61dmin/{mark}', '/admi%6e/{mark}', '/admin;/{mark}', '/admin;a=b/{mark}',
  '/admin;a=/x/{mark}', '/admin%3b/{mark}', '/admin%2f{mark}', '/admin%2F{mark}', '/%2fadmin/{mark}', '/x%2f..%2fadmin/{mark}',
  '/x/..%2fadmin/{mark}', '/x/..%5cadmin/{mark}', '/x\\..\\admin/{mark}', '/\\admin/{mark}', '\\admin/{mark}', '/x/..\\admin/{mark}',
  '/%5cadmin/{mark}', '/admin%5c{mark}', '/admin\\{mark}', '/%2e%2e/admin/{mark}', '/../admin/{mark}', '/..%00/admin/{mark}',
  '/admin%00/{mark}', '/%00admin/{mark}', '/admin%0a/{mark}', '/admin%0d/{mark}', '/admin%09/{mark}', '/%c0%aeadmin/{mark}',
  '/x/%c0%ae%c0%ae/admin/{mark}', '/x/%e0%80%ae%e0%80%ae/admin/{mark}', '/%c0%afadmin/{mark}', '/%u0061dmin/{mark}',
  '/admin/./{mark}', '/admin//{mark}', '/admin/;/{mark}', '/admin/../admin/{mark}', '/x//../admin/{mark}', '/x/./../admin/{mark}',
  '//{host}/admin/{mark}', 'http://{host}//admin/{mark}', 'http://{host}/admin/{mark}', 'http://{host}/x/../admin/{mark}',
  '/%/admin/{mark}', '/%zz/admin/{mark}', '/%2/admin/{mark}', '/admin%20/{mark}', '/%20admin/{mark}', '/admin%EF%BC%8F{mark}',
  '/%ef%bd%81dmin/{mark}', '/admin%c2%ad/{mark}', '/admin.json/../{mark}', '/admin/{mark}/..', '/admin/{mark}/.', '/admin?/../{mark}'
]

/** After decoding once, without parameters, with dots, doubled and turned slashes as a lenient server reads them. */
const MEANS_ADMIN = [
  '^[A-Z]+ (/|%2f|\\\\|%5c|;[^/ ]*/|\\.;?/|%2e/)*(x(/|%2f)*(\\.|%2e){2}(;[^/ ]*)?(/|%2f|\\\\|%5c)+)*(a|%61)dmi(n|%6e)(;[^/ ]*)?(/|\\\\|\\?)[^ ]*{mark}'
]

/** Passed on as in Spring, unless `reject-encoded-slash` says that something behind decodes it. */
const WANTS_A_WORD = /^\/%(?:2f|5c)admin/

const REFUSED_OUTRIGHT: readonly string[] = [
  '/x/..%00/{mark}', '/{mark}%00', '/{mark}/%2e%2e%2f', '/..;/{mark}', '/%2e%2e/{mark}', '/{mark}\\x', '/../../etc/passwd?{mark}',
  '/{mark}%0d%0aX-Injected:%201', '/;/{mark}', '/{mark}/;a/x'
]

/** Gateways differ in case; ours is exact, so what goes on must be what came. */
const CASES: readonly string[] = ['/ADMIN/{mark}', '/Admin/{mark}', '/aDMIN/{mark}']

export const TARGETS: Theme = {
  name: 'targets',
  about: 'paths that mean another one behind the gateway',
  attacks: [
    ...SPELLINGS.flatMap((target): Attack[] => ['GET', 'POST'].map(method => ({
      name: `${method} ${target}`, source: SOURCE, door: 'gateway', bytes: request(`${method} ${target}`, method === 'POST' ? ['Content-Length: 0'] : []),
      own: true, must: { unheard: MEANS_ADMIN }, ...WANTS_A_WORD.test(target) ? { profiles: ['secured'] } : {}
    }))),
    ...REFUSED_OUTRIGHT.map((target): Attack => ({
      name: `refused ${target}`, source: SOURCE, door: 'gateway', bytes: request(`GET ${target}`), must: { status: [400, 404, 414] }
    })),
    ...CASES.map((target): Attack => ({
      name: `case ${target}`, source: SOURCE, door: 'gateway', bytes: request(`GET ${target}`), own: true, must: { heard: [target] }
    })),
    ...['/admin/{mark}', '/cached/{mark}'].flatMap((target): Attack[] => [
      ['no key', []], ['a wrong key', ['X-Api-Key: nobody']], ['an empty key', ['X-Api-Key:']], ['two keys', ['X-Api-Key: nobody', 'X-Api-Key: x']],
      ['a key by underscore', ['X_Api_Key: m4rked-5ecret-alice-key']], ['a key in the query', []], ['a key as a list', ['X-Api-Key: x, m4rked-5ecret-alice-key']],
      ['a key taken out by Connection', ['X-Api-Key: nobody', 'Connection: close, x-api-key']],
      ['a name of a method over it', ['X-HTTP-Method-Override: OPTIONS', 'X-Original-URL: /open', 'X-Rewrite-URL: /open']]
    ].map(([name, fields]): Attack => ({
      name: `${target}: ${name as string}`, source: `${SOURCE}; security.md F3`, door: 'gateway', own: true,
      bytes: request(`GET ${target}${name === 'a key in the query' ? '?x-api-key=m4rked-5ecret-alice-key' : ''}`, fields as string[]),
      must: { status: [400, 401, 403], unheard: ['.'] }
    })))
  ]
}
