import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { actuator } from '../actuator/actuator.ts'
import { Availability, checkHealth, worst } from '../actuator/health.ts'
import type { HealthIndicator } from '../actuator/health.ts'
import type { Authorize } from '../actuator/access.ts'
import type { ActuatorOptions } from '../actuator/options.ts'
import { RequestMetrics } from '../actuator/request-metrics.ts'
import { adminToken } from '../security/admin-token.ts'
import { loadSettings, Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import { memoryLog, settingsOf } from './support.ts'

const JSON_TYPE = /^application\/vnd\.spring-boot\.actuator\.v3\+json/

async function serverOf (
  values: Record<string, string> = {}, options: Partial<ActuatorOptions> = {}
): Promise<FastifyInstance> {
  const app = Fastify() as unknown as FastifyInstance
  await app.register(actuator, {
    settings: await settingsOf(values), log: memoryLog().log, authorize: async () => {}, ...options
  })
  app.get('/users/:id', async () => 'ok')
  app.get('/fail', async () => { throw new Error('no') })
  return app
}

t.test('health: the worst component decides, 503 tells machines, groups answer the probes', async t => {
  const health = new Map<string, HealthIndicator>([
    ['db', () => ({ status: 'UP', details: { file: 'users.db' } })],
    ['bus', async () => { throw new Error('bus is down') }]
  ])
  const availability = new Availability()
  const app = await serverOf({}, { health, availability })
  const answer = await app.inject('/actuator/health')
  t.equal(answer.statusCode, 503)
  t.match(answer.headers['content-type'], JSON_TYPE)
  t.same(answer.json(), {
    status: 'DOWN',
    components: { db: { status: 'UP', details: { file: 'users.db' } }, bus: { status: 'DOWN', details: { error: 'bus is down' } } },
    groups: ['liveness', 'readiness']
  })
  health.delete('bus')
  t.equal((await app.inject('/actuator/health')).statusCode, 200)
  t.same((await app.inject('/actuator/health/db')).json(), { status: 'UP', details: { file: 'users.db' } })
  t.equal((await app.inject('/actuator/health/none')).statusCode, 404)
  t.equal((await app.inject('/actuator/health/liveness')).statusCode, 200)
  const unready = await app.inject('/actuator/health/readiness')
  t.same([unready.statusCode, unready.json()], [503, { status: 'OUT_OF_SERVICE' }])
  availability.ready = true
  t.same((await app.inject('/actuator/health/readiness')).json(), { status: 'UP' })
  availability.live = false
  t.equal((await app.inject('/actuator/health/liveness')).statusCode, 503)
})

t.test('settings that changed and are not in use are told by health and metrics, until they are', async t => {
  const folder = t.testdir({ 'application.yml': 'a: 1' })
  const settings = await loadSettings({ name: 'shop', file: join(folder, 'application.yml'), watch: false })
  const app = await serverOf({}, { settings })
  const successful = async () => /^breakwater_settings_last_reload_successful (\d)/m.exec((await app.inject('/actuator/prometheus')).payload)![1]
  t.same((await app.inject('/actuator/health')).json().components, {})
  t.equal(await successful(), '1')
  writeFileSync(join(folder, 'application.yml'), 'a: [1')
  await t.rejects(settings.refresh())
  t.match((await app.inject('/actuator/health')).json(), { status: 'UNKNOWN', components: { settings: { status: 'UNKNOWN',
    details: { refused: [{ by: 'settings', reason: /application\.yml:1/, since: /^20/ }] } } } })
  t.equal((await app.inject('/actuator/health')).statusCode, 200)
  t.equal(await successful(), '0')
  settings.reloads.refused('routes', new Error('no such filter'))
  writeFileSync(join(folder, 'application.yml'), 'a: 2')
  await settings.refresh()
  t.match((await app.inject('/actuator/health/settings')).json(), { details: { refused: [{ by: 'routes', reason: 'no such filter' }] } })
  settings.reloads.taken('routes')
  t.equal((await app.inject('/actuator/health/settings')).statusCode, 404)
  t.equal(await successful(), '1')
})

t.test('health: details only when wanted; readiness may include components', async t => {
  const health = new Map<string, HealthIndicator>([['db', () => ({ status: 'OUT_OF_SERVICE' })]])
  const app = await serverOf({
    'management.endpoint.health.show-details': 'never', 'management.endpoint.health.group.readiness.include': 'readinessState,db'
  }, { health })
  t.same((await app.inject('/actuator/health')).json(), { status: 'OUT_OF_SERVICE', groups: ['liveness', 'readiness'] })
  t.equal((await app.inject('/actuator/health/db')).statusCode, 404)
  t.equal((await app.inject('/actuator/health/readiness')).statusCode, 503)
})

t.test('health: an indicator that hangs is DOWN after its time, and holds up no other', async t => {
  const { components } = await checkHealth(new Map<string, HealthIndicator>([
    ['hangs', () => new Promise(() => {})], ['fine', () => ({ status: 'UP' })]
  ]), 20)
  t.match(components, { hangs: { status: 'DOWN', details: { error: 'no answer within 20 ms' } }, fine: { status: 'UP' } })
  t.equal(worst([]), 'UP')
  t.equal(worst([{ status: 'UP' }, { status: 'UNKNOWN' }]), 'UP')
  t.equal(worst([{ status: 'OUT_OF_SERVICE' }, { status: 'DOWN' }]), 'DOWN')
})

t.test('env: every value with its origin, secrets masked, one key alone', async t => {
  const shown = { 'management.endpoint.env.show-values': 'secrets-masked' }
  const app = await serverOf({ ...shown, 'db.password': 'geheim', 'db.url': 'postgres://u:geheim@db/x', plain: 'yes', 'api-key': 'geheim' })
  const all = await app.inject('/actuator/env')
  t.match(all.headers['content-type'], JSON_TYPE)
  t.notMatch(all.body, /geheim/)
  const source = (all.json() as { propertySources: Array<{ name: string, properties: object }> }).propertySources.find(({ name }) => name === 'command line')
  t.match(source?.properties, {
    'db.password': { value: '******', origin: 'command line' }, 'db.url': { value: 'postgres://******@db/x' }, plain: { value: 'yes' }
  })
  t.match((await app.inject('/actuator/env/plain')).json(), { property: { source: 'command line', value: 'yes' } })
  t.equal((await app.inject('/actuator/env/unknown.key')).statusCode, 404)
  const word = { value: { kind: 'string', text: 'secrets-masked' }, origin: { source: 'c.yml' } } as const
  const choice = { name: 'c.yml', properties: new Map([['management.endpoint.env.show-values', word]]) }
  const secret = { value: { kind: 'string', text: 'geheim' }, origin: { source: 'a.yml', line: 1 }, secret: true } as const
  const decrypted = new Settings({
    profiles: [], warnings: [], sources: [choice, { name: 'a.yml', properties: new Map([['greeting', secret]]) }]
  })
  const cipher = await serverOf({}, { settings: decrypted })
  t.notMatch((await cipher.inject('/actuator/env')).body, /geheim/, 'what was encrypted is never shown')
  t.notMatch((await cipher.inject('/actuator/env/greeting')).body, /geheim/)
  t.notMatch((await cipher.inject('/actuator/env/Greeting')).body, /geheim/, 'in no spelling')
  const plain = { value: { kind: 'string', text: 'plain' }, origin: { source: 'b.yml' } } as const
  const both = await serverOf({}, {
    settings: new Settings({
      profiles: [], warnings: [],
      sources: [choice, { name: 'a.yml', properties: new Map([['Greeting', secret]]) }, { name: 'b.yml', properties: new Map([['greeting', plain]]) }]
    })
  })
  t.match((await both.inject('/actuator/env/greeting')).json(), { property: { value: '******' } }, 'nor as the value of another source')
  const variables = await serverOf({}, {
    settings: await loadSettings({
      name: 'users', folder: t.testdir(), args: { ...shown, greeting: 'hi ${nothing} ${NODE_NAME}' }, watch: false,
      env: { NODE_NAME: 'n1', DB_PASSWORD: 'geheim', SERVER_PORT: '80' }
    })
  })
  t.match((await variables.inject('/actuator/env/greeting')).json(), { property: { value: 'hi ${nothing} n1' } }, 'what stands for nothing stays')
  t.match((await variables.inject('/actuator/env/NODE_NAME')).json(), { property: { source: 'environment', value: 'n1' } })
  t.match((await variables.inject('/actuator/env/server.port')).json(), { property: { source: 'environment', value: '80' } })
  const named = (await variables.inject('/actuator/env')).json() as { propertySources: Array<{ name: string, properties: object }> }
  t.match(named.propertySources.find(({ name }) => name === 'environment')?.properties,
    { NODE_NAME: { value: 'n1', origin: 'env NODE_NAME' }, DB_PASSWORD: { value: '******' } }, 'variables by their own names')
})

t.test('env: no value is shown unless somebody chose so, and then by role', async t => {
  const show = 'management.endpoint.env.show-values'
  const value = async (word: string | undefined, isAdmin: boolean, key = 'plain'): Promise<string> => {
    const authorize: Authorize = async (_request, role) => { if (role === 'admin' && !isAdmin) throw starterError('E_FORBIDDEN', [role]) }
    const app = await serverOf({ plain: 'yes', password: 'geheim', ...(word === undefined ? {} : { [show]: word }) }, { authorize })
    const { body } = await app.inject('/actuator/env')
    const one = ((await app.inject(`/actuator/env/${key}`)).json() as { property: { value: string } }).property.value
    t.equal(body.includes(`"${one}"`), true)
    return one
  }
  for (const word of [undefined, 'never', 'NEVER', 'nonsense', '']) t.equal(await value(word, true), '******', String(word))
  t.equal(await value('when-authorized', false), '******')
  for (const word of ['when-authorized', 'WHEN_AUTHORIZED']) {
    t.equal(await value(word, true), 'yes')
    t.equal(await value(word, true, 'password'), '******')
  }
  t.equal(await value('secrets-masked', false), 'yes')
  t.equal(await value('secrets-masked', true, 'password'), '******')
  t.equal(await value('always', false, 'password'), 'geheim')
})

t.test('refresh: POST tells what changed, also with a JSON type and no body; GET is refused', async t => {
  const app = await serverOf({}, { refresh: async () => ['greeting'] })
  const answer = await app.inject({ method: 'POST', url: '/actuator/refresh', headers: { 'content-type': 'application/json' } })
  t.same([answer.statusCode, answer.json()], [200, ['greeting']])
  const get = await app.inject('/actuator/refresh')
  t.same([get.statusCode, get.headers['allow']], [405, 'POST'])
  const failing = await serverOf({}, { refresh: async () => { throw starterError('E_FILE', ['application.yml', 'ENOENT']) } })
  t.equal((await failing.inject({ method: 'POST', url: '/actuator/refresh' })).statusCode, 500)
})

t.test('loggers: read and change levels while running, in Spring\'s words', async t => {
  const { log } = memoryLog('info')
  const child = log.child({ logger: 'discovery' })
  const app = await serverOf({}, { log })
  const set = (name: string, body: string): Promise<{ statusCode: number }> =>
    app.inject({ method: 'POST', url: `/actuator/loggers/${name}`, payload: body, headers: { 'content-type': 'application/json' } })
  t.match((await app.inject('/actuator/loggers')).json(), {
    levels: ['OFF', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE'],
    loggers: { ROOT: { configuredLevel: 'INFO', effectiveLevel: 'INFO' }, discovery: { effectiveLevel: 'INFO' } }
  })
  t.equal((await set('discovery', '{"configuredLevel":"DEBUG"}')).statusCode, 204)
  t.equal(child.level, 'debug')
  t.equal((await set('ROOT', '{"configuredLevel":"WARN"}')).statusCode, 204)
  t.same([log.level, child.level], ['warn', 'debug'], 'a level of its own stays')
  t.equal((await set('discovery', '{}')).statusCode, 204)
  t.equal(child.level, 'warn', 'back to ROOT\'s')
  t.equal((await set('ROOT', '{"configuredLevel":"OFF"}')).statusCode, 204)
  t.match((await app.inject('/actuator/loggers/ROOT')).json(), { effectiveLevel: 'OFF' })
  for (const [name, body] of [['ROOT', '{"configuredLevel":"LOUD"}'], ['nobody', '{}'], ['ROOT', '{'], ['ROOT', '{"configuredLevel":5}']] as const) {
    t.equal((await set(name, body)).statusCode, 400, `${name} ${body}`)
  }
  t.equal((await app.inject('/actuator/loggers/nobody')).statusCode, 404)
})

t.test('prometheus: Node\'s metrics, ours, and requests under Micrometer\'s names by pattern', async t => {
  const app = await serverOf({ 'management.metrics.tags.region': 'eu "1"' }, { metrics: () => 'own_metric 1\n' })
  await app.inject('/users/1')
  await app.inject('/users/2')
  await app.inject('/fail')
  await app.inject('/none')
  const { body, headers } = await app.inject('/actuator/prometheus')
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.match(body, /^process_cpu_seconds_total\{region="eu \\"1\\""\} /m)
  t.match(body, 'http_server_requests_seconds_count{error="none",exception="none",method="GET",outcome="SUCCESS",status="200",uri="/users/{id}",region="eu \\"1\\""} 2')
  t.match(body, 'outcome="SERVER_ERROR",status="500",uri="/fail"')
  t.match(body, 'outcome="CLIENT_ERROR",status="404",uri="NOT_FOUND"')
  t.match(body, /^own_metric 1$/m)
  t.match(body, /_bucket\{[^}]*uri="\/users\/\{id\}"[^}]*le="\+Inf"\} 2/)
})

