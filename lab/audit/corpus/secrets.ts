/** What is shown, logged or told in an error must hold no credential, under whatever name or shape. */
import type { Attack, Door, Theme } from '../attack.ts'
import { MARK } from '../settings.ts'
import { as, request } from './http.ts'

const SOURCE = 'security.md F10; docs/security.md "process, log"'
const SHOWING: ReadonlyArray<readonly [Door, string]> = [
  ['registry', '/actuator/env'], ['config', '/actuator/env'], ['bus', '/actuator/env'], ['admin', '/actuator/env'], ['users', '/actuator/env'],
  ['registry', '/actuator/configprops'], ['config', '/actuator/configprops'], ['admin', '/actuator/configprops'], ['admin', '/actuator/gateway/routes'],
  ['admin', '/actuator/gateway/routedefinitions'], ['registry', '/actuator/prometheus'], ['config', '/actuator/prometheus'], ['bus', '/actuator/prometheus'],
  ['admin', '/actuator/prometheus'], ['users', '/actuator/prometheus'], ['registry', '/actuator/info'], ['users', '/actuator/info'], ['config', '/actuator/health'],
  ['users', '/actuator/health'], ['orders', '/actuator/env'], ['config', '/encrypt/status'], ['config', '/_config/clients'], ['registry', '/'], ['users', '/internal/outbox'],
  ...['audit.jdbc', 'audit.pairs', 'audit.uri', 'audit.header', 'audit.line', 'audit.list[0].token', 'encrypt.key', 'breakwater.security.users[0].password'].map(key => ['config', `/actuator/env/${key}`] as const)
]

/** Put where people put them by mistake; `told` is what then must not be logged. */
const TOLD = 't0ld-by-a-client'
const TELLING: ReadonlyArray<readonly [string, string, readonly string[]]> = [
  ['a token in the query', `GET /{mark}?access_token=${TOLD}-{mark}`, []], ['a password in the query', `GET /{mark}?user=a&password=${TOLD}-{mark}`, []],
  ['a key in the query', `GET /{mark}?api_key=${TOLD}-{mark}&x=1`, []], ['a Bearer token', 'GET /{mark}', [`Authorization: Bearer ${TOLD}-{mark}`]],
  ['a cookie', 'GET /{mark}', [`Cookie: session=${TOLD}-{mark}`]], ['a key', 'GET /admin/{mark}', [`X-Api-Key: ${TOLD}-{mark}`]],
  ['a refused name', 'GET /{mark}', [`Authorization: Basic ${TOLD}-{mark}`]], ['a referrer', 'GET /{mark}', [`Referer: http://x/?token=${TOLD}-{mark}`]]
]

export const SECRETS: Theme = {
  name: 'secrets',
  about: 'credentials that are shown or written down',
  attacks: [
    ...SHOWING.map(([door, path]): Attack => ({
      name: `${door} ${path}`, source: SOURCE, door, own: true, bytes: request(`GET ${path}`, [as('root')]), must: { has: ['HTTP/1.1 '], lacks: [MARK] }
    })),
    ...(['gateway', 'registry', 'config', 'bus', 'users', 'admin'] as const).flatMap(door => TELLING.map(([name, line, fields]): Attack => ({
      name: `${door}: ${name}`, source: SOURCE, door, own: true, bytes: request(line, fields), must: { unlogged: [`${TOLD}-{mark}`] }
    }))),
    { name: 'the stack\'s own credentials are nowhere in the logs', source: SOURCE, door: 'gateway', own: true, bytes: request('GET /{mark}'), must: { unlogged: [MARK] } }
  ]
}
