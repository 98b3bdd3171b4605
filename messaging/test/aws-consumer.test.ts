import { setTimeout as sleep } from 'node:timers/promises'
import { t, type Test } from 'tap'
import { Poison, Transient, type Delivery } from '../index.ts'
import { awsRig, callsOf, DEAD, QUEUE, TOPIC } from './aws-rig.ts'
import { message } from './bus-rig.ts'
import { until } from './until.ts'
import type { AccountOptions } from './strict-aws/account.ts'
import { AwsFault } from './strict-aws/fault.ts'

const label = ({ envelope }: Delivery): string => `${envelope.subject}${String(envelope.data.n)}`

async function rig (t: Test, options: Partial<AccountOptions> = {}) {
  const all = await awsRig(t, options)
  const bus = all.connect()
  await bus.provision(QUEUE, [], TOPIC)
  const stored = () => all.account.queue(QUEUE).messages
  return { ...all, bus, stored, empty: () => until(() => stored().length === 0, 'the queue is empty'),
    free: () => until(() => stored().every(one => one.invisibleUntil <= Date.now()), 'all went back') }
}

t.test('receives are not tries: given back untried, waiting, or behind another one counts nothing', async t => {
  const { account, bus, free } = await rig(t)
  await bus.send(QUEUE, ['a', 'b', 'c'].map((_, n) => message('g', n + 1)))
  for (let n = 0; n < 8; n++) {
    let tried = false
    const stop = bus.consume(QUEUE, async () => {
      tried = true
      throw new Transient('down')
    })
    await until(() => tried, 'it was tried')
    await stop()
    await free()
  }
  t.same(account.queue(DEAD).messages, [])
  t.ok(account.queue(QUEUE).messages.every(one => one.receives >= 8))
  const tries: string[] = []
  bus.consume(QUEUE, async delivery => {
    tries.push(`${label(delivery)} ${delivery.tries}`)
    throw new Error('an ordinary one')
  })
  await until(() => account.queue(DEAD).messages.length === 3, 'they are dead letters')
  t.same(tries, [1, 2, 3].flatMap(m => [1, 2, 3, 4, 5].map(n => `g${m} ${n}`)))
  await until(() => account.queue(QUEUE).messages.length === 0, 'and no messages')
})

t.test('what is done is deleted at once, and what is behind stays ours', async t => {
  const { bus, stored, empty } = await rig(t)
  const seen: string[] = []
  bus.consume(QUEUE, async delivery => {
    seen.push(label(delivery))
    await sleep(1300)
  })
  await bus.send(QUEUE, [1, 2, 3, 4].map(n => message('g', n)))
  await until(() => seen.length === 2, 'the second one is at work')
  await until(() => stored().length === 3, 'the first one is deleted')
  await empty()
  t.same(seen, ['g1', 'g2', 'g3', 'g4'])
})

t.test('a deletion that fails is repeated while the message is ours', async t => {
  const { bus, hooks, empty } = await rig(t)
  hooks.failEntries('DeleteMessageBatch', () => true)
  hooks.throttle('DeleteMessageBatch')
  const errors: unknown[] = []
  let [calls, up] = [0, 0]
  bus.consume(QUEUE, async () => { calls++ }, { onError: error => { errors.push(error) }, onUp: () => { up++ } })
  await until(() => up === 1, 'it is up')
  await bus.send(QUEUE, [message('g', 1)])
  await empty()
  t.equal(calls, 1)
  await until(() => up === 2, 'and up again behind the failures')
  t.equal(callsOf(hooks.calls, 'DeleteMessageBatch').filter(call => (call.input.Entries as unknown[]).length > 0).length, 3)
  t.match(errors, [/InternalError/, { code: 'E_BUS_THROTTLED' }].toReversed())
})

t.test('a lost answer of a receive is asked for again, and nothing waits for its visibility', async t => {
  const { bus, hooks, empty, stored } = await rig(t)
  await bus.send(QUEUE, [message('g', 1)])
  hooks.cut('ReceiveMessage')
  let up = 0
  const errors: unknown[] = []
  bus.consume(QUEUE, async () => {
    t.equal(stored()[0]?.receives, 1)
  }, { visibilityMs: 60_000, onError: error => { errors.push(error) }, onUp: () => { up++ } })
  await empty()
  t.match(errors, [{ code: 'E_BUS_DOWN' }])
  t.equal(up, 1)
})

t.test('a stop gives back what the last receive brings', async t => {
  const { bus, hooks, free, stored } = await rig(t)
  const seen: string[] = []
  const asked = hooks.hold('ReceiveMessage')
  const stop = bus.consume(QUEUE, async delivery => { seen.push(label(delivery)) }, { visibilityMs: 60_000 })
  await asked.reached
  await bus.send(QUEUE, [message('g', 1), message('g', 2)])
  const stopped = stop()
  asked.release()
  await stopped
  await free()
  t.same(seen, [])
  t.equal(stored().length, 2)
})