t.test('request metrics: labels from outside cannot grow without bound', t => {
  const metrics = new RequestMetrics()
  for (let at = 0; at < 5_000; at++) metrics.observe(`M${at}`, '/x', 200, 1)
  const counts = metrics.render().split('\n').filter(line => line.includes('_count{'))
  t.equal(counts.length, 2_001)
  t.match(counts.at(-1), 'uri="OTHER"} 3000')
  t.end()
})

t.test('info, index, exposure, base path', async t => {
  const app = await serverOf({ 'info.team': 'blue', 'spring.application.name': 'users' }, { info: () => ({ build: { version: '1' } }) })
  t.match((await app.inject('/actuator/info')).json(), { team: 'blue', app: { name: 'users' }, build: { version: '1' }, runtime: { name: 'node' } })
  t.match((await app.inject({ url: '/actuator', headers: { host: 'h:1' } })).json(), { _links: { self: { href: 'http://h:1/actuator', templated: false }, health: {} } })
  const small = await serverOf({ 'management.endpoints.web.exposure.include': 'health,info', 'management.endpoints.web.exposure.exclude': 'info', 'management.endpoints.web.base-path': '/manage' })
  t.equal((await small.inject('/manage/health')).statusCode, 200)
  for (const url of ['/manage/info', '/manage/env', '/manage/prometheus', '/actuator/health']) t.equal((await small.inject(url)).statusCode, 404, url)
})

