import { fastify } from 'fastify'
import { t, type Test } from 'tap'
import { operatorRoutes, type Envelope, type Messaging, type SqlTx } from '../index.ts'
import { anyData, replyTo, rig } from './rig.ts'
import { DEADLINE_MS, hold, start } from './saga-rig.ts'

interface Body {
  readonly items: object[]
  readonly log: Array<{ note: string }>
  readonly deadlineAt: number
}

interface Answer { readonly status: number, readonly body: Body }

type Ask = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) => Promise<Answer>

function routes (t: Test, messaging: Messaging<SqlTx>): Ask {
  const app = fastify()
  t.teardown(() => app.close())
  operatorRoutes(app, () => messaging)
  return async (method, url, payload) => {
    const answer = await app.inject({ method, url, ...(payload === undefined ? {} : { payload }) })
    return { status: answer.statusCode, body: answer.json<Body>() }
  }
}

const notesOf = ({ body }: Answer) => body.log.map(line => line.note)

t.test('sagas: listed, found with their history, asked again, cancelled; all of it is in their history', async t => {
  const { messaging, begin, bus, clock } = await start(t)
  const ask = routes(t, messaging)
  const id = await begin('b1')
  await clock.advance(1)
  await begin('b2')
  await clock.advance(1000)
  t.match(await ask('GET', '/internal/sagas'), { status: 200, body: { open: 2, stuck: 0, failing: 0, unknown: 0,
    items: [{ subject: 'b2' }, { subject: 'b1', sagaId: id, type: 'Booking', state: 'HOLDING', attempt: 0, known: true }] } })
  t.equal((await ask('GET', '/internal/sagas?stuck=true')).body.items.length, 0)
  t.equal((await ask('GET', '/internal/sagas?state=DONE')).body.items.length, 0)
  t.equal((await ask('GET', '/internal/sagas?limit=1')).body.items.length, 1)

  const { deadlineAt } = (await ask('GET', `/internal/sagas/${id}`)).body
  t.match(await ask('POST', `/internal/sagas/${id}/resend`), { status: 202, body: { attempt: 0, deadlineAt } })
  await ask('POST', '/internal/sagas/b1/resend')
  await clock.advance(1000)
  t.equal(bus.of('seats.Hold.v1').filter(command => command.subject === 'b1').length, 3, 'it went out again, each time')
  t.equal(new Set(bus.sent.map(message => message.dedupe)).size, 4)

  t.match(await ask('POST', `/internal/sagas/${id}/cancel`, { reason: 'CHANGED_MIND' }), { status: 202 })
  await bus.deliver(replyTo(bus.of('seats.Hold.v1').find(command => command.subject === 'b1')!, 'seats.Held.v1'))
  t.match(await ask('POST', `/internal/sagas/${id}/cancel`, { reason: 'CHANGED_MIND' }),
    { status: 409, body: { code: 'E_SAGA_GOES_ON', message: /RELEASING/ } })
  t.same(notesOf(await ask('GET', `/internal/sagas/${id}`)), ['asked',
    'sent again by an operator', 'sent again by an operator', 'to be cancelled by an operator: CHANGED_MIND', 'noted',
    'held, but not wanted any more', 'to be cancelled by an operator: CHANGED_MIND', 'ignored cancel'])
})

t.test('sagas: what cannot be is refused and changes nothing', async t => {
  const { messaging, begin, bus, clock } = await start(t)
  const ask = routes(t, messaging)
  const id = await begin('b1')
  await clock.advance(1000)
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'stuck=maybe', 'state=', `type=${'x'.repeat(129)}`]) {
    t.equal((await ask('GET', `/internal/sagas?${query}`)).status, 400, query)
  }
  t.match(await ask('GET', '/internal/sagas/unknown'), { status: 404, body: { code: 'E_SAGA_MISSING' } })
  t.match(await ask('POST', '/internal/sagas/unknown/resend'), { status: 404 })
  t.match(await ask('POST', '/internal/sagas/unknown/cancel', { reason: 'CHANGED_MIND' }), { status: 404 })
  t.match(await ask('POST', `/internal/sagas/${id}/cancel`, {}), { status: 400 })
  t.match(await ask('POST', `/internal/sagas/${id}/cancel`, { reason: 'BORED' }),
    { status: 400, body: { code: 'E_SAGA_REASON', message: /CHANGED_MIND/ } })
  await bus.deliver(replyTo(hold(bus), 'seats.Held.v1'))
  t.match(await ask('POST', `/internal/sagas/${id}/resend`), { status: 409, body: { code: 'E_SAGA_IDLE' } })
  t.same(notesOf(await ask('GET', `/internal/sagas/${id}`)), ['asked', 'held'])
  await clock.advance(DEADLINE_MS)
  t.equal(bus.of('seats.Hold.v1').length, 1)
})

