import { t, type Test } from 'tap'
import { MAX_MESSAGE_BYTES, Schemas, seal, type Bus, type Outgoing } from '../index.ts'
import { idOf } from '../bus/aws/names.ts'
import { awsRig, batchesOf, callsOf, QUEUE, TOPIC } from './aws-rig.ts'
import { message } from './bus-rig.ts'
import { AwsFault } from './strict-aws/fault.ts'

const TYPE = 'test.Thing.v1'
const ATTRIBUTE_BYTES = 'type'.length + 'String'.length + TYPE.length

/** A message whose body has this many bytes. */
function sized (group: string, n: number, bytes: number): Outgoing {
  const small = message(group, n)
  const body = JSON.stringify({ ...JSON.parse(small.body) as object, pad: '' })
  return { ...small, body: body.replace('"pad":""', `"pad":"${'x'.repeat(bytes - body.length)}"`) }
}

async function rig (t: Test) {
  const all = await awsRig(t)
  const bus = all.connect()
  await bus.provision(QUEUE, [{ topic: TOPIC, types: [TYPE] }], TOPIC)
  all.hooks.calls.length = 0
  const arrived = () => all.account.queue(QUEUE).messages
  return { ...all, bus, arrived, ids: () => arrived().map(one => (JSON.parse(one.body) as { id: string }).id) }
}

type Send = (bus: Bus, messages: readonly Outgoing[]) => ReturnType<Bus['send']>

/** Both ways of sending: what holds for queues holds for topics. */
const WAYS: ReadonlyArray<readonly [way: string, action: string, maxBytes: number, send: Send]> = [
  ['to a queue', 'SendMessageBatch', 1_048_576, (bus, messages) => bus.send(QUEUE, messages)],
  ['to a topic', 'PublishBatch', 262_144, (bus, messages) => bus.publish(TOPIC, messages)]
]

