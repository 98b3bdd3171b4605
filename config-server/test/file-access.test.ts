/** Rules hold for files by what they are, whatever URL leads to them; and every door of the server has its key. */
import { channel } from 'node:diagnostics_channel'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import { readOptions } from '../index.ts'
import { startGit, workTree } from './git-support.ts'
import { ask, folder, startNative, type RequestOptions } from './support.ts'

const FILES = {
  'application.yml': 'shared: 1', 'application-prod.yml': 'pw: HIDDEN-application-prod', 'orders.yml': 'a: 1', 'orders-dev.yml': 'd: 1',
  'orders-prod.yml': 'pw: HIDDEN-orders-prod', 'orders-prod.properties': 'pw=HIDDEN-orders-prod', 'payments.yml': 'pw: HIDDEN-payments',
  'payments.xml': '<properties><entry key="pw">HIDDEN-payments</entry></properties>', 'payments/orders.yml': 'pw: HIDDEN-nested',
  'nginx.conf': 'listen 1', 'nginx-dev.conf': 'listen 2', 'keys/store.p12': 'HIDDEN-store', 'orders.schema.json': '{}', 'main/orders.yml': 'a: 2',
  'other/nginx.conf': 'HIDDEN-other-label'
}
const SETTINGS = `
breakwater:
  security:
    mode: basic
    users:
    - { name: orders, password: pw, roles: read }
    - { name: files, password: pw, roles: read }
    - { name: writer, password: pw, roles: write }
    - { name: root, password: pw, roles: admin }
  config-server:
    access:
    - { principals: orders, applications: orders, profiles: [dev, default], labels: ["", main], actions: [read, watch, inspect] }
    - { principals: files, applications: orders, profiles: [dev, default], labels: ["", main], files: ["*.conf", "keys/*.p12"] }
`
const basic = (name: string) => ({ authorization: `Basic ${Buffer.from(`${name}:pw`).toString('base64')}` })

type Tap = Parameters<typeof folder>[0]

async function read (t: Tap, yaml = SETTINGS) {
  const settings = await loadSettings({ name: 'config-server', folder: await folder(t, { 'application.yml': yaml }) })
  const { backends: _unused, ...options } = readOptions(settings)
  return { options: { ...options, port: 0 }, settings }
}

t.test('a rule permits the files of its own questions and those that it names', async t => {
  const { options, settings } = await read(t)
  const tree = await workTree(t, FILES)
  const native = await startNative(t, FILES, options, {}, { settings })
  const servers = [native, await startGit(t, { uri: tree.root }, options, { settings })]
  for (const { url } of servers) {
    const status = async (name: string, path: string, request: RequestOptions = {}) => {
      const reply = await ask(url, path, { ...request, headers: { ...request.headers, ...basic(name) } })
      if (reply.status === 403) t.notOk(reply.text.includes('HIDDEN'), path)
      return reply.status
    }
    const doors = (file: string) => [`/orders/dev/main/${file}`, `/orders/default/${file}?useDefaultLabel`, `/orders/dev,default/main/${file}`]
    for (const file of ['orders.yml', 'orders-dev.yml', 'application.yml']) {
      for (const door of doors(file)) t.equal(await status('orders', door), 200, door)
    }
    const refused = ['payments.yml', 'payments.xml', 'orders-prod.yml', 'orders-prod.properties', 'application-prod.yml', 'payments.properties',
      'payments/orders.yml', 'nginx.conf', 'keys/store.p12', 'orders.schema.json', 'other/nginx.conf', 'nothing.txt']
    for (const file of refused) {
      for (const door of doors(file)) {
        t.equal(await status('orders', door), 403, door)
        t.equal(await status('orders', door, { method: 'HEAD' }), 403)
        t.equal(await status('orders', door, { headers: { accept: 'application/octet-stream' } }), 403)
        t.equal(await status('orders', `${door}${door.includes('?') ? '&' : '?'}resolvePlaceholders=false`), 403)
        t.equal(await status('orders', door, { headers: { 'if-modified-since': new Date(Date.now() + 86_400_000).toUTCString() } }), 403)
        t.not(await status('root', door), 403, 'an admin needs no rule')
      }
    }
    t.equal(await status('files', '/orders/default/main/nginx.conf'), 200)
    t.equal(await status('files', '/orders/dev/main/nginx.conf'), 200, 'the file of the profile fits the pattern, too')
    t.equal(await status('files', '/orders/dev/main/keys/store.p12'), 200)
    for (const file of ['payments.yml', 'orders-prod.yml', 'other/nginx.conf', 'keys/x/y.p12', 'payments/orders.yml']) {
      t.equal(await status('files', `/orders/dev/main/${file}`), 403, file)
    }
    t.equal(await status('files', '/orders/dev/other/nginx.conf'), 403, 'the label counts')
    t.equal(await status('files', '/orders/prod/main/nginx.conf'), 403, 'the profile counts')
  }
})

t.test('a link gives nobody what its target would not', async t => {
  const { options, settings } = await read(t)
  const tree = await workTree(t, FILES)
  const links = async (root: string) => {
    await symlink('payments.yml', join(root, 'hidden.conf'))
    await symlink('nginx.conf', join(root, 'twin.conf'))
  }
  await links(tree.root)
  await tree.commit({})
  const native = await startNative(t, FILES, options, {}, { settings })
  await links(native.root)
  // A ConfigMap as Kubernetes mounts it: every file is a link.
  await mkdir(join(native.root, '..2026_12_01'))
  await writeFile(join(native.root, '..2026_12_01/mounted.conf'), 'listen 3')
  await symlink('..2026_12_01', join(native.root, '..data'))
  await symlink('..data/mounted.conf', join(native.root, 'mounted.conf'))
  for (const { url } of [native, await startGit(t, { uri: tree.root }, options, { settings })]) {
    const status = async (file: string) => (await ask(url, `/orders/dev/main/${file}`, { headers: basic('files') })).status
    t.same([await status('hidden.conf'), await status('twin.conf')], [403, 200])
    if (url === native.url) t.equal(await status('mounted.conf'), 200)
  }
})

