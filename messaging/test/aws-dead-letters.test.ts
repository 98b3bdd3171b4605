import { t, type Test } from 'tap'
import { readAwsUrl } from '../aws.ts'
import { AwsCalls } from '../bus/aws/calls.ts'
import { SqsDeadLetters } from '../bus/aws/dead-letters.ts'
import { Places } from '../bus/aws/places.ts'
import { Poison, type Bus } from '../index.ts'
import { awsRig, callsOf, DEAD, QUEUE, TOPIC } from './aws-rig.ts'
import { message } from './bus-rig.ts'
import { until } from './until.ts'

async function rig (t: Test) {
  const all = await awsRig(t)
  const bus = all.connect()
  await bus.provision(QUEUE, [], TOPIC)
  const [queue, dead] = [all.account.queue(QUEUE), all.account.queue(DEAD)]
  const bodies = () => queue.messages.map(one => (JSON.parse(one.body) as { data: { n: number } }).data.n)
  return { ...all, bus, queue, dead, bodies }
}

/** Buries what is sent. */
async function bury (bus: Bus, messages: Array<ReturnType<typeof message>>): Promise<void> {
  const stop = bus.consume(QUEUE, async () => { throw new Poison('no') })
  await bus.send(QUEUE, messages)
  await until(async () => {
    const { dead, waiting, inFlight } = await bus.stats(QUEUE)
    return dead === messages.length && waiting + inFlight === 0
  }, 'all are dead letters')
  await stop()
}

t.test('a redrive keeps the order of each group, whatever order the letters come in', async t => {
  const { bus, dead, queue, bodies } = await rig(t)
  await bury(bus, [1, 2, 3, 4].map(n => message('cart 7', n)))
  dead.newestGroupFirst = true
  const letter = { group: 'cart 7', type: 'test.Thing.v1', error: 'Poison: no' }
  t.match(await bus.dlq(QUEUE).list(10), [letter, letter, letter, letter])
  t.equal(await bus.dlq(QUEUE).redrive('all'), 4)
  t.same(bodies(), [1, 2, 3, 4])
  t.equal(new Set(queue.messages.map(one => one.group)).size, 1)
  t.equal(dead.messages.length, 0)
})

t.test('more letters than are held at once are sent again round by round, none twice', async t => {
  const { dead, queue, endpoint } = await rig(t)
  const calls = new AwsCalls(readAwsUrl(`aws://eu-central-1?endpoint=${endpoint}`, false), 'here')
  t.teardown(() => { calls.close() })
  const places = new Places(calls)
  for (let n = 0; n < 1234; n++) {
    dead.add({ body: JSON.stringify({ subject: `g${n % 7}`, n }), group: `letter-${n}`, dedupe: String(n),
      attributes: { group: { DataType: 'String', StringValue: `g${n % 7}` }, type: { DataType: 'String', StringValue: 'a.A.v1' } } })
  }
  const box = new SqsDeadLetters(calls, places, QUEUE, { round: 300, looked: 500 })
  t.equal(await box.drop([dead.messages[1200]!.id]), 0, 'so far nobody looks')
  t.same(dead.counts, { visible: 1234, invisible: 0 })
  t.equal(await box.redrive('all'), 1234)
  t.equal(queue.messages.length, 1234)
  for (let group = 0; group < 7; group++) {
    const numbers = queue.messages.filter(one => one.group === `g${group}`).map(one => (JSON.parse(one.body) as { n: number }).n)
    t.same(numbers, numbers.toSorted((a, b) => a - b))
  }
  t.equal(dead.messages.length, 0)
})

t.test('a letter that SQS has moved, and one without attributes, are listed and sent again', async t => {
  const { bus, dead, queue } = await rig(t)
  dead.add({ body: '{"subject":"g"}', group: 'g', dedupe: 'moved', attributes: {} }, { source: queue.arn })
  t.match(await bus.dlq(QUEUE).list(10), [{ group: 'g', type: 'unknown', error: /received too often/ }])
  t.equal(await bus.dlq(QUEUE).redrive('all'), 1)
  t.match(queue.messages, [{ group: 'g', body: '{"subject":"g"}' }])
})

t.test('a look hides nothing afterwards, and two at the same time hide nothing from each other', async t => {
  const { bus, dead } = await rig(t)
  await bury(bus, Array.from({ length: 15 }, (_, n) => message(`g${n}`, n)))
  const lists = await Promise.all([bus.dlq(QUEUE).list(5), bus.dlq(QUEUE).list(100), bus.dlq(QUEUE).list(100)])
  t.same(lists.map(list => list.length), [5, 15, 15])
  t.same(dead.counts, { visible: 15, invisible: 0 })
  t.equal((await bus.stats(QUEUE)).dead, 15)
})

t.test('one letter among many is dropped or sent again by its id', async t => {
  const { bus, dead, bodies } = await rig(t)
  await bury(bus, Array.from({ length: 25 }, (_, n) => message(`g${n}`, n)))
  const letters = await bus.dlq(QUEUE).list(100)
  const number = (n: number) => letters.find(letter => letter.body.includes(`"n":${n}}`))!.id
  t.equal(await bus.dlq(QUEUE).drop([number(23)]), 1)
  t.equal(await bus.dlq(QUEUE).redrive([number(24)]), 1)
  t.equal(await bus.dlq(QUEUE).drop(['not-there']), 0)
  t.same(bodies(), [24])
  t.same(dead.counts, { visible: 23, invisible: 0 })
})

t.test('a redrive that fails half way leaves the letters, stops the group, and sends nothing twice', async t => {
  const { bus, dead, bodies, hooks } = await rig(t)
  await bury(bus, [message('g', 1), message('g', 2), message('g', 3), message('h', 4)])
  hooks.failEntries('SendMessageBatch', ({ body }) => body.includes('"n":2'))
  await t.rejects(bus.dlq(QUEUE).redrive('all'), { code: 'E_BUS_NOT_YET' })
  t.same(bodies().toSorted((a, b) => a - b), [1, 4])
  t.same(dead.counts, { visible: 2, invisible: 0 })
  hooks.throttle('DeleteMessageBatch')
  await t.rejects(bus.dlq(QUEUE).redrive('all'), { code: 'E_BUS_THROTTLED' })
  t.same(dead.counts, { visible: 2, invisible: 0 })
  t.equal(await bus.dlq(QUEUE).redrive('all'), 2)
  t.same(bodies().toSorted((a, b) => a - b), [1, 2, 3, 4])
})

t.test('letters that die again at once are not sent for ever', async t => {
  const { bus, hooks } = await rig(t)
  await bury(bus, [message('g', 1), message('h', 1)])
  const stop = bus.consume(QUEUE, async () => { throw new Poison('again') })
  hooks.calls.length = 0
  t.equal(await bus.dlq(QUEUE).redrive('all'), 2)
  await until(async () => (await bus.dlq(QUEUE).list(10)).length === 2, 'they are letters again')
  t.equal(callsOf(hooks.calls, 'SendMessageBatch').filter(call => String(call.input.QueueUrl).endsWith(QUEUE)).length, 1)
  await stop()
})

t.test('a letter is one letter, whatever happens between its burial and its deletion', async t => {
  const { bus, dead, queue, hooks } = await rig(t)
  hooks.cut('SendMessageBatch')
  await t.rejects(bus.send(QUEUE, [message('g', 1)]))
  hooks.cut('SendMessageBatch')
  const stop = bus.consume(QUEUE, async () => { throw new Poison('no') })
  await until(() => queue.messages.length === 0, 'it was buried')
  t.equal(dead.messages.length, 1)
  await stop()
})