for (const [way, action, maxBytes, send] of WAYS) {
  t.test(way, async t => {
    await t.test('batches are divided by bytes, attributes counted', async t => {
      const { bus, arrived, hooks } = await rig(t)
      // As many as fit, and then as many whose bodies alone would fit.
      const most = maxBytes / 4 - ATTRIBUTE_BYTES
      const messages = (bytes: number) => Array.from({ length: 8 }, (_, n) => sized(`g${n}`, n, bytes))
      t.equal((await send(bus, messages(most))).size, 0)
      t.equal(callsOf(hooks.calls, action).length, 2)
      t.equal((await send(bus, messages(most + 1))).size, 0)
      t.equal(callsOf(hooks.calls, action).length, 2 + 3, 'and no call was made that is too long')
      t.equal(arrived().length, 16)
    })

    await t.test('the greatest message that may be emitted is taken, alone and among others', async t => {
      const { bus, arrived } = await rig(t)
      const largest = Array.from({ length: 5 }, (_, n) => sized(`g${n}`, n, MAX_MESSAGE_BYTES))
      t.equal((await send(bus, [message('a', 1), ...largest, message('b', 1)])).size, 0)
      t.equal(arrived().length, 7)
    })

    await t.test('a call that is refused as a whole is halved, down to the message at fault', async t => {
      for (const fault of [new AwsFault('BatchRequestTooLong', 'too long'), new AwsFault('InvalidParameterValue', 'no')]) {
        const { bus, hooks, ids } = await rig(t)
        const messages = Array.from({ length: 10 }, (_, n) => message(`g${n}`, n))
        const bad = messages[6]!
        hooks.failCallsWith(action, ({ dedupe }) => dedupe === bad.dedupe, fault)
        const refused = await send(bus, messages)
        t.same([...refused.keys()], [bad.dedupe])
        t.match(refused.get(bad.dedupe), { code: 'E_BUS_REFUSED', canRetry: false, message: new RegExp(fault.message) })
        t.same(ids().toSorted(), messages.filter(one => one !== bad).map(one => one.id).toSorted())
      }
    })

    await t.test('an entry that fails stops its group and no other', async t => {
      const { bus, hooks, ids } = await rig(t)
      const [m1, m2, m3, m4] = [1, 2, 3, 4].map(n => message('g', n)) as [Outgoing, Outgoing, Outgoing, Outgoing]
      const others = Array.from({ length: 9 }, (_, n) => message(`h${n}`, n))
      hooks.failEntries(action, ({ dedupe }) => dedupe === m2.dedupe)
      const refused = await send(bus, [m1, m2, m3, m4, ...others])
      t.same([...refused.keys()], [m2, m3, m4].map(one => one.dedupe))
      for (const error of refused.values()) t.match(error, { code: 'E_BUS_NOT_YET', canRetry: true })
      await send(bus, [m2, m3, m4])
      t.same(ids().filter(id => !others.some(other => other.id === id)), [m1, m2, m3, m4].map(one => one.id))
      t.equal(ids().length, 13)
    })

    await t.test('two of a group are never under way at the same time, many groups share a call', async t => {
      const { bus, hooks, ids } = await rig(t)
      const groups = Array.from({ length: 20 }, (_, n) => `g${n}`)
      const messages = groups.flatMap(group => [1, 2, 3].map(n => message(group, n)))
      const first = hooks.hold(action)
      const sending = send(bus, messages)
      await first.reached
      const [held, ...others] = batchesOf(hooks.calls).map(batch => batch.map(entry => entry.MessageGroupId))
      t.notOk(others.flat().some(group => held!.includes(group)), 'while a call waits, its groups do')
      first.release()
      t.equal((await sending).size, 0)
      for (const batch of batchesOf(hooks.calls)) {
        t.equal(new Set(batch.map(entry => entry.MessageGroupId)).size, batch.length)
      }
      t.equal(callsOf(hooks.calls, action).length, 6)
      for (const group of groups) {
        t.same(ids().filter(id => messages.some(one => one.id === id && one.group === group)),
          messages.filter(one => one.group === group).map(one => one.id))
      }
    })

    await t.test('an answer that is lost loses nothing, doubles nothing and keeps the order', async t => {
      const { bus, hooks, ids } = await rig(t)
      const messages = [1, 2, 3].map(n => message('g', n))
      hooks.cut(action)
      await t.rejects(send(bus, messages), { code: 'E_BUS_DOWN', canRetry: true })
      t.equal(callsOf(hooks.calls, action).length, 1, 'and nobody repeats it at once')
      t.equal((await send(bus, messages)).size, 0)
      t.same(ids(), messages.map(one => one.id))
    })

    await t.test('throttled, denied and failed calls say what they are', async t => {
      const { bus, hooks } = await rig(t)
      const one = [message('g', 1)]
      hooks.throttle(action)
      await t.rejects(send(bus, one), { code: 'E_BUS_THROTTLED', canRetry: true })
      hooks.fail(action, new AwsFault('ServiceUnavailable', 'later', 503))
      await t.rejects(send(bus, one), { code: 'E_BUS_DOWN', canRetry: true })
      const right = action === 'PublishBatch' ? 'sns:Publish' : 'sqs:SendMessage'
      const restore = hooks.deny(right)
      const where = action === 'PublishBatch' ? `topic ${TOPIC}` : `queue ${QUEUE}`
      await t.rejects(send(bus, one), { code: 'E_BUS_DENIED', canRetry: false, message: new RegExp(`${right} on ${where}`) })
      restore()
      t.equal((await send(bus, one)).size, 0)
    })

    await t.test('what was taken before the bus went away counts as taken', async t => {
      const { bus, hooks, ids } = await rig(t)
      const messages = [1, 2, 3].map(n => message('g', n))
      const first = hooks.hold(action)
      const sending = send(bus, messages)
      await first.reached
      hooks.fail(action, new AwsFault('AccessDenied', 'no', 403), Infinity, 1)
      first.release()
      const refused = await sending
      t.same(ids(), [messages[0]!.id])
      t.same([...refused.keys()], [messages[1]!.dedupe, messages[2]!.dedupe])
      for (const error of refused.values()) t.match(error, { canRetry: true }, 'a right can be given')
    })

    await t.test('any subject is a group, any text a dedupe id, each its own', async t => {
      const { bus, hooks, arrived } = await rig(t)
      const texts = ['cart 7', '日本', 'x'.repeat(128), '~', '~a', 'ä', 'a\u0001', '\ud800', '\ud801', ' ', '語'.repeat(128), 'plain-7', idOf('cart 7')]
      const messages = texts.map((group, n) => ({ ...message('g', n), group, dedupe: `${n} ${group}` }))
      t.equal((await send(bus, messages)).size, 0)
      t.equal(new Set(arrived().map(one => one.group)).size, texts.length)
      t.ok(arrived().some(one => one.group === 'plain-7'), 'a legal one stays as it is')
      t.equal((await send(bus, messages)).size, 0)
      t.equal(arrived().length, texts.length, 'the same dedupe ids again, whatever their characters')
      const groups = batchesOf(hooks.calls).flat().map(entry => entry.MessageGroupId)
      t.equal(new Set(groups).size, texts.length, 'and the same groups')
    })

    await t.test('text that SQS takes nowhere is refused for ever, and holds up no other group', async t => {
      const { bus, ids } = await rig(t)
      const [bad, behind, other] = [message('g', 1), message('g', 2), message('h', 1)]
      const refused = await send(bus, [{ ...bad, body: `${bad.body}\u0000` }, behind, other])
      t.match(refused.get(bad.dedupe), { code: 'E_BUS_REFUSED', canRetry: false })
      t.match(refused.get(behind.dedupe), { canRetry: true })
      t.same(ids(), [other.id])
    })
  })
}

t.test('a message beyond what a topic takes is refused for ever, the others go', async t => {
  const { bus, ids } = await rig(t)
  const most = 262_144 - ATTRIBUTE_BYTES
  const [fits, beyond] = [sized('a', 1, most), sized('b', 1, most + 1)]
  t.same([...(await bus.publish(TOPIC, [fits, beyond])).keys()], [beyond.dedupe])
  t.same(ids(), [fits.id])
})

t.test('what may be emitted leaves room for the attributes of every type', async t => {
  const type = `a.${'A'.repeat(195)}.v1`
  const schemas = new Schemas([{ $id: type, type: 'object' }])
  const draft = (pad: number) => seal({ type, subject: 'a', aggregateType: 'thing', aggregateVersion: 1,
    data: { pad: 'ä'.repeat(pad) } }, 'test', 0)
  const spare = MAX_MESSAGE_BYTES - Buffer.byteLength(JSON.stringify(draft(0)))
  const text = schemas.encode(draft(Math.floor(spare / 2)))
  t.ok(Buffer.byteLength(text) >= MAX_MESSAGE_BYTES - 1)
  t.throws(() => schemas.encode(draft(Math.floor(spare / 2) + 1)), { code: 'E_MESSAGE_TOO_LARGE' })
  const { bus, ids } = await rig(t)
  await bus.provision(QUEUE, [{ topic: TOPIC, types: [type] }], TOPIC)
  t.equal((await bus.publish(TOPIC, [{ ...message('a', 1, type), body: text }])).size, 0)
  t.equal(ids().length, 1)
})
