/**
 * What every bus must do, as one suite. A bus that cannot do a row names it in `differences` with the reason, so that
 * no test passes or fails through a fake's own fault unseen.
 */
import type { Test } from 'tap'
import { uuidv7, type Bus, type Delivery, type Envelope, type Outgoing } from '../index.ts'
import { toWireText } from '../schemas.ts'
import { Held, isTransient, Poison, Transient } from '../errors.ts'

export interface Bed {
  /** A bus client; several may be asked for. */
  connect (): Promise<Bus>
  /** Makes names that no other test uses. */
  readonly prefix: string
  readonly visibilityMs: number
  /** Rows this bus does otherwise, with the reason. */
  readonly differences?: Readonly<Record<string, string>>
  /** A crowd of groups, or of messages in one. Default 200; fewer where a fake takes seconds for that. */
  readonly crowd?: number
  /** Restarts the broker, when it is durable. */
  restart? (): Promise<void>
}

export function message (group: string, n: number, type = 'test.Thing.v1'): Outgoing {
  const id = uuidv7()
  const body = toWireText({ specversion: '1.0', id, source: '/test', type, subject: group,
    time: new Date().toISOString(), datacontenttype: 'application/json', aggregatetype: 'thing', aggregateversion: n,
    data: { n } })
  return { id, dedupe: id, group, type, body }
}

