/** Each example against a registry and a config server as processes: found, asked, missed when it has gone. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLES = join(import.meta.dirname, '..')

t.setTimeout(240_000)

/** One of our servers; resolves with its address. */
async function server (main: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, main, 'main.ts'), '--port=0', ...args],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], cwd: folder })
  t.teardown(() => child.kill('SIGKILL'))
  const [{ url }] = await once(child, 'message') as [{ url: string }]
  return url
}

async function freePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise(resolve => { probe.close(resolve) })
  return port
}

async function until (what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!await isTrue().catch(() => false)) {
    if (performance.now() > endMs) throw new Error(`not within a minute: ${what}`)
    await new Promise(resolve => { setTimeout(resolve, 50) })
  }
}

const folder = t.testdir({ settings: { 'people.yml': 'greeting: hi\n' } })
const registry = await server('discovery', ['--eureka.server.evictionIntervalTimerInMs=1000'])
const config = await server('config-server', ['--spring.profiles.active=native',
  `--spring.cloud.config.server.native.search-locations=file:${folder}/settings/`])

async function ports (app: string): Promise<number[]> {
  const answer = await fetch(`${registry}/eureka/apps/${app}`, { headers: { accept: 'application/json' } })
  if (answer.status === 404) return []
  const { application } = await answer.json() as { application: { instance: Array<{ port: { $: number } }> } }
  return application.instance.map(({ port }) => port.$)
}

interface Example { readonly port: number, readonly child: ChildProcess }

/** Starts one, and waits until the registry has it. */
async function start (t: Test, command: string, args: readonly string[]): Promise<Example> {
  const port = await freePort()
  // Without this runner's hooks, which are loaded into every process that a test starts.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', command, ...args], { cwd: EXAMPLES, stdio: ['ignore', 'ignore', 'inherit'], env: {
    ...process.env, PORT: String(port), EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `${registry}/eureka/`, CONFIG_SERVER: config
  } })
  t.teardown(() => child.kill('SIGKILL'))
  await until('it is registered', async () => (await ports('PEOPLE')).includes(port))
  return { port, child }
}

/** It leaves the registry and ends well. */
async function stop (t: Test, { child, port }: Example): Promise<void> {
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
  t.notOk((await ports('PEOPLE')).includes(port))
}

for (const framework of ['fastify', 'express']) {
  t.test(`an application of ${framework} is a member by one line`, async t => {
    const example = await start(t, process.execPath, [`${framework}/app.js`])
    const url = `http://127.0.0.1:${example.port}`
    const answer = await fetch(`${url}/people/7`, { headers: { 'x-request-id': 'mine' } })
    t.same(await answer.json(), { id: '7', name: 'Ada' })
    t.equal(answer.headers.get('x-request-id'), 'mine')
    t.match(await (await fetch(`${url}/actuator/health`)).json(), { status: 'UP', components: { discovery: { status: 'UP' } } })
    t.equal((await fetch(`${url}/actuator/health/readiness`)).status, 200)
    t.match(await (await fetch(`${url}/actuator/prometheus`)).text(), 'uri="/people/{id}"')
    // Nobody is called orders: the application's own answer to a failure.
    t.ok((await fetch(`${url}/people/7/orders`)).status >= 500)
    await stop(t, example)
  })
}

/** A program without anything of ours: settings, health, and a clean stop. */
async function standsAlone (t: Test, command: string, args: readonly string[]): Promise<void> {
  const example = await start(t, command, args)
  const url = `http://127.0.0.1:${example.port}`
  t.same(await (await fetch(`${url}/people/7`)).json(), { id: '7', greeting: 'hi' }, command)
  t.same(await (await fetch(`${url}/health`)).json(), { status: 'UP' })
  await stop(t, example)
}

t.test('a program in Python is a member with nothing but its standard library', t =>
  standsAlone(t, 'python3', ['python/app.py']))

const noGo = spawnSync('go', ['version']).status === 0 ? false : 'Go is not installed'

t.test('a program in Go is a member with nothing but its standard library', { skip: noGo }, async t => {
  const binary = join(t.testdir(), 'people')
  execFileSync('go', ['build', '-o', binary, 'go/main.go'], { cwd: EXAMPLES })
  await standsAlone(t, binary, [])
})
