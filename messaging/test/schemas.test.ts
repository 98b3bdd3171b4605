/** The one door of messages: what leaves a service and what comes in is held to the same rules. */
import { t } from 'tap'
import { Poison, Schemas, seal, uuidv7, type Envelope } from '../index.ts'
import { until } from './until.ts'
import { rig } from './rig.ts'

const MAX = Number.MAX_SAFE_INTEGER
const schemas = new Schemas([{ $id: 'shop.A.v1', type: 'object', required: ['n'],
  properties: { n: { type: 'integer', minimum: 0, maximum: MAX }, text: { type: 'string' } } }])

function message (data: Record<string, unknown>, subject = 's'): Envelope {
  return seal({ type: 'shop.A.v1', subject, aggregateType: 'thing', aggregateVersion: 1, data }, 'shop', 0)
}

t.test('text that a store could not keep is stopped at the sender and at the receiver, by its place', async t => {
  const bad: Array<[Envelope, RegExp]> = [
    [message({ n: 1, text: 'a\0b' }), /at \/data\/text: must not contain NUL/],
    [message({ n: 1, text: '\ud800' }), /at \/data\/text: must be well-formed/],
    [message({ n: 1, unknown: [{ deep: '\udc00' }] }), /at \/data\/unknown\/0\/deep: must be well-formed/],
    [message({ n: 1, 'a\0': 1 }), /at \/data\/a\0: has a name/],
    [message({ n: 1 }, 'a\0b'), /at \/subject: must not contain NUL/]
  ]
  for (const [envelope, why] of bad) {
    t.throws(() => schemas.encode(envelope), { code: 'E_EVENT_SCHEMA', message: why })
    t.throws(() => schemas.check(envelope), { name: 'Poison', message: why })
  }
  const fine = message({ n: 1, text: '\u0001😀\uffff' })
  schemas.check(JSON.parse(schemas.encode(fine)) as Envelope)
})

t.test('a time that is no instant is refused', async t => {
  for (const time of ['2026-12-31T23:59:60Z', '2026-02-30T00:00:00Z', '2026-01-01', 'x', '']) {
    t.throws(() => schemas.check({ ...message({ n: 1 }), time }), { name: 'Poison', message: /\/time/ }, time)
  }
  schemas.check({ ...message({ n: 1 }), time: '2026-01-01T00:00:00.123456+02:00' })
})

t.test('a number is what it is and within its range, or the message is refused', async t => {
  for (const n of [null, true, '1', [1], 1.5, -1, MAX + 1, Infinity, NaN]) {
    t.throws(() => schemas.encode(message({ n })), { code: 'E_EVENT_SCHEMA' }, String(n))
    t.throws(() => schemas.check(message({ n })), Poison, String(n))
  }
  for (const n of [0, -0, 1, MAX]) schemas.check(JSON.parse(schemas.encode(message({ n }))) as Envelope)
})

t.test('a command is sent again as it was, whatever its schema has become since', async t => {
  const { messaging, bus } = await rig(t, { schemas: [{ $id: 'stock.Do.v1', type: 'object',
    properties: { n: { type: 'integer', maximum: 10 } } }] })
  await messaging.start()
  const command = seal({ type: 'stock.Do.v1', subject: 's', aggregateType: 'thing', aggregateVersion: 1, data: { n: 99 } },
    'shop', 0, uuidv7)
  await t.rejects(messaging.tx((_tx, emit) => emit.command({ type: 'stock.Do.v1', subject: 's', aggregateType: 'thing',
    aggregateVersion: 1, data: { n: 99 } })), { code: 'E_EVENT_SCHEMA' })
  await messaging.tx((_tx, emit) => emit.resend(command, 'a1'))
  await until(() => bus.of('stock.Do.v1').length > 0, 'it is sent')
  t.same(bus.of('stock.Do.v1'), [command])
})
