import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { percentile, startLoad } from './paced-load.ts'
import { startStack } from './stack.ts'
import { until } from './until.ts'

const ORDER = { currency: 'EUR', lines: [{ sku: 'book', qty: 1, unitPrice: 1250 }] }

async function send (gateway: string, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
  return fetch(`${gateway}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** Answers at once: what it takes is what this machine adds to any answer at the moment. */
async function startIdleServer (t: Test): Promise<string> {
  const server = http.createServer((_request, response) => { response.end() })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close().closeAllConnections() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function registerUser (gateway: string): Promise<string> {
  const created = await send(gateway, '/users', { name: 'Grace', email: `${randomUUID()}@example.org` })
  return (await created.json() as { userId: string }).userId
}

/** Runs the README's first two blocks of shell lines for this gateway; what each line that prints printed. */
async function runReadme (gateway: string): Promise<string[]> {
  const readme = await readFile(path.join(import.meta.dirname, '../../README.md'), 'utf8')
  const tries = readme.slice(readme.indexOf('## Try'), readme.indexOf('## Each server alone'))
  const blocks = [...tries.matchAll(/```sh\n([^`]*)```/g)].map(match => match[1] ?? '').join('')
  const script = blocks.replaceAll('http://127.0.0.1:8080', gateway).trim().split('\n').join('; echo; ')
  const { stdout } = await promisify(execFile)('bash', ['-c', script])
  return stdout.split('\n').filter(line => line !== '')
}

function alive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('one command brings up the stack, and a call goes through all of it', async t => {
  const stack = await startStack(t)
  const gateway = stack.url('gateway')

  await t.test('every process says UP on its actuator', async t => {
    for (const name of ['discovery', 'config-server', 'users-1', 'users-2', 'orders']) {
      const response = await fetch(`${stack.url(name)}/actuator/health`)
      t.match(await response.json(), { status: 'UP' }, name)
    }
    t.match(await (await fetch(`${stack.management('gateway')}/actuator/health`)).json(), { status: 'UP' }, 'gateway')
  })

  await t.test('the registry lists the services under their names', async t => {
    const response = await fetch(`${stack.url('discovery')}/eureka/apps`, { headers: { accept: 'application/json' } })
    const { applications } = await response.json() as { applications: { application: { name: string }[] } }
    const names = applications.application.map(application => application.name)
    for (const name of ['USERS', 'ORDERS', 'GATEWAY', 'CONFIGSERVER']) t.ok(names.includes(name), name)
  })

  await t.test("the README's lines give what it says", async t => {
    const answers = await runReadme(gateway)
    t.match(JSON.parse(answers[0] ?? ''), { email: 'ada@example.org', name: 'Ada', status: 'ACTIVE', version: 1 })
    t.match(JSON.parse(answers[1] ?? ''), { orderId: String, status: 'PENDING', sagaId: String })
    t.match(JSON.parse(answers[2] ?? ''), { sku: 'book', onHand: 10 })
    t.match(JSON.parse(answers[3] ?? ''), { balance: 5000 })
    t.match(JSON.parse(answers[4] ?? ''), { status: 'CONFIRMED', lines: [{ sku: 'book', qty: 1 }] })
    t.strictSame((await runReadme(gateway)).slice(0, 2), answers.slice(0, 2), 'and the same again when repeated')
  })

  await t.test('a new user can be read on every instance', async t => {
    const id = await registerUser(gateway)
    for (const name of ['users-1', 'users-2']) {
      await until(`${name} has the user`, async () => (await fetch(`${stack.url(name)}/users/${id}`)).status === 200)
    }
    t.pass()
  })

  await t.test('an order for a user nobody knows is refused after asking users', async t => {
    const refused = await send(gateway, '/orders', { ...ORDER, userId: '01890000-0000-7000-8000-000000000000' })
    t.equal(refused.status, 422)
    t.match(refused.headers.get('content-type'), 'application/problem+json')
    t.match(await refused.json(), { code: 'USER_UNKNOWN' })
  })
})

t.test('killing instances under 200 requests/s', async t => {
  const stack = await startStack(t)
  const id = await registerUser(stack.url('gateway'))
  for (const name of ['users-1', 'users-2']) {
    await until(`${name} has the user`, async () => (await fetch(`${stack.url(name)}/users/${id}`)).status === 200)
  }
  const load = startLoad(`${stack.url('gateway')}/users/${id}`, 200)
  t.teardown(() => load.stop())
  const control = startLoad(await startIdleServer(t), 200)
  t.teardown(() => control.stop())
  const since = (from: number) => load.samples.filter(sample => sample.atMs >= from)
  await until('the load is flowing', () => load.samples.length > 200)

  await t.test('one of two: no client sees an error', async t => {
    const killed = performance.now()
    process.kill(stack.pid('users-1'), 'SIGKILL')
    await until('two seconds of load after the kill', () => since(killed).length > 400)
    const errors = load.samples.filter(sample => sample.status !== 200)
    t.equal(errors.length, 0, `${load.samples.length} requests, errors ${JSON.stringify(errors.slice(0, 5))}`)
  })

  await t.test('both: the fallback answers at once, as far as the machine lets it, and nothing hangs', async t => {
    const pid = stack.pid('users-2')
    process.kill(pid, 'SIGKILL')
    // The moment before belongs to requests that were under way at the kill.
    await until('it is gone', () => !alive(pid))
    const dead = performance.now()
    await until('two seconds of fallbacks', () => since(dead).length > 400)
    const samples = since(dead)
    t.ok(samples.every(sample => sample.status === 503), 'all are answered by the fallback')
    const p99 = percentile(samples, 0.99)
    const machine = percentile(control.samples.filter(sample => sample.atMs >= dead), 0.99)
    t.ok(p99 < 50 + 10 * machine, `p99 ${p99.toFixed(1)} ms, of a server that does nothing ${machine.toFixed(1)} ms`)
    t.ok(load.samples.every(sample => sample.status !== 0), 'no request hung')
  })

  await t.test('back: served again as soon as the first is ready, and not when the registry is next asked', async t => {
    await stack.supervisor.launch('users-1')
    const ready = performance.now()
    const second = stack.supervisor.launch('users-2')
    await until('a request is served', () => since(ready).some(sample => sample.status === 200))
    const first = since(ready).find(sample => sample.status === 200)
    const wait = (first?.atMs ?? 0) + (first?.elapsedMs ?? 0) - ready
    t.ok(wait < 10_000, `served ${wait.toFixed(0)} ms after ready`)
    await second
    // A breaker that was open lets a few through at first.
    let steady = performance.now()
    await until('it stays served', () => {
      const failed = since(steady).findLast(sample => sample.status !== 200)
      if (failed !== undefined) steady = failed.atMs + 1
      return since(steady).length > 200
    })
  })
  await load.stop()
  await control.stop()
})

t.test('stopping leaves no process and no registered instance', async t => {
  const stack = await startStack(t)
  const pids = stack.supervisor.statuses().map(status => status.pid ?? 0)
  const started = performance.now()
  await stack.supervisor.stop()
  t.ok(performance.now() - started < 20_000, 'nobody waits for what will not come')
  for (const pid of pids) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})
