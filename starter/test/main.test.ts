import { fork, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { parseCommandLine } from '../command-line.ts'
import { portOwner } from '../port-owner.ts'
import { adminToken } from '../security/admin-token.ts'
import { deadPort } from './ports.ts'
import { certificate, httpDouble, NODE_COMPILE_CACHE, until } from './support.ts'

const PROGRAM = new URL('./process-service.ts', import.meta.url).pathname

interface Ready { url: string, management?: string }
interface Started {
  child: ChildProcess
  out: () => string
  err: () => string
  exit: Promise<number | null>
  ready: Promise<Ready>
}

/** Without a registry: nothing of these tests needs one. */
function start (t: Test, args: string[], env: Record<string, string> = {}, cwd = t.testdir()): Started {
  const child = fork(PROGRAM, args, {
    cwd, silent: true, execArgv: [], env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE, BREAKWATER_DISCOVERY_CLIENT: 'fixed', ...env }
  })
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => { out += chunk.toString() })
  child.stderr?.on('data', (chunk: Buffer) => { err += chunk.toString() })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  const ready = Promise.race([
    once(child, 'message').then(([message]) => message as Ready),
    exit.then(code => { throw new Error(`ended with ${code}: ${err}`) })
  ])
  ready.catch(() => {})
  t.teardown(() => child.kill('SIGKILL'))
  return { child, out: () => out, err: () => err, exit, ready }
}

t.test('starts, says so to its supervisor, answers, and ends with 0 on SIGTERM', async t => {
  const running = start(t, ['--port', '0', '--greeting=moon', '--management.server.port=0'])
  const { url, management } = await running.ready
  t.same(await (await fetch(`${url}/hello`)).json(), { hello: 'moon' })
  t.equal((await fetch(`${management}/actuator/health/readiness`)).status, 200)
  t.equal((await fetch(`${url}/actuator/health`)).status, 404, 'the actuator is on its own port only')
  t.equal((await fetch(`${management}/hello`)).status, 404, 'and the service is not there')
  running.child.kill('SIGTERM')
  t.equal(await running.exit, 0)
  t.equal(running.err(), '')
  const lines = running.out().trim().split('\n').map(line => (JSON.parse(line) as { msg: string }).msg)
  // Requests are logged many at a time, the last of them while it stops.
  t.same(lines.filter(line => line !== 'request').slice(-2), ['stopping', 'stopped'])
  t.match(running.out(), /"method":"GET","route":"\/hello","status":200/)
})

t.test('a changed file is used after POST /actuator/refresh, log levels included', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'application.yml'), 'greeting: moon\n')
  const tokenFile = join(folder, 'admin-token')
  const running = start(t, ['--port', '0', `--breakwater.security.admin-token-file=${tokenFile}`], {}, folder)
  const { url } = await running.ready
  writeFileSync(join(folder, 'application.yml'), 'greeting: sun\nlogging.level.root: warn\n')
  const headers = { authorization: `Bearer ${await adminToken(tokenFile)}` }
  const changed = await (await fetch(`${url}/actuator/refresh`, { method: 'POST', headers })).json() as string[]
  t.same(changed.sort(), ['greeting', 'logging.level.root'])
  t.same(await (await fetch(`${url}/hello`)).json(), { hello: 'sun' })
  t.match(await (await fetch(`${url}/actuator/loggers/ROOT`)).json(), { effectiveLevel: 'WARN' })
})

/** A request to `/slow` is being answered. */
async function isInside (url: string): Promise<boolean> {
  return (await (await fetch(`${url}/inside`)).json() as { inside: number }).inside === 1
}

t.test('finishes the request in flight before it ends', async t => {
  const running = start(t, ['--port', '0', '--slow-ms=3000'])
  const { url } = await running.ready
  const answer = fetch(`${url}/slow`)
  await until('the request inside', () => isInside(url))
  running.child.kill('SIGTERM')
  const response = await answer
  t.equal(await response.text(), 'done')
  t.equal(await running.exit, 0)
})

t.test('a second signal ends it at once', async t => {
  const running = start(t, ['--port', '0', '--slow-ms=60000'])
  const { url } = await running.ready
  fetch(`${url}/slow`).catch(() => {})
  await until('the request inside', () => isInside(url))
  running.child.kill('SIGTERM')
  await until('stopping', () => running.out().includes('"stopping"'))
  running.child.kill('SIGTERM')
  t.equal(await running.exit, 1)
})

t.test('the shutdown deadline cuts what does not end', async t => {
  const running = start(t, ['--port', '0', '--slow-ms=60000', '--spring.lifecycle.timeout-per-shutdown-phase=300ms'])
  const { url } = await running.ready
  const cut = fetch(`${url}/slow`).then(() => false, () => true)
  await until('the request inside', () => isInside(url))
  running.child.kill('SIGTERM')
  t.equal(await running.exit, 0)
  t.ok(await cut)
  t.match(running.out(), /requests still in flight at the shutdown deadline/)
})

