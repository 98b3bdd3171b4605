/** The cache of a gateway is one on one event loop and on four, and so is a miss under way. */
import t from 'tap'
import { AS_ADMIN, call, gateway, until, upstream } from './harness.ts'
import { atOnce, DYING, held, killAll, letGo, loops, obedient, onOneAndFour, tally } from './many-loops.ts'
import { RawClient } from './raw.ts'

const cached = `
spring.cloud.gateway.routes:
  - { id: all, uri: lb://users, predicates: [ Path=/all/** ], filters: [ "LocalResponseCache=10m" ] }
  - { id: own, uri: lb://users, predicates: [ Path=/own/** ], filters: [ "LocalResponseCache=10m,1MB" ] }
`

onOneAndFour('a cached answer', async (t, count) => {
  const users = await upstream(t, (request, response) => {
    response.setHeader('vary', 'x-user')
    response.end(`${request.url} ${String(request.headers['x-user'])}`.padEnd(5_000, '.'))
  })
  const { url } = await gateway(t, cached, { users: [users.port] }, loops(count))
  for (const path of ['/all/a', '/own/a']) {
    for (const user of ['one', 'two']) {
      const before = users.calls()
      for (let n = 0; n < 16; n++) {
        const { body } = await call(`${url}${path}`, { headers: { 'x-user': user } })
        t.equal(body, `${path} ${user}`.padEnd(5_000, '.'))
      }
      t.equal(users.calls() - before, 1, `${path} for ${user} was asked for once`)
    }
  }
})

onOneAndFour('a miss under way', async (t, count) => {
  const users = await obedient(t)
  const { url } = await gateway(t, cached, { users: [users.port] }, loops(count))
  const calls = Array.from({ length: 24 }, () => call(`${url}/all/x?hold`))
  await until('one to be at the service', () => held.length > 0)
  const others = await atOnce(12, `${url}/all/other`)
  t.equal(tally(others, 200), 12, 'who asks for something else does not wait')
  t.equal(users.calls(), 2, 'one for each')
  letGo()
  t.equal(tally((await Promise.all(calls)).map(one => one.status), 200), 24)
  t.equal(users.calls(), 2)
})

onOneAndFour('a miss that brings nothing to keep', async (t, count) => {
  const users = await obedient(t)
  const { url } = await gateway(t, cached, { users: [users.port] }, loops(count))
  const calls = Array.from({ length: 8 }, () => call(`${url}/all/x?hold&st=404`))
  await until('one to be at the service', () => held.length === 1)
  letGo()
  await until('all others at once, not one after the other', () => held.length === 7)
  const later = call(`${url}/all/x?hold&st=404`)
  await until('who comes later not to wait either', () => held.length === 8)
  letGo()
  t.equal(tally((await Promise.all([...calls, later])).map(one => one.status), 404), 9)
})

t.test('nobody waits for a caller that has left, nor for a loop that is no more', async t => {
  const users = await obedient(t)
  const running = await gateway(t, cached, { users: [users.port] }, loops(4), undefined, false, DYING)
  const left = new RawClient(Number(new URL(running.url).port)).send('GET /all/x?hold HTTP/1.1\r\nHost: h\r\n\r\n')
  await until('the first', () => held.length === 1)
  left.socket.destroy()
  const second = call(`${running.url}/all/x?hold`).catch(() => undefined)
  await until('the second', () => held.length === 2)
  await killAll(running)
  await second
  let third = call(`${running.url}/all/x?hold`).catch(() => undefined)
  await until('the third', () => {
    // A thread that lives may not listen yet.
    if (held.length < 3) third = third.then(one => one ?? call(`${running.url}/all/x?hold`).catch(() => undefined))
    return held.length >= 3
  })
  letGo()
  t.equal((await third)?.status, 200)
})

onOneAndFour('a write, and an operator\'s purge', async (t, count) => {
  let turn = 0
  const users = await upstream(t, (_, response) => response.end(`${++turn}`))
  const { url, management } = await gateway(t, cached, { users: [users.port] }, loops(count))
  const bodies = async () => new Set(await Promise.all(Array.from({ length: 16 }, async () => (await call(`${url}/all/a`)).body)))
  for (const [how, end] of [
    ['a write', () => call(`${url}/all/a`, { method: 'PUT' })],
    ['a purge', () => call(`${management}/actuator/gateway/cache?path=/all/*`, { method: 'DELETE', headers: AS_ADMIN })]
  ] as const) {
    const before = await bodies()
    t.equal(before.size, 1)
    await end()
    await until(`${how} to be known to all loops`, async () => (await bodies()).isDisjointFrom(before))
    await until('all to have the same again', async () => (await bodies()).size === 1)
  }
})
