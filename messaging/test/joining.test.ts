/** A service and a bus that is away, that refuses it, or whose answers stop. */
import { t, type Test } from 'tap'
import { messagingError, workHealth, type MessageRoute, type SqlTx } from '../index.ts'
import { anyData, NoteBus, rig } from './rig.ts'

const route: MessageRoute<SqlTx> = { kind: 'command', handle: async () => {} }
const away = () => messagingError('E_BUS_DOWN', ['here', 'nobody listens'])

async function make (t: Test) {
  const bus = new NoteBus()
  const made = await rig(t, { bus, schemas: anyData('shop.Do.v1'), routes: { 'shop.Do.v1': route } })
  const stateOf = (name: string) => made.messaging.work.find(work => work.name === name)
  return { ...made, bus, stateOf }
}

t.test('a bus that is away is joined when it is there; meanwhile it is told once, and seen', async t => {
  const { messaging, bus, clock, lines, stateOf } = await make(t)
  bus.closed = away()
  await messaging.start()
  await clock.advance(20_000)
  t.equal(bus.handler, undefined)
  t.match(stateOf('provision'), { permanent: false, error: /E_BUS_DOWN/ })
  t.ok(stateOf('provision')!.failures >= 5)
  t.equal(lines.filter(line => line.level === 'warn').length, 1)
  t.equal(workHealth(messaging.work).status, 'UP', 'the bus has a part of its own')
  bus.closed = undefined
  await clock.advance(3000)
  t.type(bus.handler, 'function')
  t.match(stateOf('provision'), { failures: 0 })
  t.equal(lines.filter(line => line.text === 'background work goes on').length, 1)
})

t.test('nothing is sent before the service has joined: an answer could come before anybody has subscribed to it', async t => {
  const { messaging, bus, clock } = await make(t)
  bus.closed = away()
  await messaging.start()
  await messaging.tx(async (_tx, emit) => {
    await emit.command({ type: 'shop.Do.v1', subject: 'a', aggregateType: 'a', aggregateVersion: 1, data: {} })
  })
  await clock.advance(400)
  t.same(bus.sent, [])
  t.equal(messaging.busUp, false)
  bus.closed = undefined
  await clock.advance(3000)
  t.equal(bus.of('shop.Do.v1').length, 1)
  t.equal(messaging.busUp, true)
})

t.test('what another one has written over, or taken away, is asked for again', async t => {
  const { messaging, bus, clock, stateOf } = await make(t)
  await messaging.start()
  t.equal(bus.provisions, 1)
  await clock.advance(60_000)
  t.equal(bus.provisions, 2)
  bus.closed = messagingError('E_BUS_PROVISION', ['queue of shop'])
  await clock.advance(60_000)
  t.match(stateOf('subscriptions'), { permanent: true, error: /queue of shop/ })
})

t.test('a bus that refuses the service ends its start with the reason, and leaves nothing running', async t => {
  const { messaging, bus, clock } = await make(t)
  bus.closed = messagingError('E_BUS_PROVISION', ['queue of shop'])
  await t.rejects(messaging.start(), { code: 'E_BUS_PROVISION', message: /queue of shop/ })
  t.equal(bus.handler, undefined)
  t.equal(clock.timers, 0)
})

t.test('a bus that was away and then refuses the service makes it down', async t => {
  const { messaging, bus, clock, stateOf } = await make(t)
  bus.closed = away()
  await messaging.start()
  bus.closed = messagingError('E_BUS_PROVISION', ['queue of shop'])
  await clock.advance(20_000)
  t.match(stateOf('provision'), { permanent: true })
  t.match(workHealth(messaging.work), { status: 'DOWN', details: { provision: { error: /E_BUS_PROVISION/ } } })
})

t.test('a consumer that fails is seen, down when waiting does not help, and well again when it is', async t => {
  const { messaging, bus, stateOf } = await make(t)
  await messaging.start()
  for (let n = 0; n < 5; n++) bus.consuming!.onError!(away())
  t.match(stateOf('consume'), { failures: 5, permanent: false })
  t.equal(workHealth(messaging.work).status, 'UP')
  for (let n = 0; n < 3; n++) bus.consuming!.onError!(new Error('AccessDenied'))
  t.match(workHealth(messaging.work), { status: 'DOWN', details: { consume: { error: /AccessDenied/ } } })
  bus.consuming!.onUp!()
  t.match(workHealth(messaging.work), { status: 'UP', details: { consume: 'ok' } })
  t.match(stateOf('consume'), { failures: 0, failuresTotal: 8 })
})