t.test('ends when its supervisor is gone', async t => {
  const running = start(t, ['--port', '0'])
  await running.ready
  // Node reports no `close` of a child that was disconnected, only its exit.
  const exit = once(running.child, 'exit')
  running.child.disconnect()
  t.same(await exit, [0, null])
  await until('its words', () => running.out().includes('"reason":"parent gone"'))
})

t.test('a port in use: which, by whom, and what to do; never a stack', async t => {
  const double = await httpDouble(() => {})
  t.teardown(() => double.close())
  const running = start(t, ['--port', String(double.port), '--password=geheim'])
  t.equal(await running.exit, 1)
  t.match(running.err(), new RegExp(`^E_PORT_IN_USE probe: 127.0.0.1:${double.port} is taken by pid ${process.pid} \\(node main.test.ts\\)\\. Stop it, or set SERVER_PORT `))
  t.equal(running.err().trim().split('\n').length, 1)
  t.notMatch(running.err(), /geheim/)
  t.match(await portOwner(double.port), /^pid \d+ \(node main\.test\.ts\)$/)
  t.equal(await portOwner(await deadPort()), undefined)
  t.equal(await portOwner(double.port, '/nowhere'), undefined)
})

t.test('the management port in use is named as such', async t => {
  const double = await httpDouble(() => {})
  t.teardown(() => double.close())
  const running = start(t, ['--port', '0', `--management.server.port=${double.port}`])
  t.equal(await running.exit, 1)
  t.match(running.err(), /^E_PORT_IN_USE .* or set MANAGEMENT_SERVER_PORT /)
})

t.test('an address that is not this machine\'s', async t => {
  const running = start(t, ['--port', '0', '--server.address=203.0.113.1'])
  t.equal(await running.exit, 1)
  t.match(running.err(), /^E_ADDRESS probe: cannot bind 203\.0\.113\.1: EADDRNOTAVAIL\. Set server\.address/)
})

t.test('wrong flags are usage errors (2), --help is none', async t => {
  const running = start(t, ['start'])
  t.equal(await running.exit, 2)
  t.match(running.err(), /^E_USAGE "start" is no flag\. Usage: \[--port N\]/)
  for (const args of [['--port', 'http'], ['--port'], ['--verbose'], ['--port', '70000'], ['-x']]) {
    t.throws(() => parseCommandLine(args), { code: 'E_USAGE' }, args.join(' '))
  }
  const help = start(t, ['--help'])
  t.equal(await help.exit, 0)
  t.match(help.out(), /--config FILE/)
})

t.test('a broken setting names its file and line', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'application.yml'), 'server:\n  port: eighty\n')
  const running = start(t, [], {}, folder)
  t.equal(await running.exit, 1)
  t.match(running.err(), /^E_SETTING_TYPE .*application\.yml:2/)
})

t.test('a failure nobody handled is written down and ends the process with 1', async t => {
  const running = start(t, ['--port', '0'])
  const { url } = await running.ready
  await fetch(`${url}/crash`).catch(() => {})
  t.equal(await running.exit, 1)
  t.match(running.out(), /"level":"fatal".*nobody listens.*unhandled failure, ending the process/)
})

t.test('without a supervisor it is a plain process', async t => {
  const child = spawn(process.execPath, [PROGRAM, '--port', '0'], {
    cwd: t.testdir(), env: { BREAKWATER_DISCOVERY_CLIENT: 'fixed', NODE_COMPILE_CACHE }, stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString() })
  await until('started', () => out.includes('"started"'))
  child.kill('SIGINT')
  t.same(await once(child, 'close'), [0, null])
})

t.test('flags: any setting, short names for three', t => {
  const line = parseCommandLine(['--port=81', '--config', 'a.yml', '--profile', 'k8s, eks', '--a.b=c=d', '--empty='])
  t.same({ ...line.settings }, { 'server.port': '81', 'a.b': 'c=d', empty: '' })
  t.equal(line.file, 'a.yml')
  t.same(line.profiles, ['k8s', 'eks'])
  t.same(Object.keys(parseCommandLine(['--__proto__=x']).settings), ['__proto__'])
  t.throws(() => parseCommandLine(['--prot', '81']), { message: /--prot=\.\.\.\)\. Did you mean --port\?/ })
  t.end()
})

t.test('a certificate and a key that do not belong together are told by their settings and place', async t => {
  const [one, other] = [certificate('one'), certificate('other')]
  const folder = t.testdir({ 'c.pem': one.cert, 'k.pem': other.key })
  const running = start(t, ['--port=0', `--server.ssl.certificate=${join(folder, 'c.pem')}`,
    `--server.ssl.certificate-private-key=${join(folder, 'k.pem')}`], {}, folder)
  running.ready.catch(() => {})
  t.equal(await running.exit, 1)
  t.match(running.err(), /^E_TLS_FILES .*server\.ssl\.certificate-private-key .*key values mismatch\. They must be PEM/)
})
