import path from 'node:path'
import t, { type Test } from 'tap'
import type { ProcessSpec } from '../supervisor/plan.ts'
import { decideRestart } from '../supervisor/restart-policy.ts'
import { createSupervisor, type ProcessStatus } from '../supervisor/supervisor.ts'
import { until } from './until.ts'

const CHILD = path.join(import.meta.dirname, 'fixtures/child.mjs')

function spec (name: string, mode = 'ok', more: Partial<ProcessSpec> = {}): ProcessSpec {
  return { name, script: CHILD, args: [mode], port: 0, dependsOn: [], env: () => ({}), ...more }
}

function setUp (t: Test, specs: readonly ProcessSpec[], more: { restart?: boolean, startTimeoutMs?: number } = {}) {
  const seen: ProcessStatus[] = []
  const problems: { message: string, lastLines: readonly string[] }[] = []
  const supervisor = createSupervisor(specs, {
    env: process.env,
    logFolder: t.testdir(),
    startTimeoutMs: 90_000,
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

t.test('a process that ignores SIGTERM is ended all the same, within the three seconds Ctrl-C may take', async t => {
  const { supervisor, seen, pids } = setUp(t, [spec('stuck', 'stubborn')])
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
