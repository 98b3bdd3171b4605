import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { until } from './until.ts'

/** Somebody else's folder: two programs that know nothing of us. */
const FILES = {
  'breakwater.yml': `
services:
  people: { command: "node people.cjs", watch: people.cjs, health: /up }
  stock: { script: stock.mjs, copies: 2, route: { strip: 1 }, env-file: .env }
  late: { command: "node people.cjs", depends-on: stock, route: false }
groups: { front: [ people ] }
`,
  'people.cjs': `
const { createServer } = require('node:http')
createServer((q, s) => { console.log('asked ' + q.url); s.end('people ' + q.url) }).listen(process.env.PORT, '127.0.0.1')`,
  'stock.mjs': `
import { createServer } from 'node:http'
createServer((q, s) => s.end(process.env.GREETING + ' ' + q.url + ' ' + process.env.PORT)).listen(process.env.PORT, '127.0.0.1')`,
  '.env': 'GREETING=stock\n'
}

const COMMAND = path.join(import.meta.dirname, '../breakwater.cjs')
const ANY_PORTS = ['discovery', 'gateway', 'gateway-management'].flatMap(name => ['--port', `${name}=0`])

interface Started {
  readonly child: ChildProcess
  readonly folder: string
  readonly text: () => string
  readonly gateway: () => string
  /** Runs another command there; what it printed, and how it ended. */
  readonly run: (...args: string[]) => { status: number | null, stdout: string, stderr: string }
}

function up (t: Test, args: readonly string[] = [], files: Record<string, string> = FILES): Started {
  const folder = t.testdir(files)
  const env = { ...process.env, PROFILE: '', SPRING_PROFILES_ACTIVE: '' }
  const child = spawn(process.execPath, [COMMAND, 'up', ...ANY_PORTS, '--start-timeout', '240', ...args], { cwd: folder, env })
  t.teardown(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => { text += bytes.toString() })
  return {
    child, folder, text: () => text,
    gateway: () => /curl -s (http:\/\/127.0.0.1:\d+)\/people/.exec(text)?.[1] ?? '',
    run: (...args) => spawnSync(process.execPath, [COMMAND, ...args], { cwd: folder, env, encoding: 'utf8' })
  }
}

const get = async (url: string) => (await fetch(url)).text()

t.test('programs of any kind are one stack: found by name, routed to, started anew, looked at and ended', async t => {
  const stack = up(t)
  await until('it is ready', () => stack.text().includes('All services are ready'))

  await t.test('each answers through the gateway, by its name', async t => {
    t.equal(await get(`${stack.gateway()}/people/1?x=2`), 'people /people/1?x=2')
    const answers = new Set<string>()
    await until('both copies have answered', async () => {
      answers.add(await get(`${stack.gateway()}/stock/abc`))
      return answers.size === 2
    })
    for (const answer of answers) t.match(answer, /^stock \/abc \d+$/)
    t.equal((await fetch(`${stack.gateway()}/late/x`)).status, 404, 'route: false')
  })

  await t.test('the other commands find it by its data folder', async t => {
    const ps = JSON.parse(stack.run('ps', '--json').stdout) as { state: string, processes: Array<{ name: string, state: string }> }
    t.match(ps, { state: 'READY', profile: 'local' })
    t.strictSame(ps.processes.map(({ name, state }) => `${name} ${state}`).toSorted(),
      ['discovery UP', 'gateway UP', 'late UP', 'people UP', 'stock-1 UP', 'stock-2 UP'])
    t.match(stack.run('call', 'people', 'get', '/x'), { status: 0, stdout: 'people /x\n' })
    t.match(stack.run('call', 'late', 'get', '/people', '--gateway'), { status: 0, stdout: 'people /people\n' })
    t.match(stack.run('logs', 'people', '-n', '1'), { status: 0, stdout: /^asked \/\S+\n$/ })
    t.match(stack.run('routes'), { status: 0, stdout: /people +lb:\/\/people/ })
    t.match(stack.run('breakers'), { status: 0 })
    t.match(stack.run('dlq', '--json'), { status: 0, stdout: '[]\n' })
    t.match(stack.run('wait', '--healthy'), { status: 0 })
    t.match(stack.run('wait', 'peple'), { status: 2, stderr: /E_USAGE.*"peple". Did you mean "people"/ })
    t.match(stack.run('up'), { status: 1, stderr: /E_STACK_RUNNING/ })
    t.match(stack.run('doctor', '--json'), { status: 0, stdout: /a stack runs there/ })
    t.match(stack.run('config', 'get', 'people'), { status: 1, stderr: /E_NOT_UP/ })
  })

  await t.test('a program that crashes leaves the registry at once, comes back, and is called again', async t => {
    t.match(stack.run('kill', 'people'), { status: 0 })
    await until('it crashed', () => stack.text().includes('people exited with SIGKILL'))
    await until('it answers', async () => await get(`${stack.gateway()}/people/2`) === 'people /people/2')
    t.match(stack.run('ps'), { stdout: /READY/ })
  })

  await t.test('a changed file is running within a moment', async t => {
    const file = path.join(stack.folder, 'people.cjs')
    writeFileSync(file, readFileSync(file, 'utf8').replace("'people '", "'humans '"))
    await until('the new one answers', async () => await get(`${stack.gateway()}/people/3`) === 'humans /people/3')
    t.pass()
  })

  await t.test('down ends it, and leaves nothing', async t => {
    t.match(stack.run('down'), { status: 0, stdout: /ended\n$/ })
    await until('the command has ended', () => stack.child.exitCode !== null)
    t.equal(stack.child.exitCode, 0)
    t.match(stack.text(), /stopped\n$/)
    t.match(stack.run('ps'), { status: 1, stderr: /E_NO_RUNNING_STACK/ })
    t.match(stack.run('wait', '--timeout', '0'), { status: 3, stderr: /E_TOO_LATE no stack answers/ })
  })
})

