import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { decideRestart } from '../supervisor/restart-policy.ts'
import type { ProcessStatus } from '../supervisor/slot.ts'
import { createSupervisor, type SupervisorOptions } from '../supervisor/supervisor.ts'
import { until } from './until.ts'

const CHILD = path.join(import.meta.dirname, 'fixtures/child.mjs')

function spec (name: string, mode = 'ok', more: Partial<ProcessSpec> = {}): ProcessSpec {
  return {
    name, service: name, run: { kind: 'script', script: CHILD, args: [mode], saysReady: true }, folder: import.meta.dirname, port: 0,
    dependsOn: [], env: () => ({}), watch: [], registers: 'itself', check: undefined, ...more
  }
}

function setUp (t: Test, specs: readonly ProcessSpec[], more: Partial<SupervisorOptions> = {}) {
  const seen: ProcessStatus[] = []
  const problems: { message: string, lastLines: readonly string[] }[] = []
  const supervisor = createSupervisor(specs, {
    env: process.env,
    logFolder: mkdtempSync('/tmp/breakwater-test-'),
    startTimeoutMs: 90_000,
    stopGraceMs: 10_000,
    restart: false,
    onStatus: status => { seen.push(status) },
    onLines: () => {},
    onProblem: (message, lastLines) => { problems.push({ message, lastLines: [...lastLines] }) },
    ...more
  })
  t.teardown(() => supervisor.stop())
  const pids = () => seen.flatMap(status => status.pid ?? [])
  const reached = (name: string, state: string) => until(`${name} ${state}`, () => seen.some(s => s.name === name && s.state === state))
  return { supervisor, seen, problems, pids, reached }
}

function alive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('a process is launched when those it depends on are ready, and is told their addresses', async t => {
  const given: (string | undefined)[] = []
  const { supervisor, seen } = setUp(t, [
    spec('registry'),
    spec('service', 'ok', {
      dependsOn: ['registry'],
      env: addresses => {
        given.push(addresses.get('registry'))
        return { GIVEN: addresses.get('registry') ?? '' }
      }
    })
  ])
  await supervisor.start()
  const order = seen.filter(s => s.state === 'UP' || s.state === 'STARTING').map(s => `${s.name} ${s.state}`)
  t.strictSame(order, ['registry STARTING', 'registry UP', 'service STARTING', 'service UP'])
  const registry = supervisor.statuses().find(s => s.name === 'registry')?.url
  t.strictSame(given, [registry])
  const answer = await fetch(supervisor.statuses().find(s => s.name === 'service')?.url ?? '')
  t.equal(await answer.text(), registry)
})

t.test('stopping ends dependants first and leaves no process', async t => {
  const { supervisor, seen, pids } = setUp(t, [spec('registry'), spec('service', 'ok', { dependsOn: ['registry'] })])
  await supervisor.start()
  await supervisor.stop()
  const stopped = seen.filter(s => s.state === 'STOPPED').map(s => s.name)
  t.strictSame(stopped, ['service', 'registry'])
  t.notOk(pids().some(alive))
})

t.test('a process that ignores SIGTERM is ended all the same when its time is over', async t => {
  const { supervisor, seen, pids } = setUp(t, [spec('stuck', 'stubborn')], { stopGraceMs: 300 })
  await supervisor.start()
  await supervisor.stop()
  t.match(seen.at(-1), { state: 'STOPPED', note: 'ended by SIGKILL' })
  t.notOk(pids().some(alive))
})

t.test('a process that exits before it is ready fails the start, shows its last lines and stops the others', async t => {
  const { supervisor, problems, pids } = setUp(t, [spec('registry'), spec('bad', 'broken', { dependsOn: ['registry'] })])
  await t.rejects(supervisor.start(), { code: 'E_SERVICE_EXIT', message: /bad exited with code 1/ })
  t.match(problems, [{ message: /^E_SERVICE_EXIT/, lastLines: [/starting/, /E_CONFIG_YAML application.yml:3/] }])
  t.notOk(pids().some(alive))
})

t.test('a process that is never ready is ended after the start timeout', async t => {
  const { supervisor } = setUp(t, [spec('mute', 'silent')], { startTimeoutMs: 500 })
  await t.rejects(supervisor.start(), { code: 'E_SERVICE_SLOW' })
})

t.test('a killed process is started again on its port while the others stay', async t => {
  const { supervisor, problems, reached } = setUp(t, [spec('a'), spec('b')], { restart: true })
  await supervisor.start()
  const before = supervisor.statuses()
  supervisor.kill('a', 'SIGKILL')
  await reached('a', 'RESTART')
  await until('it is back', () => supervisor.statuses()[0]?.state === 'UP')
  const after = supervisor.statuses()
  t.equal(after[0]?.url, before[0]?.url)
  t.not(after[0]?.pid, before[0]?.pid)
  t.equal(after[0]?.restarts, 1)
  t.equal(after[1]?.pid, before[1]?.pid)
  t.match(problems, [{ message: /a exited with SIGKILL; started again in 0.1 s/ }])
})

t.test('the pause before a restart doubles up to ten seconds, and ends after ten quick exits', async t => {
  t.strictSame([1, 2, 3, 8, 9].map(n => decideRestart(n).pauseMs), [100, 200, 400, 10_000, 10_000])
  t.strictSame([1, 10, 11].map(n => decideRestart(n).again), [true, true, false])
})