/** What each door wants: a role, and whether it is about one question that a rule must permit. */
const DOORS: Record<string, readonly ['any' | 'read' | 'write' | 'admin', 'question' | 'all']> = {
  'GET /actuator/health': ['any', 'all'], 'GET /actuator/health/:group': ['any', 'all'], 'GET /actuator/info': ['any', 'all'],
  'POST /encrypt': ['read', 'all'], 'POST /encrypt/:name/:profiles': ['read', 'all'], 'POST /decrypt': ['write', 'all'],
  'POST /decrypt/:name/:profiles': ['write', 'all'], 'GET /key': ['any', 'all'], 'GET /key/:name/:profiles': ['any', 'all'],
  'GET /encrypt/status': ['any', 'all'], 'POST /monitor': ['any', 'all'],
  'GET /_config/watch/:name/:profiles': ['read', 'question'], 'GET /_config/effective/:name/:profiles': ['read', 'question'],
  'GET /_config/history/:name/:profiles': ['read', 'question'], 'GET /_config/diff/:name/:profiles': ['read', 'question'],
  'POST /_config/validate/:name/:profiles': ['read', 'question'], 'PUT /_config/pins/:name/:profiles': ['admin', 'question'],
  'DELETE /_config/pins/:name/:profiles': ['admin', 'question'], 'PUT /_config/rollouts/:name/:profiles': ['admin', 'question'],
  'DELETE /_config/rollouts/:name/:profiles': ['admin', 'question'], 'GET /_config/rollouts': ['admin', 'all'],
  'GET /_config/clients': ['admin', 'all'], 'GET /:name/:profiles': ['read', 'question'], 'GET /:name/:profiles/:label': ['read', 'question'],
  'GET /:name-:profiles.yml': ['read', 'question'], 'GET /:label/:name-:profiles.json': ['read', 'question'],
  'GET /:name/:profiles/:label/x.conf': ['read', 'question'], 'GET /:name/:profiles/x.conf?useDefaultLabel': ['read', 'question']
}
const ROLES = ['any', 'read', 'write', 'admin']

interface Route { readonly method: string | string[], readonly url: string }

/** The routes of the server that starts next, as its router has them. */
function collectRoutes (t: Tap): Set<string> {
  const routes = new Set<string>()
  const collect = (message: unknown): void => {
    const { fastify } = message as { fastify: { addHook: (name: 'onRoute', hook: (route: Route) => void) => void } }
    fastify.addHook('onRoute', ({ method, url }) => { for (const one of [method].flat()) routes.add(`${one} ${url}`) })
  }
  channel('fastify.initialization').subscribe(collect)
  t.teardown(() => channel('fastify.initialization').unsubscribe(collect))
  return routes
}

t.test('every door times every role, with rules and without', async t => {
  const routes = collectRoutes(t)
  const { options, settings } = await read(t, SETTINGS.replace(/ {2}config-server:[\s\S]*/, ''))
  const open = await startNative(t, FILES, options, {}, { settings })
  // The wildcard's doors are in the table by hand, those of the actuator are tested where it is at home.
  const doors = [...routes].filter(route => !/ \/\*$| \/actuator|^(?:HEAD|OPTIONS) /.test(route)).map(route => route.replace(/\/:label$/, ''))
  const refusals = doors.filter(door => DOORS[door] === undefined && /\/(?:encrypt|decrypt|key)/.test(door))
  for (const door of doors) t.ok(DOORS[door] !== undefined || refusals.includes(door), `${door} is in the table`)
  t.ok(doors.length > 20, 'there is a router to ask')

  const call = async (url: string, door: string, name: string | undefined, application: string) => {
    const [method = '', pattern = ''] = door.split(' ')
    const path = pattern.replace(':group', 'liveness').replace(':name', application).replace(':profiles', 'dev').replace(':label', 'main')
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{}', headers: { 'content-type': 'text/plain' } }
    const wait = path.includes('/watch/') ? '?wait=1ms' : ''
    const headers = { ...body.headers, ...(name === undefined ? {} : basic(name)) }
    const { status } = await ask(url, path + wait, { method, ...body, headers })
    return status
  }
  const USERS = [undefined, 'orders', 'writer', 'root']
  for (const [door, [role]] of Object.entries(DOORS)) {
    for (const [index, user] of USERS.entries()) {
      const status = await call(open.url, door, user, 'orders')
      const expected = index >= ROLES.indexOf(role)
      const isRefused = status === 401 || (status === 403 && door !== 'POST /monitor')
      t.equal(!isRefused, expected, `${door} by ${user}: ${status}`)
    }
  }
  for (const door of refusals) t.equal(await call(open.url, door, undefined, 'orders'), 405, door)

  const { options: ruled, settings: strict } = await read(t)
  const { url } = await startNative(t, FILES, ruled, {}, { settings: strict })
  for (const [door, [needs]] of Object.entries(DOORS).filter(([, [, about]]) => about === 'question')) {
    t.equal(await call(url, door, 'orders', 'payments'), 403, `${door} of another application`)
    if (needs === 'read' && !door.includes('x.conf')) t.not(await call(url, door, 'orders', 'orders'), 403, `${door} of its own`)
  }
})