t.test('beside a config server, whose answers are settings, reports of services are those of services', async t => {
  const stack = up(t, ['--port', 'config-server=0', '--only', 'front'], { ...FILES,
    'breakwater.yml': `platform: { config-server: { settings: . } }\n${FILES['breakwater.yml']}`, 'people.yml': 'greeting: hi\n' })
  await until('it is ready', () => stack.text().includes('All services are ready'))
  t.match(stack.run('config', 'get', 'people', 'greeting'), { status: 0, stdout: /^greeting +hi +\S+people\.yml:1$/m })
  for (const report of ['sagas', 'dlq']) t.match(stack.run(report), { status: 0, stdout: 'none\n', stderr: '' })
})

t.test('--only starts what is named, with what it waits for', async t => {
  const stack = up(t, ['--only', 'front'])
  await until('it is ready', () => stack.text().includes('All services are ready'))
  t.notMatch(stack.text(), /^(stock|late)/m)
})

t.test('ready is not said when a service cannot be called, but what is missing and why', async t => {
  const stack = up(t, ['--start-timeout', '20'], { ...FILES, 'breakwater.yml': `
services: { people: { command: "node people.cjs", register: false } }
` })
  await until('it gave up', () => stack.child.exitCode !== null)
  t.equal(stack.child.exitCode, 1)
  t.notMatch(stack.text(), 'All services are ready')
  t.match(stack.text(), /E_NOT_READY .*people: GET \/people got 503/)
})

t.test('interrupted during the start it says stopped, and not ready', async t => {
  const stack = up(t, ['--json'])
  await until('something starts', () => stack.text().includes('"STARTING"'))
  stack.child.kill('SIGINT')
  await until('it has ended', () => stack.child.exitCode !== null)
  t.equal(stack.child.exitCode, 0)
  const events = stack.text().trim().split('\n').map(line => (JSON.parse(line) as { event: string }).event)
  t.notOk(events.includes('ready'))
  t.equal(events.at(-1), 'stopped')
})

t.test('a profile that does not exist starts nothing', async t => {
  const stack = up(t, ['--profile', 'prod'])
  await until('it has ended', () => stack.child.exitCode !== null)
  t.equal(stack.child.exitCode, 2)
  t.match(stack.text(), /^E_USAGE breakwater up: the profile "prod", only local, consul, k8s/)
})
