/** Doors that want a role, tried without credentials, with wrong ones, and with too few. */
import type { Attack, Door, Theme } from '../attack.ts'
import { as } from './http.ts'

const SOURCE = 'security.md, "Registry roles", F5, F12, F18; docs/security.md "Who may do what"'
type Role = 'read' | 'write' | 'admin'

const ROUTES: ReadonlyArray<readonly [Door, Role, string]> = [
  ['registry', 'read', 'GET /eureka/apps'], ['registry', 'read', 'GET /eureka/apps/delta'], ['registry', 'read', 'GET /eureka/apps/USERS'],
  ['registry', 'read', 'GET /eureka/vips/users'], ['registry', 'write', 'POST /eureka/apps/AUDIT'], ['registry', 'write', 'PUT /eureka/apps/AUDIT/x'],
  ['registry', 'write', 'DELETE /eureka/apps/AUDIT/x'], ['registry', 'write', 'PUT /eureka/apps/AUDIT/x/status?value=DOWN'],
  ['registry', 'write', 'DELETE /eureka/apps/AUDIT/x/status'], ['registry', 'write', 'PUT /eureka/apps/AUDIT/x/metadata?a=b'],
  ['registry', 'write', 'POST /eureka/peerreplication/batch/'], ['registry', 'read', 'GET /actuator/env'], ['registry', 'admin', 'POST /actuator/loggers/ROOT'],
  ['config', 'read', 'GET /orders/default'], ['config', 'read', 'GET /orders-default.json'], ['config', 'read', 'GET /orders/default/main/orders.yml'],
  ['config', 'read', 'GET /_config/effective/orders/default'], ['config', 'read', 'GET /_config/clients'], ['config', 'read', 'GET /_config/rollouts'],
  ['config', 'read', 'POST /_config/validate/orders/default'], ['config', 'write', 'POST /encrypt'], ['config', 'admin', 'POST /decrypt'],
  ['config', 'read', 'GET /actuator/env'], ['config', 'admin', 'POST /actuator/loggers/ROOT'],
  ['bus', 'read', 'GET /queues'], ['bus', 'read', 'GET /topics'], ['bus', 'write', 'POST /queues/x/receive'], ['bus', 'write', 'PUT /queues/x'],
  ['bus', 'write', 'POST /topics/x'], ['bus', 'write', 'POST /queues/x/dead/redrive'], ['bus', 'write', 'POST /queues/x/dead/drop'],
  ['bus', 'write', 'POST /queues/x/settle'], ['bus', 'write', 'PUT /topics/x/subscriptions/y'], ['bus', 'write', 'POST /check'], ['bus', 'read', 'GET /actuator/env'],
  ['admin', 'read', 'GET /actuator/gateway/routes'], ['admin', 'read', 'GET /actuator/gateway/instances'], ['admin', 'read', 'POST /actuator/gateway/explain'],
  ['admin', 'admin', 'POST /actuator/gateway/refresh'], ['admin', 'admin', 'POST /actuator/gateway/routes/x'],
  ['admin', 'admin', 'DELETE /actuator/gateway/routes/rest'], ['admin', 'read', 'GET /actuator/env'], ['admin', 'admin', 'POST /actuator/loggers/ROOT'],
  ['users', 'read', 'GET /actuator/env'], ['users', 'admin', 'POST /actuator/loggers/ROOT']
]

const NOBODY: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['nobody', []], ['a wrong password', ['Authorization: Basic cm9vdDpyb290']], ['an empty password', ['Authorization: Basic cm9vdDo=']],
  ['no base64', ['Authorization: Basic !!!!']], ['another scheme', ['Authorization: Bearer x']], ['an unsigned token',
    ['Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290Iiwicm9sZXMiOlsiYWRtaW4iXX0.']],
  ['two credentials', ['Authorization: Basic cm9vdDpyb290', 'Authorization: {as:root}x']],
  ['credentials by underscore', ['X_Authorization: {as:root}']], ['a name of this machine', ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-User: root', 'X-Remote-User: root']]
]