t.test('a service without sagas has none', async t => {
  const { messaging } = await rig(t, {})
  await messaging.start()
  const ask = routes(t, messaging)
  t.match(await ask('GET', '/internal/sagas'), { status: 200, body: { open: 0, items: [] } })
  t.match(await ask('GET', '/internal/sagas/x'), { status: 404 })
})

const event = (type: string, subject: string) => ({ type, subject, aggregateType: 'thing', aggregateVersion: 1, data: {} })

t.test('the outbox: what waits and why, and what the bus will never take: tried again or dropped', async t => {
  const { messaging, bus, clock } = await rig(t, { schemas: anyData('shop.Opened.v1', 'shop.Closed.v1') })
  await messaging.start()
  const ask = routes(t, messaging)
  bus.refused.set('shop.Opened.v1', new Error('never'))
  bus.refused.set('shop.Closed.v1', Object.assign(new Error('not now'), { canRetry: true }))
  await messaging.tx(async (_tx, emit) => {
    for (const group of ['a', 'b', 'c']) await emit.event(event('shop.Opened.v1', group))
    await emit.event(event('shop.Closed.v1', 'd'))
  })
  await clock.advance(1000)
  const page = await ask('GET', '/internal/outbox')
  t.match(page, { status: 200, body: { waiting: 1, refused: 3, busUp: false, items: [{ type: 'shop.Closed.v1', group: 'd' }],
    troubles: [{ where: 'breakwater-shop-events.fifo d', error: 'Error: not now' }] } })
  t.notMatch(page.body.items[0], { body: /./ }, 'the body is shown of what is set aside, where it is the reason')
  const { items } = (await ask('GET', '/internal/outbox/refused?limit=2')).body
  t.match(items, [{ group: 'a', reason: /never/, body: /specversion/ }, { group: 'b' }])
  const [first, second] = items as Array<{ seq: number }>
  bus.refused.clear()
  t.match(await ask('POST', `/internal/outbox/refused/${first!.seq}/retry`), { status: 202, body: { count: 1 } })
  t.match(await ask('DELETE', `/internal/outbox/refused/${second!.seq}`), { status: 200, body: { count: 1 } })
  t.match(await ask('POST', '/internal/outbox/refused/all/retry'), { status: 202, body: { count: 1 } })
  await clock.advance(10_000)
  t.same(bus.sent.map(({ group }) => group).toSorted(), ['a', 'c', 'd'])
  t.match(await ask('GET', '/internal/outbox'), { body: { waiting: 0, refused: 0, busUp: true, troubles: [] } })
})

t.test('dead letters, the inbox and the queue', async t => {
  const { messaging, bus } = await rig(t, { schemas: anyData('shop.Do.v1'),
    routes: { 'shop.Do.v1': { kind: 'command', handle: async () => {} } } })
  await messaging.start()
  const ask = routes(t, messaging)
  const letter = (id: string) => ({ id, group: 'a', type: 'shop.Do.v1', body: '{}', error: 'no', at: 1 })
  bus.letters.push(letter('x'), letter('y'), letter('z'))
  t.equal((await ask('GET', '/internal/dlq?limit=2')).body.items.length, 2)
  t.match(await ask('POST', '/internal/dlq/x/redrive'), { status: 202, body: { count: 1 } })
  t.match(await ask('DELETE', '/internal/dlq/y'), { status: 200, body: { count: 1 } })
  t.match(await ask('DELETE', '/internal/dlq/y'), { status: 404, body: { code: 'E_NOT_FOUND', message: /dead letter y/ } })
  t.match(await ask('POST', '/internal/dlq/all/redrive'), { status: 202, body: { count: 1 } })
  t.match(await ask('POST', '/internal/dlq/all/redrive'), { status: 202, body: { count: 0 } })
  t.match(await ask('GET', '/internal/queue'), { status: 200, body: { dead: 0 } })
  await bus.deliver(replyTo({ subject: 'a', id: 'x', time: '2026-03-01T12:00:00Z' } as Envelope, 'shop.Do.v1'))
  t.equal((await ask('GET', '/internal/inbox')).body.items.length, 1)
})

t.test('what no route takes is refused before anything is asked', async t => {
  const { messaging } = await rig(t, {})
  await messaging.start()
  const ask = routes(t, messaging)
  for (const path of ['outbox', 'outbox/refused', 'inbox', 'dlq', 'held', 'sagas']) {
    for (const limit of ['0', '1001', '-1', '1.5', 'x', '']) {
      t.equal((await ask('GET', `/internal/${path}?limit=${limit}`)).status, 400, `${path} ${limit}`)
    }
  }
  for (const seq of ['x', '-1', '1.5', '1e3', '9'.repeat(16)]) {
    t.equal((await ask('POST', `/internal/outbox/refused/${seq}/retry`)).status, 400, seq)
    t.equal((await ask('DELETE', `/internal/outbox/refused/${seq}`)).status, 400, seq)
  }
  t.match(await ask('DELETE', '/internal/outbox/refused/7'), { status: 404 })
  t.match(await ask('DELETE', '/internal/held/unknown'), { status: 404 })
})