t.test('an authorizer decides alone, also for callers on this machine', async t => {
  const app = await serverOf({}, { authorize: async (_request, role) => { if (role === 'admin') throw starterError('E_FORBIDDEN', [role]) } })
  t.equal((await app.inject({ url: '/actuator/env', remoteAddress: '10.0.0.1' })).statusCode, 200)
  t.equal((await app.inject({ method: 'POST', url: '/actuator/refresh' })).statusCode, 403)
})

t.test('without one this machine may look, and its token changes; no web page and no proxy', async t => {
  const app = Fastify() as unknown as FastifyInstance
  const file = join(t.testdir(), 'made', 'token')
  const settings = await settingsOf({ 'breakwater.security.admin-token-file': file })
  await app.register(actuator, { settings, log: memoryLog().log, refresh: async () => [] })
  const status = async (method: 'GET' | 'POST', url: string, headers: Record<string, string>): Promise<number> =>
    (await app.inject({ method, url, headers })).statusCode
  const refresh = (headers: Record<string, string>): Promise<number> => status('POST', '/actuator/refresh', headers)
  t.equal(await status('GET', '/actuator/env', { host: 'localhost:8080' }), 200)
  t.equal(await refresh({ host: 'localhost:8080' }), 401, 'without the token')
  const authorization = `Bearer ${await adminToken(file)}`
  t.equal(await refresh({ host: 'localhost:8080', authorization }), 200)
  t.equal(await refresh({ host: 'localhost:8080', authorization, 'sec-fetch-site': 'same-origin' }), 200)
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://evil.example' }, { host: 'rebound.example' },
    { origin: 'null' }, { 'x-forwarded-for': '8.8.8.8' }, { via: '1.1 x' }, { 'x-real-ip': '::1' }, { forwarded: 'for=127.0.0.1' }]) {
    const all = { host: 'localhost:8080', ...headers } as Record<string, string>
    t.equal(await refresh({ ...all, authorization }), 403, JSON.stringify(headers))
    t.equal(await status('GET', '/actuator/env', all), 403, JSON.stringify(headers))
  }
})