t.test('a stop asked for a second time ends at once what still finishes its work', async t => {
  const { supervisor, seen, reached } = setUp(t, [spec('stuck', 'stubborn')], { stopGraceMs: 600_000 })
  await supervisor.start()
  const stopped = supervisor.stop()
  await reached('stuck', 'STOPPING')
  supervisor.endNow()
  await stopped
  t.match(seen.at(-1), { state: 'STOPPED', note: 'ended by SIGKILL' })
  t.equal(seen.filter(({ state }) => state === 'STOPPING').length, 1)
})

t.test('a start that is cut short says so, and nobody is up afterwards', async t => {
  const { supervisor, seen, pids, reached } = setUp(t, [spec('slow', 'silent'), spec('next', 'ok', { dependsOn: ['slow'] })])
  const started = supervisor.start()
  const refused = t.rejects(started, { code: 'E_STOPPED' })
  await reached('slow', 'STARTING')
  await supervisor.stop()
  await refused
  t.notOk(seen.some(({ state }) => state === 'UP'))
  t.notOk(pids().some(alive))
})

/** A program of somebody else: it knows PORT, and nothing of us. */
function command (name: string, code: string, health?: string): ProcessSpec {
  const file = path.join(mkdtempSync('/tmp/breakwater-test-'), 'program.cjs')
  writeFileSync(file, code)
  return spec(name, 'ok', { run: { kind: 'command', command: `"${process.execPath}" ${file}; true`, health } })
}

const HEALTHY_AT_THIRD = `let asked = 0
require('http').createServer((q, s) => { s.statusCode = q.url === '/up' && ++asked > 2 ? 200 : 503; s.end(String(asked)) })
  .listen(process.env.PORT, '127.0.0.1')`

t.test('a part of the platform is ready when it says so, however long its port has been open', async t => {
  const { supervisor } = setUp(t, [spec('gateway', 'late')])
  await supervisor.start()
  t.equal(supervisor.statuses()[0]!.management, 'http://127.0.0.1:1')
})

t.test('any program is ready when its port is open, or when its health path answers well', async t => {
  const { supervisor } = setUp(t, [command('open', HEALTHY_AT_THIRD), command('healthy', HEALTHY_AT_THIRD, '/up')])
  await supervisor.start()
  const [open, healthy] = supervisor.statuses().map(({ url }) => url!)
  t.equal(await (await fetch(open!)).text(), '0')
  t.equal(await (await fetch(healthy!)).text(), '3')
})

t.test('a program ends with all that it has started, when it is stopped and when it crashes', async t => {
  const grandchild = `const { spawn } = require('child_process')
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
require('http').createServer((q, s) => { s.end(String(child.pid)); if (q.url === '/die') process.exit(3) }).listen(process.env.PORT, '127.0.0.1')`
  const { supervisor, reached } = setUp(t, [command('stopped', grandchild), command('crashed', grandchild)])
  await supervisor.start()
  const [stopped, crashed] = supervisor.statuses().map(({ url }) => url!)
  const pids = [Number(await (await fetch(stopped!)).text()), Number(await (await fetch(crashed!)).text())]
  t.ok(pids.every(alive))
  await fetch(`${crashed}/die`).catch(() => {})
  await reached('crashed', 'FAILED')
  await until('what the crashed one had started is gone', () => !alive(pids[1]!))
  await supervisor.stop()
  await until('what the stopped one had started is gone', () => !alive(pids[0]!))
})

t.test('programs do not outlive a supervisor that is ended by SIGKILL', async t => {
  const { run } = command('orphan', HEALTHY_AT_THIRD)
  const host = spawn(process.execPath, ['--input-type=module', '-e', `
    const { createSupervisor } = await import(${JSON.stringify(path.join(import.meta.dirname, '../supervisor/supervisor.ts'))})
    const spec = { name: 'a', service: 'a', run: ${JSON.stringify(run)}, folder: '/tmp', port: 0, dependsOn: [], env: () => ({}),
      watch: [], registers: 'itself' }
    const supervisor = createSupervisor([spec], { env: process.env, logFolder: ${JSON.stringify(t.testdir())}, startTimeoutMs: 60_000,
      stopGraceMs: 1000, restart: false, onStatus () {}, onLines () {}, onProblem () {} })
    await supervisor.start()
    console.log(supervisor.statuses()[0].pid)`], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => host.kill('SIGKILL'))
  const [line] = await once(host.stdout, 'data') as [Buffer]
  const pid = Number(line.toString())
  t.ok(alive(pid))
  host.kill('SIGKILL')
  await until('it is gone', () => !alive(pid))
  t.pass()
})

t.test('a fixed port that somebody else has is told with the flag that gives another', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const { supervisor, problems } = setUp(t, [spec('late', 'ok', { port })])
  await t.rejects(supervisor.start(), { code: 'E_SERVICE_PORT' })
  t.match(problems, [{ message: `--port late=${port + 1}` }])
})

t.test('a change of a file starts its program anew, once for what changes at once', async t => {
  const folder = t.testdir({ 'a.txt': '1', node_modules: { 'there.js': '' } })
  const { supervisor } = setUp(t, [spec('watched', 'ok', { watch: [folder] }), spec('other')])
  await supervisor.start()
  const pid = () => supervisor.statuses().map(one => one.pid)
  const [first, other] = pid()
  writeFileSync(path.join(folder, 'node_modules/ignored.js'), '')
  writeFileSync(path.join(folder, 'a.txt'), '2')
  writeFileSync(path.join(folder, 'b.txt'), '2')
  await until('it runs anew', () => supervisor.statuses()[0]!.restarts === 1 && supervisor.statuses()[0]!.state === 'UP')
  t.not(pid()[0], first)
  t.equal(pid()[1], other)
})
