/** Messages that cannot be handled are told, whatever becomes of them. */
import { t } from 'tap'
import { Registry } from 'prom-client'
import { observe } from '../index.ts'
import { tryOnce } from '../bus/handling.ts'
import { Failures } from '../failures.ts'
import { ManualClock } from './manual-clock.ts'
import { anyData, rig } from './rig.ts'

const FAILURE = { envelope: undefined, tries: 1, error: new Error('no'), dead: false }

t.test('a try that failed is a warning with its cause, a dead letter an error, and both are counted by type', async t => {
  const fault = new TypeError('x is not a function')
  const { messaging, bus, clock, lines } = await rig(t, { schemas: anyData('shop.Do.v1'),
    routes: { 'shop.Do.v1': { kind: 'command', handle: async () => { throw fault } } } })
  await messaging.start()
  await messaging.tx(async (_tx, emit) => {
    await emit.command({ type: 'shop.Do.v1', subject: 'a', aggregateType: 'a', aggregateVersion: 1, data: {} })
  })
  await clock.advance(1000)
  const body = JSON.stringify(bus.of('shop.Do.v1')[0])
  const options = { probeMs: 1, onFailure: bus.consuming!.onFailure! }
  const verdicts = []
  for (let tries = 1; tries <= 5; tries++) {
    verdicts.push((await tryOnce(bus.handler!, { body, tries }, options)).kind)
  }
  verdicts.push((await tryOnce(bus.handler!, { body: 'no json', tries: 1 }, options)).kind)
  verdicts.push((await tryOnce(bus.handler!, { body: 'null', tries: 1 }, options)).kind)
  t.same(verdicts, ['retry', 'retry', 'retry', 'retry', 'dead', 'dead', 'dead'])
  t.match(lines.filter(line => line.level === 'warn'),
    [{ text: 'a message could not be handled, and comes again', type: 'shop.Do.v1', subject: 'a', tries: 1, err: fault }])
  t.match(lines.filter(line => line.level === 'error'), [
    { text: 'a message is a dead letter', type: 'shop.Do.v1', tries: 5, err: fault },
    { text: 'a message is a dead letter', type: 'unknown', err: { message: 'the body is no JSON' } }
  ])
  const metrics = new Registry()
  observe({ health: new Map(), metrics }, () => messaging)
  const text = await metrics.metrics()
  t.match(text, 'breakwater_messages_failed_total{type="shop.Do.v1"} 4')
  t.match(text, 'breakwater_messages_dead_total{type="shop.Do.v1"} 1')
  t.match(text, 'breakwater_messages_dead_total{type="unknown"} 2')
})

t.test('a flood is told as its number', async t => {
  const clock = new ManualClock()
  const said: object[] = []
  const say = (fields: object) => { said.push(fields) }
  const failures = new Failures({ clock, log: { warn: say, error: say }, handles: () => true })
  for (let n = 0; n < 100; n++) failures.failed(FAILURE)
  t.equal(said.length, 1)
  await clock.advance(10_000)
  failures.failed(FAILURE)
  t.match(said[1], { untold: 99 })
  t.equal(failures.tries.get('unknown'), 101)
})