t.test('a handler that does not end holds up a stop for a while only, and nothing that waits for its slot', async t => {
  const { bus, stored } = await rig(t)
  let hanging = true
  let begun = false
  const stop = bus.consume(QUEUE, () => {
    begun = true
    return new Promise(() => {})
  }, { lanes: 1, visibilityMs: 60_000 })
  await bus.send(QUEUE, [message('a', 1), message('b', 1), message('c', 1)])
  await until(() => begun && stored().every(one => one.receives === 1), 'one is at work, all are in hand')
  const stopped = stop().then(() => { hanging = false })
  await until(() => stored().filter(one => one.invisibleUntil > Date.now()).length === 1, 'the others went back')
  t.ok(hanging)
  await stopped
})

t.test('lanes that wait hold no slot, and make room when the hand is full', async t => {
  const { connect, bus, account } = await rig(t)
  const tried = new Set<string>()
  const small = connect({ maxInHand: 20 })
  small.consume(QUEUE, async delivery => {
    tried.add(delivery.envelope.subject)
    if (delivery.envelope.subject.startsWith('w')) throw new Transient('down')
  }, { lanes: 2 })
  await bus.send(QUEUE, Array.from({ length: 20 }, (_, n) => message(`w${n}`, 1)))
  await until(() => tried.size === 20, 'all of them wait')
  await bus.send(QUEUE, [message('a', 1)])
  await until(() => tried.has('a'), 'another group came through')
  t.ok(account.queue(QUEUE).messages.every(one => one.receives === 1), 'what left is not received at once again')
})

t.test('a hand is bounded', async t => {
  const { connect, bus, account } = await rig(t)
  let most = 0
  const small = connect({ maxInHand: 20 })
  small.consume(QUEUE, async () => {
    most = Math.max(most, account.queue(QUEUE).counts.invisible)
    await sleep(5)
  }, { lanes: 64 })
  await bus.send(QUEUE, Array.from({ length: 100 }, (_, n) => message(`g${n}`, 1)))
  await until(() => account.queue(QUEUE).messages.length === 0, 'all are done')
  t.ok(most <= 20, `${most} were in flight`)
})

t.test('a message that was lost to somebody else is left to it, with all behind it', async t => {
  const { bus, hooks, account } = await rig(t)
  const seen: string[] = []
  const lost = hooks.fail('ChangeMessageVisibilityBatch', new AwsFault('ServiceUnavailable', 'later', 503), Infinity)
  bus.consume(QUEUE, async delivery => {
    seen.push(label(delivery))
    if (seen.length > 1) return
    const [first] = account.queue(QUEUE).messages
    await until(() => first!.invisibleUntil < Date.now(), 'nobody extended it')
  }, { lanes: 1 })
  await bus.send(QUEUE, [message('g', 1), message('g', 2), message('g', 3)])
  await until(() => seen.length > 1, 'something came again')
  lost()
  await until(() => account.queue(QUEUE).messages.length === 0, 'all are done')
  t.same(seen, ['g1', 'g1', 'g2', 'g3'])
})

t.test('the last letter goes when the queue of dead letters takes it, whatever it says', async t => {
  const { bus, hooks, account } = await rig(t)
  hooks.failEntries('SendMessageBatch', ({ group }) => group !== 'g' && group !== 'h')
  const errors: unknown[] = []
  bus.consume(QUEUE, async () => { throw new Poison(`odd \u0000 text ${'x'.repeat(980)}😀😀`) },
    { onError: error => { errors.push(error) } })
  await bus.send(QUEUE, [message('g', 1)])
  await until(() => account.queue(DEAD).messages.length === 1, 'it is a dead letter')
  await until(() => account.queue(QUEUE).messages.length === 0, 'and no message')
  t.match(errors, [{ code: 'E_BUS_NOT_YET' }])
  t.match((await bus.dlq(QUEUE).list(1))[0]!.error, /odd . text x+/)
})

t.test('what others send may be as large as SQS allows, and is buried all the same', async t => {
  const { bus, account } = await rig(t)
  account.queue(QUEUE).add({ body: 'x'.repeat(1_048_576), attributes: {}, group: 'g', dedupe: 'd' })
  bus.consume(QUEUE, async () => {})
  await until(() => account.queue(DEAD).messages.length === 1, 'it is a dead letter')
  await until(() => account.queue(QUEUE).messages.length === 0, 'and no message')
  t.match(await bus.dlq(QUEUE).list(1), [{ group: account.queue(DEAD).messages[0]!.group, type: 'unknown' }])
})

t.test('a right that is missing is told again and again, and the loop goes on when it is given', async t => {
  const { bus, hooks } = await rig(t)
  const restore = hooks.deny('sqs:ReceiveMessage')
  const errors: unknown[] = []
  let up = 0
  let handled = 0
  bus.consume(QUEUE, async () => { handled++ }, { onError: error => { errors.push(error) }, onUp: () => { up++ } })
  await until(() => errors.length >= 2, 'it was told')
  t.match(errors[0], { code: 'E_BUS_DENIED', message: new RegExp(`sqs:ReceiveMessage on queue ${QUEUE}`) })
  t.equal(up, 0)
  restore()
  await bus.send(QUEUE, [message('g', 1)])
  await until(() => handled === 1, 'it came')
  t.equal(up, 1)
})
