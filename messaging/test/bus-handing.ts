/** How a bus hands out messages: in the order of their groups, to one at a time, to all who are there. */
import { label, message, type Rig } from './bus-rig.ts'
import { until } from './until.ts'

export async function busRowsHanding ({ bed, crowd, queue, row }: Rig): Promise<void> {
  await row('messages of a group arrive in order, all of them', async (t, bus) => {
    const name = await queue(bus)
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await bus.send(name, [1, 2, 3, 4, 5].flatMap(n => [message('a', n), message('b', n)]))
    await until(() => seen.length === 10, 'ten messages came')
    t.same(seen.filter(text => text.startsWith('a')), ['a1', 'a2', 'a3', 'a4', 'a5'])
    t.same(seen.filter(text => text.startsWith('b')), ['b1', 'b2', 'b3', 'b4', 'b5'])
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

  await row('a long group arrives in order', async (t, bus) => {
    const name = await queue(bus)
    await bus.send(name, Array.from({ length: crowd }, (_, n) => message('a', n)))
    const seen: number[] = []
    bus.consume(name, async ({ envelope }) => { seen.push(envelope.data.n as number) })
    await until(() => seen.length >= crowd, 'all came')
    t.same(seen, Array.from({ length: crowd }, (_, n) => n))
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
}
