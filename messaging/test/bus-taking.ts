/** What a bus takes, and what of it arrives. */
import type { Delivery, Envelope, Outgoing } from '../index.ts'
import { isTransient } from '../errors.ts'
import { toWireText } from '../schemas.ts'
import { label, message, type Rig } from './bus-rig.ts'
import { until } from './until.ts'

export async function busRowsTaking ({ bed, queue, row }: Rig): Promise<void> {
  await row('a topic reaches every subscribed queue, each with the types it asked for', async (t, bus) => {
    const topic = `${bed.prefix}-source-events.fifo`
    const [all, some] = [`${bed.prefix}-all-in.fifo`, `${bed.prefix}-some-in.fifo`]
    await bus.provision(`${bed.prefix}-source-in.fifo`, [], topic)
    await bus.provision(all, [{ topic, types: ['test.Thing.v1', 'test.Other.v1'] }], `${bed.prefix}-all-events.fifo`)
    await bus.provision(some, [{ topic, types: ['test.Other.v1'] }], `${bed.prefix}-some-events.fifo`)
    const seen: string[] = []
    bus.consume(all, async delivery => { seen.push(`all ${delivery.envelope.type}`) })
    bus.consume(some, async delivery => { seen.push(`some ${delivery.envelope.type}`) })
    await bus.publish(topic, [message('a', 1), message('b', 1, 'test.Other.v1')])
    await until(() => seen.length === 3, 'three messages came')
    t.same(seen.sort(), ['all test.Other.v1', 'all test.Thing.v1', 'some test.Other.v1'])
  })

  await row('the body arrives as it was sent', async (t, bus) => {
    const name = await queue(bus)
    const sent = message('a', 1)
    const text = 'zażółć "\\ \u2028 😀 \uffff \ud800'
    const body = toWireText({ ...JSON.parse(sent.body) as Envelope, data: { n: 1, text } })
    let seen: Delivery | undefined
    bus.consume(name, async delivery => { seen = delivery })
    await bus.send(name, [{ ...sent, body }])
    await until(() => seen !== undefined, 'it came')
    t.same(seen?.envelope, JSON.parse(body))
    t.equal(seen?.tries, 1)
  })

  await row('the same dedupe id is taken once', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    const first = message('a', 1)
    await bus.send(name, [first])
    await bus.send(name, [first, message('a', 2)])
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await until(() => seen.includes('a2'), 'the last one came')
    t.same(seen, ['a1', 'a2'])
  })

  await row('the same message under a new dedupe id is taken again', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    const first = message('a', 1)
    await bus.send(name, [first])
    await bus.send(name, [{ ...first, dedupe: `${first.id}:a1` }])
    bus.consume(name, async delivery => { seen.push(delivery.envelope.id) })
    await until(() => seen.length === 2, 'both came')
    t.same(seen, [first.id, first.id])
  })

  await row('what came before the first consumer waits for it', async (t, bus) => {
    const name = await queue(bus)
    await bus.send(name, [message('a', 1)])
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await until(() => seen.length === 1, 'it came')
    t.same(seen, ['a1'])
  })

  await row('a backlog of messages of the greatest size is taken and handed out, and the small ones with it', async (t, bus) => {
    const name = await queue(bus)
    const topic = name.replace('-in.', '-events.')
    await bus.provision(name, [{ topic, types: ['test.Thing.v1'] }], topic)
    const large = (group: string, n: number): Outgoing => {
      const sent = message(group, n)
      const envelope = JSON.parse(sent.body) as Envelope
      return { ...sent, body: toWireText({ ...envelope, data: { n, pad: '"'.repeat(125_000) } }) }
    }
    t.equal((await bus.send(name, [...Array.from({ length: 21 }, (_, n) => large(`s${n}-`, 1)), message('small', 1)])).size, 0)
    t.equal((await bus.publish(topic, [...Array.from({ length: 21 }, (_, n) => large(`p${n}-`, 1)), message('small', 2)])).size, 0)
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) }, { lanes: 64 })
    await until(() => seen.length === 44, 'all came')
    t.equal(new Set(seen).size, 44)
  })

  await row('what the bus can never take is refused for ever, by its dedupe id, and the others are taken', async (t, bus) => {
    const name = await queue(bus)
    const odd = { ...message('a', 2), body: JSON.stringify('x'.repeat(1_200_000)) }
    const sent = [message('a', 1), odd, message('a', 3), message('b', 1)]
    const refused = await bus.send(name, sent)
    t.same([...refused].filter(([, error]) => !isTransient(error)).map(([dedupe]) => dedupe), [odd.dedupe])
    // What stood behind it may have to be sent again.
    const again = sent.filter(one => one !== odd && refused.has(one.dedupe))
    if (again.length > 0) t.equal((await bus.send(name, again)).size, 0)
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await until(() => seen.length === 3, 'the others came')
    t.same(seen.filter(text => text.startsWith('a')), ['a1', 'a3'])
  })

  await row('a group may have any name that an envelope may have', async (t, bus) => {
    const name = await queue(bus)
    const groups = ['cart 7', '日本', '😀'.repeat(64), 'x'.repeat(128), ' ', '"\\\'', '%2F/../..', '__proto__']
    await bus.send(name, [1, 2].flatMap(n => groups.map(group => message(group, n))))
    const seen: Array<readonly [string, number]> = []
    bus.consume(name, async ({ envelope }) => { seen.push([envelope.subject, envelope.data.n as number]) })
    await until(() => seen.length === 2 * groups.length, 'all came')
    for (const group of groups) t.same(seen.filter(([subject]) => subject === group), [[group, 1], [group, 2]])
  })

  await row('a subscription only grows, until somebody takes a type out of it', async (t, bus) => {
    const name = await queue(bus)
    const topic = `${bed.prefix}-grows-events.fifo`
    const provision = (types: string[]) => bus.provision(name, [{ topic, types }], topic)
    await provision(['test.Thing.v1', 'test.Other.v1'])
    await provision(['test.Thing.v1', 'test.Third.v1'])
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(delivery.envelope.type) })
    await bus.publish(topic, ['test.Thing.v1', 'test.Other.v1', 'test.Third.v1'].map((type, n) => message(`g${n}`, 1, type)))
    await until(() => seen.length === 3, 'all came')
    await bus.unsubscribe(name, { topic, types: ['test.Other.v1'] })
    await bus.publish(topic, [message('g1', 2, 'test.Other.v1'), message('g1', 3)])
    await until(() => seen.length === 4, 'the other came')
    t.same(seen.toSorted(), ['test.Other.v1', 'test.Thing.v1', 'test.Thing.v1', 'test.Third.v1'])
  })
}
