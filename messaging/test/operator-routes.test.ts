import { fastify } from 'fastify'
import { t, type Test } from 'tap'
import { operatorRoutes, type Messaging, type SqlTx } from '../index.ts'
import { replyTo, rig } from './rig.ts'
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
