/** Each kind of process, started from settings that keep a secret in an environment variable, as the docs show it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { httpDouble, NODE_COMPILE_CACHE } from './support.ts'

const ROOT = join(import.meta.dirname, '../..')
const PASSWORDS = {
  ORDERS_PASSWORD: 'orders-pw', OPS_PASSWORD: 'ops-pw', SERVICES_PASSWORD: 'services-pw', OPERATOR_PASSWORD: 'operator-pw'
}

interface Ready { readonly url: string, readonly management?: string }

/** Starts a program in a folder with this application.yml; what it prints is the reason when it does not come up. */
async function start (
  t: Test, program: string, yaml: string, env: Record<string, string>, args: string[] = []
): Promise<Ready> {
  const cwd = t.testdir()
  writeFileSync(join(cwd, 'application.yml'), yaml)
  mkdirSync(join(cwd, 'served'))
  writeFileSync(join(cwd, 'served/orders.yml'), 'limit: ${LIMIT}')
  const child = fork(join(ROOT, program), ['--port', '0', '--management.server.port=0', ...args], {
    cwd, silent: true, execArgv: [], env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE, ...env }
  })
  t.teardown(() => child.kill('SIGKILL'))
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  const ended = once(child, 'close').then(() => { throw new Error(printed) })
  const [ready] = await Promise.race([once(child, 'message') as Promise<[Ready]>, ended])
  return ready
}

/** The block of a page that has this text. */
function example (page: string, text: string): string {
  const blocks = readFileSync(join(ROOT, 'docs', page), 'utf8').split('```yaml\n').slice(1).map(block => block.split('```')[0] ?? '')
  const block = blocks.find(one => one.includes(text))
  if (block === undefined) throw new Error(`docs/${page} has no example with ${text}`)
  return block
}

async function statusOf (url: string, credentials?: string): Promise<number> {
  const headers = credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
  return (await fetch(url, { headers })).status
}

t.test('a service', async t => {
  const { url } = await start(t, 'starter/test/process-service.ts', 'greeting: "${GREETING_TEXT}"', { GREETING_TEXT: 'hello', BREAKWATER_DISCOVERY_CLIENT: 'fixed' })
  t.equal(await (await fetch(`${url}/hello`)).text(), '{"hello":"hello"}')
})

t.test('the registry, from the example of its page', async t => {
  const yaml = example('discovery.md', '${SERVICES_PASSWORD}')
  const { url } = await start(t, 'discovery/main.ts', yaml, PASSWORDS, ['--server.address=127.0.0.1'])
  t.equal(await statusOf(`${url}/eureka/apps`), 401)
  t.equal(await statusOf(`${url}/eureka/apps`, 'services:${SERVICES_PASSWORD}'), 401)
  t.equal(await statusOf(`${url}/eureka/apps`, 'services:services-pw'), 200)
  await t.rejects(start(t, 'discovery/main.ts', yaml, { SERVICES_PASSWORD: 'services-pw' }),
    { message: /E_CONFIG_PLACEHOLDER.*application\.yml.*OPERATOR_PASSWORD/ }, 'a variable that is missing is told')
})

t.test('the config server, from the example of its page', async t => {
  const { url } = await start(t, 'config-server/main.ts', example('config-server.md', '${ORDERS_PASSWORD}'), { ...PASSWORDS, CONF_DIR: 'served' }, [
    '--server.address=127.0.0.1', '--spring.profiles.active=native', '--spring.cloud.config.server.native.search-locations=file:${CONF_DIR:/nowhere}/'
  ])
  t.equal(await statusOf(`${url}/orders/dev`, 'orders:wrong'), 401)
  t.equal(await statusOf(`${url}/orders/dev`, 'orders:orders-pw'), 200)
  const answer = await fetch(`${url}/orders-dev.json`, { headers: { authorization: `Basic ${Buffer.from('ops:ops-pw').toString('base64')}` } })
  t.same(await answer.json(), { limit: '${LIMIT}' }, 'what it serves is none of its own variables')
})

t.test('the gateway', async t => {
  const instance = await httpDouble((request, response) => response.end(request.headers['x-key']))
  t.teardown(() => instance.close())
  const { url, management } = await start(t, 'gateway/main.ts', [
    'spring.cloud.gateway.server.webflux.routes:', '- id: users', '  uri: "${USERS_URL:http://127.0.0.1:9}"', '  predicates: [ "Path=/users" ]',
    '  filters: [ "AddRequestHeader=X-Key, ${API_KEY}" ]',
    'breakwater.security: {mode: basic, users: [{name: admin, password: "${ADMIN_PASSWORD}", roles: admin}]}'
  ].join('\n'), { USERS_URL: instance.url, API_KEY: 'key-1', ADMIN_PASSWORD: 'admin-pw' })
  t.equal(await (await fetch(`${url}/users`)).text(), 'key-1')
  t.equal(await statusOf(`${management}/actuator/env`, 'admin:wrong'), 401)
  t.equal(await statusOf(`${management}/actuator/env/API_KEY`, 'admin:admin-pw'), 200)
})