/** Who is known and may less. */
const LESS: Readonly<Record<Role, readonly string[]>> = { read: [], write: ['reader'], admin: ['reader', 'writer'] }

/** Other ways to write the same door. */
const DISGUISES: ReadonlyArray<readonly [Door, string]> = [
  ['registry', '//eureka/apps'], ['registry', '/eureka//apps'], ['registry', '/eureka/./apps'], ['registry', '/EUREKA/apps'], ['registry', '/eureka/apps;a=b'],
  ['registry', '/x/../eureka/apps'], ['registry', '/eureka/%61pps'], ['registry', '/eureka/apps/'], ['registry', '/eureka/v2/apps'], ['registry', '/eureka/apps%00'],
  ['config', '//orders/default'], ['config', '/orders/default/'], ['config', '/orders;a/default'], ['config', '/%6frders/default'], ['config', '/orders%2fdefault'],
  ['config', '/actuator/../orders/default'], ['config', '/actuator/health/../../orders/default'], ['config', '/actuator/health/..;/env'],
  ['admin', '/actuator/health/../env'], ['admin', '/actuator/health/%2e%2e/env'], ['admin', '/actuator//env'], ['admin', '/ACTUATOR/ENV'],
  ['admin', '/actuator/env/'], ['admin', '/actuator/gateway/routes/'], ['admin', '/actuator/env;a=b'], ['admin', '/actuator/%65nv'],
  ['bus', '//queues'], ['bus', '/queues/'], ['bus', '/%71ueues'], ['bus', '/queues;a'], ['bus', '/QUEUES'],
  ['users', '/internal/outbox'], ['users', '//internal/outbox'], ['users', '/%69nternal/outbox'], ['users', '/INTERNAL/outbox'], ['users', '/internal/../internal/outbox'],
  ['users', '/internal;a/outbox'], ['users', '/actuator/%65nv'], ['users', '//actuator/env']
]

function asked (
  [door, role, line]: typeof ROUTES[number], who: string, fields: readonly string[], status: readonly number[]
): Attack {
  const bytes = `${line} HTTP/1.1\r\nHost: {host}\r\n${fields.map(field => `${field}\r\n`).join('')}` +
    'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'
  return { name: `${door} ${line} (${role}): ${who}`, source: SOURCE, door, profiles: ['secured'], bytes, must: { status } }
}

export const ROLES: Theme = {
  name: 'roles',
  about: 'doors that want a role',
  attacks: [
    ...ROUTES.flatMap(route => [
      ...NOBODY.map(([who, fields]) => asked(route, who, fields, [400, 401, 403])),
      ...LESS[route[1]].map(user => asked(route, user, [as(user)], [403]))
    ]),
    ...DISGUISES.map(([door, target]): Attack => ({
      name: `${door} ${target}: nobody`, source: SOURCE, door, profiles: ['secured'],
      bytes: `GET ${target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 8.8.8.8\r\n\r\n`,
      must: { status: [400, 401, 403, 404, 405], lacks: ['"applications":', 'propertySources":[', '"route_id"', '"items":'] }
    })),
    // Nothing chosen: this machine may look, and needs its token to change something.
    ...ROUTES.filter(([, role]) => role === 'admin').map(([door, , line]): Attack => ({
      name: `${door} ${line}: this machine without its token`, source: 'security.md F1, A.3', door, profiles: ['local'],
      bytes: `${line} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
      must: { status: line === 'POST /decrypt' ? [400, 401, 403] : [401, 403] }
    })),
    ...[['nobody', []], ['a page', ['Origin: http://evil.example', 'Sec-Fetch-Site: cross-site', as('root')]]].map(([who, fields]): Attack => asked(
      ['admin', 'admin', 'POST /actuator/gateway/refresh'], `${who as string}, with what a browser sends`, fields as string[], [401, 403]))
  ]
}
