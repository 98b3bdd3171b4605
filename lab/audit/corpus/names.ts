/** "This machine" by a foreign name, from a foreign page, or through somebody else: every door that asks nobody. */
import type { Attack, Door, Theme } from '../attack.ts'

const SOURCE = 'security.md F5 (DNS rebinding), F1 (callers behind a proxy), F12'

/** What each door would do for a caller of this machine, and must not for these. */
const READS: ReadonlyArray<readonly [Door, string]> = [
  ['registry', 'GET /eureka/apps'], ['registry', 'GET /actuator/env'], ['registry', 'GET /eureka/apps/delta'], ['registry', 'GET /'],
  ['registry', 'DELETE /eureka/apps/NONE/none'], ['registry', 'PUT /eureka/apps/NONE/none/status?value=DOWN'], ['registry', 'POST /eureka/apps/NONE'],
  ['config', 'GET /orders/default'], ['config', 'GET /orders-default.yml'], ['config', 'POST /decrypt'], ['config', 'POST /encrypt'],
  ['config', 'GET /actuator/env'], ['config', 'GET /_config/effective/orders/default'], ['config', 'GET /_config/watch/orders/default'],
  ['config', 'POST /_config/validate/orders/default'], ['config', 'GET /orders/default/main/orders.yml'],
  ['bus', 'GET /queues'], ['bus', 'GET /topics'], ['bus', 'POST /queues/x/receive'], ['bus', 'POST /queues/x'], ['bus', 'POST /queues/x/dead/redrive'],
  ['bus', 'PUT /queues/x'], ['bus', 'POST /check'], ['bus', 'GET /actuator/env'],
  ['admin', 'GET /actuator/gateway/routes'], ['admin', 'GET /actuator/env'], ['admin', 'POST /actuator/gateway/refresh'], ['admin', 'POST /actuator/gateway/explain'],
  ['admin', 'POST /actuator/gateway/routes/x'], ['admin', 'DELETE /actuator/gateway/routes/rest'], ['admin', 'POST /actuator/loggers/ROOT'],
  ['users', 'GET /internal/outbox'], ['users', 'GET /internal/dlq'], ['users', 'POST /internal/store/verify'], ['users', 'GET /actuator/env'],
  ['users', 'POST /actuator/loggers/ROOT'], ['orders', 'GET /internal/inbox'], ['orders', 'DELETE /internal/held/x'], ['orders', 'GET /internal/sagas']
]

const GUISES: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['a name that was rebound', ['Host: evil.example:80', 'Origin: http://evil.example:80']],
  ['a name that was rebound, no page', ['Host: evil.example']],
  ['a name that ends like ours', ['Host: localhost.evil.example']],
  ['a name that begins like ours', ['Host: 127.0.0.1.evil.example']],
  ['our name as user', ['Host: localhost@evil.example']],
  ['another page', ['Host: {host}', 'Origin: http://evil.example', 'Sec-Fetch-Site: cross-site']],
  ['no origin that we know', ['Host: {host}', 'Origin: null']],
  ['another port of this machine', ['Host: {host}', 'Sec-Fetch-Site: same-site', 'Origin: http://localhost:1']],
  ['X-Forwarded-For', ['Host: {host}', 'X-Forwarded-For: 8.8.8.8']],
  ['X-Forwarded-Host', ['Host: {host}', 'X-Forwarded-Host: evil.example']],
  ['Forwarded', ['Host: {host}', 'Forwarded: for=8.8.8.8']],
  ['Via', ['Host: {host}', 'Via: 1.1 proxy']],
  ['X-Real-IP', ['Host: {host}', 'X-Real-IP: 8.8.8.8']],
  ['a mesh', ['Host: {host}', 'X-Envoy-External-Address: 8.8.8.8']]
]

/** `/internal` is not there for strangers, so 404 is a refusal too; the page of the registry asks for who comes. */
const REFUSALS = [401, 403, 404, 421]

export const NAMES: Theme = {
  name: 'names',
  about: 'this machine, by a foreign name, from a foreign page, or through a proxy',
  attacks: READS.flatMap(([door, line]): Attack[] => GUISES.map(([guise, fields]) => ({
    name: `${door} ${line}: ${guise}`, source: SOURCE, door, profiles: ['local'],
    bytes: `${line} HTTP/1.1\r\n${fields.join('\r\n')}\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}`,
    must: { status: REFUSALS, lacks: ['"applications":{', 'propertySources":['] }
  })))
}
