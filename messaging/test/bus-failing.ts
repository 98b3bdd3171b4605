/** What becomes of a message that cannot be handled: its tries, its wait, its end as a dead letter, and back. */
import { Held, Poison, Transient } from '../errors.ts'
import { label, message, type Rig } from './bus-rig.ts'
import { until } from './until.ts'

export async function busRowsFailing ({ bed, crowd, queue, row }: Rig): Promise<void> {
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
}
