/** Two instances on one machine, and a replica whose news are held up: what was acknowledged is read, if asked for. */
import { readFileSync, writeFileSync } from 'node:fs'
import { request as send } from 'node:http'
import { join } from 'node:path'
import { t, type Test } from 'tap'
import { httpDouble, memoryLog, settingsOf, until } from '../../../starter/test/support.ts'
import { startUsers } from '../users.ts'

interface Answer { status: number, etag: string | null, body: Record<string, unknown> }

/** An owner and a replica, which hears of changes only while `open` is true, and of nothing while `dead`. */
async function pair (t: Test) {
  const dir = t.testdir()
  const start = async () => startUsers({ log: memoryLog().log, settings: await settingsOf({ 'server.port': '0',
    'breakwater.discovery.client': 'fixed', 'breakwater.shutdown.drain': '0', 'breakwater.bus.url': 'http://127.0.0.1:1',
    'breakwater.data.dir': dir, 'breakwater.users.take-over': '1h' }) })
  const owner = await start()
  const gate = { open: true, dead: false, held: [] as Array<() => void>, asked: 0 }
  // Between the two: what the replica asks of its owner goes through here.
  const road = await httpDouble((request, response, body) => {
    if (request.url?.startsWith('/internal/changes') === true) gate.asked++
    const pass = () => {
      const { host: _host, ...headers } = request.headers
      send(`${owner.url}${request.url}`, { method: request.method, headers }, answer => {
        response.writeHead(answer.statusCode!, answer.headers)
        // Held back with its news in it, as by a network that is slow one way.
        if (request.url?.startsWith('/internal/changes') !== true || gate.open) return answer.pipe(response)
        answer.on('data', (chunk: Buffer) => gate.held.push(() => response.write(chunk)))
        answer.on('end', () => gate.held.push(() => response.end()))
      }).end(body)
    }
    if (gate.dead) response.socket?.destroy()
    else pass()
  })
  const file = join(dir, 'users', 'owner.json')
  t.equal((JSON.parse(readFileSync(file, 'utf8')) as { url: string }).url, owner.url)
  writeFileSync(file, JSON.stringify({ url: road.url }))
  const replica = await start()
  t.teardown(async () => {
    for (const go of gate.held) go()
    await replica.stop()
    await road.close()
    await owner.stop()
  })
  const ask = async (
    url: string, method: string, path: string, body?: object, headers: Record<string, string> = {}
  ): Promise<Answer> => {
    const answer = await fetch(url + path, { method, ...body === undefined
      ? { headers }
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } })
    const text = await answer.text()
    return { status: answer.status, etag: answer.headers.get('etag'), body: text === '' ? {} : JSON.parse(text) as Answer['body'] }
  }
  return { owner: owner.url, replica: replica.url, gate, ask }
}

t.test('a replica whose news are held up', async t => {
  const { owner, replica, gate, ask } = await pair(t)
  const { body: { userId, version } } = await ask(owner, 'POST', '/users', { email: 'ann@example.org', name: 'Ann' })
  t.equal(version, 1)
  const path = `/users/${String(userId)}`
  t.match(await ask(replica, 'GET', path), { status: 200, etag: '"1"', body: { version: 1, status: 'ACTIVE' } })
  gate.open = false
  const suspended = await ask(owner, 'POST', `${path}/suspend`, {})
  t.match(suspended, { status: 200, body: { version: 2, status: 'SUSPENDED' } })
  await until('the news are on their way', () => gate.held.length >= 2)

  await t.test('without a condition it answers what it has', async t => {
    t.match(await ask(replica, 'GET', path), { body: { version: 1, status: 'ACTIVE' } })
  })
  await t.test('asked for what was acknowledged, it answers that or newer, also by entity tag', async t => {
    t.match(await ask(replica, 'GET', `${path}?minVersion=1`), { status: 200, body: { version: 1 } }, 'what it has will do')
    t.match(await ask(replica, 'GET', `${path}?minVersion=2`, undefined, { 'if-none-match': '"1"' }),
      { status: 200, etag: '"2"', body: { version: 2, status: 'SUSPENDED' } })
    t.match(await ask(replica, 'GET', `${path}?minVersion=2`, undefined, { 'if-none-match': 'W/"1", "2"' }), { status: 304, etag: '"2"' })
  })
  await t.test('and does not go back behind it, not even when old news come', async t => {
    t.match(await ask(replica, 'GET', path), { body: { version: 2 } })
    const again = await ask(owner, 'POST', `${path}/reactivate`, {})
    t.match(again.body, { version: 3 })
    t.match(await ask(replica, 'GET', `${path}?minVersion=3`), { body: { version: 3 } })
    const { asked } = gate
    for (const go of gate.held.splice(0)) go()
    // It asks for the next ones, which are held up again.
    await until('the old news are taken in', () => gate.asked > asked)
    t.match((await ask(replica, 'GET', path)).body, { version: 3 })
  })
  await t.test('what nobody has yet is 504, nobody is 404, from both', async t => {
    for (const url of [owner, replica]) {
      t.match(await ask(url, 'GET', `${path}?minVersion=4`), { status: 504, body: { code: 'READ_MODEL_BEHIND' } })
      t.match(await ask(url, 'GET', '/users/01a210cb-5f0d-7dad-80e3-ae92ef314987?minVersion=2'), { status: 404, body: { code: 'USER_NOT_FOUND' } })
    }
  })
  await t.test('without its owner: what it has, and "not now" for what it cannot know', async t => {
    gate.dead = true
    t.match(await ask(replica, 'GET', `${path}?minVersion=3`), { status: 200, body: { version: 3 } })
    t.match(await ask(replica, 'GET', `${path}?minVersion=4`), { status: 503, body: { code: 'E_NO_OWNER' } })
  })
})