/** Waits for a condition; conditions, not sleeps, or a busy machine fails the test. */
export async function until (condition: () => boolean | Promise<boolean>, what: string, ms = 90_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${what}`)
    await new Promise(resolve => { setTimeout(resolve, 10) })
  }
}

const label = (delivery: Delivery): string =>
  `${delivery.envelope.subject}${String(delivery.envelope.data.n)}`

export async function busConformance (t: Test, bed: Bed): Promise<void> {
  const { crowd = 200 } = bed
  let names = 0
  const queue = async (bus: Bus): Promise<string> => {
    const name = `${bed.prefix}-q${++names}-in.fifo`
    await bus.provision(name, [], `${bed.prefix}-q${names}-events.fifo`)
    return name
  }
  const row = (name: string, run: (t: Test, bus: Bus) => Promise<void>): Promise<unknown> => {
    const difference = bed.differences?.[name]
    return t.test(name, difference === undefined ? {} : { skip: difference }, async t => {
      const bus = await bed.connect()
      t.teardown(() => bus.close())
      await run(t, bus)
    })
  }

  await row('messages of a group arrive in order, all of them', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await bus.send(name, [1, 2, 3, 4, 5].flatMap(n => [message('a', n), message('b', n)]))
    await until(() => seen.length === 10, 'ten messages came')
    t.same(seen.filter(text => text.startsWith('a')), ['a1', 'a2', 'a3', 'a4', 'a5'])
    t.same(seen.filter(text => text.startsWith('b')), ['b1', 'b2', 'b3', 'b4', 'b5'])
  })

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

  await row('a group waits for its first message, other groups do not', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    let release = (): void => {}
    const held = new Promise<void>(resolve => { release = resolve })
    bus.consume(name, async delivery => {
      seen.push(label(delivery))
      if (label(delivery) === 'a1') await held
    })
    await bus.send(name, [message('a', 1), message('a', 2), message('b', 1), message('b', 2)])
    await until(() => seen.includes('b2'), 'b was handled')
    t.notOk(seen.includes('a2'))
    release()
    await until(() => seen.includes('a2'), 'a went on')
  })

  await row('a failed message comes again before the next of its group', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    bus.consume(name, async delivery => {
      seen.push(label(delivery))
      if (seen.length === 1) throw new Error('the first time it fails')
    })
    await bus.send(name, [message('a', 1), message('a', 2)])
    await until(() => seen.length === 3, 'three deliveries')
    t.same(seen, ['a1', 'a1', 'a2'])
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

  await row('after five tries a message is a dead letter and its group goes on', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    bus.consume(name, async delivery => {
      seen.push(label(delivery))
      if (label(delivery) === 'a1') throw new Error('always')
    })
    await bus.send(name, [message('a', 1), message('a', 2)])
    await until(() => seen.includes('a2'), 'the group went on')
    t.equal(seen.filter(text => text === 'a1').length, 5)
    await until(async () => (await bus.dlq(name).list(10)).length === 1, 'it is listed')
  })

  await row('poison is a dead letter at once, a redrive heals it', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    let broken = true
    bus.consume(name, async delivery => {
      seen.push(label(delivery))
      if (broken) throw new Poison('cannot be read')
    })
    await bus.send(name, [message('a', 1)])
    await until(async () => (await bus.dlq(name).list(10)).length === 1, 'it is a dead letter')
    t.equal(seen.length, 1)
    const [letter] = await bus.dlq(name).list(10)
    t.equal((JSON.parse(letter!.body) as { data: { n: number } }).data.n, 1)
    t.equal(letter!.group, 'a')
    broken = false
    t.equal(await bus.dlq(name).redrive('all'), 1)
    await until(() => seen.length === 2, 'it came again')
    await until(async () => (await bus.dlq(name).list(10)).length === 0, 'no dead letter is left')
  })

  await row('a body that is no JSON is a dead letter, and the queue goes on', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await bus.send(name, [{ ...message('a', 1), body: 'no {json' }, message('a', 2), message('b', 1)])
    await until(() => seen.length === 2, 'the others came')
    t.same(seen.toSorted(), ['a2', 'b1'])
    await until(async () => (await bus.dlq(name).list(10)).length === 1, 'it is a dead letter')
  })

  await row('a dropped dead letter is gone', async (t, bus) => {
    const name = await queue(bus)
    bus.consume(name, async () => { throw new Poison('no') })
    await bus.send(name, [message('a', 1), message('b', 1)])
    await until(async () => (await bus.dlq(name).list(10)).length === 2, 'two dead letters')
    const [letter] = await bus.dlq(name).list(10)
    t.equal(await bus.dlq(name).drop([letter!.id]), 1)
    await until(async () => (await bus.dlq(name).list(10)).length === 1, 'one is left')
  })

  await row('surroundings that are down use up no try', async (t, bus) => {
    const name = await queue(bus)
    const counts: number[] = []
    bus.consume(name, async delivery => {
      counts.push(delivery.tries)
      if (counts.length < 8) throw new Transient('the store is down')
    })
    await bus.send(name, [message('a', 1)])
    await until(() => counts.length === 8, 'eight calls')
    t.same(new Set(counts), new Set([1]))
    t.same(await bus.dlq(name).list(10), [])
  })

  await row('groups whose surroundings are down hold up nobody, however many they are', async (t, bus) => {
    const name = await queue(bus)
    const tried = new Set<string>()
    const seen: string[] = []
    let down = true
    bus.consume(name, async delivery => {
      tried.add(delivery.envelope.subject)
      if (down && delivery.envelope.subject.startsWith('w')) throw new Transient('the store is down')
      seen.push(label(delivery))
    }, { lanes: 8, visibilityMs: 30_000 })
    await bus.send(name, Array.from({ length: crowd }, (_, n) => message(`w${n}-`, 1)))
    await until(() => tried.size === crowd, 'each of them was tried')
    await bus.send(name, [message('a', 1), message('a', 2)])
    await until(() => seen.length === 2, 'another group went through')
    t.same(seen, ['a1', 'a2'])
    down = false
    await until(() => seen.length === crowd + 2, 'all came when the surroundings were back')
    t.same(await bus.dlq(name).list(10), [])
  })

  await row('a consumer that stops while its surroundings are down uses up no try', async (t, bus) => {
    const name = await queue(bus)
    await bus.send(name, [message('a', 1)])
    for (let n = 0; n < 8; n++) {
      let tried = false
      const stop = bus.consume(name, async () => {
        tried = true
        throw new Transient('down')
      })
      await until(() => tried, 'it was tried')
      await stop()
    }
    const tries: number[] = []
    bus.consume(name, async delivery => {
      tries.push(delivery.tries)
      throw new Error('an ordinary one')
    })
    await until(async () => (await bus.dlq(name).list(10)).length === 1, 'it is a dead letter')
    t.same(tries, [1, 2, 3, 4, 5])
  })

  await row('what one consumer leaves to others is handled by another, before the next of its group', async (t, bus) => {
    const name = await queue(bus)
    const other = await bed.connect()
    t.teardown(() => other.close())
    let left = 0
    const seen: string[] = []
    bus.consume(name, async delivery => {
      if (delivery.envelope.data.n !== 1) return void seen.push(label(delivery))
      left++
      throw new Held('for a newer one', 100)
    })
    await bus.send(name, [message('a', 1), message('a', 2)])
    await until(() => left > 1, 'it was left more than once')
    other.consume(name, async delivery => { seen.push(label(delivery)) })
    await until(() => seen.length === 2, 'both are done')
    t.same(seen, ['a1', 'a2'])
    t.same(await bus.dlq(name).list(10), [])
  })

  await row('a handler that takes longer than the visibility keeps its message', async (t, bus) => {
    const name = await queue(bus)
    let calls = 0
    let done = false
    const second = await bed.connect()
    t.teardown(() => second.close())
    for (const consumer of [bus, second]) {
      consumer.consume(name, async () => {
        calls++
        await new Promise(resolve => { setTimeout(resolve, bed.visibilityMs * 2.5) })
        done = true
      }, { visibilityMs: bed.visibilityMs })
    }
    await bus.send(name, [message('a', 1)])
    await until(() => done, 'it is done')
    await until(async () => {
      const { waiting, inFlight } = await bus.stats(name)
      return waiting + inFlight === 0
    }, 'the queue is empty')
    t.equal(calls, 1)
  })

  await row('two consumers share the work and keep each group in order', async (t, bus) => {
    const name = await queue(bus)
    const second = await bed.connect()
    t.teardown(() => second.close())
    const seen: string[] = []
    for (const consumer of [bus, second]) consumer.consume(name, async delivery => { seen.push(label(delivery)) })
    const groups = ['a', 'b', 'c', 'd']
    await bus.send(name, [1, 2, 3, 4, 5].flatMap(n => groups.map(group => message(group, n))))
    await until(() => seen.length >= 20, 'all came')
    for (const group of groups) {
      t.same(seen.filter(text => text.startsWith(group)), [1, 2, 3, 4, 5].map(n => `${group}${n}`))
    }
  })

  await row('what came before the first consumer waits for it', async (t, bus) => {
    const name = await queue(bus)
    await bus.send(name, [message('a', 1)])
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await until(() => seen.length === 1, 'it came')
    t.same(seen, ['a1'])
  })

  await row('a stopped consumer finishes its message and takes no other', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    const stop = bus.consume(name, async delivery => {
      await new Promise(resolve => { setTimeout(resolve, 50) })
      seen.push(label(delivery))
    }, { lanes: 1 })
    await bus.send(name, [message('a', 1), message('a', 2)])
    await until(() => seen.length === 1, 'the first is done')
    await stop()
    const handled = seen.length
    await bus.send(name, [message('b', 1)])
    const other = await bed.connect()
    t.teardown(() => other.close())
    other.consume(name, async delivery => { seen.push(`other ${label(delivery)}`) })
    await until(() => seen.includes('other b1'), 'another consumer got the rest')
    t.notOk(seen.slice(0, handled).includes('b1'))
  })

  await row('a backlog of messages of the greatest size is taken and handed out, and the small ones with it', async (t, bus) => {
    const name = await queue(bus)
    const topic = `${bed.prefix}-large${names}-events.fifo`
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

  await row('a long group arrives in order', async (t, bus) => {
    const name = await queue(bus)
    await bus.send(name, Array.from({ length: crowd }, (_, n) => message('a', n)))
    const seen: number[] = []
    bus.consume(name, async ({ envelope }) => { seen.push(envelope.data.n as number) })
    await until(() => seen.length >= crowd, 'all came')
    t.same(seen, Array.from({ length: crowd }, (_, n) => n))
  })

  await row('errors of any length are told with the dead letters, and the queue goes on', async (t, bus) => {
    const name = await queue(bus)
    const done: string[] = []
    bus.consume(name, async delivery => {
      if (delivery.envelope.data.n === 1) throw new Poison('\u0001"é'.repeat(10_000))
      done.push(delivery.envelope.subject)
    }, { lanes: 50 })
    await bus.send(name, Array.from({ length: 50 }, (_, n) => message(`g${n}`, 1)))
    await bus.send(name, Array.from({ length: 50 }, (_, n) => message(`g${n}`, 2)))
    await until(() => done.length === 50, 'the others were handled')
    await until(async () => (await bus.dlq(name).list(100)).length === 50, 'fifty dead letters')
    t.ok((await bus.dlq(name).list(1))[0]!.error.includes('é'))
  })

  await row('dead letters go again in the order in which their messages came', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    let broken = true
    bus.consume(name, async delivery => {
      seen.push(label(delivery))
      if (broken) throw new Poison('broken')
    })
    await bus.send(name, [1, 2, 3, 4, 5, 6].map(n => message('a', n)))
    await until(async () => (await bus.dlq(name).list(10)).length === 6, 'all are dead letters')
    broken = false
    const letters = await bus.dlq(name).list(10)
    const some = letters.filter(({ body }) => [2, 5].includes((JSON.parse(body) as { data: { n: number } }).data.n))
    t.equal(await bus.dlq(name).redrive(some.map(letter => letter.id).toReversed()), 2)
    await until(() => seen.length === 8, 'two came again')
    t.equal(await bus.dlq(name).redrive('all'), 4)
    await until(() => seen.length === 12, 'all came again')
    t.same(seen.slice(6), ['a2', 'a5', 'a1', 'a3', 'a4', 'a6'])
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

  await row('a stopped consumer gives back at once, untried, what it had not begun', async (t, bus) => {
    const name = await queue(bus)
    const other = await bed.connect()
    t.teardown(() => other.close())
    let begun = ''
    let release = (): void => {}
    const held = new Promise<void>(resolve => { release = resolve })
    const stop = bus.consume(name, async delivery => {
      begun = label(delivery)
      await held
    }, { visibilityMs: 600_000 })
    await bus.send(name, [message('a', 1), message('a', 2), message('a', 3)])
    await until(() => begun === 'a1', 'the first was begun')
    const stopped = stop()
    release()
    await stopped
    const seen: Array<readonly [string, number]> = []
    other.consume(name, async delivery => { seen.push([label(delivery), delivery.tries]) })
    await until(() => seen.length === 2, 'the others came to another one')
    t.same(seen, [['a2', 1], ['a3', 1]])
  })

  if (bed.restart === undefined) return
  await row('what was taken survives a kill of the broker', async (t, bus) => {
    const name = await queue(bus)
    await bus.send(name, [message('a', 1), message('a', 2), message('b', 1)])
    await bed.restart?.()
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await until(() => seen.length === 3, 'all came')
    t.same(seen.filter(text => text.startsWith('a')), ['a1', 'a2'])
  })
}
